//! Other servers: where they are, and a connection to them.
//!
//! Specs: [RFC 6120](https://www.rfc-editor.org/rfc/rfc6120) §3.2, [RFC 2782](https://www.rfc-editor.org/rfc/rfc2782),
//! [XEP-0368](https://xmpp.org/extensions/xep-0368.html) (direct TLS),
//! [RFC 8305](https://www.rfc-editor.org/rfc/rfc8305) and [XEP-0495](https://xmpp.org/extensions/xep-0495.html) (happy
//! eyeballs, for the addresses of one target).
//!
//! Invariants: whatever DNS answers, finding ends in bounded time with a bounded number of targets and addresses, and
//! what is kept of it is bounded; an error says in words for the operator which name, record or address was to blame.

mod connect;
mod find;
#[cfg(test)]
mod tests;

pub use connect::{ConnectError, Failure, Reason, connect};
pub use find::{Addresses, FindError, Finder, Target};
