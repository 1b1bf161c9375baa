//! Addresses, stanzas, error conditions, forms, result sets and timestamps of XMPP: no I/O.

pub mod content;
pub mod datetime;
pub mod error;
pub mod form;
mod forward;
pub mod jid;
pub mod ns;
pub mod rsm;
pub mod stanza;
#[cfg(test)]
mod typed;

pub use datetime::Timestamp;
pub use error::{Condition, ErrorType, StanzaError, StreamCondition, StreamError};
pub use form::{Field, Form};
pub use forward::{carbon, forwarded, opened, stanza_inside};
pub use jid::{BareJid, Domain, Jid, JidError};
pub use rsm::{SetRequest, SetResult};
pub use stanza::{IqType, Kind, MessageType, PresenceType, ShapeError, Show, Stanza, delay};
