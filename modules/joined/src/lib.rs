//! Knows in which rooms its users are, and tells a client when it is not in one any more.
//!
//! Specs: [XEP-0410](https://xmpp.org/extensions/xep-0410.html), by the server in the client's name, for rooms
//! ([XEP-0045](https://xmpp.org/extensions/xep-0045.html)) anywhere. A room forgets an occupant when a link breaks, when
//! its server restarts, when an error came back; the client hears nothing, and its user waits in a room that has gone
//! quiet. So after a cut, and after a long silence, the room is asked whether the client is still in it.
//!
//! Presence is only looked at, never changed or held back. A client is told that it is out (unavailable presence with
//! 110 and 333) on an answer that XEP-0410 §3.2 reads as such, and on nothing else: no answer, or one that tells of an
//! unreachable server, only means to ask again later. Nobody is brought back into a room: that is up to the client.

mod place;
mod verdict;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use waxwing_core::config::Duration;
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;

use place::Rooms;

/// `[host.<name>.modules.joined]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Time that a room has to answer; then it is asked again later.
    pub answer_time_max: Duration,
    /// Questions under way at the same time, of all users of the host together.
    pub questions_max: usize,
    /// Rooms of one session that are watched; its client has to look after more itself.
    pub rooms_max: usize,
    /// Silence after which a room is asked whether a client is still in it.
    pub silence_time_max: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            silence_time_max: Duration::seconds(900),
            answer_time_max: Duration::seconds(30),
            rooms_max: 1000,
            questions_max: 50,
        }
    }
}

/// The rooms of the users of one host.
pub struct Joined {
    config: Config,
    host: HostRef,
    rooms: SessionSlot<Rooms>,
    /// Sessions that have been in a room, at least.
    used: AtomicUsize,
    wake: Notify,
    asked: Counter,
    lost: Counter,
}

impl fmt::Debug for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Joined({})", self.host.domain())
    }
}

impl Module for Joined {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("joined", "Tells clients when they are no longer in a room")
        .specs(&[Spec::xep(410, "1.1.0").partial("the client's part, done by the server")]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            config,
            host: Arc::clone(reg.host()?),
            rooms: reg.saved_session_slot("joined.rooms", Rooms::save, Rooms::load),
            used: AtomicUsize::new(0),
            wake: Notify::new(),
            asked: reg.counter("asked", "Rooms asked whether a client is still in them."),
            lost: reg.counter("lost", "Clients told that they are no longer in a room."),
        });
        reg.gate(Side::Sent, Gate::Rewrite, Kinds::AVAILABILITY, &this, Self::sent);
        let kinds = Kinds::AVAILABILITY | Kinds::PRESENCE_ERROR | Kinds::GROUPCHAT;
        reg.gate(Side::Received, Gate::Rewrite, kinds, &this, Self::received);
        reg.notice(NoticeKind::SessionRestored, &this, Self::restored);
        reg.notice(NoticeKind::RemoteCut, &this, Self::cut);
        reg.run("rooms", &this, Self::watch);
        Ok(this)
    }
}

impl Joined {
    /// A client enters or leaves, or changes its name there (XEP-0045 §7.1, §7.6, §7.14).
    fn sent<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let (Some(session), Some(to)) = (event.origin.session(), &event.stanza.to) else {
            return Hooked::pass();
        };
        let Some(nick) = to.resource() else { return Hooked::pass() };
        if event.stanza.kind == Kind::Presence(PresenceType::Unavailable) {
            if let Some(rooms) = self.rooms.peek(session)
                && rooms.leave(&to.to_bare())
            {
                session.touch();
            }
        } else if event.stanza.children.find(NS_MUC, "x").is_some() {
            self.used.fetch_add(1, Ordering::Relaxed);
            let until = self.silent_from_now();
            if self.rooms.get(session).enter(&to.to_bare(), nick, until, self.config.rooms_max) {
                session.touch();
            }
        }
        Hooked::pass()
    }

    /// A room says something to one of its occupants.
    fn received<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let (Some(account), Some(from), Some(to)) = (&event.account, &event.stanza.from, &event.stanza.to)
        else {
            return Hooked::pass();
        };
        let Some(session) = to.resource().and_then(|resource| account.session(resource)) else {
            return Hooked::pass();
        };
        if let Some(rooms) = self.rooms.peek(&session)
            && rooms.hear(&event.stanza, from, self.silent_from_now())
        {
            session.touch();
        }
        Hooked::pass()
    }

    /// After a restart of ours its rooms may have thrown it out.
    async fn restored(self: Arc<Self>, _: Notice) {
        self.used.fetch_add(1, Ordering::Relaxed);
        self.wake.notify_one();
    }
}

/// XEP-0045 §15.2.
const NS_MUC: &str = "http://jabber.org/protocol/muc";
const NS_USER: &str = "http://jabber.org/protocol/muc#user";

#[cfg(test)]
mod tests;
