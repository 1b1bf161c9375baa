//! Whatever a client sends, in whatever order: no panic, one header per stream at most, nothing after the end, and
//! nobody behind the stream sees a stanza before login.

use proptest::prelude::*;

use super::*;

const PIECES: [&str; 20] = [
    HEADER,
    "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABwZW5jaWw=</auth>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABlcmFzZXI=</auth>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biwsbj1qdWxpZXQscj1h</auth>",
    "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AGp1bGlldABwZW5jaWw=</response>",
    "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
    "<iq type='get' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
    "<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
    "<message to='romeo@example.net'><body>hi</body></message>",
    "<presence/>",
    "<iq type='strange'/>",
    "<enable xmlns='urn:xmpp:sm:3'/>",
    "<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>",
    "</stream:stream>",
    " \n",
    "<x",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_order_of_things_keeps_the_rules(order in prop::collection::vec(0..PIECES.len(), 1..24), encrypted: bool) {
        let mut stream = if encrypted { tls() } else { tcp() };
        for index in order {
            let was_open = !stream.machine.is_closed();
            let answer = stream.say(PIECES[index]);
            prop_assert!(was_open || answer.is_empty(), "{answer}");
            prop_assert!(!stream.machine.is_closed() || answer.is_empty() || answer.ends_with("</stream:stream>"), "{answer}");
            prop_assert!(answer.matches("<stream:stream ").count() <= 1, "{answer}");
        }
        let seen = stream.seen.borrow();
        let login = seen.iter().position(|what| what.starts_with("login "));
        for (at, what) in seen.iter().enumerate() {
            let early = what.contains("jabber:iq:register") || what.starts_with("starttls");
            prop_assert!(login.is_some_and(|login| at >= login) || early, "{seen:?}");
        }
    }

    #[test]
    fn any_bytes_end_in_order_or_wait_for_more(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut stream = tls();
        stream.say(HEADER);
        stream.feed(&String::from_utf8_lossy(&bytes));
        let answer = stream.written();
        prop_assert!(answer.is_empty() || answer.ends_with("</stream:stream>"), "{answer}");
    }
}
