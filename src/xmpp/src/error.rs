//! The error conditions of RFC 6120: stanza errors (§8.3.3) and stream errors (§4.9.3).

mod stanza_error;
mod stream_error;

pub use stanza_error::{Condition, ErrorType, StanzaError};
pub use stream_error::{StreamCondition, StreamError};
