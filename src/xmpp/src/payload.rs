//! What the children of a message are, for those who decide what becomes of it: kept, copied, held back.

use waxwing_xml::Child;

use crate::ns;

/// Whether the child tells what the sender is doing right now and nothing else
/// ([XEP-0085](https://xmpp.org/extensions/xep-0085.html)).
pub fn is_chat_state(child: &Child) -> bool {
    child.namespace() == ns::CHAT_STATES
}

/// Whether the child says something about its message and nothing by itself: where it belongs, when it came, how it is
/// to be handled.
pub fn is_bookkeeping(child: &Child) -> bool {
    match child.namespace() {
        ns::HINTS | ns::STANZA_ID | ns::DELAY | ns::OCCUPANT_ID => true,
        ns::CLIENT => child.name() == "thread",
        ns::CARBONS => child.name() == "private",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stanza;

    fn all(children: &str, are: fn(&Child) -> bool) -> bool {
        Stanza::parse(&format!("<message>{children}</message>")).unwrap().children.iter().all(are)
    }

    #[test]
    fn what_says_nothing_by_itself() {
        assert!(all(
            "<thread>t</thread><no-store xmlns='urn:xmpp:hints'/><origin-id xmlns='urn:xmpp:sid:0' id='1'/>\
             <delay xmlns='urn:xmpp:delay' stamp='2023-01-01T00:00:00Z'/><private xmlns='urn:xmpp:carbons:2'/>\
             <occupant-id xmlns='urn:xmpp:occupant-id:0' id='1'/>",
            is_bookkeeping
        ));
        for child in
            ["<body>x</body>", "<subject/>", "<received xmlns='urn:xmpp:carbons:2'/>", "<y xmlns='z'/>"]
        {
            assert!(!all(child, is_bookkeeping) && !all(child, is_chat_state), "{child}");
        }
        assert!(all("<composing xmlns='http://jabber.org/protocol/chatstates'/>", is_chat_state));
    }
}
