//! A user who is logged in, and what the tests do with users.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::conn::Conn;
use super::dom::Element;

/// A session of an account. In a format string `{alice}` is the full JID and `{alice:#}` the bare one.
pub(crate) struct Client {
    conn: Rc<Conn>,
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) password: String,
    jid: String,
}

impl Deref for Client {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() { write!(f, "{}@{}", self.name, self.host) } else { f.write_str(&self.jid) }
    }
}

thread_local! {
    /// The sessions of the running test, which a barrier has to visit.
    static LIVE: RefCell<Vec<Weak<Conn>>> = const { RefCell::new(Vec::new()) };
    /// The rooms of the running test, for which a barrier waits too.
    static ROOMS: RefCell<Vec<Weak<str>>> = const { RefCell::new(Vec::new()) };
}

/// The address of a room, for which barriers wait as long as it is kept.
pub(super) type Place = Rc<str>;

/// Makes the barriers wait for a room: it answers a question after what it was sent before.
pub(super) fn attend(room: &str) -> Place {
    let place = Rc::from(room);
    ROOMS.with_borrow_mut(|all| all.push(Rc::downgrade(&place)));
    place
}

/// A name that no other test uses.
pub(crate) fn fresh(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A fresh account with one session: registered, logged in, resource bound; no roster asked for, no presence sent.
#[track_caller]
pub(crate) fn user() -> Client {
    user_at("localhost")
}

/// The same at another host of the subject.
#[track_caller]
pub(crate) fn user_at(host: &str) -> Client {
    let (name, password) = (fresh("user"), "pencil".to_owned());
    let conn = Conn::direct_tls_to(host);
    conn.open_to(host);
    conn.features();
    register(&conn, &name, &password).must("<iq type='result'/>");
    log_in(&conn, &name, &password);
    conn.open_to(host);
    conn.features();
    Client::bound(conn, name, host.to_owned(), password, "r1")
}

/// A fresh account whose only session has asked for its roster and is available with priority 0.
#[track_caller]
pub(crate) fn online() -> Client {
    online_at("localhost")
}

/// The same at another host of the subject.
#[track_caller]
pub(crate) fn online_at(host: &str) -> Client {
    let client = user_at(host);
    client.go_online();
    client
}

/// Registers an account on a stream that is not logged in (XEP-0077).
#[track_caller]
pub(crate) fn register(conn: &Conn, name: &str, password: &str) -> Element {
    conn.request(&format!(
        "<iq type='set'><query xmlns='jabber:iq:register'>\
         <username>{name}</username><password>{password}</password></query></iq>"
    ))
}

/// The message of the mechanism PLAIN (RFC 4616), in base64.
pub(crate) fn plain(authzid: &str, name: &str, password: &str) -> String {
    BASE64.encode(format!("{authzid}\0{name}\0{password}"))
}

/// Logs in with PLAIN; the stream has to be opened again after it.
#[track_caller]
pub(crate) fn log_in(conn: &Conn, name: &str, password: &str) {
    let message = plain("", name, password);
    conn.send(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>"));
    conn.expect_next("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
}

/// Makes both subscribe to each other's presence, and forgets what came meanwhile.
#[track_caller]
pub(crate) fn befriend(a: &Client, b: &Client) {
    subscribe(a, b);
    subscribe(b, a);
    settle();
}

/// Gives the first a subscription to the presence of the second, and forgets what came meanwhile.
#[track_caller]
pub(crate) fn subscribe(user: &Client, contact: &Client) {
    user.send(&format!("<presence to='{contact:#}' type='subscribe'/>"));
    barrier();
    contact.send(&format!("<presence to='{user:#}' type='subscribed'/>"));
    settle();
}

/// Makes a connection one that a barrier visits.
fn enlist(conn: Conn) -> Rc<Conn> {
    let conn = Rc::new(conn);
    LIVE.with_borrow_mut(|all| all.push(Rc::downgrade(&conn)));
    conn
}

/// Waits until everything that the test's sessions have sent has had its effect on all of them: each pings the
/// server in turn, twice, which shows that what went before has been handled since order is kept. A server may keep
/// roster pushes back until the change is on disk; so an unrelated roster is changed then, and its push awaited,
/// before each session pings once more. A session that has ended is left out. The rooms of the test are asked too.
#[track_caller]
pub(crate) fn barrier() {
    let live: Vec<Rc<Conn>> = LIVE.with_borrow(|all| all.iter().filter_map(Weak::upgrade).collect());
    let rooms: Vec<Place> = ROOMS.with_borrow(|all| all.iter().filter_map(Weak::upgrade).collect());
    let ping_all = || {
        for conn in live.iter().filter(|c| !c.is_closed()) {
            conn.ping();
            rooms.iter().for_each(|room| conn.ask(room));
        }
    };
    ping_all();
    ping_all();
    change_unrelated_roster();
    ping_all();
}

/// Changes the roster of an account that all tests share for this, and waits for the push.
#[track_caller]
fn change_unrelated_roster() {
    static BYSTANDER: Mutex<Option<Conn>> = Mutex::new(None);
    let mut bystander = BYSTANDER.lock().unwrap_or_else(PoisonError::into_inner);
    let conn = bystander.get_or_insert_with(|| {
        let name = fresh("bystander");
        register(&Conn::secure(), &name, "pencil").must("<iq type='result'/>");
        let conn = Conn::secure();
        log_in(&conn, &name, "pencil");
        conn.open_features();
        conn.bind();
        conn.request("<iq type='get'><query xmlns='jabber:iq:roster'/></iq>").must("<iq type='result'/>");
        conn
    });
    let change = conn.id();
    conn.request(&format!(
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='x@example.com' name='{change}'/></query></iq>"
    ));
    conn.expect(&format!(
        "<iq type='set'><query xmlns='jabber:iq:roster'><item name='{change}'/></query></iq>"
    ));
    conn.forget();
}

/// A barrier, after which all unclaimed stanzas of all sessions are forgotten.
#[track_caller]
pub(crate) fn settle() {
    barrier();
    forget();
}

/// Forgets all unclaimed stanzas of all sessions.
pub(super) fn forget() {
    LIVE.with_borrow(|all| all.iter().filter_map(Weak::upgrade).for_each(|c| c.clear()));
}

impl Client {
    /// Makes a client of a stream that is ready to bind.
    #[track_caller]
    pub(crate) fn bound(conn: Conn, name: String, host: String, password: String, resource: &str) -> Self {
        conn.named(&format!("{name}/{resource}"));
        let jid = conn.bind_as(resource);
        Self { conn: enlist(conn), name, host, password, jid }
    }

    /// The same session on another stream, on which it was resumed.
    pub(super) fn continued(&self, conn: Conn) -> Self {
        conn.named(&format!("{self} resumed"));
        let (name, host, password) = (self.name.clone(), self.host.clone(), self.password.clone());
        Self { conn: enlist(conn), name, host, password, jid: self.jid.clone() }
    }

    /// Another session of the same account, like `user()`.
    #[track_caller]
    pub(crate) fn session(&self, resource: &str) -> Self {
        let conn = self.authenticated();
        Self::bound(conn, self.name.clone(), self.host.clone(), self.password.clone(), resource)
    }

    /// Another stream of the same account that has not bound a resource.
    #[track_caller]
    pub(crate) fn authenticated(&self) -> Conn {
        let conn = Conn::direct_tls_to(&self.host);
        conn.open_to(&self.host);
        conn.features();
        self.log_in_on(&conn);
        conn
    }

    /// The same on the port for STARTTLS.
    #[track_caller]
    pub(crate) fn authenticated_by_starttls(&self) -> Conn {
        let conn = Conn::plain();
        conn.starttls();
        self.log_in_on(&conn);
        conn
    }

    /// Logs in on a stream of which the features came, and returns the features after it.
    #[track_caller]
    pub(crate) fn log_in_on(&self, conn: &Conn) -> Element {
        log_in(conn, &self.name, &self.password);
        conn.open_to(&self.host);
        conn.features()
    }

    /// Another session of the same account, available with that priority.
    #[track_caller]
    pub(crate) fn session_online(&self, resource: &str, priority: i32) -> Self {
        let client = self.session(resource);
        client.roster();
        client.send(&format!("<presence><priority>{priority}</priority></presence>"));
        settle();
        client
    }

    /// Asks for the roster and sends initial presence; forgets what comes of it, in all sessions of the test.
    #[track_caller]
    pub(crate) fn go_online(&self) {
        self.roster();
        self.send("<presence/>");
        settle();
    }

    /// Becomes available with that priority; forgets what comes of it, in all sessions of the test.
    #[track_caller]
    pub(crate) fn priority(&self, priority: i32) {
        self.send(&format!("<presence><priority>{priority}</priority></presence>"));
        settle();
    }

    /// Asks for the roster, which also makes this an interested resource (RFC 6121 §2.2).
    #[track_caller]
    pub(crate) fn roster(&self) -> Element {
        let reply = self.request("<iq type='get'><query xmlns='jabber:iq:roster'/></iq>");
        reply.must("<iq type='result'><query xmlns='jabber:iq:roster'/></iq>");
        reply
    }

    /// The roster's item for a contact.
    #[track_caller]
    pub(crate) fn roster_item(&self, contact: &str) -> Option<Element> {
        let roster = self.roster();
        let query = roster.need_child("query");
        query.children().find(|i| i.attr("jid") == Some(contact)).cloned()
    }

    /// The localpart and domain.
    pub(crate) fn bare(&self) -> String {
        format!("{self:#}")
    }

    /// After everything sent has had its effect, no unclaimed stanza is here.
    #[track_caller]
    pub(crate) fn expect_nothing(&self) {
        barrier();
        let inbox = self.inbox();
        if let Some(first) = inbox.first() {
            self.fail(&format!("expected nothing, got {first}"));
        }
    }

    /// After everything sent has had its effect, no unclaimed stanza matches the pattern.
    #[track_caller]
    pub(crate) fn expect_no(&self, pattern: &str) {
        barrier();
        let wanted = Element::parse(pattern);
        if let Some(found) = self.unclaimed(|e| e.matches(&wanted)) {
            self.fail(&format!("expected nothing like {pattern}, got {found}"));
        }
    }

    /// Ends the stream in good order.
    #[track_caller]
    pub(crate) fn log_out(&self) {
        self.send("</stream:stream>");
        self.expect_eof();
    }
}
