//! What an answer to a self-ping means ([XEP-0410 §3.2](https://xmpp.org/extensions/xep-0410.html#performingselfping)).

use waxwing_core::RequestError;
use waxwing_xmpp::{Condition, Stanza};

/// Whether the client is in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    In,
    Out,
    /// No decision can be made.
    Unknown,
}

pub(crate) fn verdict(answer: &Result<Stanza, RequestError>) -> Verdict {
    match answer {
        Ok(_) => Verdict::In,
        Err(RequestError::TimedOut | RequestError::TooMany) => Verdict::Unknown,
        Err(RequestError::Refused(error)) => match error.condition {
            // Some client of the occupant answered, or another name is used by now.
            Condition::ServiceUnavailable | Condition::FeatureNotImplemented | Condition::ItemNotFound => {
                Verdict::In
            }
            Condition::RemoteServerNotFound | Condition::RemoteServerTimeout => Verdict::Unknown,
            // Of a server on the way, ours for one, that has too much to do or does not want to.
            Condition::ResourceConstraint | Condition::InternalServerError | Condition::PolicyViolation => {
                Verdict::Unknown
            }
            _ => Verdict::Out,
        },
    }
}
