//! What a subscription stanza does to a subscription state:
//! [RFC 6121 appendix A](https://www.rfc-editor.org/rfc/rfc6121#appendix-A) as pure functions.

use waxwing_roster::State;
use waxwing_xmpp::PresenceType;

/// What happens when the user sends a subscription stanza (A.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outbound {
    /// Whether the contact gets it.
    pub(crate) route: bool,
    /// The state then.
    pub(crate) state: State,
}

/// What happens when a subscription stanza of the contact arrives (A.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inbound {
    /// Whether the user gets it.
    pub(crate) deliver: bool,
    /// What the server answers for the user.
    pub(crate) reply: Option<PresenceType>,
    /// The state then.
    pub(crate) state: State,
}

/// The tables of A.2. Other types change nothing.
pub(crate) fn outbound(kind: PresenceType, state: State) -> Outbound {
    match kind {
        // Table 2
        PresenceType::Subscribe => Outbound { route: true, state: State { pending_out: !state.to, ..state } },
        // Table 3
        PresenceType::Unsubscribe => {
            Outbound { route: true, state: State { to: false, pending_out: false, ..state } }
        }
        // Table 4
        PresenceType::Subscribed if state.pending_in => {
            Outbound { route: true, state: State { from: true, pending_in: false, ..state } }
        }
        // Table 4, note 1, and §3.4.2 rules 1, 3 and 4: nobody asked yet, so it is a pre-approval.
        PresenceType::Subscribed => {
            let approved = state.approved || !state.from;
            Outbound { route: false, state: State { approved, ..state } }
        }
        // Table 5; with note 1 and §3.2.2 rule 2 a pre-approval ends as well.
        PresenceType::Unsubscribed => Outbound {
            route: state.from || state.pending_in,
            state: State { from: false, pending_in: false, approved: false, ..state },
        },
        _ => Outbound { route: false, state },
    }
}

/// The tables of A.3. Other types change nothing.
pub(crate) fn inbound(kind: PresenceType, state: State) -> Inbound {
    let ignore = Inbound { deliver: false, reply: None, state };
    let deliver = |state| Inbound { deliver: true, reply: None, state };
    match kind {
        // Table 6, note 2, and §3.1.3 rule 2
        PresenceType::Subscribe if state.from => Inbound { reply: Some(PresenceType::Subscribed), ..ignore },
        // Table 6, note 1, and §3.4.2: not even delivered.
        PresenceType::Subscribe if state.approved => Inbound {
            deliver: false,
            reply: Some(PresenceType::Subscribed),
            state: State { from: true, pending_in: false, ..state },
        },
        PresenceType::Subscribe if !state.pending_in => deliver(State { pending_in: true, ..state }),
        // Table 7
        PresenceType::Unsubscribe if state.from || state.pending_in => Inbound {
            deliver: true,
            reply: Some(PresenceType::Unsubscribed),
            state: State { from: false, pending_in: false, ..state },
        },
        // Table 8
        PresenceType::Subscribed if state.pending_out => {
            deliver(State { to: true, pending_out: false, ..state })
        }
        // Table 9
        PresenceType::Unsubscribed if state.to || state.pending_out => {
            deliver(State { to: false, pending_out: false, ..state })
        }
        _ => ignore,
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
