//! PLAIN: [RFC 4616](https://www.rfc-editor.org/rfc/rfc4616).

use waxwing_xmpp::{BareJid, Domain};

use crate::Secret;

use super::exchange::{Machine, authzid_is, fail};
use super::{Answer, FailureCondition, LookUp, Mechanism, Step, Success, Want, prepare};

/// One exchange.
pub(super) struct Plain {
    domain: Domain,
    state: State,
}

enum State {
    Message,
    Checked(Option<BareJid>),
    Over,
}

impl Plain {
    pub(super) fn new(domain: Domain) -> Self {
        Self { domain, state: State::Message }
    }

    fn message(&mut self, data: &[u8]) -> Step {
        // §2: message = [authzid] NUL authcid NUL passwd, each UTF-8 without NUL.
        let mut parts = data.split(|byte| *byte == 0).map(str::from_utf8);
        let (Some(Ok(authzid)), Some(Ok(authcid)), Some(Ok(password)), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return fail(FailureCondition::MalformedRequest);
        };
        if authcid.is_empty() || password.is_empty() {
            return fail(FailureCondition::MalformedRequest);
        }
        // §2: both are prepared by SASLprep; where that fails or leaves nothing, verification fails.
        let (Some(username), Some(password)) = (prepare(authcid), prepare(password)) else {
            return fail(FailureCondition::NotAuthorized);
        };
        let account = BareJid::new(Some(&username), &self.domain).ok();
        if !authzid.is_empty() && !authzid_is(authzid, account.as_ref()) {
            return fail(FailureCondition::InvalidAuthzid);
        }
        self.state = State::Checked(account.clone());
        Step::LookUp(LookUp { account, want: Want::Password(Secret::new(password.as_bytes())) })
    }
}

impl Machine for Plain {
    fn respond(&mut self, data: &[u8]) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Message => self.message(data),
            _ => fail(FailureCondition::MalformedRequest),
        }
    }

    fn answer(&mut self, answer: Answer) -> Step {
        let state = std::mem::replace(&mut self.state, State::Over);
        match (state, answer) {
            (State::Checked(Some(account)), Answer::Found(found)) => {
                if !found.enabled {
                    return fail(FailureCondition::AccountDisabled);
                }
                Step::Success(Success { account, data: None, mechanism: Mechanism::Plain })
            }
            _ => fail(FailureCondition::NotAuthorized),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Found;
    use super::*;

    fn plain() -> Plain {
        Plain::new(Domain::parse("example.org").unwrap())
    }

    fn condition(step: Step) -> FailureCondition {
        match step {
            Step::Failure(failure) => failure.condition,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rfc4616_2_name_and_password_are_taken_apart_and_prepared() {
        let Step::LookUp(look_up) = plain().respond("\0juli\u{ad}et\0I\u{2168}x".as_bytes()) else {
            panic!()
        };
        assert_eq!(look_up.account.unwrap().as_str(), "juliet@example.org");
        let Want::Password(password) = look_up.want else { panic!() };
        assert_eq!(password.expose(), b"IIXx");
    }

    #[test]
    fn rfc4616_2_success_and_wrong_password() {
        let mut right = plain();
        right.respond(b"\0juliet\0pencil");
        let Step::Success(success) = right.answer(Answer::Found(Found { keys: None, enabled: true })) else {
            panic!()
        };
        assert_eq!(success.account.as_str(), "juliet@example.org");
        assert_eq!(success.data, None);
        let mut wrong = plain();
        wrong.respond(b"\0juliet\0eraser");
        assert_eq!(condition(wrong.answer(Answer::Nothing)), FailureCondition::NotAuthorized);
    }

    #[test]
    fn rfc6120_6_5_2_a_disabled_account_is_told_so_after_its_password() {
        let mut plain = plain();
        plain.respond(b"\0juliet\0pencil");
        let step = plain.answer(Answer::Found(Found { keys: None, enabled: false }));
        assert_eq!(condition(step), FailureCondition::AccountDisabled);
    }

    #[test]
    fn rfc4616_2_malformed_messages() {
        for message in [
            b"".as_slice(),
            b"juliet",
            b"\0juliet",
            b"\0juliet\0",
            b"\0\0pencil",
            b"\0a\0b\0c",
            b"\0\xff\0b",
            b"\xff\0a\0b",
        ] {
            let step = plain().respond(message);
            assert_eq!(condition(step), FailureCondition::MalformedRequest, "{}", message.escape_ascii());
        }
    }

    #[test]
    fn rfc4616_2_names_and_passwords_that_cannot_be_prepared_fail() {
        for message in ["\0ju\u{7}liet\0pencil", "\0juliet\0pen\u{7}cil", "\0\u{ad}\0pencil"] {
            assert_eq!(condition(plain().respond(message.as_bytes())), FailureCondition::NotAuthorized);
        }
    }

    #[test]
    fn rfc6120_6_5_6_only_the_own_address_is_a_valid_authzid() {
        for authzid in
            ["romeo@example.org", "juliet@example.net", "juliet", "juliet@example.org/balcony", "@"]
        {
            let step = plain().respond(format!("{authzid}\0juliet\0pencil").as_bytes());
            assert_eq!(condition(step), FailureCondition::InvalidAuthzid, "{authzid}");
        }
        assert!(matches!(plain().respond(b"juliet@example.org\0juliet\0pencil"), Step::LookUp(_)));
    }

    #[test]
    fn a_name_that_no_account_can_have_is_looked_up_like_any_other() {
        let mut plain = plain();
        let Step::LookUp(look_up) = plain.respond(b"\0ju@liet\0pencil") else { panic!() };
        assert_eq!(look_up.account, None);
        assert_eq!(condition(plain.answer(Answer::Nothing)), FailureCondition::NotAuthorized);
    }
}
