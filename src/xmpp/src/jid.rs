//! Addresses: [RFC 7622](https://www.rfc-editor.org/rfc/rfc7622).
//!
//! Every part is prepared by RFC 7622 with a current Unicode table. Most of the network still prepares by RFC 6122;
//! a localpart or domainpart on which the two differ would name different entities here and there, so it is
//! malformed. Resourceparts are prepared by RFC 7622 alone, and code points newer than our table pass.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

mod precis;
mod prepare;
#[cfg(test)]
mod tests;

/// A prepared address, with or without localpart and resourcepart. Cloning is reference counting; comparing
/// compares prepared bytes.
#[derive(Clone)]
pub struct Jid {
    text: Arc<str>,
    /// Where the `@` stands; 0 without localpart, which is never empty.
    local_end: u16,
    /// Where the `/` stands; the length of the text without resourcepart.
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
    ///
    /// # Errors
    /// The address is malformed by RFC 7622, or RFC 6122 prepares its localpart or domainpart differently.
    pub fn parse(text: &str) -> Result<Self, JidError> {
        if let Some((local_end, domain_end)) = prepare::find_plain(text.as_bytes()) {
            return Self::of_prepared(Arc::from(text), local_end, domain_end);
        }
        // RFC 7622 §3.2: first the resourcepart is cut off at the first slash, then the localpart at the first @.
        let (head, resource) = match text.split_once('/') {
            Some((head, resource)) => (head, Some(resource)),
            None => (text, None),
        };
        let (local, domain) = match head.split_once('@') {
            Some((local, domain)) => (Some(local), domain),
            None => (None, head),
        };
        Self::from_parts(local, domain, resource)
    }

    /// From parts that are prepared here.
    ///
    /// # Errors
    /// As [`Jid::parse`].
    pub fn from_parts(local: Option<&str>, domain: &str, resource: Option<&str>) -> Result<Self, JidError> {
        let mut text = String::new();
        if let Some(local) = local {
            text.push_str(&prepare::localpart(local)?);
            text.push('@');
        }
        let local_end = text.len().saturating_sub(1);
        text.push_str(&prepare::domainpart(domain)?);
        let domain_end = text.len();
        if let Some(resource) = resource {
            text.push('/');
            text.push_str(&prepare::resourcepart(resource)?);
        }
        Self::of_prepared(Arc::from(text), local_end, domain_end)
    }

    fn of_prepared(text: Arc<str>, local_end: usize, domain_end: usize) -> Result<Self, JidError> {
        match (u16::try_from(local_end), u16::try_from(domain_end)) {
            (Ok(local_end), Ok(domain_end)) => Ok(Self { text, local_end, domain_end }),
            _ => Err(JidError("the address is too long")),
        }
    }

