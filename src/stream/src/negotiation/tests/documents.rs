//! The same machine behind the framing of RFC 7395.

use super::*;

const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>";

fn websocket() -> Stream<Frames> {
    Stream::new(&Documents, World::default(), Some(facts()))
}

impl Stream<Frames> {
    fn send(&mut self, document: &str) -> Vec<String> {
        self.feed(document);
        self.out.take().into_iter().map(|frame| String::from_utf8(frame).unwrap()).collect()
    }
}

#[test]
fn rfc7395_3_4_open_is_answered_with_open_and_features_in_two_frames() {
    let frames = websocket().send(OPEN);
    assert_eq!(frames.len(), 2, "{frames:?}");
    assert!(
        frames[0].starts_with("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='example.org' id='")
    );
    assert!(frames[0].ends_with(" version='1.0' xml:lang='en'/>"), "{frames:?}");
    assert!(
        frames[1].starts_with("<stream:features xmlns:stream='http://etherx.jabber.org/streams'>"),
        "{frames:?}"
    );
    assert!(!frames[1].contains("starttls"));
}

#[test]
fn rfc7395_a_whole_session_without_tcp_framing() {
    let mut stream = websocket();
    stream.send(OPEN);
    assert_eq!(stream.send(&plain("\0juliet\0pencil")), [format!("<success {SASL}/>")]);
    assert!(stream.send(OPEN)[1].contains("<bind "));
    let bound = stream.send(
        "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
    );
    assert_eq!(bound.len(), 1);
    assert!(
        bound[0].contains("xmlns='jabber:client'") && bound[0].contains("juliet@example.org/chosen"),
        "{bound:?}"
    );
    stream.send("<message xmlns='jabber:client' to='romeo@example.net'><body>hi</body></message>");
    assert!(stream.seen.borrow()[1].contains("<body>hi</body>"));
    let end = stream.send("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
    assert_eq!(end, ["<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"]);
}

#[test]
fn rfc7395_3_5_an_error_declares_its_prefix() {
    let frames = websocket().send(&OPEN.replace("example.org", "example.com"));
    assert_eq!(frames.len(), 3, "{frames:?}");
    assert!(
        frames[1].starts_with("<stream:error xmlns:stream='http://etherx.jabber.org/streams'><host-unknown ")
    );
    assert!(frames[2].starts_with("<close "));
}

#[test]
fn rfc7395_a_stanza_before_login_is_not_processed_either() {
    let mut stream = websocket();
    stream.send(OPEN);
    let frames = stream.send("<message xmlns='jabber:client' to='romeo@example.net'/>");
    assert!(frames[0].contains("<not-authorized "), "{frames:?}");
    assert!(stream.seen.borrow().is_empty());
}
