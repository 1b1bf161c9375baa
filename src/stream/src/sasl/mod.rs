//! The server side of SASL: mechanisms as small state machines without I/O.
//!
//! An [`Exchange`] takes the bytes of the client and answers with a [`Step`]. When it needs to know an account it
//! says so ([`Step::LookUp`]); whoever drives it looks the account up, however long that takes, and comes back with
//! [`Exchange::answer`]. Nothing here knows XML: `<auth/>`, SASL2 and tests use the same exchange.
//!
//! Specs: [RFC 6120 §6](https://www.rfc-editor.org/rfc/rfc6120#section-6),
//! [RFC 5802](https://www.rfc-editor.org/rfc/rfc5802), [RFC 7677](https://www.rfc-editor.org/rfc/rfc7677),
//! [RFC 4616](https://www.rfc-editor.org/rfc/rfc4616), [RFC 4505](https://www.rfc-editor.org/rfc/rfc4505),
//! [XEP-0178](https://xmpp.org/extensions/xep-0178.html), [XEP-0440](https://xmpp.org/extensions/xep-0440.html),
//! [XEP-0474](https://xmpp.org/extensions/xep-0474.html) 0.5.0.

mod anonymous;
mod channel_binding;
mod credentials;
mod decoy;
mod downgrade;
mod encoding;
mod exchange;
mod external;
mod failure;
mod keys;
mod mechanism;
mod plain;
mod scram;
mod scram_message;

pub use channel_binding::{BindingType, ChannelBinding};
pub use credentials::{Credentials, Doing, Finding, Stored, Unavailable, look_up};
pub use decoy::Decoy;
pub use encoding::{decode_base64, encode_base64};
pub use exchange::{Answer, Exchange, Found, LookUp, Step, Success, Terms, Want};
pub use failure::{Failure, FailureCondition};
pub use keys::{ScramHash, ScramKeys};
pub use mechanism::Mechanism;

/// RFC 4013 (SASLprep) as RFC 5802 §5.1 and RFC 4616 §2 demand it; `None` where it fails or leaves nothing.
pub fn prepare(text: &str) -> Option<std::borrow::Cow<'_, str>> {
    stringprep::saslprep(text).ok().filter(|prepared| !prepared.is_empty())
}
