//! How much one peer may ask the scanner to hold.

/// Limits while scanning; crossing one is [`crate::XmlError::TooLarge`] before login and a
/// [`crate::Refused`] stanza after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one first-level element (a stanza), tags included.
    pub element_bytes: usize,
    /// Bytes that may be skipped after an element was refused, before the stream is ended instead.
    pub skip_bytes: usize,
    /// Nesting of elements inside a first-level element, itself counted as 1.
    pub depth: usize,
    /// Attributes of one element, namespace declarations counted.
    pub attributes: usize,
    /// Bytes of one element, attribute or prefix name.
    pub name_bytes: usize,
    /// Bytes of one attribute value as written.
    pub attribute_bytes: usize,
    /// First-level children of a stanza.
    pub children: usize,
    /// True while nothing may be skipped: every refusal is an error of the stream.
    pub strict: bool,
}
