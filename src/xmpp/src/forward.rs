//! Stanzas inside stanzas ([XEP-0297](https://xmpp.org/extensions/xep-0297.html)): the bytes as they are, wrapped.

use waxwing_xml::{CONTENT, Child, Tree};

use crate::{BareJid, Jid, Kind, Stanza, Timestamp, ns};

/// `around` (an element without content, such as `<result/>` or `<received/>`) with the stanza forwarded inside, and
/// the time at which it came, if one is given. None only if the stanza was not built from verified bytes.
pub fn forwarded(around: &Tree, stanza: &Stanza, stamp: Option<Timestamp>) -> Option<Child> {
    let opening = around.to_xml();
    let opening = opening.strip_suffix("/>")?;
    let mut out = Vec::with_capacity(stanza.children.byte_len() + opening.len() + 512);
    out.extend_from_slice(opening.as_bytes());
    out.extend_from_slice(b"><forwarded xmlns='");
    out.extend_from_slice(ns::FORWARD.as_bytes());
    out.extend_from_slice(b"'>");
    if let Some(stamp) = stamp {
        let delay = Tree::new(ns::DELAY, "delay").with_attr("stamp", stamp.to_rfc3339());
        out.extend_from_slice(delay.to_xml().as_bytes());
    }
    stanza.write(&mut out, Some(CONTENT));
    out.extend_from_slice(b"</forwarded></");
    out.extend_from_slice(around.name().as_bytes());
    out.push(b'>');
    Child::from_bytes(out.into())
}

/// The stanza of this name that is forwarded inside `around`, the reverse of [`forwarded`]; components write it in the
/// namespace of their own stream as well. None if there is not exactly one.
pub fn opened(around: &Child, name: &str) -> Option<Stanza> {
    let forwarded = only(around, ns::FORWARD, "forwarded")?;
    Stanza::parse(only(&forwarded, CONTENT, name)?.as_str())
}

/// The element of the stanza of this name that is directly inside another element. None if there is not exactly one, or
/// it is none of `jabber:client`.
pub fn stanza_inside(around: &Child, name: &str) -> Option<Child> {
    // Lifted out, a stanza of any content namespace looks like one of ours.
    around.tree().child(CONTENT, name)?;
    only(around, CONTENT, name)
}

fn only(around: &Child, namespace: &str, name: &str) -> Option<Child> {
    let inner = around.lift();
    let mut found = inner.iter().filter(|child| child.is(namespace, name));
    let (Some(element), None) = (found.next(), found.next()) else { return None };
    Some(element.clone())
}

/// The copy of a message that another resource of `account` has sent or received, for one of its resources
/// ([XEP-0280 §7, §8](https://xmpp.org/extensions/xep-0280.html#inbound)).
pub fn carbon(sent: bool, message: &Stanza, account: &BareJid, to: &Jid) -> Option<Stanza> {
    let Kind::Message(kind) = message.kind else { return None };
    let around = Tree::new(ns::CARBONS, if sent { "sent" } else { "received" });
    let mut copy = Stanza::message(kind).from(account.clone()).to(to.clone());
    copy.children.push(forwarded(&around, message, None)?);
    Some(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xep0297_3_1_the_stanza_is_as_it_was() {
        let message = Stanza::parse(
            "<message from='a@b.c/d' to='e@f.g' type='chat' id='1'><body>x &amp; y</body><z xmlns='q'><body/></z></message>",
        )
        .unwrap();
        let around = Tree::new("urn:xmpp:mam:2", "result").with_attr("id", "5");
        let child = forwarded(&around, &message, Some(Timestamp(0))).unwrap();
        assert_eq!(
            child.as_str(),
            "<result xmlns='urn:xmpp:mam:2' id='5'><forwarded xmlns='urn:xmpp:forward:0'>\
             <delay xmlns='urn:xmpp:delay' stamp='1970-01-01T00:00:00.000Z'/>\
             <message xmlns='jabber:client' from='a@b.c/d' to='e@f.g' id='1' type='chat'><body>x &amp; y</body>\
             <z xmlns='q'><body/></z></message></forwarded></result>"
        );
    }

    #[test]
    fn xep0297_3_1_what_was_forwarded_is_taken_out_again() {
        let message = Stanza::parse("<message from='a@b.c/d' id='1'><z xmlns='q'>x</z></message>").unwrap();
        let child = forwarded(&Tree::new("urn:x", "result"), &message, Some(Timestamp(0))).unwrap();
        assert_eq!(opened(&child, "message").unwrap().to_xml(), message.to_xml());
        assert!(opened(&child, "iq").is_none());
        let inside = |inner: &str| {
            let xml =
                format!("<r xmlns='urn:x'><forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></r>");
            opened(&Tree::parse(&xml).unwrap().to_child(), "message").map(|message| message.to_xml())
        };
        let good = "<message xmlns='jabber:client'/>";
        assert_eq!(inside(good).as_deref(), Some("<message/>"));
        assert_eq!(inside("<f:message xmlns:f='jabber:client'/>").as_deref(), Some("<message/>"));
        assert_eq!(inside("<message xmlns='jabber:component:accept'/>").as_deref(), Some("<message/>"));
        for bad in ["", "<message/>", "<message xmlns='urn:x'/>", "<message xmlns=''/>"] {
            assert_eq!(inside(bad), None, "{bad}");
        }
        assert_eq!(inside(&good.repeat(2)), None);
    }

    #[test]
    fn a_stanza_of_jabber_client_is_told_apart_from_others() {
        let inside = |inner: &str| {
            let around = Tree::parse(&format!("<r xmlns='urn:x'>{inner}</r>")).unwrap().to_child();
            stanza_inside(&around, "iq").is_some()
        };
        assert!(inside("<iq xmlns='jabber:client'/>"));
        for bad in [
            "",
            "<iq/>",
            "<iq xmlns='jabber:server'/>",
            "<iq xmlns='jabber:component:accept'/>",
            "<iq xmlns='jabber:client'/><iq xmlns='jabber:client'/>",
            "<iq xmlns='jabber:client'/><iq xmlns='jabber:server'/>",
        ] {
            assert!(!inside(bad), "{bad}");
        }
    }

    #[test]
    fn xep0280_7_a_copy_comes_from_the_account() {
        let message =
            Stanza::parse("<message from='a@b.c/d' to='e@f.g' type='chat'><body>x</body></message>").unwrap();
        let account = BareJid::parse("e@f.g").unwrap();
        let copy = carbon(false, &message, &account, &account.with_resource("r").unwrap()).unwrap();
        let xml = copy.to_xml();
        assert!(
            xml.starts_with(
                "<message from='e@f.g' to='e@f.g/r' type='chat'><received xmlns='urn:xmpp:carbons:2'>"
            ),
            "{xml}"
        );
    }
}
