//! Bytes in, bytes out.

mod bind;
mod documents;
mod errors;
mod fuzz;
mod header;
mod login;
mod starttls;

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::Arc;

use waxwing_xml::{Limits, Scanner};
use waxwing_xmpp::{BareJid, Domain, Jid, Stanza, StanzaError};

use super::*;
use crate::Secret;
use crate::sasl::{
    Answer, BindingType, ChannelBinding, Decoy, Found, LookUp, Mechanism, ScramHash, ScramKeys, Want,
    encode_base64,
};
use crate::tls::TlsFacts;

/// Two hosts; juliet has the password "pencil" at both, nobody else exists but "disabled".
pub(super) struct World {
    pub(super) mechanisms: Vec<Mechanism>,
    pub(super) allow_plaintext: bool,
    pub(super) tls: bool,
}

impl Default for World {
    fn default() -> Self {
        let usual = |mechanism: &Mechanism| !matches!(mechanism, Mechanism::Anonymous);
        Self {
            mechanisms: Mechanism::ALL.into_iter().filter(usual).collect(),
            allow_plaintext: false,
            tls: true,
        }
    }
}

impl Environment for World {
    fn host(&self, domain: &Domain) -> Option<HostOffer> {
        ["example.org", "example.net"].contains(&domain.as_str()).then(|| HostOffer {
            mechanisms: self.mechanisms.clone(),
            tls: self.tls,
            allow_plaintext: self.allow_plaintext,
            downgrade_protection: true,
            decoy: Arc::new(Decoy::new(Secret::new(b"decoy".as_slice()), ScramHash::ITERATIONS)),
        })
    }
    fn default_host(&self) -> String {
        "example.org".to_owned()
    }
    fn features(&self, _: &Domain, place: Place) -> Vec<Vec<u8>> {
        match place {
            Place::BeforeLogin => {
                vec![b"<register xmlns='http://jabber.org/features/iq-register'/>".to_vec()]
            }
            Place::AfterLogin => vec![b"<ver xmlns='urn:xmpp:features:rosterver'/>".to_vec()],
            _ => Vec::new(),
        }
    }
    fn takes_iq(&self, _: &Domain, place: Place, iq: &Stanza) -> bool {
        place == Place::BeforeLogin
            && iq.payload().is_some_and(|payload| payload.is("jabber:iq:register", "query"))
    }
    fn takes_nonza(&self, _: &Domain, place: Place, namespace: &str, name: &str) -> bool {
        place == Place::AfterLogin && (namespace, name) == ("urn:xmpp:sm:3", "enable")
    }
}

/// A stream and everything around it.
pub(super) struct Stream<S> {
    pub(super) world: World,
    pub(super) machine: Negotiation,
    scanner: Scanner,
    pub(super) out: S,
    /// What reached the server behind the stream.
    pub(super) seen: RefCell<Vec<String>>,
    /// What the server answers to a request to bind.
    pub(super) refuse_binding: Option<StanzaError>,
}

const LIMITS: Limits = Limits {
    element_bytes: 10_000,
    skip_bytes: 100_000,
    depth: 20,
    attributes: 30,
    name_bytes: 100,
    attribute_bytes: 2_000,
    children: 50,
    strict: true,
};

pub(super) fn facts() -> TlsFacts {
    TlsFacts {
        server_name: Some("example.org".to_owned()),
        is_tls13: true,
        bindings: vec![
            ChannelBinding { kind: BindingType::TlsExporter, data: b"exported".to_vec() },
            ChannelBinding { kind: BindingType::TlsServerEndPoint, data: b"hash".to_vec() },
        ],
        client_addresses: Vec::new(),
    }
}

/// A stream on TCP before TLS.
pub(super) fn tcp() -> Stream<Vec<u8>> {
    Stream::new(&Tcp, World::default(), None)
}

/// A stream inside TLS.
pub(super) fn tls() -> Stream<Vec<u8>> {
    Stream::new(&Tcp, World::default(), Some(facts()))
}

pub(super) const HEADER: &str = "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' \
    xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

pub(super) const SASL: &str = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";

impl<S: Sink + Default> Stream<S> {
    pub(super) fn new(framing: &'static dyn StreamFraming, world: World, tls: Option<TlsFacts>) -> Self {
        Self {
            world,
            machine: Negotiation::new(framing, Rules::default(), tls),
            scanner: Scanner::new(framing.scanner(), LIMITS),
            out: S::default(),
            seen: RefCell::default(),
            refuse_binding: None,
        }
    }

