//! Verified XML for streams: bytes in, elements out, no I/O and no async.
//!
//! [`Scanner`] proves that a first-level element is well-formed, within limits and readable in the same way by
//! every parser behind us, and hands it out as an [`Element`] whose [`Child`]ren are self-contained bytes.
//! [`Tree`] is a small element tree for the modules that look inside a child or build one.
//!
//! Spec: [RFC 6120 §11](https://www.rfc-editor.org/rfc/rfc6120#section-11).

mod build;
mod child;
mod declaration;
mod element;
mod error;
mod escape;
mod lex;
mod limits;
mod name;
mod namespace;
mod rewrite;
mod scanner;
mod skip;
mod text;
mod tree;
mod walk;
mod write;

pub use child::{Child, Children};
pub use element::{Attribute, Element, Item, Refused, Root};
pub use error::{Refusal, XmlError};
pub use escape::{escape_attribute, escape_text};
pub use limits::Limits;
pub use scanner::{Framing, Scanner};
pub use text::Text;
pub use tree::{Node, Tree};

/// The content namespace as modules see it, whichever one the stream uses (RFC 6120 §4.8.2).
///
/// A child or tree in the stream's own content namespace (`jabber:client`, `jabber:server`, …) always reads
/// as this; the stream that writes decides what stands on the wire.
pub const CONTENT: &str = "jabber:client";

#[cfg(test)]
mod tests;
