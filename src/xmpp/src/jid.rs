//! Addresses: [RFC 7622](https://www.rfc-editor.org/rfc/rfc7622).

use std::fmt;
use std::sync::Arc;

/// A prepared address, with or without localpart and resourcepart. Cloning is reference counting; comparing
/// compares prepared bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Jid {
    text: Arc<str>,
    local_end: u16,
    domain_end: u16,
}

/// An address without resourcepart.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BareJid(Jid);

/// A prepared domainpart.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Arc<str>);

/// Why a string is no address (`jid-malformed`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed address: {0}")]
pub struct JidError(pub &'static str);

impl Jid {
    /// Parses and prepares an address received from the network.
    pub fn parse(_text: &str) -> Result<Self, JidError> {
        todo!()
    }
    /// The localpart.
    pub fn local(&self) -> Option<&str> {
        let _ = (self.local_end, self.domain_end);
        todo!()
    }
    /// The domainpart.
    pub fn domain(&self) -> &str {
        todo!()
    }
    /// The resourcepart.
    pub fn resource(&self) -> Option<&str> {
        todo!()
    }
    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// Without resourcepart.
    pub fn to_bare(&self) -> BareJid {
        todo!()
    }
    /// Whether there is no resourcepart.
    pub fn is_bare(&self) -> bool {
        self.resource().is_none()
    }
    /// Whether both have the same localpart and domainpart.
    pub fn same_bare(&self, _other: &Jid) -> bool {
        todo!()
    }
}

impl BareJid {
    /// Parses an address that must have no resourcepart.
    pub fn parse(_text: &str) -> Result<Self, JidError> {
        todo!()
    }
    /// From parts that are prepared here.
    pub fn new(_local: Option<&str>, _domain: &Domain) -> Result<Self, JidError> {
        todo!()
    }
    /// Whether an account, room or host may be created under this name: both preparations (RFC 7622 and RFC 6122)
    /// agree on it and leave it unchanged (design §3).
    pub fn may_be_created(&self) -> bool {
        todo!()
    }
    /// The localpart.
    pub fn local(&self) -> Option<&str> {
        self.0.local()
    }
    /// The domainpart.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }
    /// The whole address.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
    /// As a general address.
    pub fn as_jid(&self) -> &Jid {
        &self.0
    }
    /// Adds a resourcepart, prepared here (OpaqueString, RFC 7622 §3.4).
    pub fn with_resource(&self, _resource: &str) -> Result<Jid, JidError> {
        todo!()
    }
}

impl From<BareJid> for Jid {
    fn from(bare: BareJid) -> Self {
        bare.0
    }
}

impl Domain {
    /// Parses and prepares a domainpart.
    pub fn parse(_text: &str) -> Result<Self, JidError> {
        todo!()
    }
    /// The prepared domainpart (U-labels).
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// As an address.
    pub fn to_jid(&self) -> Jid {
        todo!()
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Display for BareJid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Debug for BareJid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
