//! RFC 6120 §11 and §13.12: the corpus of the XML scanner and what is too much to be written down there.

use super::attack::*;
use super::bystanders::Bystanders;
use super::corpus::{self, Case};
use super::random::Random;
use crate::harness::*;

/// RFC 6120 §4.9.3.12: before login nothing is processed, so a whole stanza is refused before what follows is read.
const NOT_YET: &str = "not-authorized";

/// What the RFC leaves open for a stream error of the corpus.
fn stream_conditions(case: &Case) -> Vec<&'static str> {
    let holds = |text: &str| case.bytes.windows(text.len()).any(|window| window == text.as_bytes());
    match case.expectation.as_str() {
        // §11.1; in the middle of a document most of them are not even well-formed.
        "restricted-xml" if holds("<!--") || holds("<?") => vec!["restricted-xml", "bad-format"],
        "restricted-xml" => vec!["restricted-xml", "bad-format", "not-well-formed"],
        // §11.3.
        "not-well-formed" => vec!["not-well-formed"],
        // §11.6; and what is not UTF-8 is not XML.
        "unsupported-encoding" => vec!["unsupported-encoding", "bad-format", "not-well-formed"],
        // §4.9.3.1.
        "bad-format" => vec!["bad-format"],
        // §13.12.
        "policy-violation" => vec!["policy-violation"],
        // §8.3.3.9 has no counterpart among the stream errors.
        "not-acceptable" => vec!["bad-format", "not-well-formed"],
        other => panic!("{other} is no condition of the corpus"),
    }
}

fn before_login(case: &Case) -> Expected {
    let mut conditions = if case.expectation == "ok" { Vec::new() } else { stream_conditions(case) };
    // What passes after login may still be over the limits of before.
    conditions.extend([NOT_YET, "policy-violation"]);
    if case.expectation == "ok" {
        conditions.push("unsupported-stanza-type");
    }
    Expected::StreamError(conditions)
}

fn inputs(file: &str, expected: impl Fn(&Case) -> Expected) -> Vec<(String, Vec<u8>, Expected)> {
    // Of a whole connection: what comes after the end of the stream is never read (§4.4).
    let cases = corpus::read(file).into_iter().filter(|case| !case.bytes.starts_with(b"</stream:stream>"));
    cases.map(|case| (case.words.clone(), case.bytes.clone(), expected(&case))).collect()
}

#[track_caller]
fn corpus_before_login(file: &str) {
    for place in [Place::BeforeTls, Place::BeforeLogin] {
        all_refused(place, inputs(file, before_login));
    }
}

/// §11: ill-formed and restricted XML ends the stream with the condition for it.
#[test]
fn rfc6120_11_ill_formed_xml_after_login() {
    all_refused(
        Place::AfterLogin,
        inputs("ill-formed.txt", |case| Expected::StreamError(stream_conditions(case))),
    );
}

/// §11: the same before login, in the clear and inside TLS.
#[test]
fn rfc6120_11_ill_formed_xml_before_login() {
    corpus_before_login("ill-formed.txt");
}

/// §11, §13.12: the same, what is not wanted, and what never ends, where a component has not shown who it is yet.
#[test]
fn xep0114_3_the_corpus_before_the_handshake() {
    for file in ["ill-formed.txt", "refused.txt"] {
        all_refused(Place::BeforeHandshake, inputs(file, before_login));
    }
    all_refused(Place::BeforeHandshake, inputs("endless.txt", |_| stream_error(&["policy-violation"])));
}

/// §11: and where it has. What comes before the mistake is judged before it: stanzas without addresses.
#[test]
fn xep0114_3_ill_formed_xml_after_the_handshake() {
    let _turn = beside_others();
    let conditions = |case: &Case| [stream_conditions(case), vec!["improper-addressing"]].concat();
    for (words, bytes, expected) in inputs("ill-formed.txt", |case| Expected::StreamError(conditions(case))) {
        let component = Component::connect(component::GATEWAY);
        let outcome = send_and_see(&component, &bytes, false);
        outcome.check(&expected).unwrap_or_else(|problem| panic!("{words}: {problem}"));
        Bystanders::get().still_chat();
    }
}

/// §8.3.3.9 and §13.12: what is well-formed but not wanted costs its sender a stanza error, and not the stream.
#[test]
fn rfc6120_13_12_refused_stanzas_after_login() {
    let is_stanza =
        |bytes: &[u8]| [&b"<message"[..], b"<iq", b"<presence"].iter().any(|s| bytes.starts_with(s));
    let cases = corpus::read("refused.txt").into_iter().filter(|case| is_stanza(&case.bytes));
    let condition = |case: &Case| {
        if case.expectation == "not-acceptable" { "not-acceptable" } else { "policy-violation" }
    };
    let inputs =
        cases.map(|case| (case.words.clone(), case.bytes.clone(), stanza_error(&[condition(&case)])));
    all_refused(Place::AfterLogin, inputs);
}

