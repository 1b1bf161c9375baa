//! One attempt to log in.

use std::sync::Arc;

use waxwing_xmpp::{BareJid, Domain};

use crate::Secret;

use super::anonymous::Anonymous;
use super::external::External;
use super::plain::Plain;
use super::scram::Scram;
use super::{ChannelBinding, Decoy, Failure, FailureCondition, Mechanism, ScramHash, ScramKeys};

/// What holds for all attempts on one stream.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The host that the client logs in to.
    pub domain: Domain,
    /// The mechanisms offered on this stream; any other is refused.
    pub mechanisms: Vec<Mechanism>,
    /// The bindings that this connection can prove, as advertised by XEP-0440.
    pub bindings: Vec<ChannelBinding>,
    /// XEP-0474.
    pub downgrade_protection: bool,
    /// Accounts of this host that the client's verified certificate names (XEP-0178).
    pub certificate: Vec<BareJid>,
    /// Verifiers for names without account.
    pub decoy: Arc<Decoy>,
}

/// What happens next.
#[derive(Debug)]
pub enum Step {
    /// Send this to the client and wait for its response.
    Challenge(Vec<u8>),
    /// Look an account up and come back with [`Exchange::answer`].
    LookUp(LookUp),
    /// Logged in.
    Success(Success),
    /// Refused.
    Failure(Failure),
}

/// A successful login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Success {
    /// Who it is.
    pub account: BareJid,
    /// "Additional data with success" (RFC 6120 §6.3.10).
    pub data: Option<Vec<u8>>,
    /// How.
    pub mechanism: Mechanism,
}

/// What an exchange needs to know.
#[derive(Debug, Clone)]
pub struct LookUp {
    /// Of which account. `None`: no account can have that name; answer as for one that does not exist, after the
    /// same work.
    pub account: Option<BareJid>,
    /// What of it.
    pub want: Want,
}

/// What of an account.
#[derive(Debug, Clone)]
pub enum Want {
    /// The verifier for this hash.
    Keys(ScramHash),
    /// Whether this is its password (prepared). The check is slow on purpose: use the runtime's blocking threads,
    /// and for an account that does not exist check against [`Decoy::keys`] all the same.
    Password(Secret),
    /// Whether it exists.
    Account,
}

/// What the driver found.
#[derive(Debug)]
pub enum Answer {
    /// The account.
    Found(Found),
    /// There is none, or it has no verifier for this hash, or the password is wrong.
    Nothing,
    /// It could not be found out: `temporary-auth-failure`.
    Unavailable,
}

/// What is known of an account that exists.
#[derive(Debug)]
pub struct Found {
    /// For [`Want::Keys`].
    pub keys: Option<ScramKeys>,
    /// May it log in? Told to the client only after it has proven to know the password.
    pub enabled: bool,
}

/// A mechanism's own machine.
pub(super) trait Machine: Send {
    /// Takes what the client sent.
    fn respond(&mut self, data: &[u8]) -> Step;
    /// Takes what was looked up.
    fn answer(&mut self, answer: Answer) -> Step;
    /// Whether the server speaks first or the client may leave out its initial response.
    fn empty_start(&self) -> Step {
        // RFC 6120 §6.4.2: without an initial response the server sends an empty challenge.
        Step::Challenge(Vec::new())
    }
}

/// One attempt to log in with one mechanism.
pub struct Exchange {
    machine: Box<dyn Machine>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exchange")
    }
}

impl Exchange {
    /// Begins with the mechanism the client names.
    ///
    /// # Errors
    /// `invalid-mechanism` for what was not offered on this stream, known or not (RFC 6120 §6.5.7);
    /// `encryption-required` (§6.5.4) if nothing was offered because the stream is not encrypted is the caller's to say.
    pub fn begin(terms: &Terms, mechanism: &str) -> Result<Self, Failure> {
        let mechanism = Mechanism::parse(mechanism)
            .filter(|mechanism| terms.mechanisms.contains(mechanism))
            .ok_or(FailureCondition::InvalidMechanism)?;
        let machine: Box<dyn Machine> = match mechanism {
            Mechanism::Scram(hash) => Box::new(Scram::new(terms, hash, false)),
            Mechanism::ScramPlus(hash) => Box::new(Scram::new(terms, hash, true)),
            Mechanism::Plain => Box::new(Plain::new(terms.domain.clone())),
            Mechanism::External => Box::new(External::new(terms.certificate.clone())),
            Mechanism::Anonymous => Box::new(Anonymous::new(terms.domain.clone())),
        };
        Ok(Self { machine })
    }

    /// The client's initial response, if it sent one.
    pub fn initial(&mut self, data: Option<&[u8]>) -> Step {
        match data {
            Some(data) => self.respond(data),
            None => self.machine.empty_start(),
        }
    }

    /// The client's response to a challenge.
    pub fn respond(&mut self, data: &[u8]) -> Step {
        // No message of any mechanism is that long; a client that sends one wants memory, not a login.
        if data.len() > MESSAGE_BYTES_MAX {
            return fail(FailureCondition::MalformedRequest);
        }
        self.machine.respond(data)
    }

    /// What the driver found for [`Step::LookUp`].
    pub fn answer(&mut self, answer: Answer) -> Step {
        match answer {
            Answer::Unavailable => fail(FailureCondition::TemporaryAuthFailure),
            answer => self.machine.answer(answer),
        }
    }
}

/// A failure as a step.
pub(super) fn fail(failure: impl Into<Failure>) -> Step {
    Step::Failure(failure.into())
}

/// RFC 6120 §6.3.8: an authorization identity is a bare JID, here only ever the account's own.
pub(super) fn authzid_is(authzid: &str, account: Option<&BareJid>) -> bool {
    BareJid::parse(authzid).is_ok_and(|authzid| Some(&authzid) == account)
}

const MESSAGE_BYTES_MAX: usize = 8192;
