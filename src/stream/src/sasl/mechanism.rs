//! The mechanisms there are.

use super::ScramHash;

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// RFC 4422 Appendix A: the client's certificate.
    External,
    /// RFC 5802 with channel binding.
    ScramPlus(ScramHash),
    /// RFC 5802.
    Scram(ScramHash),
    /// RFC 4616: only where the stream is encrypted, or on a loopback for which the operator allows it.
    Plain,
    /// RFC 4505.
    Anonymous,
}

impl Mechanism {
    /// All that we know, the one to prefer first (RFC 6120 §6.3.3).
    pub const ALL: [Self; 9] = [
        Self::External,
        Self::ScramPlus(ScramHash::Sha512),
        Self::ScramPlus(ScramHash::Sha256),
        Self::ScramPlus(ScramHash::Sha1),
        Self::Scram(ScramHash::Sha512),
        Self::Scram(ScramHash::Sha256),
        Self::Scram(ScramHash::Sha1),
        Self::Plain,
        Self::Anonymous,
    ];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::External => "EXTERNAL",
            Self::ScramPlus(ScramHash::Sha1) => "SCRAM-SHA-1-PLUS",
            Self::ScramPlus(ScramHash::Sha256) => "SCRAM-SHA-256-PLUS",
            Self::ScramPlus(ScramHash::Sha512) => "SCRAM-SHA-512-PLUS",
            Self::Scram(ScramHash::Sha1) => "SCRAM-SHA-1",
            Self::Scram(ScramHash::Sha256) => "SCRAM-SHA-256",
            Self::Scram(ScramHash::Sha512) => "SCRAM-SHA-512",
            Self::Plain => "PLAIN",
            Self::Anonymous => "ANONYMOUS",
        }
    }

    /// The mechanism of that name; names are case-sensitive (RFC 4422 §3.1 has capitals only).
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_mechanisms_and_back() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::parse(mechanism.name()), Some(mechanism));
        }
        for unknown in ["", "plain", "CRAM-MD5", "SCRAM-SHA-256-plus", "PLAIN "] {
            assert_eq!(Mechanism::parse(unknown), None);
        }
    }
}
