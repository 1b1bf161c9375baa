//! XEP-0441: what a user wants archived.

use crate::harness::archive::*;

/// Sets the preferences, and returns what the server made of them.
#[track_caller]
fn set(client: &Client, default: &str, lists: &str) -> Element {
    let reply = request!(
        client,
        "<iq type='set'><prefs xmlns='urn:xmpp:mam:2' default='{default}'>{lists}</prefs></iq>"
    );
    reply.must(
        "<iq type='result'><prefs xmlns='urn:xmpp:mam:2' default='{any}'><always/><never/></prefs></iq>",
    );
    reply.need_child("prefs").clone()
}

#[track_caller]
fn get(client: &Client) -> Element {
    let reply = request!(client, "<iq type='get'><prefs xmlns='urn:xmpp:mam:2'/></iq>");
    reply.must(
        "<iq type='result'><prefs xmlns='urn:xmpp:mam:2' default='{any}'><always/><never/></prefs></iq>",
    );
    reply.need_child("prefs").clone()
}

fn jids(prefs: &Element, list: &str) -> Vec<String> {
    let mut jids: Vec<String> = prefs.need_child(list).children().map(Element::text).collect();
    jids.sort();
    jids
}

/// What of a message each way between Bob, who has these preferences, and Alice is in Bob's archive.
#[track_caller]
fn archived(bob: &Client, alice: &Client) -> Vec<String> {
    let before = bob.archive().bodies().len();
    send!(alice, "<message to='{bob}' type='chat'><body>in</body></message>");
    barrier();
    send!(bob, "<message to='{alice}' type='chat'><body>out</body></message>");
    let bodies = bob.archive().bodies();
    bodies[before..].to_vec()
}

/// §2.1: there are preferences from the beginning: both lists, and a default of the three.
#[test]
fn there_are_preferences_at_first() {
    let prefs = get(&user());
    assert!(["always", "never", "roster"].contains(&prefs.need("default")), "{prefs}");
    assert!(jids(&prefs, "always").is_empty() && jids(&prefs, "never").is_empty(), "{prefs}");
}

/// §2.1.1: each default can be set, is told in the answer, and again later.
#[test]
fn each_default_can_be_set() {
    let bob = user();
    for default in ["never", "roster", "always"] {
        assert_eq!(set(&bob, default, "<always/><never/>").need("default"), default);
        assert_eq!(get(&bob).need("default"), default);
    }
}

/// §2.1: the lists can be set and are told.
#[test]
fn the_lists_can_be_set() {
    let bob = user();
    let lists = "<always><jid>romeo@montague.example</jid><jid>nurse@capulet.example/home</jid></always>\
                 <never><jid>montague@montague.example</jid></never>";
    for prefs in [set(&bob, "roster", lists), get(&bob)] {
        assert_eq!(jids(&prefs, "always"), ["nurse@capulet.example/home", "romeo@montague.example"]);
        assert_eq!(jids(&prefs, "never"), ["montague@montague.example"]);
    }
}

/// §2.1: preferences are the account's, not the session's.
#[test]
fn preferences_hold_for_the_account() {
    let bob = user();
    set(&bob, "never", "<always><jid>romeo@montague.example</jid></always><never/>");
    bob.log_out();
    let prefs = get(&bob.session("later"));
    assert_eq!(prefs.need("default"), "never");
    assert_eq!(jids(&prefs, "always"), ["romeo@montague.example"]);
}

/// §2.1: a set replaces what was there.
#[test]
fn a_set_replaces_the_lists() {
    let bob = user();
    set(&bob, "always", "<always/><never><jid>a@example.com</jid></never>");
    set(&bob, "always", "<always/><never><jid>b@example.com</jid></never>");
    assert_eq!(jids(&get(&bob), "never"), ["b@example.com"]);
}

/// §2.1.2 and §2.1.3: a list that is missing is empty.
#[test]
fn a_missing_list_is_empty() {
    let bob = user();
    set(&bob, "always", "<always><jid>b@example.com</jid></always><never><jid>a@example.com</jid></never>");
    let prefs = set(&bob, "always", "");
    assert!(jids(&prefs, "always").is_empty() && jids(&prefs, "never").is_empty(), "{prefs}");
}

/// §2.1.1: "always": all is archived.
#[test]
fn by_default_always_everything_is_archived() {
    let (alice, bob) = (online(), online());
    set(&bob, "always", "<always/><never/>");
    assert_eq!(archived(&bob, &alice), ["in", "out"]);
}

/// §2.1.1: "never": nothing is.
#[test]
fn by_default_never_nothing_is_archived() {
    let (alice, bob) = (online(), online());
    set(&bob, "never", "<always/><never/>");
    assert!(archived(&bob, &alice).is_empty());
    // Alice's archive is hers.
    assert_eq!(alice.archive().bodies(), ["in", "out"]);
}

