//! Who gets a stanza for a local account: [RFC 6121 §8.5](https://www.rfc-editor.org/rfc/rfc6121#section-8.5)
//! as one pure function.

use smallvec::SmallVec;
use waxwing_xmpp::{Condition, Kind, MessageType, PresenceType};

/// What the core decided to do with a stanza for a local account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What happens.
    pub outcome: Outcome,
    /// The sessions that get it: indexes into the account's list of sessions. Empty unless delivered.
    pub targets: SmallVec<[usize; 4]>,
}

/// What happens to a stanza for a local account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// Given to the target sessions.
    Deliver,
    /// No session may take it: kept by a `Store` callback, else bounced with `service-unavailable`.
    Undelivered,
    /// Bounced.
    Bounce(Condition),
    /// The server answers for the account (IQ to a bare JID).
    Answer,
    /// Silently ignored.
    #[default]
    Ignore,
}

/// What the rules need to know of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource<'a> {
    /// The resourcepart.
    pub name: &'a str,
    /// Priority of its presence; `None` while it is connected but not available.
    pub priority: Option<i8>,
}

/// How the stanza addresses the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address<'a> {
    /// `localpart@domainpart`.
    Bare,
    /// `localpart@domainpart/resourcepart`.
    Full(&'a str),
}

/// Decides by RFC 6121 §8.5. `exists`: whether there is such an account.
///
/// Where the RFC leaves a choice: messages to a bare JID go to all resources of non-negative priority ("A" in its
/// table 1), what cannot be delivered but should not be lost is `Undelivered`, and senders are told ("E")
/// rather than left in the dark ("S").
pub fn plan(kind: Kind, address: Address<'_>, exists: bool, resources: &[Resource<'_>]) -> Plan {
    if !exists {
        return no_such_user(kind, address);
    }
    match address {
        Address::Bare => to_bare(kind, resources),
        Address::Full(name) => match resources.iter().position(|resource| resource.name == name) {
            Some(index) => to_match(kind, index),
            None => to_no_match(kind, resources),
        },
    }
}

/// RFC 6121 §8.5.1.
fn no_such_user(kind: Kind, address: Address<'_>) -> Plan {
    match kind {
        Kind::Message(MessageType::Error) | Kind::Presence(_) => Plan::ignore(),
        // Table 1: a headline to the bare JID of no account is ignored.
        Kind::Message(MessageType::Headline) if address == Address::Bare => Plan::ignore(),
        Kind::Message(_) | Kind::Iq(_) => Plan::unavailable(),
    }
}

/// RFC 6121 §8.5.2.
fn to_bare(kind: Kind, resources: &[Resource<'_>]) -> Plan {
    match kind {
        Kind::Message(MessageType::Normal | MessageType::Chat) => most_available(resources),
        // §8.5.2.1.1: never delivered, always an error.
        Kind::Message(MessageType::Groupchat) => Plan::unavailable(),
        Kind::Message(MessageType::Headline) => Plan::deliver_or_ignore(non_negative(resources)),
        Kind::Message(MessageType::Error) => Plan::ignore(),
        // §8.5.2.1.2: to all available resources, whatever their priority.
        Kind::Presence(PresenceType::Available | PresenceType::Unavailable) => {
            Plan::deliver_or_ignore(available(resources))
        }
        // An error about presence that the server sent for the account concerns all who are available.
        Kind::Presence(PresenceType::Error) => Plan::deliver_or_ignore(available(resources)),
        // Section 3 and §4.3 decide; a presence module has taken these before.
        Kind::Presence(_) => Plan::ignore(),
        Kind::Iq(_) => Plan { outcome: Outcome::Answer, targets: SmallVec::new() },
    }
}

/// RFC 6121 §8.5.3.1. Whether an IQ request may pass (shared presence) is the router's question.
fn to_match(kind: Kind, index: usize) -> Plan {
    match kind {
        Kind::Presence(PresenceType::Available | PresenceType::Unavailable | PresenceType::Error)
        | Kind::Message(_)
        | Kind::Iq(_) => Plan::deliver(SmallVec::from_slice(&[index])),
        Kind::Presence(_) => Plan::ignore(),
    }
}

/// RFC 6121 §8.5.3.2.
fn to_no_match(kind: Kind, resources: &[Resource<'_>]) -> Plan {
    match kind {
        Kind::Message(MessageType::Chat) => most_available(resources),
        Kind::Message(MessageType::Normal | MessageType::Groupchat | MessageType::Headline) => {
            Plan::unavailable()
        }
        Kind::Message(MessageType::Error) | Kind::Presence(_) => Plan::ignore(),
        Kind::Iq(_) => Plan::unavailable(),
    }
}

/// All of non-negative priority, or nobody (§8.5.2.1.1, §8.5.2.2.1).
fn most_available(resources: &[Resource<'_>]) -> Plan {
    let targets = non_negative(resources);
    if targets.is_empty() {
        return Plan { outcome: Outcome::Undelivered, targets };
    }
    Plan::deliver(targets)
}

fn non_negative(resources: &[Resource<'_>]) -> SmallVec<[usize; 4]> {
    indexes(resources, |priority| priority >= 0)
}

fn available(resources: &[Resource<'_>]) -> SmallVec<[usize; 4]> {
    indexes(resources, |_| true)
}

fn indexes(resources: &[Resource<'_>], wanted: impl Fn(i8) -> bool) -> SmallVec<[usize; 4]> {
    let numbered = resources.iter().enumerate();
    numbered.filter(|(_, resource)| resource.priority.is_some_and(&wanted)).map(|(index, _)| index).collect()
}

impl Plan {
    fn deliver(targets: SmallVec<[usize; 4]>) -> Self {
        Self { outcome: Outcome::Deliver, targets }
    }

    fn deliver_or_ignore(targets: SmallVec<[usize; 4]>) -> Self {
        if targets.is_empty() { Self::ignore() } else { Self::deliver(targets) }
    }

    fn unavailable() -> Self {
        Self { outcome: Outcome::Bounce(Condition::ServiceUnavailable), targets: SmallVec::new() }
    }

    fn ignore() -> Self {
        Self::default()
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