/// §4.9.3.12 and §13.12: before login the same ends the stream.
#[test]
fn rfc6120_13_12_refused_stanzas_before_login() {
    corpus_before_login("refused.txt");
}

/// §13.12 (4): what never ends is ended by a limit.
#[test]
fn rfc6120_13_12_endless_input_after_login() {
    all_refused(Place::AfterLogin, inputs("endless.txt", |_| stream_error(&["policy-violation"])));
}

/// §13.12 (4): and by a much smaller one before login.
#[test]
fn rfc6120_13_12_endless_input_before_login() {
    for place in [Place::BeforeTls, Place::BeforeLogin] {
        all_refused(place, inputs("endless.txt", |_| stream_error(&["policy-violation"])));
    }
}

/// The other side of the same: what looks odd but is allowed passes.
#[test]
fn rfc6120_11_odd_but_allowed_xml_after_login() {
    // What no client may send for other reasons than its XML: elements that are no stanzas (§4.8.4), a forged sender.
    let forbidden = [&b"<x "[..], b"<authenticate", b"<presence from='juliet"];
    let stanza = |case: &Case| !forbidden.iter().any(|start| case.bytes.starts_with(start));
    let cases = corpus::read("accepted.txt").into_iter().filter(stanza);
    all_refused(Place::AfterLogin, cases.map(|case| (case.words, case.bytes, Expected::Accepted)));
}

/// §4.9.3.12: nothing passes before login, allowed or not.
#[test]
fn rfc6120_4_9_3_12_allowed_xml_before_login() {
    corpus_before_login("accepted.txt");
}

/// §4.8: each namespace of the RFCs and XEPs passes, as default and with a prefix. Content namespaces become that of the
/// receiver's stream (§4.8.3).
#[test]
fn rfc6120_4_8_every_known_namespace_is_delivered() {
    let _turn = beside_others();
    let (alice, bob) = (online(), online());
    for (number, namespace) in corpus::namespaces().iter().enumerate() {
        let namespace = namespace.replace('&', "&amp;");
        send!(
            alice,
            "<message to='{bob}' id='n{number}'><x xmlns='{namespace}'/><p:x xmlns:p='{namespace}'/></message>"
        );
        let content = ["jabber:client", "jabber:server"].contains(&namespace.as_str())
            || namespace.starts_with("jabber:component:");
        let arrived = if content { "jabber:client" } else { &namespace };
        bob.expect_next(&format!(
            "<message id='n{number}'><x xmlns='{arrived}'/><x xmlns='{arrived}'/></message>"
        ));
    }
}

