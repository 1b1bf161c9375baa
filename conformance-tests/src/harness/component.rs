//! External components (XEP-0114) that the subject lets in.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;

use super::client::barrier;
use super::conn::Conn;
use super::dom::Element;

/// What every component proves to know.
pub(crate) const SECRET: &str = "the secret of components";

/// A component without any right beyond XEP-0114.
pub(crate) const GATEWAY: &str = "gateway.localhost";
/// A privileged entity of `localhost`: roster both, message outgoing, presence roster, iq `urn:example:asked` set.
pub(crate) const PRIVILEGED: &str = "privileged.localhost";
/// A privileged entity of `localhost`: roster get, presence managed_entity.
pub(crate) const READER: &str = "reader.localhost";
/// At `second.localhost` it manages `urn:example:delegated`, `urn:example:filtered` with the attribute "node", and disco
/// of bare JIDs; it may make requests with `urn:example:delegated` in the name of accounts.
pub(crate) const MANAGER: &str = "manager.second.localhost";

/// A component that has done its handshake. Tests that use the same one wait for each other.
pub(crate) struct Component {
    conn: Conn,
    name: &'static str,
    _alone: MutexGuard<'static, ()>,
}

impl Deref for Component {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Waits until no other test uses the component.
pub(crate) fn alone(name: &str) -> MutexGuard<'static, ()> {
    static LOCKS: Mutex<BTreeMap<String, &'static Mutex<()>>> = Mutex::new(BTreeMap::new());
    let mut locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    let lock = *locks.entry(name.to_owned()).or_insert_with(|| Box::leak(Box::default()));
    drop(locks);
    // A test that failed has left nothing behind but a connection that is closed by now.
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens a component's stream; the subject's header is returned.
#[track_caller]
pub(crate) fn open(conn: &Conn, name: &str) -> Element {
    conn.named(name);
    conn.send(&format!(
        "<?xml version='1.0'?><stream:stream to='{name}' xmlns='jabber:component:accept' \
         xmlns:stream='http://etherx.jabber.org/streams'>"
    ));
    match conn.item() {
        super::conn::Item::Header(header) => header,
        other => conn.fail(&format!("expected a stream header, got {other:?}")),
    }
}

/// XEP-0114 §3: the proof for a stream with this id.
pub(crate) fn proof(id: &str, secret: &str) -> String {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{id}{secret}").as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Opens a stream and shows a secret; the answer has not been read.
#[track_caller]
pub(crate) fn show(conn: &Conn, name: &str, secret: &str) {
    let header = open(conn, name);
    conn.send(&format!("<handshake>{}</handshake>", proof(header.need("id"), secret)));
}

impl Component {
    /// Connects, and waits until the one before is gone: a server needs a moment to see that.
    #[track_caller]
    pub(crate) fn connect(name: &'static str) -> Self {
        let alone = alone(name);
        for _ in 0..100 {
            let conn = Conn::component();
            show(&conn, name, SECRET);
            match conn.item() {
                super::conn::Item::Stanza(answer) if answer.name == "handshake" => {
                    return Self { conn, name, _alone: alone };
                }
                _ => std::thread::sleep(std::time::Duration::from_millis(50)),
            }
        }
        panic!("{name} is not let in");
    }

    /// After everything sent has had its effect, no unclaimed stanza matches the pattern.
    #[track_caller]
    pub(crate) fn expect_no(&self, pattern: &str) {
        barrier();
        self.sync();
        let wanted = Element::parse(pattern);
        if let Some(found) = self.unclaimed(|e| e.matches(&wanted)) {
            self.fail(&format!("expected nothing like {pattern}, got {found}"));
        }
    }

    /// Sends a request with an id of its own, from the component, and waits for the answer.
    #[track_caller]
    pub(crate) fn ask(&self, iq: &str) -> Element {
        let rest = iq.strip_prefix("<iq ").expect("a request starts with <iq and an attribute");
        self.request(&format!("<iq from='{self}' {rest}"))
    }

    /// Whatever was sent before has been handled.
    #[track_caller]
    pub(crate) fn sync(&self) {
        self.ask("<iq type='get' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
    }
}