/// §2.1.1: "roster": what is exchanged with contacts is.
#[test]
fn by_default_roster_contacts_are_archived() {
    let (alice, bob) = (online(), online());
    set(&bob, "roster", "<always/><never/>");
    request!(bob, "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='{alice:#}'/></query></iq>")
        .must("<iq type='result'/>");
    settle();
    assert_eq!(archived(&bob, &alice), ["in", "out"]);
}

/// §2.1.1: what is exchanged with others is not.
#[test]
fn by_default_roster_strangers_are_not_archived() {
    let (alice, bob) = (online(), online());
    set(&bob, "roster", "<always/><never/>");
    assert!(archived(&bob, &alice).is_empty());
}

/// §2.1.1: a contact that is removed becomes a stranger.
#[test]
fn by_default_roster_a_removed_contact_is_not_archived() {
    let (alice, bob) = (online(), online());
    set(&bob, "roster", "<always/><never/>");
    for item in [format!("<item jid='{alice:#}'/>"), format!("<item jid='{alice:#}' subscription='remove'/>")]
    {
        request!(bob, "<iq type='set'><query xmlns='jabber:iq:roster'>{item}</query></iq>")
            .must("<iq type='result'/>");
    }
    settle();
    assert!(archived(&bob, &alice).is_empty());
}

/// §2.1.2: who is on "always" is archived against the default.
#[test]
fn who_is_on_always_is_archived_against_the_default() {
    let (alice, bob, carol) = (online(), online(), online());
    set(&bob, "never", &format!("<always><jid>{alice:#}</jid></always><never/>"));
    assert_eq!(archived(&bob, &alice), ["in", "out"]);
    assert!(archived(&bob, &carol).is_empty());
}

/// §2.1.3: who is on "never" is not.
#[test]
fn who_is_on_never_is_not_archived_against_the_default() {
    let (alice, bob, carol) = (online(), online(), online());
    set(&bob, "always", &format!("<always/><never><jid>{alice:#}</jid></never>"));
    assert!(archived(&bob, &alice).is_empty());
    assert_eq!(archived(&bob, &carol), ["in", "out"]);
}

/// §2.3.1: a JID with a resource means that resource only.
#[test]
fn a_full_jid_on_a_list_means_that_resource() {
    let (alice, bob) = (online(), online());
    let other = alice.session_online("other", 0);
    set(&bob, "always", &format!("<always/><never><jid>{alice}</jid></never>"));
    assert!(archived(&bob, &alice).is_empty());
    assert_eq!(archived(&bob, &other), ["in", "out"]);
}

/// XEP-0313 §3.5: what is not archived has no id in the archive.
#[test]
fn what_is_not_archived_has_no_id() {
    let (alice, bob) = (online(), online());
    set(&bob, "never", "<always/><never/>");
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    expect!(bob, "<message id='m1'/>").must_not("<message><stanza-id xmlns='urn:xmpp:sid:0'/></message>");
}

/// §2.1.1: no other default exists, and a bad one changes nothing.
#[test]
fn an_unknown_default_is_refused() {
    let bob = user();
    set(&bob, "roster", "<always/><never/>");
    request!(
        bob,
        "<iq type='set'><prefs xmlns='urn:xmpp:mam:2' default='sometimes'><always/><never/></prefs></iq>"
    )
    .must("<iq type='error'/>");
    assert_eq!(get(&bob).need("default"), "roster");
}

/// §2.1.1: the default has to be there.
#[test]
fn a_missing_default_is_refused() {
    let bob = user();
    set(&bob, "roster", "<always/><never/>");
    request!(bob, "<iq type='set'><prefs xmlns='urn:xmpp:mam:2'><always/><never/></prefs></iq>")
        .must("<iq type='error'/>");
    assert_eq!(get(&bob).need("default"), "roster");
}

/// §2.1.2: the lists are of JIDs.
#[test]
fn a_list_of_no_jids_is_refused() {
    let bob = user();
    set(&bob, "roster", "<always/><never/>");
    request!(
        bob,
        "<iq type='set'><prefs xmlns='urn:xmpp:mam:2' default='always'><always><jid>@@no jid@@</jid></always></prefs></iq>"
    )
    .must("<iq type='error'/>");
    assert_eq!(get(&bob).need("default"), "roster");
}

/// XEP-0313 §8.1: preferences are their owner's.
#[test]
fn another_accounts_preferences_are_refused() {
    let (alice, bob) = (online(), online());
    set(&bob, "roster", "<always/><never/>");
    request!(alice, "<iq type='get' to='{bob:#}'><prefs xmlns='urn:xmpp:mam:2'/></iq>")
        .must("<iq type='error'/>");
    request!(
        alice,
        "<iq type='set' to='{bob:#}'><prefs xmlns='urn:xmpp:mam:2' default='never'><always/><never/></prefs></iq>"
    )
    .must("<iq type='error'/>");
    assert_eq!(get(&bob).need("default"), "roster");
}
