//! What a callback sees and what it may decide.

use std::fmt;
use std::future::Future;
use std::ops::BitOr;
use std::pin::Pin;
use std::sync::Arc;

use waxwing_xmpp::{Domain, IqType, Kind, MessageType, PresenceType, Stanza, StanzaError};

use crate::{AccountRef, Custody, HostRef, Plan, SessionRef};

/// A stanza on its way past the hooks of one side.
#[derive(Debug)]
pub struct Event {
    /// The stanza; cloning and changing it is cheap (copy on write).
    pub stanza: Stanza,
    /// The host whose modules are called.
    pub host: HostRef,
    /// Where it came from.
    pub origin: Origin,
    /// The local account on this side: the sender's at `Sent`, the recipient's at `Received`. None for an
    /// address of a host itself.
    pub account: Option<AccountRef>,
    /// What the core will do with it; set from `Step::Record` on.
    pub plan: Plan,
    /// The account's sessions at this moment; set from `Step::Record` on.
    pub sessions: Arc<Vec<SessionRef>>,
    /// What `Record` callbacks want to be kept of it.
    pub keep: Keep,
    /// Its position in the account's log, set by `Record`, read by `Copy` and `Notify`: then it is kept, whoever takes
    /// it.
    pub logged: Option<u64>,
    /// Who answers for it.
    pub custody: Custody,
}

impl Event {
    /// A stanza that begins its way past the hooks of a host.
    pub(crate) fn new(
        host: HostRef,
        origin: Origin,
        account: Option<AccountRef>,
        custody: Custody,
        stanza: Stanza,
    ) -> Self {
        Self {
            stanza,
            host,
            origin,
            account,
            plan: Plan::default(),
            sessions: Arc::default(),
            keep: Keep::default(),
            logged: None,
            custody,
        }
    }
}

/// What is kept of a message in the log of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// The archive shows it.
    pub archived: bool,
    /// The account is owed it until one of its clients has acknowledged it.
    pub owed: bool,
}

/// Where a stanza came from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// One of our clients.
    Client(SessionRef),
    /// Another server, which proved this domain.
    Remote(Domain),
    /// A component (XEP-0114).
    Component(Domain),
    /// Somebody who may speak for one of our accounts, in its name.
    Account {
        /// In whose name.
        account: AccountRef,
        /// The external service that does.
        by: Domain,
    },
    /// This server itself or one of its service hosts.
    Server,
}

impl Origin {
    /// The session of a local client.
    pub fn session(&self) -> Option<&SessionRef> {
        match self {
            Self::Client(session) => Some(session),
            _ => None,
        }
    }

    /// The local account in whose name it comes.
    pub fn account(&self) -> Option<&AccountRef> {
        match self {
            Self::Client(session) => Some(session.account()),
            Self::Account { account, .. } => Some(account),
            _ => None,
        }
    }
}

/// What a callback decides. `Err` bounces the stanza; the router builds the reply and never bounces an error
/// (RFC 6120 §8.3.1).
pub type HookResult = Result<Flow, StanzaError>;

/// What happens to the stanza next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The next callback, then the core's own handling.
    Continue,
    /// The callback dealt with it: nothing more happens.
    Handled,
    /// Silently gone; counted and traced.
    Drop(DropReason),
}

/// Why a stanza was dropped in silence: a label for the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DropReason(pub &'static str);

/// A callback's answer: at once (no allocation), or after waiting.
#[must_use]
pub enum Hooked<'a> {
    /// Decided.
    Now(HookResult),
    /// Decided after waiting.
    Wait(Pin<Box<dyn Future<Output = HookResult> + Send + 'a>>),
}

impl<'a> Hooked<'a> {
    /// Not mine: go on.
    pub fn pass() -> Self {
        Self::Now(Ok(Flow::Continue))
    }

    /// Bounce it.
    pub fn refuse(error: impl Into<StanzaError>) -> Self {
        Self::Now(Err(error.into()))
    }

