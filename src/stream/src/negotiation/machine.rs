//! The machine.

use std::sync::Arc;

use waxwing_xml::{CONTENT, Element, Item, Text, Tree, XmlError};
use waxwing_xmpp::{
    BareJid, Condition, Domain, IqType, Jid, Kind, Stanza, StanzaError, StreamCondition, StreamError, ns,
};

use crate::random;
use crate::sasl::{Answer, Decoy, LookUp, Mechanism, Step, Success};
use crate::tls::TlsFacts;

use super::header::Checked;
use super::login::{self, Login};
use super::{Framed, Opening, Place, ServerHeader, Sink, StreamFraming, features};

/// What the machine asks at once.
pub trait Environment {
    /// What a host offers; `None`: there is no such host for clients.
    fn host(&self, domain: &Domain) -> Option<HostOffer>;
    /// A host of ours, for our header when the client named none that we know (RFC 6120 §4.9.1.3). May be empty.
    fn default_host(&self) -> String;
    /// The features that modules declare at this place, each with its namespace declared, in the order to offer them.
    fn features(&self, domain: &Domain, place: Place) -> Vec<Vec<u8>>;
    /// Whether a module takes this IQ at this place, where the IQ table does not serve yet (XEP-0077 before login).
    fn takes_iq(&self, domain: &Domain, place: Place, iq: &Stanza) -> bool;
    /// Whether a module takes this element at this place (XEP-0198, XEP-0388, …).
    fn takes_nonza(&self, domain: &Domain, place: Place, namespace: &str, name: &str) -> bool;
}

/// How clients log in to a host.
#[derive(Debug, Clone)]
pub struct HostOffer {
    /// The mechanisms that the host allows; the stream offers those that fit it.
    pub mechanisms: Vec<Mechanism>,
    /// Whether there is a certificate to start TLS with.
    pub tls: bool,
    /// Whether one may log in without TLS. Only for loopback.
    pub allow_plaintext: bool,
    /// XEP-0474.
    pub downgrade_protection: bool,
    /// For names without account.
    pub decoy: Arc<Decoy>,
}

/// How patient a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Failed logins after which the stream is closed: RFC 6120 §6.4.5 wants 2 to 5 retries.
    pub login_failures_max: u32,
    /// Failed bindings after which the stream is closed: §7.7.3 wants 5 to 10 retries.
    pub bind_failures_max: u32,
    /// Refused stanzas, with fewer than a hundred good ones between them, after which the stream is closed.
    pub refused_max: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self { login_failures_max: 4, bind_failures_max: 8, refused_max: 20 }
    }
}

/// What the driver must do, after it has written the output.
#[derive(Debug)]
pub enum Action {
    /// Nothing: read on.
    Continue,
    /// Write the output, throw away what was read but not scanned, restart the scanner, do the handshake for this
    /// host, then call [`Negotiation::secured`].
    StartTls(Domain),
    /// Look up and call [`Negotiation::answer`]. Feed nothing meanwhile.
    LookUp(LookUp),
    /// Somebody could not log in; for rate limits. Read on, unless [`Negotiation::is_closed`].
    LoginFailed,
    /// Somebody is logged in: restart the scanner, with the limits of after login.
    LoggedIn(Success),
    /// Bind a resource and call [`Negotiation::bound`]. Feed nothing meanwhile.
    Bind(Bind),
    /// A stanza: after binding any, before it one that [`Environment::takes_iq`] wants.
    Stanza(Box<Stanza>),
    /// A stanza of the bound client was answered here; or, without an answer, ignored. The driver brings the answer to
    /// the client, in order with all other stanzas.
    Answered(Option<Box<Stanza>>),
    /// An element that [`Environment::takes_nonza`] wants.
    Nonza(Box<Element>),
    /// Write the output and end the connection.
    Close,
}