/// Sends one input at all three places.
#[track_caller]
fn everywhere(bytes: &[u8], before: &[&'static str], after: &Expected) {
    refused(Place::BeforeTls, bytes, &stream_error(before));
    refused(Place::BeforeLogin, bytes, &stream_error(before));
    refused(Place::AfterLogin, bytes, after);
}

/// §13.12: 10,000 attributes, all different.
#[test]
fn rfc6120_13_12_ten_thousand_attributes() {
    let attributes: String = (0..10_000).map(|n| format!(" a{n}=''")).collect();
    let stanza = format!("<message id='1'><x xmlns='urn:example:x'{attributes}/></message>");
    everywhere(
        stanza.as_bytes(),
        &["policy-violation", NOT_YET],
        &stanza_error(&["policy-violation", "not-acceptable"]),
    );
}

/// §13.12: 10,000 attributes on the stanza itself.
#[test]
fn rfc6120_13_12_ten_thousand_attributes_of_the_stanza() {
    let attributes: String = (0..10_000).map(|n| format!(" a{n}=''")).collect();
    let stanza = format!("<message id='1'{attributes}/>");
    everywhere(
        stanza.as_bytes(),
        &["policy-violation", NOT_YET],
        &stanza_error(&["policy-violation", "not-acceptable"]),
    );
}

/// §13.12: 10,000 namespaces declared, and each prefix used.
#[test]
fn rfc6120_13_12_ten_thousand_prefixes() {
    let declared: String = (0..10_000).map(|n| format!(" xmlns:p{n}='u'")).collect();
    let stanza = format!("<message id='1'><x{declared}><p9999:y/></x></message>");
    everywhere(
        stanza.as_bytes(),
        &["policy-violation", NOT_YET],
        &stanza_error(&["policy-violation", "not-acceptable"]),
    );
}

/// §13.12: depth 10,000, each level with a namespace of its own, closed in good order.
#[test]
fn rfc6120_13_12_depth_ten_thousand_with_namespaces() {
    let (open, close) = ("<x xmlns='urn:x'>".repeat(5_000) + &"<x>".repeat(5_000), "</x>".repeat(10_000));
    let stanza = format!("<message id='1'>{open}{close}</message>");
    everywhere(
        stanza.as_bytes(),
        &["policy-violation", NOT_YET],
        &stanza_error(&["policy-violation", "not-acceptable"]),
    );
}

/// §11.1: the billion laughs in full, ten levels of ten.
#[test]
fn rfc6120_11_1_a_billion_laughs() {
    let entities: String =
        (1..=9).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let bomb = format!(
        "<!DOCTYPE lolz [<!ENTITY l0 \"lol\">{entities}]><message id='1'><body>&l9;</body></message>"
    );
    let conditions = ["restricted-xml", "bad-format", "not-well-formed"];
    everywhere(bomb.as_bytes(), &conditions, &stream_error(&conditions));
}

/// A stanza that passes, for what is put into it.
const STANZA: &str =
    "<message id='1' xml:lang='en'><body a=\"b\">text &amp; &#65;</body><x xmlns='urn:x'/></message>";

/// The stanza with the bytes put in at each place of it, one of `poisons` at a time, in turn.
fn poisoned(poisons: &[&[u8]], conditions: &[&'static str]) -> Vec<(String, Vec<u8>, Expected)> {
    let each = (0..=STANZA.len()).zip(poisons.iter().cycle());
    each.map(|(at, poison)| {
        let (before, after) = STANZA.as_bytes().split_at(at);
        // Between stanzas any text is a bad format (§4.9.3.1).
        let between: &[_] = if [before, after].contains(&&b""[..]) { &["bad-format"] } else { &[] };
        let expected = stream_error(&[conditions, between].concat());
        (format!("{poison:x?} at {at}"), [before, poison, after].concat(), expected)
    })
    .collect()
}

#[track_caller]
fn poisoned_everywhere(poisons: &[&[u8]], conditions: &[&'static str]) {
    all_refused(Place::AfterLogin, poisoned(poisons, conditions));
    let before = [conditions, &[NOT_YET]].concat();
    for place in [Place::BeforeTls, Place::BeforeLogin] {
        all_refused(place, poisoned(poisons, &before));
    }
}

/// §11.6: bytes that are not UTF-8, at every place of a stanza.
#[test]
fn rfc6120_11_6_bad_utf8_at_every_place() {
    // Never UTF-8, a continuation alone, a sequence cut short, overlong, a surrogate, beyond Unicode.
    let bad: [&[u8]; 7] = [
        b"\xff",
        b"\x80",
        b"\xe2\x82",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
    ];
    poisoned_everywhere(&bad, &["unsupported-encoding", "bad-format", "not-well-formed"]);
}

/// §11.3: characters that XML forbids, at every place of a stanza.
#[test]
fn rfc6120_11_3_forbidden_characters_at_every_place() {
    poisoned_everywhere(&[b"\0", b"\x01", b"\x1f", b"\xef\xbf\xbe", b"\xef\xbf\xbf"], &["not-well-formed"]);
}

/// §11.3: a stanza with bytes changed, left out and put in leads to a stream error, a stanza error or nothing; what
/// another user gets is well-formed, and that user's stream lives.
#[test]
fn rfc6120_11_3_two_hundred_mutations() {
    let _turn = beside_others();
    let victim = online();
    let stanza =
        format!("<message to='{victim}' type='chat' id='1'>{}</message>", STANZA.replace("xml:lang", "b"));
    // Answered if the stanza is complete; else something of this is wrong where it stands.
    let end = format!("{PING}'\"]]></x></message>");
    let mut random = Random::new(0x5eed);
    for number in 0..200 {
        let mut bytes = stanza.clone().into_bytes();
        for _ in 0..=random.below(3) {
            mutate(&mut bytes, &mut random);
        }
        bytes.extend_from_slice(end.as_bytes());
        Bystanders::get().still_chat();
        let outcome = send_and_see(&enter(Place::AfterLogin), &bytes, false);
        let known = match &outcome.fate {
            Fate::Error(condition) => condition != "internal-server-error" && condition != "no condition",
            fate => *fate == Fate::Lives,
        };
        assert!(known, "mutation {number}, {:?}: {outcome}", String::from_utf8_lossy(&bytes));
        // Reads what came, with a parser of its own.
        victim.ping();
        assert!(!victim.is_closed(), "mutation {number} ended another stream: {victim}");
        victim.clear();
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    const SPECIAL: &[u8] = b"<>&'\"/:;=#![]? \r\n\0\xff";
    let at = random.below(bytes.len());
    let special = SPECIAL[random.below(SPECIAL.len())];
    match random.below(4) {
        0 => bytes[at] = random.byte(),
        1 => bytes[at] = special,
        2 => bytes.insert(at, special),
        _ => drop(bytes.remove(at)),
    }
}
