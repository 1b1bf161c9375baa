//! What ties a login to its TLS connection.

/// A channel binding type of the IANA registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BindingType {
    /// [RFC 9266](https://www.rfc-editor.org/rfc/rfc9266).
    TlsExporter,
    /// [RFC 5929 §4](https://www.rfc-editor.org/rfc/rfc5929#section-4).
    TlsServerEndPoint,
}

impl BindingType {
    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::TlsExporter => "tls-exporter",
            Self::TlsServerEndPoint => "tls-server-end-point",
        }
    }
}

/// A binding that one connection can prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelBinding {
    /// Which.
    pub kind: BindingType,
    /// The data both sides see.
    pub data: Vec<u8>,
}
