//! Which messages are worth a notification.
//!
//! XEP-0357 leaves that open. Here: what a person has to read or answer. There must also be something for the client to
//! find when it comes: the message lies in the account's log, or the client's own sleeping session has it. That covers
//! `<no-store/>` (XEP-0334 §4.2): the log keeps no such message, so nobody is woken up for what will not be there.

use waxwing_core::prelude::*;
use waxwing_core::{Logged, Shape};

use crate::{Include, Push};

/// A message that is worth a notification.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// It must not wait: a call.
    pub(crate) urgent: bool,
    /// What the notification may tell of it.
    pub(crate) last: Option<Last>,
}

/// What is told of the last message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) sender: Jid,
    pub(crate) body: Option<String>,
}

/// Whose clients may find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All clients of the account.
    Account,
    /// These, by resourcepart.
    Clients(Vec<String>),
    /// This one, whose session has fallen asleep with messages that it did not acknowledge.
    Unseen(String),
}

impl Reach {
    pub(crate) fn has(&self, client: &str) -> bool {
        match self {
            Self::Account => true,
            Self::Clients(clients) => clients.iter().any(|other| other == client),
            Self::Unseen(other) => other == client,
        }
    }
}

impl Push {
    /// None: nobody is to be woken up for it.
    pub(crate) fn arrival(&self, event: &Event) -> Option<(Arrival, Reach)> {
        let account = event.account.as_ref()?;
        let arrival = self.read(&event.stanza, account)?;
        let reach = reach(event);
        (reach != Reach::Clients(Vec::new())).then_some((arrival, reach))
    }

    fn read(&self, stanza: &Stanza, account: &Account) -> Option<Arrival> {
        let from = stanza.from.as_ref()?;
        // What the account says itself its other clients learn when they come.
        if from.same_bare(account.jid().as_jid()) {
            return None;
        }
        let urgent = match worth(stanza, self.config.groupchat)? {
            Worth::Call => true,
            Worth::Message => false,
        };
        let body = || stanza.children.find(ns::CLIENT, "body").map(|body| shortened(&body.tree().text()));
        let last = match self.config.include {
            Include::Count => None,
            Include::Sender => Some(Last { sender: from.clone(), body: None }),
            Include::Body => Some(Last { sender: from.clone(), body: body() }),
        };
        Some(Arrival { urgent, last })
    }

    /// What of the log the client of a session has not acknowledged, as far as it is worth a notification.
    pub(crate) async fn unseen(&self, session: &Session) -> Vec<Arrival> {
        let rows = session.unacked_rows().into_iter().filter(|row| row.shape != Shape::CopyOfSent);
        let mut rows: Vec<Logged> =
            rows.map(|row| Logged { shape: Shape::Original, late: false, ..row }).collect();
        rows.drain(..rows.len().saturating_sub(ROWS_MAX));
        let Some(log) = self.host.log().filter(|_| !rows.is_empty()) else { return Vec::new() };
        match log.read(session, &rows).await {
            Ok(stanzas) => {
                stanzas.iter().flatten().filter_map(|stanza| self.read(stanza, session.account())).collect()
            }
            Err(cause) => {
                tracing::error!(error = %cause, jid = %session.jid(), "Unseen messages could not be read.");
                Vec::new()
            }
        }
    }
}

/// Whose clients may find the message.
fn reach(event: &Event) -> Reach {
    let to = event.stanza.to.as_ref().and_then(Jid::resource);
    let groupchat = event.stanza.kind == Kind::Message(MessageType::Groupchat);
    let alone = groupchat || event.stanza.children.find(ns::HINTS, "no-copy").is_some();
    if let (true, Some(client)) = (alone, to) {
        return Reach::Clients(vec![client.to_owned()]);
    }
    if event.logged.is_some() {
        return Reach::Account;
    }
    let taken = event.plan.targets.iter().filter_map(|index| event.sessions.get(*index));
    let asleep = taken.filter(|session| session.is_asleep());
    Reach::Clients(asleep.filter_map(|session| session.jid().resource()).map(str::to_owned).collect())
}

/// Why a message is worth a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worth {
    /// There is something to read, or an invitation.
    Message,
    /// Somebody calls, now.
    Call,
}

/// None for all that only programs read: chat states, receipts, markers, subjects, errors.
pub(crate) fn worth(stanza: &Stanza, groupchat: bool) -> Option<Worth> {
    let Kind::Message(kind) = stanza.kind else { return None };
    match kind {
        MessageType::Error | MessageType::Headline => return None,
        MessageType::Groupchat if !groupchat => return None,
        MessageType::Normal | MessageType::Chat | MessageType::Groupchat => {}
    }
    let mut found = None;
    for child in &stanza.children {
        match (child.namespace(), child.name()) {
            (NS_JINGLE_MESSAGE, "propose") | (NS_CALL_INVITES, "invite") => return Some(Worth::Call),
            _ if found.is_none() && is_read(child) => found = Some(Worth::Message),
            _ => {}
        }
    }
    found
}

/// Whether a person reads it, or is invited by it.
fn is_read(child: &Child) -> bool {
    match (child.namespace(), child.name()) {
        (ns::CLIENT, "body") => !child.tree().text().trim().is_empty(),
        // Without a payload it only brings keys (XEP-0384 §5.7).
        (NS_OMEMO_0 | NS_OMEMO, "encrypted") => child.tree().children().any(|part| part.name() == "payload"),
        (NS_OPENPGP, "openpgp") | (NS_ENCRYPTED, "x") | (NS_CONFERENCE, "x") => true,
        (NS_MUC_USER, "x") => child.tree().child(NS_MUC_USER, "invite").is_some(),
        _ => false,
    }
}

fn shortened(body: &str) -> String {
    body.chars().take(BODY_CHARS_MAX).collect()
}

/// So much of a body is told.
const BODY_CHARS_MAX: usize = 1000;
/// So many unacknowledged messages are looked at when a session falls asleep, the newest.
const ROWS_MAX: usize = 64;

const NS_JINGLE_MESSAGE: &str = "urn:xmpp:jingle-message:0";
const NS_CALL_INVITES: &str = "urn:xmpp:call-invites:0";
const NS_OMEMO_0: &str = "eu.siacs.conversations.axolotl";
const NS_OMEMO: &str = "urn:xmpp:omemo:2";
const NS_OPENPGP: &str = "urn:xmpp:openpgp:0";
/// XEP-0027.
const NS_ENCRYPTED: &str = "jabber:x:encrypted";
/// XEP-0249.
const NS_CONFERENCE: &str = "jabber:x:conference";
const NS_MUC_USER: &str = "http://jabber.org/protocol/muc#user";
