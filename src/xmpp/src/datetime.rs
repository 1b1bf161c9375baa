//! Timestamps: [XEP-0082](https://xmpp.org/extensions/xep-0082.html).

/// Microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// `2026-11-23T02:03:04.567Z`, milliseconds always written.
    pub fn to_rfc3339(self) -> String {
        todo!()
    }
    /// The DateTime profile of XEP-0082 §3.2, any offset and any number of fractional digits.
    pub fn parse(_text: &str) -> Option<Self> {
        todo!()
    }
}