    /// Decide after waiting.
    pub fn wait(future: impl Future<Output = HookResult> + Send + 'a) -> Self {
        Self::Wait(Box::pin(future))
    }
}

/// A set of stanza kinds with their types: a bit mask that is tested before a callback is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kinds(u32);

impl Kinds {
    /// Every stanza.
    pub const ALL: Self = Self(u32::MAX);
    /// Messages of type normal.
    pub const NORMAL: Self = Self(1);
    /// Messages of type chat.
    pub const CHAT: Self = Self(1 << 1);
    /// Messages of type groupchat.
    pub const GROUPCHAT: Self = Self(1 << 2);
    /// Messages of type headline.
    pub const HEADLINE: Self = Self(1 << 3);
    /// Messages of type error.
    pub const MESSAGE_ERROR: Self = Self(1 << 4);
    /// Messages of every type.
    pub const MESSAGE: Self = Self(0b1_1111);
    /// Presence without type, and unavailable.
    pub const AVAILABILITY: Self = Self(0b11 << 5);
    /// Presence of type subscribe, subscribed, unsubscribe, unsubscribed.
    pub const SUBSCRIPTION: Self = Self(0b1111 << 7);
    /// Presence of type probe.
    pub const PROBE: Self = Self(1 << 11);
    /// Presence of type error.
    pub const PRESENCE_ERROR: Self = Self(1 << 12);
    /// Presence of every type.
    pub const PRESENCE: Self = Self(0xFF << 5);
    /// IQ of type get or set.
    pub const IQ_REQUEST: Self = Self(0b11 << 13);
    /// IQ of every type.
    pub const IQ: Self = Self(0b1111 << 13);

    /// The bit of one stanza.
    pub fn of(kind: Kind) -> Self {
        Self(match kind {
            Kind::Message(MessageType::Normal) => 1,
            Kind::Message(MessageType::Chat) => 1 << 1,
            Kind::Message(MessageType::Groupchat) => 1 << 2,
            Kind::Message(MessageType::Headline) => 1 << 3,
            Kind::Message(MessageType::Error) => 1 << 4,
            Kind::Presence(PresenceType::Available) => 1 << 5,
            Kind::Presence(PresenceType::Unavailable) => 1 << 6,
            Kind::Presence(PresenceType::Subscribe) => 1 << 7,
            Kind::Presence(PresenceType::Subscribed) => 1 << 8,
            Kind::Presence(PresenceType::Unsubscribe) => 1 << 9,
            Kind::Presence(PresenceType::Unsubscribed) => 1 << 10,
            Kind::Presence(PresenceType::Probe) => 1 << 11,
            Kind::Presence(PresenceType::Error) => 1 << 12,
            Kind::Iq(IqType::Get) => 1 << 13,
            Kind::Iq(IqType::Set) => 1 << 14,
            Kind::Iq(IqType::Result) => 1 << 15,
            Kind::Iq(IqType::Error) => 1 << 16,
        })
    }

    /// Both together, where an operator cannot stand: in constants.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether both have a kind in common.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Kinds {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("all");
        }
        let names = [
            (Self::MESSAGE, "message"),
            (Self::PRESENCE, "presence"),
            (Self::IQ, "iq"),
            (Self::NORMAL, "normal"),
            (Self::CHAT, "chat"),
            (Self::GROUPCHAT, "groupchat"),
            (Self::HEADLINE, "headline"),
            (Self::MESSAGE_ERROR, "message error"),
            (Self::AVAILABILITY, "availability"),
            (Self::SUBSCRIPTION, "subscription"),
            (Self::PROBE, "probe"),
            (Self::PRESENCE_ERROR, "presence error"),
            (Self::IQ_REQUEST, "iq request"),
        ];
        let mut left = self.0;
        let mut first = true;
        for (kinds, name) in names {
            if left & kinds.0 == kinds.0 {
                left &= !kinds.0;
                write!(f, "{}{name}", if first { "" } else { ", " })?;
                first = false;
            }
        }
        Ok(())
    }
}
