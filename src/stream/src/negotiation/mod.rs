//! Negotiating a client's stream, as a state machine without I/O: items of the scanner in, bytes and [`Action`]s out.
//!
//! The machine knows the order of things (header, STARTTLS, login, binding) and what must not happen in between. What
//! it cannot know it asks: at once through [`Environment`] (which hosts there are, which features they offer), or by
//! an [`Action`] that its driver answers when it can (credentials, a resource).
//!
//! How headers and stanzas look on the wire is behind [`StreamFraming`]: [`Tcp`] is RFC 6120 §4, [`Documents`] is the
//! manner of [RFC 7395](https://www.rfc-editor.org/rfc/rfc7395), one document per frame.
//!
//! Specs: [RFC 6120 §4–§7](https://www.rfc-editor.org/rfc/rfc6120#section-4), [XEP-0170](https://xmpp.org/extensions/xep-0170.html).

mod documents;
mod features;
mod framing;
mod header;
mod login;
mod machine;
mod tcp;

pub use documents::{Documents, Frames};
pub use features::Place;
pub use framing::{Framed, ServerHeader, Sink, StreamFraming};
pub use header::Opening;
pub use machine::{Action, Bind, Environment, HostOffer, Negotiation, Rules};
pub use tcp::Tcp;

#[cfg(test)]
mod tests;
