//! Which messages are copied ([XEP-0280 §6.1](https://xmpp.org/extensions/xep-0280.html#recommended-rules)).

use waxwing_core::prelude::*;

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
    let is_private = stanza.children.find(ns::CARBONS, "private").is_some();
    if kind == MessageType::Groupchat || is_private {
        return Eligible::No;
    }
    if kind == MessageType::Error {
        // What it brings back of the other message says nothing (XEP-0334 §5, RFC 6120 §8.3.1).
        return Eligible::IfItAnswers;
    }
    // §9, XEP-0334 §4.3.
    if stanza.has_hint("no-copy") {
        return Eligible::No;
    }
    let invites = stanza.is_invitation();
    // From an occupant: the room sends it to each client that is there.
    if side == Side::Received && !invites && is_from_occupant(stanza) {
        return Eligible::No;
    }
    let by_type = match kind {
        MessageType::Chat => true,
        MessageType::Normal => stanza.has_body(),
        _ => false,
    };
    // "Payload elements typically used in IM", of whatever type.
    if by_type || invites || stanza.is_about_conversation() { Eligible::Yes } else { Eligible::No }
}

/// XEP-0045 §7.5: the room marks private messages.
fn is_from_occupant(stanza: &Stanza) -> bool {
    stanza.from.as_ref().is_some_and(|from| from.resource().is_some())
        && stanza.children.find(ns::MUC_USER, "x").is_some()
}
