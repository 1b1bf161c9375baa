//! What can wait while nobody looks at the client.
//!
//! The other way round than it seems: a message waits only if all that it holds is known to be unimportant. What nobody
//! here has heard of goes out at once, like bodies, encrypted content, calls, invitations, subjects, answers.

use waxwing_core::prelude::*;
use waxwing_xmpp::content;

use crate::Config;

/// How much a part of a message matters; the weightiest decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// It says nothing by itself.
    None,
    /// It can wait.
    Light,
    /// It goes out at once.
    Heavy,
}

impl Config {
    /// Whether the stanza can wait.
    pub(crate) fn may_wait(&self, stanza: &Stanza, account: &Account) -> bool {
        match stanza.kind {
            Kind::Presence(PresenceType::Available | PresenceType::Unavailable) => {
                self.presence && !stanza.children.iter().any(is_about_oneself)
            }
            // An error answers something that the client has done.
            Kind::Message(MessageType::Error) => false,
            Kind::Message(_) => {
                let from = stanza.from.as_ref().unwrap_or_else(|| account.jid().as_jid());
                self.weigh_all(&stanza.children, from, account) == Weight::Light
            }
            _ => false,
        }
    }

    fn weigh_all(&self, children: &Children, from: &Jid, account: &Account) -> Weight {
        let weights = children.iter().map(|child| self.weigh(child, from, account));
        weights.max().unwrap_or(Weight::None)
    }

    fn weigh(&self, child: &Child, from: &Jid, account: &Account) -> Weight {
        let light = |waits| if waits { Weight::Light } else { Weight::Heavy };
        if content::is_bookkeeping(child) {
            return Weight::None;
        }
        match (child.namespace(), child.name()) {
            (ns::CHAT_STATES, _) => light(self.chat_states),
            (ns::RECEIPTS | ns::MARKERS, _) => light(self.receipts),
            (NS_EVENT, "event") => light(self.events && is_news_of_contact(child, from, account)),
            // Stands beside events.
            (NS_SHIM, "headers") => Weight::None,
            (ns::CLIENT, "body") if child.tree().text().trim().is_empty() => Weight::None,
            // Beside a private message in a room it says nothing (XEP-0045 §7.5).
            (ns::MUC_USER, "x") if child.tree().children().next().is_none() => Weight::None,
            (ns::CARBONS, "received" | "sent") if from == account.jid().as_jid() => {
                self.weigh_copied(child, account)
            }
            _ => Weight::Heavy,
        }
    }

    /// A copy weighs what its message weighs (XEP-0280).
    fn weigh_copied(&self, wrapper: &Child, account: &Account) -> Weight {
        let forwarded = wrapper.lift();
        let inside = forwarded.find(ns::FORWARD, "forwarded").map(Child::lift).unwrap_or_default();
        let Some(message) = inside.find(ns::CLIENT, "message") else { return Weight::Heavy };
        if message.attribute("type").as_deref() == Some("error") {
            return Weight::Heavy;
        }
        // Nothing below depends on the sender but copies, which are not copied again.
        let children = message.lift();
        let from = message.attribute("from").and_then(|from| Jid::parse(&from).ok());
        match from.filter(|from| from != account.jid().as_jid()) {
            Some(from) => self.weigh_all(&children, &from, account),
            None => Weight::Heavy,
        }
    }
}

/// XEP-0045 §7.2.2, §8.2: what a room says about the client itself: that it is in, or was thrown out.
fn is_about_oneself(child: &Child) -> bool {
    child.is(ns::MUC_USER, "x")
        && child
            .tree()
            .children_named(ns::MUC_USER, "status")
            .any(|status| status.attr("code") == Some(SELF_PRESENCE))
}

/// XEP-0163: what accounts publish about themselves. What a pubsub service sends was subscribed to on purpose. Of the
/// account's own nodes some tell the client what to do: join a room, take back a notification.
fn is_news_of_contact(event: &Child, from: &Jid, account: &Account) -> bool {
    if from.local().is_none() {
        return false;
    }
    let event = event.tree();
    let mut changes = event.children();
    let known = |name: &str| matches!(name, "items" | "purge" | "delete" | "configuration");
    let own = from.same_bare(account.jid().as_jid());
    changes.all(|change| {
        let node = change.attr("node").unwrap_or_default();
        known(change.name()) && !(own && OWN_NODES.contains(&node))
    })
}

/// Nodes of the account itself that do not wait: bookmarks (XEP-0402, XEP-0048) and what other clients have shown
/// (XEP-0490).
const OWN_NODES: [&str; 3] = ["urn:xmpp:bookmarks:1", "storage:bookmarks", "urn:xmpp:mds:displayed:0"];
/// XEP-0060.
const NS_EVENT: &str = "http://jabber.org/protocol/pubsub#event";
/// XEP-0131.
const NS_SHIM: &str = "http://jabber.org/protocol/shim";
/// XEP-0045 §15.6.1.
const SELF_PRESENCE: &str = "110";
