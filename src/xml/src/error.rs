//! Why XML is rejected.

/// An error that ends the stream (RFC 6120 §4.9.3); the variant is the stream error condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// The bytes are not well-formed XML (`not-well-formed`, RFC 6120 §4.9.3.13).
    #[error("not well-formed: {0}")]
    NotWellFormed(&'static str),
    /// Comment, processing instruction, DTD or undeclared entity (`restricted-xml`, §4.9.3.18).
    #[error("restricted XML: {0}")]
    Restricted(&'static str),
    /// Well-formed XML that we do not process, where nothing may be skipped (`bad-format`, §4.9.3.1): text
    /// between stanzas, or before login what [`Refusal::Unsupported`] is after it.
    #[error("bad format: {0}")]
    BadFormat(&'static str),
    /// Bytes that are not UTF-8 (`unsupported-encoding` for a declared encoding, §4.9.3.22; §11.6).
    #[error("not UTF-8")]
    Encoding,
    /// A prefix of the stream's own header that is wrong (`bad-namespace-prefix`, §4.9.3.2).
    #[error("bad namespace prefix")]
    BadNamespacePrefix,
    /// A limit was crossed where nothing may be skipped (`policy-violation`, §4.9.3.14).
    #[error("{limit} is limited to {max}")]
    TooLarge {
        /// Which limit, in words.
        limit: &'static str,
        /// Its value.
        max: usize,
    },
}

/// Why a well-formed first-level element was refused while the stream lives on (design: costs its sender a
/// stanza error and nobody a stream).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Outside of what every parser accepts (`not-acceptable`): the reason in words.
    Unsupported(&'static str),
    /// Over a limit (`policy-violation`): which limit, and its value.
    Limit(&'static str, usize),
}
