//! XEP-0356 §4: rosters.

use super::*;

const ROSTER: &str = "<query xmlns='jabber:iq:roster'/>";

/// §4.2.
#[test]
fn a_component_is_told_of_its_permissions() {
    let component = Component::connect(PRIVILEGED);
    expect!(
        component,
        "<message from='localhost' to='{PRIVILEGED}'><privilege xmlns='{NS}'>
         <perm access='roster' type='both'/><perm access='message' type='outgoing'/>
         <perm access='presence' type='roster'/></privilege></message>"
    );
    let reader = Component::connect(READER);
    let told = expect!(
        reader,
        "<message from='localhost'><privilege xmlns='{NS}'><perm access='roster' type='get'/></privilege></message>"
    );
    told.must_not(&format!(
        "<message><privilege xmlns='{NS}'><perm access='message' type='outgoing'/></privilege></message>"
    ));
}

#[test]
fn a_component_without_permissions_is_told_of_none() {
    let gateway = Component::connect(GATEWAY);
    gateway.expect_no(&format!("<message><privilege xmlns='{NS}'/></message>"));
}

/// §4.3.
#[test]
fn a_roster_is_read() {
    let alice = online();
    alice.request(
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='nurse@localhost' name='N'/></query></iq>",
    );
    for name in [PRIVILEGED, READER] {
        privileged(name).ask(&format!("<iq type='get' to='{alice:#}'>{ROSTER}</iq>")).must(&format!(
            "<iq type='result' from='{alice:#}' to='{name}'><query xmlns='jabber:iq:roster'>
             <item jid='nurse@localhost' name='N'/></query></iq>"
        ));
    }
}

/// §4.3: "in the usual way".
#[test]
fn a_roster_is_changed_and_the_user_told() {
    let (alice, component) = (online(), privileged(PRIVILEGED));
    component
        .ask(&format!(
            "<iq type='set' to='{alice:#}'><query xmlns='jabber:iq:roster'>
             <item jid='romeo@localhost' name='R'><group>Rivals</group></item></query></iq>"
        ))
        .must(&format!("<iq type='result' from='{alice:#}'/>"));
    let item = "<item jid='romeo@localhost' name='R'><group>Rivals</group></item>";
    expect!(alice, "<iq type='set'><query xmlns='jabber:iq:roster'>{item}</query></iq>");
    assert!(alice.roster_item("romeo@localhost").is_some());
}

/// §4.3: "MUST return a <forbidden/> error".
#[test]
fn who_may_only_read_changes_nothing() {
    let (alice, reader) = (online(), privileged(READER));
    reader
        .ask(&format!(
            "<iq type='set' to='{alice:#}'><query xmlns='jabber:iq:roster'><item jid='x@localhost'/></query></iq>"
        ))
        .must_fail("forbidden");
    assert!(alice.roster_item("x@localhost").is_none());
}

/// §4.3.
#[test]
fn who_has_no_permission_does_neither() {
    let (alice, gateway) = (online(), Component::connect(GATEWAY));
    gateway.ask(&format!("<iq type='get' to='{alice:#}'>{ROSTER}</iq>")).must_fail("forbidden");
    gateway
        .ask(&format!(
            "<iq type='set' to='{alice:#}'><query xmlns='jabber:iq:roster'><item jid='x@localhost'/></query></iq>"
        ))
        .must_fail("forbidden");
    assert!(alice.roster_item("x@localhost").is_none());
}

/// §4.4: from the bare JID of the account.
#[test]
fn roster_pushes_come_to_who_may_read() {
    let (alice, component) = (online(), privileged(PRIVILEGED));
    for (change, seen) in [
        ("name='a'", "name='a'"),
        ("name='b'", "name='b'"),
        ("subscription='remove'", "subscription='remove'"),
    ] {
        alice.request(&format!(
            "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='p@localhost' {change}/></query></iq>"
        ));
        expect!(
            component,
            "<iq type='set' from='{alice:#}' to='{PRIVILEGED}'><query xmlns='jabber:iq:roster'>
             <item jid='p@localhost' {seen}/></query></iq>"
        );
    }
}
