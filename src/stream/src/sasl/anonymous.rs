//! ANONYMOUS: [RFC 4505](https://www.rfc-editor.org/rfc/rfc4505). Off by default.

use waxwing_xmpp::{BareJid, Domain};

use crate::random;

use super::exchange::{Machine, fail};
use super::{Answer, FailureCondition, Mechanism, Step, Success};

/// One exchange.
pub(super) struct Anonymous {
    domain: Domain,
}

impl Anonymous {
    pub(super) fn new(domain: Domain) -> Self {
        Self { domain }
    }
}

impl Machine for Anonymous {
    fn respond(&mut self, data: &[u8]) -> Step {
        // RFC 4505 §2: trace information of at most 255 characters. It is not kept.
        let legal = str::from_utf8(data).is_ok_and(|trace| trace.chars().count() <= 255);
        if !legal {
            return fail(FailureCondition::MalformedRequest);
        }
        let name = format!("anonymous-{}", random::token().to_ascii_lowercase());
        match BareJid::new(Some(&name), &self.domain) {
            Ok(account) => Step::Success(Success { account, data: None, mechanism: Mechanism::Anonymous }),
            Err(_) => fail(FailureCondition::TemporaryAuthFailure),
        }
    }

    fn answer(&mut self, _: Answer) -> Step {
        fail(FailureCondition::TemporaryAuthFailure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn respond(data: &[u8]) -> Step {
        Anonymous::new(Domain::parse("example.org").unwrap()).respond(data)
    }

    #[test]
    fn rfc4505_2_every_login_is_somebody_new() {
        let (Step::Success(one), Step::Success(other)) = (respond(b"sirhc"), respond(b"sirhc")) else {
            panic!()
        };
        assert_ne!(one.account, other.account);
        assert!(one.account.as_str().ends_with("@example.org"));
    }

    #[test]
    fn rfc4505_2_trace_information_is_limited_to_255_characters() {
        assert!(matches!(respond("ä".repeat(255).as_bytes()), Step::Success(_)));
        for wrong in ["ä".repeat(256).as_bytes(), b"\xff"] {
            let Step::Failure(failure) = respond(wrong) else { panic!() };
            assert_eq!(failure.condition, FailureCondition::MalformedRequest);
        }
    }
}
