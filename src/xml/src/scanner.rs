//! The scanner: one pass over the bytes, keeping its position when a stanza arrives in pieces.

use crate::{Item, Limits, XmlError};

/// What the bytes are the content of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One long document: an optional XML declaration, a root start tag, first-level elements, a root end tag
    /// (RFC 6120 §4.2; also one BOSH body, XEP-0124).
    Stream,
    /// Each element is a document of its own (RFC 7395): no root; the content namespace is declared explicitly.
    Documents,
}

/// Turns bytes into [`Item`]s.
#[derive(Debug)]
pub struct Scanner {
    framing: Framing,
    limits: Limits,
}

impl Scanner {
    /// A scanner at the begin of a stream.
    pub fn new(framing: Framing, limits: Limits) -> Self {
        Self { framing, limits }
    }
    /// Changes the limits, e.g. after login; counts from the next element.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }
    /// Back to the begin of a stream (restart after STARTTLS or SASL); forgets unread input (RFC 6120 §5.4.3.3).
    pub fn restart(&mut self) {
        let _ = self.framing;
    }
    /// Reads from `input`, moving its begin past what was taken. `None`: all of `input` was taken and more is needed.
    pub fn scan(&mut self, _input: &mut &[u8]) -> Result<Option<Item>, XmlError> {
        todo!()
    }
    /// Whether the scanner is between elements and holds no buffer.
    pub fn is_idle(&self) -> bool {
        todo!()
    }
}