    fn cut(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn domain_start(&self) -> usize {
        match self.local_end {
            0 => 0,
            at => usize::from(at) + 1,
        }
    }

    /// The localpart.
    pub fn local(&self) -> Option<&str> {
        match self.local_end {
            0 => None,
            at => self.text.get(..usize::from(at)),
        }
    }
    /// The domainpart.
    pub fn domain(&self) -> &str {
        self.cut(self.domain_start(), usize::from(self.domain_end))
    }
    /// The domainpart by itself.
    pub fn to_domain(&self) -> Domain {
        if self.local_end == 0 && self.is_bare() {
            Domain(self.text.clone())
        } else {
            Domain(Arc::from(self.domain()))
        }
    }
    /// The resourcepart.
    pub fn resource(&self) -> Option<&str> {
        self.text.get(usize::from(self.domain_end) + 1..)
    }
    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The text without resourcepart: looks up a map keyed by [`BareJid`] without an allocation.
    pub fn bare_str(&self) -> &str {
        self.cut(0, usize::from(self.domain_end))
    }
    /// Without resourcepart.
    pub fn to_bare(&self) -> BareJid {
        if self.is_bare() {
            return BareJid(self.clone());
        }
        BareJid(Self { text: Arc::from(self.bare_str()), ..*self })
    }
    /// Whether there is no resourcepart.
    pub fn is_bare(&self) -> bool {
        usize::from(self.domain_end) == self.text.len()
    }
    /// Whether both have the same localpart and domainpart.
    pub fn same_bare(&self, other: &Jid) -> bool {
        self.bare_str() == other.bare_str()
    }
}

impl BareJid {
    /// Parses an address that must have no resourcepart.
    ///
    /// # Errors
    /// As [`Jid::parse`], and if there is a resourcepart.
    pub fn parse(text: &str) -> Result<Self, JidError> {
        if text.contains('/') {
            return Err(JidError("a resourcepart where none may be"));
        }
        Jid::parse(text).map(Self)
    }
    /// From parts that are prepared here.
    ///
    /// # Errors
    /// The localpart is malformed by RFC 7622, or RFC 6122 prepares it differently.
    pub fn new(local: Option<&str>, domain: &Domain) -> Result<Self, JidError> {
        let Some(local) = local else { return Ok(Self(domain.to_jid())) };
        let local = prepare::localpart(local)?;
        let text = format!("{local}@{}", domain.as_str());
        let end = text.len();
        Jid::of_prepared(Arc::from(text), local.len(), end).map(Self)
    }
    /// The name of an account or room that is to be created, from its localpart as a person typed it.
    ///
    /// # Errors
    /// As [`BareJid::new`]; and if preparation changes the localpart, so that nobody gets another name than the one
    /// asked for (design §3); and if it may not be created.
    pub fn for_creation(local: &str, domain: &Domain) -> Result<Self, JidError> {
        let bare = Self::new(Some(local), domain)?;
        if bare.local() != Some(local) || !bare.may_be_created() {
            return Err(JidError(
                "a new name may hold only what preparation leaves unchanged, e.g. lower case",
            ));
        }
        Ok(bare)
    }
    /// Whether an account, room or host may be created under this name: both preparations (RFC 7622 and RFC 6122)
    /// agree on it and leave it unchanged (design §3).
    ///
    /// Parsing has refused what they disagree on; what is left to refuse here is a host name with an underscore,
    /// which is tolerated in received addresses only. [`BareJid::for_creation`] also sees the name as it was typed.
    pub fn may_be_created(&self) -> bool {
        !self.domain().contains('_') && Self::parse(self.as_str()).is_ok_and(|again| again == *self)
    }
    /// The localpart.
    pub fn local(&self) -> Option<&str> {
        self.0.local()
    }
    /// The domainpart.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }
    /// The domainpart by itself.
    pub fn to_domain(&self) -> Domain {
        self.0.to_domain()
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
    ///
    /// # Errors
    /// The resourcepart is malformed.
    pub fn with_resource(&self, resource: &str) -> Result<Jid, JidError> {
        let resource = prepare::resourcepart(resource)?;
        Ok(Jid { text: Arc::from(format!("{}/{resource}", self.as_str())), ..self.0 })
    }
}

impl Domain {
    /// Parses and prepares a domainpart.
    ///
    /// # Errors
    /// It is malformed by RFC 7622, or RFC 6122 prepares it differently.
    pub fn parse(text: &str) -> Result<Self, JidError> {
        prepare::domainpart(text).map(|domain| Self(Arc::from(domain)))
    }
    /// The prepared domainpart (U-labels).
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// As it stands in DNS and certificates (A-labels, RFC 5890 §2.3.2.1). IP address literals stay as they are.
    pub fn to_ascii(&self) -> String {
        prepare::to_ascii(&self.0)
    }
    /// As an address.
    pub fn to_jid(&self) -> Jid {
        // A domainpart is limited to 1023 bytes, so the conversion cannot fail.
        Jid {
            text: self.0.clone(),
            local_end: 0,
            domain_end: u16::try_from(self.0.len()).unwrap_or(u16::MAX),
        }
    }
}

// Text decides: where the parts begin follows from it. So `Borrow<str>` is right.
impl PartialEq for Jid {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl Eq for Jid {}
impl Hash for Jid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
impl PartialOrd for Jid {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Jid {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl From<BareJid> for Jid {
    fn from(bare: BareJid) -> Self {
        bare.0
    }
}
impl From<Domain> for Jid {
    fn from(domain: Domain) -> Self {
        domain.to_jid()
    }
}
impl From<Domain> for BareJid {
    fn from(domain: Domain) -> Self {
        Self(domain.to_jid())
    }
}
impl From<&Jid> for Jid {
    fn from(jid: &Jid) -> Self {
        jid.clone()
    }
}
impl From<&BareJid> for Jid {
    fn from(bare: &BareJid) -> Self {
        bare.0.clone()
    }
}
impl From<&Domain> for Jid {
    fn from(domain: &Domain) -> Self {
        domain.to_jid()
    }
}
impl AsRef<Jid> for BareJid {
    fn as_ref(&self) -> &Jid {
        &self.0
    }
}

/// What the three types have in common: text on the outside.
macro_rules! as_text {
    ($type:ident, $expecting:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }
        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }
        impl PartialEq<str> for $type {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }
        impl PartialEq<&str> for $type {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }
        impl FromStr for $type {
            type Err = JidError;
            fn from_str(text: &str) -> Result<Self, JidError> {
                Self::parse(text)
            }
        }
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        $type::parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}
as_text!(Jid, "an XMPP address");
as_text!(BareJid, "an XMPP address without resource");
as_text!(Domain, "a domain name");
