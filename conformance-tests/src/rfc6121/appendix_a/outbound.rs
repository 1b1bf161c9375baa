//! RFC 6121 Appendix A.2: what a user's subscription stanza does to the user's own state.

use super::setup::*;

fn row(before: State, kind: &str, after: State) {
    let (user, contact) = pair(before);
    send!(user, "<presence to='{contact:#}' type='{kind}'/>");
    crate::harness::barrier();
    let end = state_of(&user, &contact);
    assert_eq!(end, after, "the state after {kind} in {before:?}\n{}", *user);
}

macro_rules! rows {
    ($kind:ident { $($before:ident $name:ident => $after:ident;)* }) => {
        mod $kind {
            use super::*;
            $(#[test] fn $name() { row($before, stringify!($kind), $after); })*
        }
    };
}

// A.2.1
rows!(subscribe {
    NONE_STATE in_none_leads_to_none_pending_out => NONE_OUT;
    NONE_OUT in_none_pending_out_changes_nothing => NONE_OUT;
    NONE_IN in_none_pending_in_leads_to_none_pending_out_in => NONE_OUT_IN;
    NONE_OUT_IN in_none_pending_out_in_changes_nothing => NONE_OUT_IN;
    TO in_to_changes_nothing => TO;
    TO_IN in_to_pending_in_changes_nothing => TO_IN;
    FROM in_from_leads_to_from_pending_out => FROM_OUT;
    FROM_OUT in_from_pending_out_changes_nothing => FROM_OUT;
    BOTH in_both_changes_nothing => BOTH;
});

// A.2.2
rows!(unsubscribe {
    NONE_STATE in_none_changes_nothing => NONE_STATE;
    NONE_OUT in_none_pending_out_leads_to_none => NONE_STATE;
    NONE_IN in_none_pending_in_changes_nothing => NONE_IN;
    NONE_OUT_IN in_none_pending_out_in_leads_to_none_pending_in => NONE_IN;
    TO in_to_leads_to_none => NONE_STATE;
    TO_IN in_to_pending_in_leads_to_none_pending_in => NONE_IN;
    FROM in_from_changes_nothing => FROM;
    FROM_OUT in_from_pending_out_leads_to_from => FROM;
    BOTH in_both_leads_to_from => FROM;
});

// A.2.3; without a request it is at most a pre-approval, which is no change of the state.
rows!(subscribed {
    NONE_STATE in_none_changes_nothing => NONE_STATE;
    NONE_OUT in_none_pending_out_changes_nothing => NONE_OUT;
    NONE_IN in_none_pending_in_leads_to_from => FROM;
    NONE_OUT_IN in_none_pending_out_in_leads_to_from_pending_out => FROM_OUT;
    TO in_to_changes_nothing => TO;
    TO_IN in_to_pending_in_leads_to_both => BOTH;
    FROM in_from_changes_nothing => FROM;
    FROM_OUT in_from_pending_out_changes_nothing => FROM_OUT;
    BOTH in_both_changes_nothing => BOTH;
});

// A.2.4
rows!(unsubscribed {
    NONE_STATE in_none_changes_nothing => NONE_STATE;
    NONE_OUT in_none_pending_out_changes_nothing => NONE_OUT;
    NONE_IN in_none_pending_in_leads_to_none => NONE_STATE;
    NONE_OUT_IN in_none_pending_out_in_leads_to_none_pending_out => NONE_OUT;
    TO in_to_changes_nothing => TO;
    TO_IN in_to_pending_in_leads_to_to => TO;
    FROM in_from_leads_to_none => NONE_STATE;
    FROM_OUT in_from_pending_out_leads_to_none_pending_out => NONE_OUT;
    BOTH in_both_leads_to_to => TO;
});
