//! A client's stream from its first byte, as the machine without I/O sees it: no panic, nobody behind the stream sees a
//! stanza before login, nothing is said after the end, and what is written is XML that we would read ourselves.
//!
//! The first byte says what kind of stream it is, and how large the pieces are in which the rest comes.

use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};

use waxwing_stream::Secret;
use waxwing_stream::negotiation::{Action, Bind, Environment, HostOffer, Negotiation, Place, Rules, Tcp};
use waxwing_stream::sasl::{
    Answer, BindingType, ChannelBinding, Decoy, Found, LookUp, Mechanism, ScramHash, ScramKeys, Want,
};
use waxwing_stream::tls::TlsFacts;
use waxwing_xml::{Framing, Item, Limits, Scanner};
use waxwing_xmpp::{BareJid, Domain, Stanza, StanzaError};

pub(crate) fn run(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let mut stream =
        Stream::new(World { allow_plaintext: choice & 2 != 0, refuses: choice & 4 != 0 }, choice & 1 != 0);
    let size = match usize::from(choice >> 3) {
        0 => bytes.len().max(1),
        eights => eights * 8 - 7,
    };
    for mut piece in bytes.chunks(size) {
        if !stream.feed(&mut piece) {
            break;
        }
    }
    stream.check();
}

/// One host; juliet has the password "pencil", nobody else exists but "disabled".
struct World {
    allow_plaintext: bool,
    /// No resource can be bound.
    refuses: bool,
}

