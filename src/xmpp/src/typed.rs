//! That `xmpp_parsers`, which many clients are built on, reads our payloads as we mean them.

use waxwing_xml::{CONTENT, Child};

use crate::StanzaError;

/// Reads a child into a type that knows it, e.g. `xmpp_parsers::disco::DiscoInfoQuery`.
///
/// For payloads that we consume; never for what is forwarded, since such types drop what they do not know.
///
/// # Errors
/// `bad-request` if the child is not what the type demands.
fn typed<T: xso::FromXml>(child: &Child) -> Result<T, StanzaError> {
    let bytes = child.bytes();
    let read = if child.namespace() == CONTENT {
        // A child in the content namespace declares none: the stream does.
        xso::from_bytes(&declared(bytes, child.name()))
    } else {
        xso::from_bytes(bytes)
    };
    read.map_err(|error| StanzaError::bad_request(error.to_string()))
}

/// The element with the content namespace declared on it.
fn declared(bytes: &[u8], name: &str) -> Vec<u8> {
    let (start, rest) = bytes.split_at_checked(1 + name.len()).unwrap_or((bytes, &[]));
    [start, b" xmlns='", CONTENT.as_bytes(), b"'", rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Condition, Stanza};
    use xmpp_parsers::disco::DiscoInfoQuery;
    use xmpp_parsers::ping::Ping;
    use xmpp_parsers::roster::Roster;

    fn payload(xml: &str) -> Child {
        let iq = Stanza::parse(&format!("<iq type='get' id='1'>{xml}</iq>")).unwrap();
        iq.payload().unwrap().clone()
    }

    #[test]
    fn a_known_payload_is_read() {
        let query = payload("<query xmlns='http://jabber.org/protocol/disco#info' node='urn:&lt;x&gt;'/>");
        assert_eq!(typed::<DiscoInfoQuery>(&query).unwrap().node.as_deref(), Some("urn:<x>"));
        assert!(typed::<Ping>(&payload("<ping xmlns='urn:xmpp:ping'/>")).is_ok());
        assert!(typed::<Ping>(&payload("<p:ping xmlns:p='urn:xmpp:ping'/>")).is_ok());
    }

    #[test]
    fn another_payload_is_a_bad_request() {
        for xml in ["<ping xmlns='urn:xmpp:pong'/>", "<pong xmlns='urn:xmpp:ping'/>", "<ping/>"] {
            assert_eq!(typed::<Ping>(&payload(xml)).unwrap_err().condition, Condition::BadRequest, "{xml}");
        }
        // An attribute that the type demands is missing.
        let roster = payload("<query xmlns='jabber:iq:roster'><item/></query>");
        assert_eq!(typed::<Roster>(&roster).unwrap_err().condition, Condition::BadRequest);
        let roster = payload("<query xmlns='jabber:iq:roster'><item jid='a@b.example'/></query>");
        assert_eq!(typed::<Roster>(&roster).unwrap().items.len(), 1);
    }

    /// RFC 6120 §8.3.2: `<error/>` is in the content namespace, which no child declares.
    #[test]
    fn a_payload_in_the_content_namespace_is_read() {
        let error = StanzaError::new(Condition::Forbidden).to_tree().to_child();
        let typed = typed::<xmpp_parsers::stanza_error::StanzaError>(&error).unwrap();
        assert_eq!(typed.defined_condition, xmpp_parsers::stanza_error::DefinedCondition::Forbidden);
    }
}
