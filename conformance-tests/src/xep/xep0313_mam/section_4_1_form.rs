//! XEP-0313 §4.1 and §4.1.5: the form of a query.

use super::*;

#[track_caller]
fn offered(alice: &Client) -> Element {
    let reply = request!(alice, "<iq type='get'><query xmlns='urn:xmpp:mam:2'/></iq>");
    reply.must(
        "<iq type='result'><query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='form'>\
         <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field></x></query></iq>",
    );
    reply.need_child("query").need_child("x").clone()
}

/// §4.1.5: the form has the six fields that a server has to support.
#[test]
fn the_form_has_all_mandatory_fields() {
    let form = offered(&user());
    for var in ["with", "start", "end", "before-id", "after-id", "ids"] {
        form.must(&format!("<x xmlns='jabber:x:data'><field var='{var}'/></x>"));
    }
}

/// §4.1.5: the types of these three are fixed.
#[test]
fn the_fields_have_their_types() {
    offered(&user()).must(
        "<x xmlns='jabber:x:data'><field var='with' type='jid-single'/>\
         <field var='start' type='text-single'/><field var='end' type='text-single'/></x>",
    );
}

/// §4.1: no field is required.
#[test]
fn no_field_is_required() {
    let form = offered(&user());
    for field in form.children() {
        field.must_not("<field xmlns='jabber:x:data'><required/></field>");
    }
}

/// §4.1.5: the list of ids is open to any value, and the server offers none.
#[test]
fn the_list_of_ids_is_open() {
    let form = offered(&user());
    form.must(
        "<x xmlns='jabber:x:data'><field var='ids' type='list-multi'>\
         <validate xmlns='http://jabber.org/protocol/xdata-validate'><open/></validate></field></x>",
    )
    .must_not("<x xmlns='jabber:x:data'><field var='ids'><option/></field></x>");
}

/// §4.1.5: the field for group chat is in the form if, and only if, the feature is advertised (§7).
#[test]
fn include_groupchat_is_in_the_form_if_advertised() {
    let alice = user();
    let field = Element::parse("<x xmlns='jabber:x:data'><field var='include-groupchat'/></x>");
    let advertised = alice.account_features().contains(&"urn:xmpp:mam:2#groupchat-field".to_owned());
    assert_eq!(offered(&alice).matches(&field), advertised);
}

/// §4.1.4: the field for group chat is understood if, and only if, the feature is advertised.
#[test]
fn include_groupchat_is_understood_if_advertised() {
    let (alice, _) = conversation(&["hi"]);
    let advertised = alice.account_features().contains(&"urn:xmpp:mam:2#groupchat-field".to_owned());
    for value in ["true", "false"] {
        if advertised {
            assert_eq!(alice.query(&field("include-groupchat", value)).bodies(), ["hi"]);
        } else {
            alice.refused_query(&field("include-groupchat", value)).must_fail("feature-not-implemented");
        }
    }
}

/// §4.1.5: an unknown field is refused.
#[test]
fn an_unknown_field_is_feature_not_implemented() {
    let (alice, _) = conversation(&["hi"]);
    alice.refused_query(&field("{http://example.com/}mood", "lonely")).must_fail("feature-not-implemented");
}

/// §4.1.5: also next to known ones.
#[test]
fn an_unknown_field_among_known_ones_is_feature_not_implemented() {
    let (alice, bob) = conversation(&["hi"]);
    let fields = format!(
        "<field var='with'><value>{bob:#}</value></field><field var='unheard-of'><value>1</value></field>"
    );
    alice.refused_query(&form(&fields)).must_fail("feature-not-implemented");
}

/// §4.1: the form's type is fixed; XEP-0068 §3 says what a form is for.
#[test]
fn another_form_type_is_bad_request() {
    let (alice, _) = conversation(&["hi"]);
    alice
        .refused_query(
            "<x xmlns='jabber:x:data' type='submit'>\
             <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:1</value></field></x>",
        )
        .must_fail("bad-request");
}

/// §4.1: a form has to name its type.
#[test]
fn a_form_without_type_is_bad_request() {
    let (alice, bob) = conversation(&["hi"]);
    alice
        .refused_query(&format!(
            "<x xmlns='jabber:x:data' type='submit'><field var='with'><value>{bob:#}</value></field></x>"
        ))
        .must_fail("bad-request");
}

/// §4.1.1: "with" is a JID.
#[test]
fn with_something_that_is_no_jid_is_refused() {
    let (alice, _) = conversation(&["hi"]);
    alice
        .refused_query(&field("with", "@@not a jid@@"))
        .must_fail_with_one_of(&["bad-request", "jid-malformed"]);
}

/// §4.1: an empty form is the same as none.
#[test]
fn a_form_without_fields_gives_all() {
    let (alice, _) = conversation(&["1", "2"]);
    assert_eq!(alice.query(&form("")).ids(), alice.query("").ids());
}

/// §4.1.5: a query is understood though the form was not asked for: all other tests do not ask. The type of a
/// submitted field may be left out or given (XEP-0004 §3.2).
#[test]
fn a_field_may_have_its_type() {
    let (alice, bob) = conversation(&["1"]);
    let typed = format!("<field var='with' type='jid-single'><value>{bob:#}</value></field>");
    assert_eq!(alice.query(&form(&typed)).bodies(), ["1"]);
}
