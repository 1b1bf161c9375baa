//! Which messages are copied ([XEP-0280 §6.1](https://xmpp.org/extensions/xep-0280.html#recommended-rules)).

use waxwing_core::prelude::*;
use waxwing_xmpp::payload;

/// Whether a message is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Eligible {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// An error is if it answers a message that is.
    IfItAnswers,
}

/// Decides by the rules of §6.1, in the order in which they overrule each other.
pub(crate) fn eligible(stanza: &Stanza, side: Side) -> Eligible {
    let Kind::Message(kind) = stanza.kind else { return Eligible::No };
    let has = |namespace, name| stanza.children.find(namespace, name).is_some();
    if kind == MessageType::Groupchat || has(ns::CARBONS, "private") {
        return Eligible::No;
    }
    if kind == MessageType::Error {
        // What it brings back of the other message says nothing (XEP-0334 §5, RFC 6120 §8.3.1).
        return Eligible::IfItAnswers;
    }
    // §9, XEP-0334 §4.3.
    if has(ns::HINTS, "no-copy") {
        return Eligible::No;
    }
    let invites = stanza.children.iter().any(is_invitation);
    // From an occupant: the room sends it to each client that is there.
    if side == Side::Received && !invites && is_from_occupant(stanza) {
        return Eligible::No;
    }
    let im = || stanza.children.iter().any(is_im);
    match kind == MessageType::Chat || invites || (kind == MessageType::Normal && stanza.has_body()) || im() {
        true => Eligible::Yes,
        false => Eligible::No,
    }
}

/// "Payload elements typically used in IM".
fn is_im(child: &Child) -> bool {
    payload::is_chat_state(child) || matches!(child.namespace(), ns::RECEIPTS | ns::CHAT_MARKERS)
}

/// XEP-0249, XEP-0045 §7.8.2.
fn is_invitation(child: &Child) -> bool {
    child.is(ns::CONFERENCE, "x")
        || child.is(ns::MUC_USER, "x") && child.tree().child(ns::MUC_USER, "invite").is_some()
}

/// XEP-0045 §7.5: the room marks private messages.
fn is_from_occupant(stanza: &Stanza) -> bool {
    stanza.from.as_ref().is_some_and(|from| from.resource().is_some())
        && stanza.children.find(ns::MUC_USER, "x").is_some()
}
