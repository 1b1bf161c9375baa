//! Every cell of the tables of RFC 6121 appendix A.

use super::*;

const NONE: State = State { to: false, from: false, pending_out: false, pending_in: false, approved: false };
const OUT: State = State { pending_out: true, ..NONE };
const IN: State = State { pending_in: true, ..NONE };
const OUT_IN: State = State { pending_out: true, pending_in: true, ..NONE };
const TO: State = State { to: true, ..NONE };
const TO_IN: State = State { to: true, pending_in: true, ..NONE };
const FROM: State = State { from: true, ..NONE };
const FROM_OUT: State = State { from: true, pending_out: true, ..NONE };
const BOTH: State = State { to: true, from: true, ..NONE };

const STATES: [State; 9] = [NONE, OUT, IN, OUT_IN, TO, TO_IN, FROM, FROM_OUT, BOTH];

fn approved(state: State) -> State {
    State { approved: true, ..state }
}

/// `rows`: routed or not, and the new state, in the order of the RFC's tables.
fn check_outbound(kind: PresenceType, rows: [(bool, State); 9]) {
    for (before, (route, state)) in STATES.into_iter().zip(rows) {
        assert_eq!(outbound(kind, before), Outbound { route, state }, "{before:?}");
    }
}

/// `rows`: delivered or not, what is answered, and the new state.
fn check_inbound(kind: PresenceType, rows: [(bool, Option<PresenceType>, State); 9]) {
    for (before, (deliver, reply, state)) in STATES.into_iter().zip(rows) {
        assert_eq!(inbound(kind, before), Inbound { deliver, reply, state }, "{before:?}");
    }
}

#[test]
fn rfc6121_a_2_1_outbound_subscribe() {
    check_outbound(
        PresenceType::Subscribe,
        [
            (true, OUT),
            (true, OUT),
            (true, OUT_IN),
            (true, OUT_IN),
            (true, TO),
            (true, TO_IN),
            (true, FROM_OUT),
            (true, FROM_OUT),
            (true, BOTH),
        ],
    );
}

#[test]
fn rfc6121_a_2_2_outbound_unsubscribe() {
    check_outbound(
        PresenceType::Unsubscribe,
        [
            (true, NONE),
            (true, NONE),
            (true, IN),
            (true, IN),
            (true, NONE),
            (true, IN),
            (true, FROM),
            (true, FROM),
            (true, FROM),
        ],
    );
}

#[test]
fn rfc6121_a_2_3_outbound_subscribed() {
    check_outbound(
        PresenceType::Subscribed,
        [
            (false, approved(NONE)),
            (false, approved(OUT)),
            (true, FROM),
            (true, FROM_OUT),
            (false, approved(TO)),
            (true, BOTH),
            (false, FROM),
            (false, FROM_OUT),
            (false, BOTH),
        ],
    );
}

#[test]
fn rfc6121_a_2_4_outbound_unsubscribed() {
    check_outbound(
        PresenceType::Unsubscribed,
        [
            (false, NONE),
            (false, OUT),
            (true, NONE),
            (true, OUT),
            (false, TO),
            (true, TO),
            (true, NONE),
            (true, OUT),
            (true, TO),
        ],
    );
}

#[test]
fn rfc6121_3_2_2_outbound_unsubscribed_ends_a_pre_approval() {
    for (before, route, after) in
        [(NONE, false, NONE), (OUT, false, OUT), (TO, false, TO), (FROM, true, NONE)]
    {
        let expected = Outbound { route, state: after };
        assert_eq!(outbound(PresenceType::Unsubscribed, approved(before)), expected);
    }
}

#[test]
fn rfc6121_a_3_1_inbound_subscribe() {
    let yes = Some(PresenceType::Subscribed);
    check_inbound(
        PresenceType::Subscribe,
        [
            (true, None, IN),
            (true, None, OUT_IN),
            (false, None, IN),
            (false, None, OUT_IN),
            (true, None, TO_IN),
            (false, None, TO_IN),
            (false, yes, FROM),
            (false, yes, FROM_OUT),
            (false, yes, BOTH),
        ],
    );
}

#[test]
fn rfc6121_3_4_2_inbound_subscribe_is_answered_where_it_was_approved_before() {
    let reply = Some(PresenceType::Subscribed);
    for (before, after) in [(NONE, FROM), (OUT, FROM_OUT), (TO, BOTH), (FROM, FROM)] {
        let expected = Inbound { deliver: false, reply, state: approved(after) };
        assert_eq!(inbound(PresenceType::Subscribe, approved(before)), expected);
    }
}

#[test]
fn rfc6121_a_3_2_inbound_unsubscribe() {
    let no = Some(PresenceType::Unsubscribed);
    check_inbound(
        PresenceType::Unsubscribe,
        [
            (false, None, NONE),
            (false, None, OUT),
            (true, no, NONE),
            (true, no, OUT),
            (false, None, TO),
            (true, no, TO),
            (true, no, NONE),
            (true, no, OUT),
            (true, no, TO),
        ],
    );
}

#[test]
fn rfc6121_a_3_3_inbound_subscribed() {
    check_inbound(
        PresenceType::Subscribed,
        [
            (false, None, NONE),
            (true, None, TO),
            (false, None, IN),
            (true, None, TO_IN),
            (false, None, TO),
            (false, None, TO_IN),
            (false, None, FROM),
            (true, None, BOTH),
            (false, None, BOTH),
        ],
    );
}

#[test]
fn rfc6121_a_3_4_inbound_unsubscribed() {
    check_inbound(
        PresenceType::Unsubscribed,
        [
            (false, None, NONE),
            (true, None, NONE),
            (false, None, IN),
            (true, None, IN),
            (true, None, NONE),
            (true, None, IN),
            (false, None, FROM),
            (true, None, FROM),
            (true, None, FROM),
        ],
    );
}

#[test]
fn rfc6121_a_1_every_stanza_leads_to_one_of_the_nine_states() {
    let kinds = [
        PresenceType::Subscribe,
        PresenceType::Subscribed,
        PresenceType::Unsubscribe,
        PresenceType::Unsubscribed,
    ];
    for before in STATES.into_iter().flat_map(|state| [state, approved(state)]) {
        for kind in kinds {
            for after in [outbound(kind, before).state, inbound(kind, before).state] {
                assert!(!(after.to && after.pending_out), "{kind:?} {before:?}");
                assert!(!(after.from && after.pending_in), "{kind:?} {before:?}");
            }
        }
    }
}
