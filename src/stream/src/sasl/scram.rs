//! SCRAM, the server's side: [RFC 5802 §5](https://www.rfc-editor.org/rfc/rfc5802#section-5).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use waxwing_xmpp::{BareJid, Domain};

use crate::random;

use super::exchange::{Machine, authzid_is, fail};
use super::keys::equal;
use super::scram_message::{BindingFlag, ClientFinal, ClientFirst};
use super::{
    Answer, BindingType, ChannelBinding, Decoy, Failure, FailureCondition, LookUp, Mechanism, ScramHash,
    ScramKeys, Step, Success, Terms, Want, downgrade, prepare,
};

/// One exchange.
pub(super) struct Scram {
    hash: ScramHash,
    plus: bool,
    domain: Domain,
    bindings: Vec<ChannelBinding>,
    plus_offered: bool,
    downgrade_hash: Option<String>,
    decoy: Arc<Decoy>,
    server_nonce: String,
    state: State,
}

enum State {
    /// Waits for client-first-message.
    First,
    /// Waits for the account's verifier.
    Keys(Box<Asked>),
    /// Waits for client-final-message.
    Final(Box<Expected>),
    /// Nothing more may come.
    Over,
}

/// What is needed to go on once the verifier is known.
struct Asked {
    account: Option<BareJid>,
    username: String,
    first: ClientFirst,
    binding: Vec<u8>,
}

/// What client-final-message is checked against.
struct Expected {
    account: Option<BareJid>,
    keys: ScramKeys,
    /// Whether the account exists and has this verifier.
    real: bool,
    enabled: bool,
    channel_binding: Vec<u8>,
    nonce: String,
    /// client-first-message-bare "," server-first-message.
    messages: String,
}

impl Scram {
    pub(super) fn new(terms: &Terms, hash: ScramHash, plus: bool) -> Self {
        let kinds: Vec<BindingType> = terms.bindings.iter().map(|binding| binding.kind).collect();
        let advertised = (!kinds.is_empty()).then_some(kinds.as_slice());
        Self {
            hash,
            plus,
            domain: terms.domain.clone(),
            bindings: terms.bindings.clone(),
            plus_offered: terms
                .mechanisms
                .iter()
                .any(|mechanism| matches!(mechanism, Mechanism::ScramPlus(_))),
            downgrade_hash: terms
                .downgrade_protection
                .then(|| downgrade::hash(hash, &terms.mechanisms, advertised)),
            decoy: terms.decoy.clone(),
            server_nonce: random::nonce(),
            state: State::First,
        }
    }

    fn first(&mut self, data: &[u8]) -> Step {
        let first = match ClientFirst::parse(data) {
            Ok(first) => first,
            Err(malformed) => {
                return fail(Failure::with_text(FailureCondition::MalformedRequest, malformed.0));
            }
        };
        let binding = match self.binding(&first.binding) {
            Ok(binding) => binding,
            Err(failure) => return fail(failure),
        };
        // RFC 5802 §5.1: the server prepares the name as well; where that fails the exchange ends.
        let Some(username) = prepare(&first.username).map(|name| name.into_owned()) else {
            return fail(FailureCondition::NotAuthorized);
        };
        let account = BareJid::new(Some(&username), &self.domain).ok();
        if first.authzid.as_deref().is_some_and(|authzid| !authzid_is(authzid, account.as_ref())) {
            return fail(FailureCondition::InvalidAuthzid);
        }
        let look_up = LookUp { account: account.clone(), want: Want::Keys(self.hash) };
        self.state = State::Keys(Box::new(Asked { account, username, first, binding }));
        Step::LookUp(look_up)
    }

    /// RFC 5802 §6: what the flag in the gs2-header demands; the channel binding data if there is one.
    fn binding(&self, flag: &BindingFlag) -> Result<Vec<u8>, Failure> {
        match flag {
            BindingFlag::Used(name) if self.plus => {
                let binding = self.bindings.iter().find(|binding| binding.kind.name() == name);
                let binding = binding.ok_or(Failure::with_text(
                    FailureCondition::NotAuthorized,
                    "This channel binding type is not offered here.",
                ))?;
                Ok(binding.data.clone())
            }
            BindingFlag::Used(_) => Err(Failure::with_text(
                FailureCondition::MalformedRequest,
                "Channel binding needs the -PLUS form of the mechanism.",
            )),
            _ if self.plus => Err(Failure::with_text(
                FailureCondition::MalformedRequest,
                "The -PLUS form of the mechanism needs channel binding.",
            )),
            // "y" although -PLUS was offered: somebody has removed it from our features.
            BindingFlag::NotOffered if self.plus_offered => Err(Failure::with_text(
                FailureCondition::NotAuthorized,
                "Channel binding is offered here; the list of mechanisms was tampered with on its way.",
            )),
            _ => Ok(Vec::new()),
        }
    }

