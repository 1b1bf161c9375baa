//! How much one peer may ask the scanner to hold.

/// Limits while scanning; crossing one is [`crate::XmlError::TooLarge`] before login and a
/// [`crate::Refused`] stanza after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one first-level element (a stanza), tags included. Children that are rewritten (see
    /// [`crate::Child`]) may together not grow beyond it either.
    pub element_bytes: usize,
    /// Bytes that may be skipped after an element was refused, before the stream is ended instead.
    pub skip_bytes: usize,
    /// Nesting of elements inside a first-level element, itself counted as 1.
    pub depth: usize,
    /// Attributes of one element, namespace declarations counted; also prefixes in scope inside one
    /// first-level element, because looking one up costs time by their number.
    pub attributes: usize,
    /// Bytes of one element, attribute or prefix name, as written with its prefix.
    pub name_bytes: usize,
    /// Bytes of one attribute value as written.
    pub attribute_bytes: usize,
    /// First-level children of a stanza.
    pub children: usize,
    /// True while nothing may be skipped: every refusal is an error of the stream.
    pub strict: bool,
}

impl Limits {
    /// Before the peer has logged in: a header, STARTTLS, SASL. 10,000 bytes are the least that
    /// RFC 6120 §13.12 lets a server set for stanzas; SASL2 with inline features stays far below.
    pub const BEFORE_LOGIN: Self = Self {
        element_bytes: 10 * 1024,
        skip_bytes: 0,
        depth: 8,
        attributes: 32,
        name_bytes: 256,
        attribute_bytes: 4 * 1024,
        children: 64,
        strict: true,
    };

    /// A client that has logged in: room for an avatar in a vCard, with XEP-0478 telling the client.
    pub const CLIENT: Self = Self {
        element_bytes: 256 * 1024,
        skip_bytes: 4 * 1024 * 1024,
        depth: 128,
        attributes: 64,
        name_bytes: 512,
        attribute_bytes: 8 * 1024,
        children: 1024,
        strict: false,
    };

    /// Another server or a component: twice a client's element, because what passed a peer's limit may carry
    /// more around it here (delay, stanza-id, forwarding).
    pub const SERVER: Self = Self { element_bytes: 512 * 1024, skip_bytes: 16 * 1024 * 1024, ..Self::CLIENT };

    /// For bytes that were verified before: as wide as a child can have become.
    pub(crate) const VERIFIED: Self = Self {
        element_bytes: 64 * 1024 * 1024,
        skip_bytes: 0,
        depth: 1024,
        attributes: 4096,
        name_bytes: usize::MAX,
        attribute_bytes: usize::MAX,
        children: usize::MAX,
        strict: true,
    };
}