    /// Feeds bytes as a driver does, answers what is asked, stops at STARTTLS and at the end. True while it is open.
    pub(super) fn feed(&mut self, xml: &str) -> bool {
        let mut input = xml.as_bytes();
        while !self.machine.is_closed() {
            let action = match self.scanner.scan(&mut input) {
                Ok(Some(item)) => self.machine.item(item, &self.world, &mut self.out),
                Ok(None) => return true,
                Err(error) => self.machine.xml_error(&error, &self.world, &mut self.out),
            };
            if self.act(action) {
                // What was read before the handshake is thrown away.
                input = &[];
            }
        }
        false
    }

    /// True: STARTTLS.
    fn act(&mut self, mut action: Action) -> bool {
        loop {
            action = match action {
                Action::Continue | Action::LoginFailed | Action::Close => return false,
                Action::StartTls(host) => {
                    self.saw(format!("starttls {host}"));
                    self.scanner.restart();
                    self.machine.secured(facts());
                    return true;
                }
                Action::LookUp(look_up) => self.machine.answer(find(&look_up), &self.world, &mut self.out),
                Action::LoggedIn(success) => {
                    self.saw(format!("login {} {}", success.account, success.mechanism.name()));
                    self.scanner.restart();
                    self.scanner.set_limits(Limits { strict: false, ..LIMITS });
                    return false;
                }
                Action::Bind(bind) => self.bind(&bind),
                Action::Stanza(stanza) => {
                    self.saw(stanza.to_xml());
                    return false;
                }
                Action::Answered(reply) => {
                    if let Some(reply) = reply {
                        self.machine.framing().stanza(&reply, &mut self.out);
                    }
                    return false;
                }
                Action::Nonza(element) => {
                    self.saw(format!("<{}>", element.name.as_str()));
                    return false;
                }
            };
        }
    }

    fn bind(&mut self, bind: &Bind) -> Action {
        let jid: Jid = bind.account.with_resource(bind.resource.as_deref().unwrap_or("chosen")).unwrap();
        let result = match self.refuse_binding.clone() {
            Some(error) => Err(error),
            None => Ok(&jid),
        };
        self.machine.bound(bind, result, &self.world, &mut self.out)
    }

    fn saw(&self, what: String) {
        self.seen.borrow_mut().push(what);
    }
}

impl Stream<Vec<u8>> {
    /// What was written since the last call.
    pub(super) fn written(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.out)).unwrap()
    }

    /// Feeds and gives what was written.
    pub(super) fn say(&mut self, xml: &str) -> String {
        self.feed(xml);
        self.written()
    }

    /// Logs juliet in and opens the new stream.
    pub(super) fn log_in(&mut self) -> String {
        self.say(HEADER);
        let answer = self.say(&plain("\0juliet\0pencil"));
        assert!(answer.starts_with("<success "), "{answer}");
        self.say(HEADER)
    }

    /// Logs in and binds.
    pub(super) fn bind_resource(&mut self) {
        self.log_in();
        let answer = self.say(
            "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>balcony</resource></bind></iq>",
        );
        assert!(answer.contains("juliet@example.org/balcony"), "{answer}");
    }
}

/// `<auth/>` for PLAIN.
pub(super) fn plain(message: &str) -> String {
    format!("<auth {SASL} mechanism='PLAIN'>{}</auth>", encode_base64(message.as_bytes()))
}

fn find(look_up: &LookUp) -> Answer {
    let name = look_up.account.as_ref().and_then(BareJid::local).unwrap_or_default();
    if name == "broken" {
        return Answer::Unavailable;
    }
    if !["juliet", "disabled"].contains(&name) {
        return Answer::Nothing;
    }
    let enabled = name != "disabled";
    let keys = |hash| ScramKeys::derive(hash, NonZeroU32::new(4096).unwrap(), b"pencil");
    match &look_up.want {
        Want::Keys(hash) => Answer::Found(Found { keys: Some(keys(*hash)), enabled }),
        Want::Password(password) if keys(ScramHash::Sha1).verify(password.expose()) => {
            Answer::Found(Found { keys: None, enabled })
        }
        Want::Password(_) => Answer::Nothing,
        Want::Account => Answer::Found(Found { keys: None, enabled }),
    }
}

/// Asserts that the answer is this stream error and the end of the stream.
#[track_caller]
pub(super) fn assert_error(answer: &str, condition: &str) {
    let error = format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
    assert!(answer.contains(&error), "no {condition} in {answer}");
    assert!(answer.ends_with("</stream:error></stream:stream>"), "{answer}");
}