/// A request to bind.
#[derive(Debug, Clone)]
pub struct Bind {
    /// Who.
    pub account: BareJid,
    /// What the client wants; `None`: the server chooses (RFC 6120 §7.6).
    pub resource: Option<String>,
    iq: Box<Stanza>,
}

/// One stream.
#[derive(Debug)]
pub struct Negotiation {
    framing: &'static dyn StreamFraming,
    rules: Rules,
    state: State,
    /// Gone after login.
    tls: Option<Box<TlsFacts>>,
    secure: bool,
    host: Option<Domain>,
    account: Option<BareJid>,
    /// From the header of this stream.
    claimed: Option<BareJid>,
    lang: Option<Text>,
    header_sent: bool,
    login_failures: u32,
    bind_failures: u32,
    refused: u32,
    accepted: u32,
}

#[derive(Debug)]
enum State {
    /// Waits for a header.
    Header,
    /// Offers login, or STARTTLS, or both.
    Login(Box<Login>),
    /// Logged in, with a new header; waits for binding.
    Unbound,
    Bound,
    Closed,
}

impl Negotiation {
    /// A new stream; `tls` if TLS came first (XEP-0368).
    pub fn new(framing: &'static dyn StreamFraming, rules: Rules, tls: Option<TlsFacts>) -> Self {
        Self {
            framing,
            rules,
            state: State::Header,
            secure: tls.is_some(),
            tls: tls.map(Box::new),
            host: None,
            account: None,
            claimed: None,
            lang: None,
            header_sent: false,
            login_failures: 0,
            bind_failures: 0,
            refused: 0,
            accepted: 0,
        }
    }

