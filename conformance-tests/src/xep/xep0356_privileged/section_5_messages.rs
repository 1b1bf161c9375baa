//! XEP-0356 §5: messages.

use super::*;

fn forward(from: &str, inner: &str) -> String {
    format!(
        "<message from='{from}' to='localhost' id='notif1'><privilege xmlns='{NS}'>\
         <forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></privilege></message>"
    )
}

fn message(from: &str, to: &Client) -> String {
    format!(
        "<message xmlns='jabber:client' from='{from}' to='{to}' type='chat' id='foo'><body>hi</body></message>"
    )
}

/// §5.3.
#[test]
fn a_message_goes_out_in_an_accounts_name() {
    let (alice, bob, component) = (online(), online(), privileged(PRIVILEGED));
    component.send(&forward(PRIVILEGED, &message(&alice.bare(), &bob)));
    expect!(bob, "<message from='{alice:#}' to='{bob}' type='chat'><body>hi</body></message>");
}

/// §5.1: "on the behalf either of the server or of a bare JID".
#[test]
fn a_message_goes_out_in_the_servers_name() {
    let (bob, component) = (online(), privileged(PRIVILEGED));
    component.send(&forward(PRIVILEGED, &message("localhost", &bob)));
    expect!(bob, "<message from='localhost' to='{bob}' type='chat'><body>hi</body></message>");
}

/// §5.1: "the server MUST return a <message/> error with condition <forbidden/>".
#[test]
fn only_a_bare_jid_of_the_server_is_the_sender() {
    let (alice, bob, component) = (online(), online(), privileged(PRIVILEGED));
    let second = user_at("second.localhost");
    for from in [format!("{alice}"), second.bare(), "romeo@example.com".to_owned(), "localhost/x".to_owned()]
    {
        component.send(&forward(PRIVILEGED, &message(&from, &bob)));
        expect!(component, "<message from='localhost' to='{PRIVILEGED}' type='error' id='notif1'/>")
            .must_fail("forbidden");
    }
    bob.expect_nothing();
}

/// §5.1.
#[test]
fn who_may_not_send_forges_nothing() {
    let (alice, bob) = (online(), online());
    for name in [READER, GATEWAY] {
        let component = Component::connect(name);
        component.send(&forward(name, &message(&alice.bare(), &bob)));
        expect!(component, "<message from='localhost' to='{name}' type='error' id='notif1'/>")
            .must_fail("forbidden");
    }
    bob.expect_nothing();
}

/// A user is no privileged entity.
#[test]
fn users_forge_nothing() {
    let (alice, bob) = (online(), online());
    let forged = forward("", &message(&alice.bare(), &bob)).replace("from='' ", "");
    bob.send(&forged);
    expect!(bob, "<message type='error' id='notif1'/>");
    bob.expect_no(&format!("<message from='{alice:#}'/>"));
}

/// §4.2: "the server send it"; what a component may do it hears from nobody else.
#[test]
fn no_component_is_told_by_another_what_it_may_do() {
    let (component, gateway) = (privileged(PRIVILEGED), Component::connect(GATEWAY));
    for inner in [
        format!("<privilege xmlns='{NS}'><perm access='message' type='outgoing'/></privilege>"),
        "<delegation xmlns='urn:xmpp:delegation:2'><delegated namespace='urn:x'/></delegation>".to_owned(),
    ] {
        let forged =
            format!("<message xmlns='jabber:client' from='localhost' to='{GATEWAY}'>{inner}</message>");
        component.send(&forward(PRIVILEGED, &forged));
        expect!(component, "<message from='localhost' to='{PRIVILEGED}' type='error' id='notif1'/>")
            .must_fail("forbidden");
    }
    gateway.expect_no("<message from='localhost'/>");
}
