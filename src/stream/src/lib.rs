//! Streams: negotiation as a state machine without I/O, SASL, TLS, and the transport over tokio.
//!
//! Four parts that do not know more of each other than they need:
//! - [`sasl`]: mechanisms, bytes in and steps out;
//! - [`negotiation`]: [RFC 6120](https://www.rfc-editor.org/rfc/rfc6120) §4–§7 for the receiving side of a client's
//!   stream, XML items in and bytes out;
//! - [`tls`]: certificates per host, reloaded without restart;
//! - [`transport`]: sockets, listeners and their limits; the only part that waits.
//!
//! This crate knows nothing of hosts, accounts and modules: whoever drives it does.

pub mod negotiation;
mod random;
pub mod sasl;
mod secret;
pub mod tls;
pub mod transport;

pub use random::token;
pub use secret::Secret;
