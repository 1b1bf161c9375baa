//! XEP-0357 §1 and §7: what warrants a notification. The XEP leaves it to the server; its purpose is to tell a user
//! without clients online of new messages "or other pertinent information".

use super::*;

/// Somebody who is away is sent this, and then a chat message. Returns how many notifications that gives.
#[track_caller]
fn notifications(attributes: &str, payload: &str) -> usize {
    let (alice, service, carol) = away();
    send!(carol, "<message to='{alice:#}' id='m1' {attributes}>{payload}</message>");
    barrier();
    write(&carol, &alice, "sentinel");
    let mut count = 0;
    loop {
        notified(&service);
        count += 1;
        barrier();
        if service.inbox().is_empty() {
            return count;
        }
    }
}

macro_rules! table {
    ($want:expr; $($(#[$doc:meta])* $name:ident: $attributes:literal, $payload:literal;)*) => {
        $($(#[$doc])* #[test] fn $name() { assert_eq!(notifications($attributes, $payload), $want, "with the sentinel"); })*
    };
}

mod notified_of {
    use super::notifications;

    table! {
        2;
        /// a new message
        chat_with_a_body: "type='chat'", "<body>hi</body>";
        /// the same
        normal_with_a_body: "", "<body>hi</body>";
        /// an encrypted one, as clients send it
        an_encrypted_message: "type='chat'", "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>AA==</payload></encrypted><encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/><body>I sent you an OMEMO encrypted message</body><store xmlns='urn:xmpp:hints'/>";
        /// the same without a text
        an_encrypted_message_without_body: "type='chat'", "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'/><payload>AA==</payload></encrypted><store xmlns='urn:xmpp:hints'/>";
        /// XEP-0353 §3.1: a call ("and to push resources as appropriate")
        a_call: "type='chat'", "<propose xmlns='urn:xmpp:jingle-message:0' id='s1'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose><store xmlns='urn:xmpp:hints'/>";
    }
}

mod not_notified_of {
    use super::notifications;

    table! {
        1;
        /// no message, but a state
        a_chat_state: "type='chat'", "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
        /// nothing that a user would want to be woken for
        a_receipt: "type='chat'", "<received xmlns='urn:xmpp:receipts' id='m0'/>";
        /// the same
        a_marker: "type='chat'", "<displayed xmlns='urn:xmpp:chat-markers:0' id='m0'/>";
        /// what is gone when the user comes
        a_headline: "type='headline'", "<body>hi</body>";
        /// no message of a user
        an_error: "type='error'", "<body>hi</body><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    }
}

/// §1: who is online and awake needs no notification.
#[test]
fn no_notification_while_the_client_is_online() {
    let (alice, service, carol) = (online(), online(), online());
    enable(&alice, &service, "n1");
    write(&carol, &alice, "hi");
    expect!(alice, "<message><body>hi</body></message>");
    service.expect_nothing();
}

/// §1: after coming back too.
#[test]
fn no_notification_after_the_client_has_come_back() {
    let (alice, service, carol) = away();
    let alice = alice.session_online("r1", 0);
    enable(&alice, &service, "n1");
    write(&carol, &alice, "hi");
    expect!(alice, "<message><body>hi</body></message>");
    service.expect_nothing();
}

/// §1: who has not enabled them gets none.
#[test]
fn no_notification_for_somebody_else() {
    let (_alice, service, carol) = away();
    let bob = online();
    bob.log_out();
    write(&carol, &bob, "hi");
    service.expect_nothing();
}

/// §7: what one sends oneself is no occasion.
#[test]
fn no_notification_of_what_the_user_sends() {
    let (alice, service, carol) = away();
    let desk = alice.session_online("desk", 0);
    write(&desk, &carol, "hi");
    expect!(carol, "<message><body>hi</body></message>");
    service.expect_nothing();
}

/// XEP-0191 §3.1: what is blocked does not reach the user in this way either.
#[test]
fn no_notification_of_what_is_blocked() {
    let (alice, service, carol) = (online(), online(), online());
    request!(alice, "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='{carol:#}'/></block></iq>")
        .must("<iq type='result'/>");
    enable(&alice, &service, "n1");
    alice.log_out();
    settle();
    write(&carol, &alice, "hi");
    service.expect_nothing();
}

/// §7: a message to the full JID of the client that is gone is notified of like one to the bare JID.
#[test]
fn a_message_to_the_resource_that_is_gone_is_notified_of() {
    let (alice, service, carol) = away();
    send!(carol, "<message to='{alice}' type='chat'><body>hi</body></message>");
    notified(&service);
}
