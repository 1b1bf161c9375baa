//! EXTERNAL for clients: [XEP-0178 §2](https://xmpp.org/extensions/xep-0178.html#c2s). Off unless the operator names a CA.

use waxwing_xmpp::BareJid;

use super::exchange::{Machine, fail};
use super::{Answer, FailureCondition, LookUp, Mechanism, Step, Success, Want};

/// One exchange.
pub(super) struct External {
    /// The accounts that the verified certificate names.
    addresses: Vec<BareJid>,
    state: State,
}

enum State {
    Message,
    Checked(BareJid),
    Over,
}

impl External {
    pub(super) fn new(addresses: Vec<BareJid>) -> Self {
        Self { addresses, state: State::Message }
    }

    fn message(&mut self, data: &[u8]) -> Step {
        let account = match (data, self.addresses.as_slice()) {
            // XEP-0178 §2: one address and no authzid: that address.
            (b"", [account]) => account.clone(),
            // More than one: the client must choose.
            (b"", _) => return fail(FailureCondition::InvalidAuthzid),
            (authzid, addresses) => {
                let authzid = str::from_utf8(authzid).ok().and_then(|text| BareJid::parse(text).ok());
                match authzid.filter(|authzid| addresses.contains(authzid)) {
                    Some(account) => account,
                    None => return fail(FailureCondition::InvalidAuthzid),
                }
            }
        };
        self.state = State::Checked(account.clone());
        Step::LookUp(LookUp { account: Some(account), want: Want::Account })
    }
}

impl Machine for External {
    fn respond(&mut self, data: &[u8]) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Message => self.message(data),
            _ => fail(FailureCondition::MalformedRequest),
        }
    }

    fn answer(&mut self, answer: Answer) -> Step {
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (State::Checked(account), Answer::Found(found)) if found.enabled => {
                Step::Success(Success { account, data: None, mechanism: Mechanism::External })
            }
            (State::Checked(_), Answer::Found(_)) => fail(FailureCondition::AccountDisabled),
            _ => fail(FailureCondition::NotAuthorized),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Found;
    use super::*;

    fn external(addresses: &[&str]) -> External {
        External::new(addresses.iter().map(|address| BareJid::parse(address).unwrap()).collect())
    }

    fn account(step: &Step) -> Option<&str> {
        match step {
            Step::LookUp(look_up) => look_up.account.as_ref().map(BareJid::as_str),
            _ => None,
        }
    }

    #[test]
    fn xep0178_2_one_address_needs_no_authzid() {
        let mut external = external(&["juliet@example.org"]);
        assert_eq!(account(&external.respond(b"")), Some("juliet@example.org"));
        let step = external.answer(Answer::Found(Found { keys: None, enabled: true }));
        assert!(matches!(step, Step::Success(success) if success.account.as_str() == "juliet@example.org"));
    }

    #[test]
    fn xep0178_2_several_addresses_need_an_authzid() {
        let two = ["juliet@example.org", "nurse@example.org"];
        assert_eq!(account(&external(&two).respond(b"nurse@example.org")), Some("nurse@example.org"));
        let Step::Failure(failure) = external(&two).respond(b"") else { panic!() };
        assert_eq!(failure.condition, FailureCondition::InvalidAuthzid);
    }

    #[test]
    fn xep0178_2_an_address_that_the_certificate_does_not_name_is_refused() {
        for authzid in [b"romeo@example.org".as_slice(), b"juliet@example.org/balcony", b"\xff"] {
            let Step::Failure(failure) = external(&["juliet@example.org"]).respond(authzid) else { panic!() };
            assert_eq!(failure.condition, FailureCondition::InvalidAuthzid);
        }
    }

    #[test]
    fn xep0178_2_a_certificate_without_account_does_not_log_in() {
        let mut external = external(&["juliet@example.org"]);
        external.respond(b"");
        let Step::Failure(failure) = external.answer(Answer::Nothing) else { panic!() };
        assert_eq!(failure.condition, FailureCondition::NotAuthorized);
    }
}