    /// The framing, for what the driver writes itself.
    pub fn framing(&self) -> &'static dyn StreamFraming {
        self.framing
    }
    /// The host of the stream, once known.
    pub fn host(&self) -> Option<&Domain> {
        self.host.as_ref()
    }
    /// Whether TLS protects the stream.
    pub fn is_secure(&self) -> bool {
        self.secure
    }
    /// Whether a resource is bound.
    pub fn is_bound(&self) -> bool {
        matches!(self.state, State::Bound)
    }
    /// Who is logged in.
    pub fn account(&self) -> Option<&BareJid> {
        self.account.as_ref()
    }
    /// The client has resumed a session instead of binding (XEP-0198 §5). False: this is not the moment.
    pub fn resumed(&mut self) -> bool {
        let right = matches!(self.state, State::Unbound);
        if right {
            self.state = State::Bound;
        }
        right
    }
    /// Whether a resource can be bound now, or a session be resumed.
    pub fn is_unbound(&self) -> bool {
        matches!(self.state, State::Unbound)
    }
    /// Whether the stream is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }
    /// Where the stream is, for features.
    pub fn place(&self) -> Place {
        match (&self.account, self.secure) {
            (Some(_), _) => Place::AfterLogin,
            (None, true) => Place::BeforeLogin,
            (None, false) => Place::BeforeTls,
        }
    }

    /// Takes an item of the scanner.
    pub fn item(&mut self, item: Item, environment: &dyn Environment, out: &mut dyn Sink) -> Action {
        if self.is_closed() {
            return Action::Close;
        }
        let result = match self.framing.read(item) {
            Framed::Open(opening) => self.open(&opening, environment, out),
            Framed::Element(element) => self.element(element, environment, out),
            Framed::Refused(refused) => self.refused(refused, out),
            Framed::Close => return self.end(environment, out),
        };
        self.settle(result, environment, out)
    }

    /// Takes an error of the scanner.
    pub fn xml_error(
        &mut self,
        error: &XmlError,
        environment: &dyn Environment,
        out: &mut dyn Sink,
    ) -> Action {
        self.close(&error.into(), environment, out)
    }

    /// TLS is established: RFC 6120 §5.4.3.3. Everything that the client said before is forgotten.
    pub fn secured(&mut self, facts: TlsFacts) {
        let failures = self.login_failures;
        *self = Self::new(self.framing, self.rules, Some(facts));
        self.login_failures = failures;
    }

    /// The answer to [`Action::LookUp`].
    pub fn answer(&mut self, answer: Answer, environment: &dyn Environment, out: &mut dyn Sink) -> Action {
        let State::Login(login) = &mut self.state else { return self.misuse(environment, out) };
        let step = login.answer(answer);
        let result = self.step(step, out);
        self.settle(result, environment, out)
    }

    /// The answer to [`Action::Bind`]: RFC 6120 §7.6.1, §7.7.1.
    pub fn bound(
        &mut self,
        bind: &Bind,
        result: Result<&Jid, StanzaError>,
        environment: &dyn Environment,
        out: &mut dyn Sink,
    ) -> Action {
        match result {
            Ok(jid) => {
                let jid = Tree::new(ns::BIND, "jid").with_text(jid.as_str());
                let reply = bind.iq.result().with(&Tree::new(ns::BIND, "bind").with_child(jid));
                self.framing.stanza(&reply, out);
                self.state = State::Bound;
                Action::Continue
            }
            Err(error) => {
                self.reply(&bind.iq, &error, out);
                self.bind_failures += 1;
                if self.bind_failures >= self.rules.bind_failures_max {
                    // RFC 6120 §7.7.3.
                    return self.close(&StreamCondition::PolicyViolation.into(), environment, out);
                }
                Action::Continue
            }
        }
    }

    /// Ends the stream for a reason: our header if it was not sent yet (RFC 6120 §4.9.1.2), the error, the end.
    pub fn close(
        &mut self,
        error: &StreamError,
        environment: &dyn Environment,
        out: &mut dyn Sink,
    ) -> Action {
        if self.is_closed() {
            return Action::Close;
        }
        if !self.header_sent {
            self.write_header(&environment.default_host(), None, true, out);
        }
        self.framing.error(error, out);
        self.framing.close(out);
        self.state = State::Closed;
        Action::Close
    }

    /// Ends the stream without an error, in answer to the peer's end (RFC 6120 §4.4) or because we are done.
    pub fn end(&mut self, environment: &dyn Environment, out: &mut dyn Sink) -> Action {
        if self.is_closed() {
            return Action::Close;
        }
        if !self.header_sent {
            self.write_header(&environment.default_host(), None, true, out);
        }
        self.framing.close(out);
        self.state = State::Closed;
        Action::Close
    }

    fn settle(
        &mut self,
        result: Result<Action, StreamError>,
        environment: &dyn Environment,
        out: &mut dyn Sink,
    ) -> Action {
        result.unwrap_or_else(|error| self.close(&error, environment, out))
    }

    fn misuse(&mut self, environment: &dyn Environment, out: &mut dyn Sink) -> Action {
        debug_assert!(false, "the driver answered what was not asked");
        self.close(&StreamCondition::InternalServerError.into(), environment, out)
    }

    fn write_header(&mut self, from: &str, to: Option<&str>, version: bool, out: &mut dyn Sink) {
        self.header_sent = true;
        self.framing.open(ServerHeader { from, to, id: &random::token(), version }, out);
    }

    /// A stream begins, or begins anew.
    fn open(
        &mut self,
        opening: &Opening,
        environment: &dyn Environment,
        out: &mut dyn Sink,
    ) -> Result<Action, StreamError> {
        if !matches!(self.state, State::Header) {
            // Only TLS and SASL restart a stream (RFC 6120 §4.3.3, §7.3.2).
            return Err(StreamCondition::NotAuthorized.into());
        }
        let checked = opening.check();
        let offer = checked.as_ref().ok().and_then(|checked| environment.host(&checked.to));
        let from = match (&checked, &offer) {
            (Ok(checked), Some(_)) => checked.to.as_str().to_owned(),
            _ => environment.default_host(),
        };
        self.write_header(&from, opening.reply_to().as_deref(), opening.version.is_some(), out);
        let Checked { to, from } = checked?;
        let offer = offer.ok_or(StreamCondition::HostUnknown)?;
        let claimed = from.map(|from| from.to_bare());
        self.lang.clone_from(&opening.lang);
        match self.account.clone() {
            Some(account) => self.reopen(&account, &to, claimed.as_ref(), environment, out)?,
            None => {
                let login = Login::new(&to, &offer, self.tls.as_deref());
                self.offer_login(&to, &offer, &login, environment, out);
                self.state = State::Login(Box::new(login));
            }
        }
        self.claimed = claimed;
        self.host = Some(to);
        Ok(Action::Continue)
    }

    /// The stream after login.
    fn reopen(
        &mut self,
        account: &BareJid,
        to: &Domain,
        claimed: Option<&BareJid>,
        environment: &dyn Environment,
        out: &mut dyn Sink,
    ) -> Result<(), StreamError> {
        if to.as_str() != account.domain() {
            // Who logged in to one host is nobody at another.
            return Err(
                StreamError::new(StreamCondition::NotAuthorized).text("You are logged in to another host.")
            );
        }
        if claimed.is_some_and(|claimed| claimed != account) {
            // RFC 6120 §4.9.3.9.
            return Err(StreamCondition::InvalidFrom.into());
        }
        // RFC 6120 §7.4: binding is offered only now.
        let mut elements = features::bind();
        elements.extend(environment.features(to, Place::AfterLogin));
        self.framing.features(&elements, out);
        self.state = State::Unbound;
        Ok(())
    }

    fn offer_login(
        &self,
        to: &Domain,
        offer: &HostOffer,
        login: &Login,
        environment: &dyn Environment,
        out: &mut dyn Sink,
    ) {
        let mut elements = Vec::new();
        if !self.secure && offer.tls {
            // RFC 6120 §5.3.1, RFC 7590 §3.1: mandatory unless the operator says otherwise.
            elements.push(features::starttls(!offer.allow_plaintext));
        }
        if !self.secure {
            elements.extend(environment.features(to, Place::BeforeTls));
        }
        if self.secure || offer.allow_plaintext {
            // XEP-0170 §2.3: registration comes before login.
            elements.extend(environment.features(to, Place::BeforeLogin));
            elements.extend(features::sasl(&login.terms));
        }
        self.framing.features(&elements, out);
    }

    fn element(
        &mut self,
        element: Element,
        environment: &dyn Environment,
        out: &mut dyn Sink,
    ) -> Result<Action, StreamError> {
        if matches!(self.state, State::Header) {
            // After success the client must begin a new stream (RFC 6120 §6.4.6). In RFC 6120 framing the scanner
            // sees to it.
            return Err(StreamCondition::NotAuthorized.into());
        }
        match (element.namespace.as_str(), element.name.as_str()) {
            (CONTENT, "message" | "presence" | "iq") => self.stanza(element, environment, out),
            (CONTENT, _) => Err(StreamCondition::UnsupportedStanzaType.into()),
            // RFC 6120 §4.8.3: another content namespace.
            (ns::SERVER, _) => Err(StreamCondition::InvalidNamespace.into()),
            (ns::STREAMS, "error") => Ok(self.end(environment, out)),
            (ns::TLS, "starttls") => Ok(self.starttls(&element, environment, out)),
            (ns::SASL, _) => self.sasl(&element, out),
            (namespace, name) => {
                let host = self.host.as_ref();
                let place = self.place();
                if host.is_some_and(|host| environment.takes_nonza(host, place, namespace, name)) {
                    return Ok(Action::Nonza(Box::new(element)));
                }
                // RFC 6120 §4.8.4.
                Err(StreamCondition::UnsupportedStanzaType.into())
            }
        }
    }

    fn starttls(&mut self, element: &Element, environment: &dyn Environment, out: &mut dyn Sink) -> Action {
        let host = self.host.clone();
        let offered = !self.secure && self.account.is_none();
        let possible = |host: &Domain| environment.host(host).is_some_and(|offer| offer.tls);
        match host {
            Some(host) if offered && element.children.is_empty() && possible(&host) => {
                self.framing.nonza(format!("<proceed xmlns='{}'/>", ns::TLS).as_bytes(), out);
                Action::StartTls(host)
            }
            _ => {
                // RFC 6120 §5.4.2.2: not offered, or malformed.
                self.framing.nonza(format!("<failure xmlns='{}'/>", ns::TLS).as_bytes(), out);
                self.end(environment, out)
            }
        }
    }

    fn sasl(&mut self, element: &Element, out: &mut dyn Sink) -> Result<Action, StreamError> {
        // Offered only before login (RFC 6120 §6.4.6).
        let State::Login(login) = &mut self.state else { return Err(StreamCondition::NotAuthorized.into()) };
        let step = login.element(element).ok_or(StreamCondition::UnsupportedStanzaType)?;
        self.step(step, out)
    }

    fn step(&mut self, step: Step, out: &mut dyn Sink) -> Result<Action, StreamError> {
        match step {
            Step::Challenge(data) => {
                self.framing.nonza(&login::challenge(&data), out);
                Ok(Action::Continue)
            }
            Step::LookUp(look_up) => Ok(Action::LookUp(look_up)),
            Step::Success(success) => self.logged_in(success, out),
            Step::Failure(failure) => {
                self.framing.nonza(&login::failure(failure), out);
                self.login_failures += 1;
                if self.login_failures >= self.rules.login_failures_max {
                    // RFC 6120 §6.4.5.
                    return Err(
                        StreamError::new(StreamCondition::PolicyViolation).text("Too many failed logins.")
                    );
                }
                Ok(Action::LoginFailed)
            }
        }
    }

    fn logged_in(&mut self, success: Success, out: &mut dyn Sink) -> Result<Action, StreamError> {
        // RFC 6120 §6.4.6: who the client said it was, inside TLS, must be who it is.
        let other = self.claimed.as_ref().is_some_and(|claimed| *claimed != success.account);
        if self.secure && other && success.mechanism != Mechanism::Anonymous {
            return Err(StreamCondition::InvalidFrom.into());
        }
        self.framing.nonza(&login::success(&success), out);
        self.account = Some(success.account.clone());
        self.state = State::Header;
        self.header_sent = false;
        self.tls = None;
        Ok(Action::LoggedIn(success))
    }

    fn stanza(
        &mut self,
        element: Element,
        environment: &dyn Environment,
        out: &mut dyn Sink,
    ) -> Result<Action, StreamError> {
        let stanza = match Stanza::from_element(element, self.lang.as_ref()) {
            Some(Ok(stanza)) => stanza,
            // RFC 6120 §4.9.3.12: before login nothing is processed, not even to find it wrong.
            Some(Err(_)) if self.account.is_none() => return Err(StreamCondition::NotAuthorized.into()),
            Some(Err(shape)) => {
                let reply = shape.reply_to.as_ref().and_then(|stanza| stanza.error_reply(&shape.error));
                return self.count_refused(reply, out);
            }
            None => return Err(StreamCondition::UnsupportedStanzaType.into()),
        };
        match (&self.state, &self.account) {
            (State::Bound, _) if is_bind(&stanza) => {
                // One resource per stream (RFC 6120 §7.1).
                let reply = stanza.error_reply(&Condition::NotAllowed.into());
                Ok(Action::Answered(reply.map(Box::new)))
            }
            (State::Bound, _) if is_session(&stanza) => {
                // RFC 3921 §3: binding has done it all.
                Ok(Action::Answered(Some(Box::new(stanza.result()))))
            }
            (State::Bound, _) => {
                self.accepted += 1;
                if self.accepted >= FORGIVEN_AFTER {
                    self.accepted = 0;
                    self.refused = 0;
                }
                Ok(Action::Stanza(Box::new(stanza)))
            }
            (State::Unbound, Some(account)) if is_bind(&stanza) => {
                let account = account.clone();
                Ok(self.bind(account, stanza, out))
            }
            _ => {
                let place = self.place();
                let plain_login =
                    matches!(&self.state, State::Login(login) if !login.terms.mechanisms.is_empty());
                // Where login is possible without TLS, what belongs before login is possible, too.
                let place = if place == Place::BeforeTls && plain_login { Place::BeforeLogin } else { place };
                let taken = self.host.as_ref().is_some_and(|host| environment.takes_iq(host, place, &stanza));
                if taken && place != Place::BeforeTls {
                    return Ok(Action::Stanza(Box::new(stanza)));
                }
                // RFC 6120 §4.9.3.12, §7.1.
                Err(StreamCondition::NotAuthorized.into())
            }
        }
    }

    /// RFC 6120 §7.6 and §7.7.
    fn bind(&mut self, account: BareJid, iq: Stanza, out: &mut dyn Sink) -> Action {
        let payload = iq.payload().map(waxwing_xml::Child::tree);
        let resource =
            payload.as_ref().and_then(|payload| payload.child(ns::BIND, "resource")).map(Tree::text);
        if iq.kind != Kind::Iq(IqType::Set) {
            self.reply(&iq, &Condition::BadRequest.into(), out);
            return Action::Continue;
        }
        // §7.7.2.1: of zero length is not a resource; then we choose one, as we should.
        let resource = resource.filter(|resource| !resource.is_empty());
        Action::Bind(Bind { account, resource, iq: Box::new(iq) })
    }

    /// What the scanner refused: after login its sender gets a stanza error and the stream lives.
    fn refused(&mut self, refused: waxwing_xml::Refused, out: &mut dyn Sink) -> Result<Action, StreamError> {
        if !self.is_bound() {
            return Err(StreamCondition::PolicyViolation.into());
        }
        let shape = Stanza::from_refused(refused, self.lang.as_ref());
        let is_stanza = shape.is_some();
        let reply = shape.and_then(|shape| shape.reply_to?.error_reply(&shape.error));
        let action = self.count_refused(reply, out)?;
        // Only stanzas count for the client (XEP-0198 §4).
        Ok(if is_stanza { action } else { Action::Continue })
    }

    fn count_refused(&mut self, reply: Option<Stanza>, out: &mut dyn Sink) -> Result<Action, StreamError> {
        self.refused += 1;
        self.accepted = 0;
        let last = self.refused >= self.rules.refused_max;
        if last || !self.is_bound() {
            reply.iter().for_each(|reply| self.framing.stanza(reply, out));
        }
        if last {
            return Err(StreamError::new(StreamCondition::PolicyViolation).text("Too many refused stanzas."));
        }
        Ok(if self.is_bound() { Action::Answered(reply.map(Box::new)) } else { Action::Continue })
    }

    fn reply(&self, stanza: &Stanza, error: &StanzaError, out: &mut dyn Sink) {
        if let Some(reply) = stanza.error_reply(error) {
            self.framing.stanza(&reply, out);
        }
    }
}

fn is_bind(stanza: &Stanza) -> bool {
    stanza.is_request() && stanza.payload().is_some_and(|payload| payload.is(ns::BIND, "bind"))
}

fn is_session(stanza: &Stanza) -> bool {
    let payload = stanza.payload().is_some_and(|payload| payload.is(ns::SESSION, "session"));
    payload
        && stanza.kind == Kind::Iq(IqType::Set)
        && stanza.to.as_ref().is_none_or(|to| to.local().is_none())
}

/// So many good stanzas make up for the refused ones.
const FORGIVEN_AFTER: u32 = 100;
