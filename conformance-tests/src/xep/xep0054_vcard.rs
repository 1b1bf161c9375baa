//! XEP-0054: vcard-temp.

use crate::harness::*;

const GET: &str = "<vCard xmlns='vcard-temp'/>";

/// §3.2: what was stored comes back.
#[test]
fn what_was_stored_comes_back() {
    let alice = user();
    request!(
        alice,
        "<iq type='set'><vCard xmlns='vcard-temp'><FN>Juliet</FN><N><FAMILY>Capulet</FAMILY></N></vCard></iq>"
    )
    .must("<iq type='result'/>");
    request!(alice, "<iq type='get'>{GET}</iq>").must(
        "<iq type='result'><vCard xmlns='vcard-temp'><FN>Juliet</FN><N><FAMILY>Capulet</FAMILY></N></vCard></iq>",
    );
}

/// §3.1: without a vCard: an empty one, or item-not-found.
#[test]
fn without_a_vcard_it_is_empty_or_not_found() {
    let alice = user();
    let reply = request!(alice, "<iq type='get'>{GET}</iq>");
    if reply.attr("type") == Some("error") {
        reply.must_fail("item-not-found");
    } else {
        reply.must("<iq type='result'/>");
    }
}

/// §3.3: everybody may read a vCard.
#[test]
fn others_may_read_it() {
    let (alice, bob) = (user(), user());
    request!(alice, "<iq type='set'><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard></iq>")
        .must("<iq type='result'/>");
    request!(bob, "<iq type='get' to='{alice:#}'>{GET}</iq>").must(&format!(
        "<iq type='result' from='{alice:#}'><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard></iq>"
    ));
}

/// §3.3: also when its owner is away.
#[test]
fn others_may_read_it_when_its_owner_is_away() {
    let (alice, bob) = (user(), user());
    request!(alice, "<iq type='set'><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard></iq>")
        .must("<iq type='result'/>");
    let bare = alice.bare();
    alice.log_out();
    request!(bob, "<iq type='get' to='{bare}'>{GET}</iq>")
        .must("<iq type='result'><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard></iq>");
}

/// §3.2: nobody else may write it.
#[test]
fn others_may_not_write_it() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    request!(bob, "<iq type='set' to='{alice:#}'><vCard xmlns='vcard-temp'><FN>Evil</FN></vCard></iq>")
        .must_fail_with_one_of(&["forbidden", "not-allowed", "not-authorized", "service-unavailable"]);
    request!(alice, "<iq type='get'>{GET}</iq>")
        .must_not("<iq><vCard xmlns='vcard-temp'><FN>Evil</FN></vCard></iq>");
}

/// §3.2: storing replaces the whole card.
#[test]
fn storing_again_replaces() {
    let alice = user();
    request!(
        alice,
        "<iq type='set'><vCard xmlns='vcard-temp'><FN>Juliet</FN><NICKNAME>J</NICKNAME></vCard></iq>"
    );
    request!(alice, "<iq type='set'><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard></iq>");
    request!(alice, "<iq type='get'>{GET}</iq>")
        .must_not("<iq><vCard xmlns='vcard-temp'><NICKNAME/></vCard></iq>");
}

/// RFC 6121 §8.5.1: an account that does not exist has none.
#[test]
fn an_unknown_account_has_none() {
    request!(user(), "<iq type='get' to='nobody-here@localhost'>{GET}</iq>")
        .must_fail_with_one_of(&["service-unavailable", "item-not-found"]);
}

/// §3: it is kept.
#[test]
fn it_is_there_at_the_next_login() {
    let alice = user();
    request!(alice, "<iq type='set'><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard></iq>");
    alice.log_out();
    request!(alice.session("again"), "<iq type='get'>{GET}</iq>")
        .must("<iq><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard></iq>");
}