impl Environment for World {
    fn host(&self, domain: &Domain) -> Option<HostOffer> {
        (domain.as_str() == "example.org").then(|| HostOffer {
            mechanisms: Mechanism::ALL.to_vec(),
            tls: true,
            allow_plaintext: self.allow_plaintext,
            downgrade_protection: true,
            decoy: decoy(),
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
        place == Place::BeforeLogin && is_registration(iq)
    }
    fn takes_nonza(&self, _: &Domain, place: Place, namespace: &str, name: &str) -> bool {
        place == Place::AfterLogin && (namespace, name) == ("urn:xmpp:sm:3", "enable")
    }
}

struct Stream {
    world: World,
    machine: Negotiation,
    scanner: Scanner,
    out: Vec<u8>,
    /// All that was written on streams that have ended or begun anew.
    written: Vec<Vec<u8>>,
    logged_in: bool,
}

impl Stream {
    fn new(world: World, tls: bool) -> Self {
        Self {
            world,
            machine: Negotiation::new(&Tcp, Rules::default(), tls.then(facts)),
            scanner: Scanner::new(Framing::Stream, Limits { strict: true, ..LIMITS }),
            out: Vec::new(),
            written: Vec::new(),
            logged_in: false,
        }
    }

    /// True while it is open.
    fn feed(&mut self, input: &mut &[u8]) -> bool {
        while !self.machine.is_closed() {
            let action = match self.scanner.scan(input) {
                Ok(Some(item)) => self.machine.item(item, &self.world, &mut self.out),
                Ok(None) => return true,
                Err(error) => self.machine.xml_error(&error, &self.world, &mut self.out),
            };
            self.act(action, input);
        }
        false
    }

    fn act(&mut self, mut action: Action, input: &mut &[u8]) {
        loop {
            action = match action {
                Action::StartTls(_) => {
                    // What was read before the handshake is thrown away.
                    *input = &[];
                    self.restart(true);
                    self.machine.secured(facts());
                    return;
                }
                Action::LookUp(look_up) => self.machine.answer(find(&look_up), &self.world, &mut self.out),
                Action::LoggedIn(success) => {
                    self.logged_in = true;
                    assert!(success.account.domain() == "example.org", "{success:?}");
                    self.restart(false);
                    return;
                }
                Action::Bind(bind) => self.bind(&bind),
                Action::Stanza(stanza) => {
                    assert!(self.logged_in || is_registration(&stanza), "before login: {}", stanza.to_xml());
                    return;
                }
                Action::Nonza(_) => return assert!(self.logged_in),
                Action::Answered(reply) => {
                    if let Some(reply) = reply {
                        self.machine.framing().stanza(&reply, &mut self.out);
                    }
                    return;
                }
                Action::Continue | Action::LoginFailed | Action::Close => return,
            };
        }
    }

    fn bind(&mut self, bind: &Bind) -> Action {
        assert!(self.logged_in);
        let jid = bind.account.with_resource(bind.resource.as_deref().unwrap_or("chosen"));
        let result = match (&jid, self.world.refuses) {
            (Ok(jid), false) => Ok(jid),
            _ => Err(StanzaError::bad_request("No.")),
        };
        self.machine.bound(bind, result, &self.world, &mut self.out)
    }

    fn restart(&mut self, strict: bool) {
        self.scanner.restart();
        self.scanner.set_limits(Limits { strict, ..LIMITS });
        self.written.push(std::mem::take(&mut self.out));
    }

    fn check(mut self) {
        if self.machine.is_closed() {
            assert!(self.out.ends_with(b"</stream:stream>"), "{}", String::from_utf8_lossy(&self.out));
            let said = self.out.len();
            self.machine.item(Item::RootEnd, &self.world, &mut self.out);
            assert_eq!(self.out.len(), said, "something was said after the end");
        }
        self.written.push(self.out);
        for written in self.written.iter().filter(|written| !written.is_empty()) {
            let mut scanner = Scanner::new(Framing::Stream, Limits::CLIENT);
            let mut rest = written.as_slice();
            while let Some(item) = scanner.scan(&mut rest).expect("we write XML") {
                assert!(!matches!(item, Item::Refused(_)), "{}", String::from_utf8_lossy(written));
            }
            assert!(scanner.is_idle(), "half an element: {}", String::from_utf8_lossy(written));
        }
    }
}

fn is_registration(iq: &Stanza) -> bool {
    iq.payload().is_some_and(|payload| payload.is("jabber:iq:register", "query"))
}

pub(crate) fn find(look_up: &LookUp) -> Answer {
    let name = look_up.account.as_ref().and_then(BareJid::local).unwrap_or_default();
    if name == "broken" {
        return Answer::Unavailable;
    }
    if !["juliet", "disabled"].contains(&name) {
        return Answer::Nothing;
    }
    let enabled = name != "disabled";
    match &look_up.want {
        Want::Keys(hash) => {
            let keys = KEYS.iter().find(|keys| keys.hash == *hash).cloned();
            Answer::Found(Found { keys, enabled })
        }
        Want::Password(password) if password.expose() == b"pencil" => {
            Answer::Found(Found { keys: None, enabled })
        }
        Want::Password(_) => Answer::Nothing,
        Want::Account => Answer::Found(Found { keys: None, enabled }),
    }
}

pub(crate) fn decoy() -> Arc<Decoy> {
    Arc::new(Decoy::new(Secret::new(b"decoy".as_slice()), ScramHash::ITERATIONS))
}

pub(crate) fn bindings() -> Vec<ChannelBinding> {
    vec![
        ChannelBinding { kind: BindingType::TlsExporter, data: b"exported".to_vec() },
        ChannelBinding { kind: BindingType::TlsServerEndPoint, data: b"hash".to_vec() },
    ]
}

fn facts() -> TlsFacts {
    TlsFacts {
        server_name: Some("example.org".to_owned()),
        is_tls13: true,
        bindings: bindings(),
        client_addresses: vec!["juliet@example.org".to_owned()],
    }
}

/// Made once, since that is slow on purpose.
static KEYS: LazyLock<Vec<ScramKeys>> = LazyLock::new(|| {
    let iterations = NonZeroU32::new(4096).expect("not zero");
    let hashes = [ScramHash::Sha1, ScramHash::Sha256, ScramHash::Sha512];
    hashes.into_iter().map(|hash| ScramKeys::derive(hash, iterations, b"pencil")).collect()
});

const LIMITS: Limits = Limits {
    element_bytes: 1_000,
    skip_bytes: 2_000,
    depth: 20,
    attributes: 30,
    name_bytes: 100,
    attribute_bytes: 500,
    children: 50,
    strict: false,
};