    fn server_first(&mut self, asked: Asked, answer: Answer) -> Step {
        let Asked { account, username, first, binding } = asked;
        let found = match answer {
            Answer::Found(found) => Some(found),
            _ => None,
        };
        let enabled = found.as_ref().is_some_and(|found| found.enabled);
        let keys = found.and_then(|found| found.keys).filter(|keys| keys.hash == self.hash);
        let real = keys.is_some();
        let name = account.as_ref().map_or(username.as_str(), BareJid::as_str);
        let keys = keys.unwrap_or_else(|| self.decoy.keys(self.hash, name));
        let nonce = format!("{}{}", first.nonce, self.server_nonce);
        let mut message = format!("r={nonce},s={},i={}", STANDARD.encode(&keys.salt), keys.iterations);
        if let Some(hash) = &self.downgrade_hash {
            // XEP-0474 §6.1: the attribute "h".
            message.push_str(",h=");
            message.push_str(hash);
        }
        let channel_binding = [first.gs2_header.as_bytes(), &binding].concat();
        let messages = format!("{},{message}", first.bare);
        self.state = State::Final(Box::new(Expected {
            account,
            keys,
            real,
            enabled,
            channel_binding,
            nonce,
            messages,
        }));
        Step::Challenge(message.into_bytes())
    }

    fn last(&self, expected: &Expected, data: &[u8]) -> Step {
        let last = match ClientFinal::parse(data) {
            Ok(last) => last,
            Err(malformed) => {
                return fail(Failure::with_text(FailureCondition::MalformedRequest, malformed.0));
            }
        };
        let auth_message = format!("{},{}", expected.messages, last.without_proof);
        // All checks run before any is judged: no time tells which one failed.
        let bound = equal(&last.channel_binding, &expected.channel_binding);
        let fresh = equal(last.nonce.as_bytes(), expected.nonce.as_bytes());
        let proven = self.proves(&expected.keys, auth_message.as_bytes(), &last.proof);
        let account = match &expected.account {
            Some(account) if bound & fresh & proven & expected.real => account.clone(),
            _ => return fail(FailureCondition::NotAuthorized),
        };
        if !expected.enabled {
            return fail(FailureCondition::AccountDisabled);
        }
        let signature = self.hash.hmac(&expected.keys.server_key, auth_message.as_bytes());
        let data = format!("v={}", STANDARD.encode(signature));
        let mechanism = if self.plus { Mechanism::ScramPlus(self.hash) } else { Mechanism::Scram(self.hash) };
        Step::Success(Success { account, data: Some(data.into_bytes()), mechanism })
    }

    /// RFC 5802 §3: ClientKey = ClientProof XOR ClientSignature; its hash must be StoredKey.
    fn proves(&self, keys: &ScramKeys, auth_message: &[u8], proof: &[u8]) -> bool {
        let signature = self.hash.hmac(&keys.stored_key, auth_message);
        let client_key: Vec<u8> =
            proof.iter().zip(signature.as_ref()).map(|(one, other)| one ^ other).collect();
        let right_length = proof.len() == self.hash.bytes();
        right_length & equal(self.hash.digest(&client_key).as_ref(), &keys.stored_key)
    }
}

impl Machine for Scram {
    fn respond(&mut self, data: &[u8]) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::First => self.first(data),
            State::Final(expected) => self.last(&expected, data),
            State::Keys(_) | State::Over => fail(FailureCondition::MalformedRequest),
        }
    }

    fn answer(&mut self, answer: Answer) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Keys(asked) => self.server_first(*asked, answer),
            _ => fail(FailureCondition::TemporaryAuthFailure),
        }
    }
}

#[cfg(test)]
#[path = "scram_tests.rs"]
mod tests;
