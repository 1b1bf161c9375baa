//! RFC 6121 Appendix A.3: what a contact's subscription stanza does to the user's state, and whether the user sees
//! it. The contact is local and so in the mirrored state; where Appendix A.2 keeps the contact's server from routing
//! the stanza, the outcome at the user is the same.

use super::setup::*;
use crate::harness::*;

/// Whether the stanza comes to the user.
enum Seen {
    /// MUST be delivered.
    Yes,
    /// SHOULD NOT be delivered.
    No,
}

fn row(before: State, kind: &str, seen: &Seen, after: State) {
    let (user, contact) = pair(before);
    send!(contact, "<presence to='{user:#}' type='{kind}'/>");
    barrier();
    let wanted = Element::parse(&format!("<presence from='{contact:#}' type='{kind}'/>"));
    let delivered = user.unclaimed(|e| e.matches(&wanted)).is_some();
    assert_eq!(delivered, matches!(seen, Seen::Yes), "delivered\n{}", *user);
    let end = state_of(&user, &contact);
    assert_eq!(end, after, "the state after {kind} in {before:?}\n{}", *user);
}

macro_rules! rows {
    ($kind:ident { $($before:ident $name:ident: $seen:ident => $after:ident;)* }) => {
        mod $kind {
            use super::*;
            $(#[test] fn $name() { row($before, stringify!($kind), &Seen::$seen, $after); })*
        }
    };
}

// A.3.1
rows!(subscribe {
    NONE_STATE in_none_is_delivered: Yes => NONE_IN;
    NONE_OUT in_none_pending_out_is_delivered: Yes => NONE_OUT_IN;
    NONE_IN in_none_pending_in_is_not_delivered_again: No => NONE_IN;
    NONE_OUT_IN in_none_pending_out_in_is_not_delivered_again: No => NONE_OUT_IN;
    TO in_to_is_delivered: Yes => TO_IN;
    TO_IN in_to_pending_in_is_not_delivered_again: No => TO_IN;
    FROM in_from_is_not_delivered: No => FROM;
    FROM_OUT in_from_pending_out_is_not_delivered: No => FROM_OUT;
    BOTH in_both_is_not_delivered: No => BOTH;
});

// A.3.2
rows!(unsubscribe {
    NONE_STATE in_none_is_not_delivered: No => NONE_STATE;
    NONE_OUT in_none_pending_out_is_not_delivered: No => NONE_OUT;
    NONE_IN in_none_pending_in_is_delivered: Yes => NONE_STATE;
    NONE_OUT_IN in_none_pending_out_in_is_delivered: Yes => NONE_OUT;
    TO in_to_is_not_delivered: No => TO;
    TO_IN in_to_pending_in_is_delivered: Yes => TO;
    FROM in_from_is_delivered: Yes => NONE_STATE;
    FROM_OUT in_from_pending_out_is_delivered: Yes => NONE_OUT;
    BOTH in_both_is_delivered: Yes => TO;
});

// A.3.3
rows!(subscribed {
    NONE_STATE in_none_is_not_delivered: No => NONE_STATE;
    NONE_OUT in_none_pending_out_is_delivered: Yes => TO;
    NONE_IN in_none_pending_in_is_not_delivered: No => NONE_IN;
    NONE_OUT_IN in_none_pending_out_in_is_delivered: Yes => TO_IN;
    TO in_to_is_not_delivered: No => TO;
    TO_IN in_to_pending_in_is_not_delivered: No => TO_IN;
    FROM in_from_is_not_delivered: No => FROM;
    FROM_OUT in_from_pending_out_is_delivered: Yes => BOTH;
    BOTH in_both_is_not_delivered: No => BOTH;
});

// A.3.4
rows!(unsubscribed {
    NONE_STATE in_none_is_not_delivered: No => NONE_STATE;
    NONE_OUT in_none_pending_out_is_delivered: Yes => NONE_STATE;
    NONE_IN in_none_pending_in_is_not_delivered: No => NONE_IN;
    NONE_OUT_IN in_none_pending_out_in_is_delivered: Yes => NONE_IN;
    TO in_to_is_delivered: Yes => NONE_STATE;
    TO_IN in_to_pending_in_is_delivered: Yes => NONE_IN;
    FROM in_from_is_not_delivered: No => FROM;
    FROM_OUT in_from_pending_out_is_delivered: Yes => FROM;
    BOTH in_both_is_delivered: Yes => FROM;
});
