use waxwing_xml::{Framing, Limits, Scanner};

use super::*;
use crate::OnConflict;

struct Names(Arc<Component>);

impl Directory for Names {
    fn component(&self, name: &Domain) -> Option<Arc<Component>> {
        (self.0.name() == name).then(|| Arc::clone(&self.0))
    }
    fn own_name(&self) -> String {
        "example.org".to_owned()
    }
}

/// What becomes of these bytes: the last thing that was said, and what was written.
fn say(handshake: &mut Handshake, xml: &str) -> (Result<Said, StreamError>, String) {
    let names = Names(Arc::new(crate::tests::component(OnConflict::Refuse, 1000)));
    let mut scanner = Scanner::new(Framing::Stream, Limits::BEFORE_LOGIN);
    let (mut input, mut out, mut last) = (xml.as_bytes(), Vec::new(), Ok(Said::Name));
    loop {
        match scanner.scan(&mut input) {
            Ok(Some(item)) => last = handshake.item(item, &names, &mut out),
            Ok(None) => break,
            Err(error) => last = Err(error.into()),
        }
        if let Err(error) = &last {
            handshake.close(Some(error), &names, &mut out);
            break;
        }
    }
    (last, String::from_utf8(out).unwrap())
}

fn header(attributes: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' {attributes}>"
    )
}

const GOOD: &str = "xmlns='jabber:component:accept' to='irc.example.org'";

#[test]
fn xep0114_3_the_proof_is_sha1_of_id_and_secret_in_lower_case_hex() {
    let secret = Secret::new(b"test".as_slice());
    let right = "aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e";
    assert_eq!(expected("3BF96D32", &secret), right);
    assert!(proves("3BF96D32", &secret, right) && proves("3BF96D32", &secret, &format!("\n{right}\n")));
    let other = Secret::new(b"Test".as_slice());
    assert!(!proves("3BF96D33", &secret, right) && !proves("3BF96D32", &other, right));
    for wrong in ["", "aaee83c26aeeafcbabeabfcbcd50df997e0a2a1", &right.to_uppercase(), &format!("{right}00")]
    {
        assert!(!proves("3BF96D32", &secret, wrong), "{wrong}");
    }
}

#[test]
fn xep0114_3_the_header_is_answered_with_the_name_and_an_id() {
    let (mut one, mut other) = (Handshake::new(), Handshake::new());
    let (said, out) = say(&mut one, &header(GOOD));
    assert!(matches!(said, Ok(Said::Name)));
    let wanted = format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
         xmlns:stream='http://etherx.jabber.org/streams' from='irc.example.org' id='{}'>",
        one.id()
    );
    assert_eq!(out, wanted);
    assert!(say(&mut other, &header(GOOD)).0.is_ok());
    assert_ne!(one.id(), other.id());
}

#[test]
fn xep0114_3_a_handshake_is_handed_on_to_be_checked() {
    let (said, _) = say(&mut Handshake::new(), &format!("{}<handshake>aa&#x61;e</handshake>", header(GOOD)));
    let Ok(Said::Proof(component, proof)) = said else { panic!("{said:?}") };
    assert_eq!((component.name().as_str(), proof.as_str()), ("irc.example.org", "aaae"));
}

#[test]
fn xep0114_3_a_wrong_header_is_answered_with_a_header_and_the_error() {
    let client = "xmlns='jabber:client' to='irc.example.org'";
    let server = "xmlns='jabber:server' to='irc.example.org'";
    for (attributes, from, condition) in [
        ("xmlns='jabber:component:accept' to='other.example.org'", "example.org", "host-unknown"),
        ("xmlns='jabber:component:accept' to='x.irc.example.org'", "example.org", "host-unknown"),
        ("xmlns='jabber:component:accept' to='example.org'", "example.org", "host-unknown"),
        ("xmlns='jabber:component:accept'", "example.org", "improper-addressing"),
        ("xmlns='jabber:component:accept' to='a b'", "example.org", "improper-addressing"),
        ("xmlns='jabber:component:connect' to='irc.example.org'", "example.org", "invalid-namespace"),
        (client, "example.org", "invalid-namespace"),
        (server, "example.org", "invalid-namespace"),
    ] {
        let (said, out) = say(&mut Handshake::new(), &header(attributes));
        assert_eq!(said.unwrap_err().condition.name(), condition, "{attributes}");
        assert!(out.contains(&format!(" from='{from}' ")), "{out}");
        assert!(
            out.contains(&format!("<stream:error><{condition} ")) && out.ends_with("</stream:stream>"),
            "{out}"
        );
    }
}

#[test]
fn rfc6120_4_8_the_root_has_its_name_namespace_and_prefix() {
    for (root, condition) in [
        (
            "<stream:stream xmlns:stream='urn:x' xmlns='jabber:component:accept' to='irc.example.org'>",
            "invalid-namespace",
        ),
        (
            "<stream:flow xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:component:accept'>",
            "bad-format",
        ),
        (
            "<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:component:accept'>",
            "bad-namespace-prefix",
        ),
        ("<!DOCTYPE x>", "restricted-xml"),
        ("x", "not-well-formed"),
    ] {
        let (said, out) = say(&mut Handshake::new(), root);
        assert_eq!(said.unwrap_err().condition.name(), condition, "{root}");
        assert!(out.starts_with("<?xml version='1.0'?><stream:stream "), "{out}");
        assert_eq!(out.matches("<stream:error>").count(), 1);
    }
}

#[test]
fn rfc6120_4_9_3_12_nothing_comes_before_the_handshake() {
    for other in [
        "<message from='a@irc.example.org' to='juliet@example.org'/>",
        "<iq type='get'/>",
        "<handshake xmlns='urn:x'>1</handshake>",
        "<handshake><x/></handshake>",
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    ] {
        let (said, out) = say(&mut Handshake::new(), &format!("{}{other}", header(GOOD)));
        assert_eq!(said.unwrap_err().condition, StreamCondition::NotAuthorized, "{other}");
        assert!(out.contains("<not-authorized "), "{out}");
    }
}

#[test]
fn rfc6120_4_4_who_leaves_before_the_handshake_is_let_go() {
    for end in [
        "</stream:stream>",
        "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    ] {
        let (said, _) = say(&mut Handshake::new(), &format!("{}{end}", header(GOOD)));
        assert!(matches!(said, Ok(Said::End)), "{said:?}");
    }
}
