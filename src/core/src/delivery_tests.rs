//! Table 1 of RFC 6121 §8.5.4, every row, and the rules for presence and IQ beside it.

use super::*;

const NONE: &[Resource<'_>] = &[];
const NEGATIVE: &[Resource<'_>] = &[Resource { name: "there", priority: Some(-1) }];
const ONE: &[Resource<'_>] = &[Resource { name: "there", priority: Some(0) }];
const CONNECTED: &[Resource<'_>] = &[Resource { name: "there", priority: None }];
const MANY: &[Resource<'_>] = &[
    Resource { name: "there", priority: Some(0) },
    Resource { name: "low", priority: Some(-5) },
    Resource { name: "high", priority: Some(9) },
    Resource { name: "silent", priority: None },
];
const MESSAGES: [MessageType; 4] =
    [MessageType::Normal, MessageType::Chat, MessageType::Groupchat, MessageType::Headline];
const MATCH: Address<'_> = Address::Full("there");
const NO_MATCH: Address<'_> = Address::Full("elsewhere");

/// One letter per cell, as in the RFC: O kept or bounced, E bounced, S ignored, D to the named one, A to all of
/// non-negative priority.
fn row(address: Address<'_>, exists: bool, resources: &[Resource<'_>]) -> String {
    MESSAGES.iter().map(|kind| letter(&plan(Kind::Message(*kind), address, exists, resources))).collect()
}

fn letter(plan: &Plan) -> char {
    match (plan.outcome, plan.targets.as_slice()) {
        (Outcome::Undelivered, []) => 'O',
        (Outcome::Bounce(Condition::ServiceUnavailable), []) => 'E',
        (Outcome::Ignore, []) => 'S',
        (Outcome::Deliver, [0]) => 'D',
        (Outcome::Deliver, [0, 2]) => 'A',
        _ => '?',
    }
}

#[test]
fn rfc6121_8_5_4_account_does_not_exist() {
    assert_eq!(row(Address::Bare, false, NONE), "EEES");
    assert_eq!(row(NO_MATCH, false, NONE), "EEEE");
}

#[test]
fn rfc6121_8_5_4_no_active_resources() {
    for resources in [NONE, CONNECTED] {
        assert_eq!(row(Address::Bare, true, resources), "OOES");
        assert_eq!(row(NO_MATCH, true, resources), "EOEE");
    }
    assert_eq!(row(MATCH, true, CONNECTED), "DDDD");
}

#[test]
fn rfc6121_8_5_4_only_negative_resources() {
    assert_eq!(row(Address::Bare, true, NEGATIVE), "OOES");
    assert_eq!(row(MATCH, true, NEGATIVE), "DDDD");
    assert_eq!(row(NO_MATCH, true, NEGATIVE), "EOEE");
}

#[test]
fn rfc6121_8_5_4_one_non_negative_resource() {
    assert_eq!(row(Address::Bare, true, ONE), "DDED");
    assert_eq!(row(MATCH, true, ONE), "DDDD");
    assert_eq!(row(NO_MATCH, true, ONE), "EDEE");
}

#[test]
fn rfc6121_8_5_4_several_non_negative_resources() {
    assert_eq!(row(Address::Bare, true, MANY), "AAEA");
    assert_eq!(row(MATCH, true, MANY), "DDDD");
    assert_eq!(row(NO_MATCH, true, MANY), "EAEE");
}

#[test]
fn rfc6121_8_5_error_messages_are_never_answered() {
    for resources in [NONE, NEGATIVE, ONE, MANY] {
        for address in [Address::Bare, NO_MATCH] {
            for exists in [true, false] {
                let plan = plan(Kind::Message(MessageType::Error), address, exists, resources);
                assert_eq!(plan, Plan::ignore());
            }
        }
    }
    assert_eq!(letter(&plan(Kind::Message(MessageType::Error), MATCH, true, ONE)), 'D');
}

#[test]
fn rfc6121_8_5_2_1_2_presence_reaches_all_available_resources() {
    for kind in [PresenceType::Available, PresenceType::Unavailable] {
        assert_eq!(plan(Kind::Presence(kind), Address::Bare, true, MANY).targets.as_slice(), [0, 1, 2]);
        assert_eq!(plan(Kind::Presence(kind), Address::Bare, true, CONNECTED), Plan::ignore());
        assert_eq!(plan(Kind::Presence(kind), NO_MATCH, true, MANY), Plan::ignore());
        assert_eq!(plan(Kind::Presence(kind), Address::Bare, false, NONE), Plan::ignore());
    }
}

#[test]
fn rfc6121_8_5_subscription_presence_is_never_delivered_as_it_is() {
    let kinds = [
        PresenceType::Subscribe,
        PresenceType::Subscribed,
        PresenceType::Unsubscribe,
        PresenceType::Unsubscribed,
        PresenceType::Probe,
    ];
    for kind in kinds {
        for address in [Address::Bare, MATCH, NO_MATCH] {
            assert_eq!(plan(Kind::Presence(kind), address, true, MANY), Plan::ignore());
        }
    }
}

#[test]
fn rfc6121_8_5_2_1_3_iq_to_a_bare_jid_is_answered_by_the_server() {
    for resources in [NONE, NEGATIVE, MANY] {
        assert_eq!(plan(Kind::Iq(IqType::Get), Address::Bare, true, resources).outcome, Outcome::Answer);
    }
    assert_eq!(letter(&plan(Kind::Iq(IqType::Get), Address::Bare, false, NONE)), 'E');
}

#[test]
fn rfc6121_8_5_3_iq_to_a_full_jid_is_delivered_or_bounced() {
    assert_eq!(letter(&plan(Kind::Iq(IqType::Set), MATCH, true, CONNECTED)), 'D');
    assert_eq!(letter(&plan(Kind::Iq(IqType::Set), NO_MATCH, true, MANY)), 'E');
}

use waxwing_xmpp::IqType;
