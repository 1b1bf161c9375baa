//! Streams between servers that are managed (XEP-0198), go both ways (XEP-0288) or carry several domains (XEP-0220 §2.6).

use crate::raw::Raw;
use crate::server::{Authority, Client, Kind, Plan, Server};
use crate::{Pair, Proof, Stage, everything, hello, pair, pair_with, proofs, say, stage};

const ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";
const BIDI: &str = "<bidi xmlns='urn:xmpp:bidi'/>";
const ASK: &str = "<r xmlns='urn:xmpp:sm:3'/>";

impl Stage {
    /// Proven by its certificate, and open for both directions.
    fn both_ways(&self) -> Raw {
        let mut raw = self.secure();
        let features = raw.until("</stream:features>");
        assert!(features.contains("<bidi xmlns='urn:xmpp:features:bidi'/>"), "{features}");
        raw.send(BIDI);
        raw.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>");
        raw.until("<success");
        raw.until(">");
        raw.open(&self.ours, "theirs.lit");
        raw.until("</stream:features>");
        raw
    }
}

fn attribute(element: &str, name: &str) -> String {
    let value = element.split(&format!(" {name}='")).nth(1).and_then(|rest| rest.split('\'').next());
    value.unwrap_or_else(|| panic!("{name} is not there: {element}")).to_owned()
}

fn enable(raw: &mut Raw) -> String {
    raw.send(ENABLE);
    let enabled = raw.until("<enabled") + &raw.until("/>");
    assert_eq!(attribute(&enabled, "resume"), "true");
    attribute(&enabled, "id")
}

fn resume(raw: &mut Raw, id: &str, h: u32) {
    raw.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='{h}'/>"));
}

fn chat(client: &mut Client, body: &str) {
    client.send(&format!("<message to='juliet@theirs.lit' type='chat'><body>{body}</body></message>"));
}

#[test]
fn xep0198_3_nothing_is_managed_before_a_proof_and_nothing_twice() {
    let stage = stage("");
    let mut raw = stage.secure();
    raw.until("</stream:features>");
    for early in [ENABLE, "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>", ASK] {
        raw.send(early);
        assert!(raw.until("</failed>").contains("<unexpected-request "));
    }
    let mut raw = stage.proven();
    let one = enable(&mut raw);
    raw.send(ENABLE);
    assert!(raw.until("</failed>").contains("<unexpected-request "));
    let other = enable(&mut stage.proven());
    assert_ne!(one, other);
}

#[test]
fn xep0198_4_what_came_is_acknowledged() {
    let stage = stage("");
    let mut romeo = stage.ours.client("romeo");
    let mut raw = stage.proven();
    // Before it begins nothing is counted.
    raw.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
    enable(&mut raw);
    raw.send(ASK);
    raw.until("<a xmlns='urn:xmpp:sm:3' h='0'/>");
    for count in 1..4 {
        raw.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
        romeo.until("</message>");
        raw.send(ASK);
        raw.until(&format!("<a xmlns='urn:xmpp:sm:3' h='{count}'/>"));
    }
    // What is refused was handled as well.
    raw.send(
        "<message from='juliet@theirs.lit/r' to='romeo@ours.lit'><x xmlns='urn:x' xml:id='a'/></message>",
    );
    raw.send(ASK);
    raw.until("<a xmlns='urn:xmpp:sm:3' h='4'/>");
}

#[test]
fn xep0198_6_what_was_never_sent_is_not_acknowledged() {
    let stage = stage("");
    let mut raw = stage.proven();
    enable(&mut raw);
    raw.send("<a xmlns='urn:xmpp:sm:3' h='1'/>");
    let end = raw.until("</stream:stream>");
    assert!(end.contains("<undefined-condition ") && end.contains("handled-count-too-high"), "{end}");
}

#[test]
fn xep0198_5_a_stream_that_broke_goes_on() {
    let stage = stage("");
    let mut romeo = stage.ours.client("romeo");
    let mut raw = stage.proven();
    let id = enable(&mut raw);
    for _ in 0..3 {
        raw.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
        romeo.until("</message>");
    }
    drop(raw);
    let mut raw = stage.proven();
    resume(&mut raw, &id, 0);
    let resumed = raw.until("<resumed") + &raw.until("/>");
    assert_eq!((attribute(&resumed, "h").as_str(), attribute(&resumed, "previd")), ("3", id.clone()));
    // The one that is open still ends, and says why.
    let mut newer = stage.proven();
    resume(&mut newer, &id, 0);
    newer.until("<resumed");
    raw.ends_with("conflict");
    newer.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
    newer.send(ASK);
    newer.until("<a xmlns='urn:xmpp:sm:3' h='4'/>");
}

#[test]
fn xep0198_5_nobody_else_resumes_a_stream() {
    let stage = stage("");
    let mut raw = stage.proven();
    let id = enable(&mut raw);
    raw.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
    drop(raw);
    let mut other =
        Raw::secure(&stage.ours, "elsewhere.lit", &stage.authority.certificate("elsewhere.lit", 2049));
    other.until("</stream:features>");
    other.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>");
    other.until("<success");
    other.until(">");
    other.open(&stage.ours, "elsewhere.lit");
    other.until("</stream:features>");
    resume(&mut other, &id, 0);
    let failed = other.until("</failed>");
    assert!(failed.contains("<item-not-found ") && !failed.contains(" h="), "{failed}");
    // The stream goes on without.
    other.send(ENABLE);
    other.until("<enabled");
    let mut raw = stage.proven();
    resume(&mut raw, "nothing", 0);
    assert!(raw.until("</failed>").contains("<item-not-found "));
    raw.send("<resume xmlns='urn:xmpp:sm:3' previd='x'/>");
    assert!(raw.until("</failed>").contains("<bad-request "));
    resume(&mut raw, &id, 0);
    raw.until("<resumed");
}

/// Who comes too late is told what was handled.
#[test]
fn xep0198_5_a_session_that_is_over_has_its_count_still() {
    let stage = stage("[modules.s2s]\nresume_time_max = '1 s'");
    let mut romeo = stage.ours.client("romeo");
    let mut raw = stage.proven();
    let id = enable(&mut raw);
    raw.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
    romeo.until("</message>");
    drop(raw);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        std::thread::sleep(std::time::Duration::from_secs(12));
        let mut raw = stage.proven();
        resume(&mut raw, &id, 0);
        let answer = raw.until("</failed>");
        if answer.contains(" h='1'") && answer.contains("<item-not-found ") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{answer}");
    }
}

#[test]
fn xep0288_2_2_stanzas_come_back_on_a_stream_of_theirs() {
    // Nobody could find them another way.
    let stage = stage("");
    let mut romeo = stage.ours.client("romeo");
    let mut raw = stage.both_ways();
    chat(&mut romeo, "back");
    let came = raw.until("</message>");
    assert!(came.contains("from='romeo@ours.lit/r'") && came.contains("<body>back</body>"), "{came}");
    raw.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
    romeo.until("<body>Hi</body>");
}

#[test]
fn xep0288_2_2_nothing_comes_back_unasked_or_unproven() {
    let stage = stage("");
    let mut romeo = stage.ours.client("romeo");
    let mut plain = stage.proven();
    let mut unproven = stage.secure();
    unproven.until("</stream:features>");
    unproven.send(BIDI);
    // Too late: what is proven stays as it is.
    plain.send(BIDI);
    chat(&mut romeo, "lost");
    let error = romeo.until("</message>");
    assert!(error.contains("remote-server-not-found"), "{error}");
    let late = plain.until("</stream:stream>");
    assert!(!late.contains("lost"), "{late}");
    unproven.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
    unproven.ends_with("not-authorized");
}

/// RFC 6120 §6.4.6: after `<success/>` comes a new stream, and nothing before.
#[test]
fn rfc6120_6_4_6_nothing_is_sent_before_the_new_header() {
    let stage = stage("");
    let mut romeo = stage.ours.client("romeo");
    let mut raw = stage.secure();
    raw.until("</stream:features>");
    raw.send(BIDI);
    raw.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>");
    raw.until("<success");
    raw.until(">");
    chat(&mut romeo, "early");
    let error = romeo.until("</message>");
    assert!(error.contains("remote-server-not-found"), "{error}");
    raw.open(&stage.ours, "theirs.lit");
    let came = raw.until("</stream:features>");
    assert!(!came.contains("early"), "{came}");
    chat(&mut romeo, "now");
    raw.until("<body>now</body>");
    // What is proven is not proven again.
    raw.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>");
    assert!(raw.until("</failure>").contains("<invalid-mechanism"));
}

/// What went over the new stream before it goes on with the old one is not forgotten, nor counted.
#[test]
fn xep0198_5_a_stream_that_has_carried_something_goes_on_with_another() {
    let stage = stage("");
    let mut romeo = stage.ours.client("romeo");
    let mut raw = stage.both_ways();
    let id = enable(&mut raw);
    drop(raw);
    let mut raw = stage.both_ways();
    chat(&mut romeo, "early");
    raw.until("<body>early</body>");
    resume(&mut raw, &id, 0);
    raw.until("<resumed");
    // Whether that has arrived it is asked.
    raw.until(ASK);
    raw.send("<a xmlns='urn:xmpp:sm:3' h='0'/>");
    chat(&mut romeo, "later");
    raw.until("<body>later</body>");
    raw.until(ASK);
    raw.send("<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert!(stage.ours.run(&["s2s", "list"]).contains("0 wait"));
    // Time for questions that nobody may ask now.
    std::thread::sleep(std::time::Duration::from_secs(2));
    raw.send(ASK);
    let came = raw.until("<a xmlns='urn:xmpp:sm:3' h='0'/>");
    assert!(!came.contains("urn:xmpp:ping"), "{came}");
}

/// Somebody who says nothing is asked whether it is there, and is not waited for for ever.
#[test]
fn rfc6120_4_6_1_a_silent_stream_is_asked_and_ends() {
    let stage =
        stage("[modules.s2s]\nkeepalive_time = '1 s'\nsilence_time_max = '4 s'\nack_time_max = '2 s'");
    let mut raw = stage.proven();
    raw.until(" ");
    raw.ends_with("connection-timeout");
    let mut raw = stage.proven();
    enable(&mut raw);
    raw.until(ASK);
    raw.ends_with("connection-timeout");
    // Who answers stays.
    let mut raw = stage.proven();
    enable(&mut raw);
    for _ in 0..6 {
        raw.until(ASK);
        raw.send("<a xmlns='urn:xmpp:sm:3' h='0'/>");
    }
}

/// What only acknowledges when it is asked is asked again.
#[test]
fn xep0198_4_an_answer_that_tells_nothing_new_is_an_answer() {
    let stage = stage("[modules.s2s]\nack_time_max = '3 s'");
    let mut romeo = stage.ours.client("romeo");
    let mut raw = stage.both_ways();
    enable(&mut raw);
    chat(&mut romeo, "first");
    for _ in 0..5 {
        raw.until(ASK);
        raw.send("<a xmlns='urn:xmpp:sm:3' h='0'/>");
    }
    raw.until(ASK);
    raw.ends_with("connection-timeout");
}

/// A pair of domains goes over a stream on which it was proven, and no other one.
#[test]
fn xep0288_2_2_another_host_of_ours_does_not_use_it() {
    let stage = stage("[host.'second.lit']\nregistration = 'open'\nallow_plaintext = true");
    let mut rosaline = stage.ours.client_at("second.lit", "rosaline");
    let mut romeo = stage.ours.client("romeo");
    let mut raw = stage.both_ways();
    chat(&mut rosaline, "mine");
    let error = rosaline.until("</message>");
    assert!(error.contains("remote-server-not-found"), "{error}");
    chat(&mut romeo, "his");
    let came = raw.until("</message>");
    assert!(came.contains("his") && !came.contains("mine"), "{came}");
}

#[test]
fn xep0288_what_was_not_acknowledged_is_sent_again() {
    let stage = stage("");
    let mut romeo = stage.ours.client("romeo");
    let mut raw = stage.both_ways();
    let id = enable(&mut raw);
    chat(&mut romeo, "first");
    chat(&mut romeo, "second");
    raw.until("<body>second</body>");
    drop(raw);
    chat(&mut romeo, "third");
    let mut raw = stage.both_ways();
    resume(&mut raw, &id, 1);
    let came = raw.until("<body>third</body>");
    assert!(came.contains("<resumed") && came.contains("second") && !came.contains("first"), "{came}");
    raw.until("<r xmlns='urn:xmpp:sm:3'/>");
    raw.send("<a xmlns='urn:xmpp:sm:3' h='3'/>");
    drop(raw);
    let mut raw = stage.both_ways();
    resume(&mut raw, &id, 3);
    raw.until("<resumed");
    chat(&mut romeo, "fourth");
    let came = raw.until("<body>fourth</body>");
    assert!(!came.contains("third"), "{came}");
}

/// It begins anew: what it had not acknowledged goes over the new stream.
#[test]
fn xep0198_5_who_does_not_resume_is_sent_it_again() {
    let stage = stage("");
    let mut romeo = stage.ours.client("romeo");
    let mut raw = stage.both_ways();
    enable(&mut raw);
    chat(&mut romeo, "first");
    raw.until("<body>first</body>");
    drop(raw);
    let mut raw = stage.both_ways();
    chat(&mut romeo, "second");
    enable(&mut raw);
    let came = raw.until("<body>second</body>");
    assert!(came.contains("first"), "{came}");
}

#[test]
fn xep0288_one_stream_for_two_waxwings() {
    let pair = pair(Kind::Waxwing, Proof::Certificates, false);
    let (mut romeo, mut juliet) = (pair.ours.client("romeo"), pair.theirs.client("juliet"));
    for number in 0..3 {
        say(&mut romeo, &mut juliet, &format!("out{number}"));
        say(&mut juliet, &mut romeo, &format!("in{number}"));
    }
    let opened = |server: &Server| server.output().matches("Stream to another server opened").count();
    assert_eq!((opened(&pair.ours), opened(&pair.theirs)), (1, 0));
}

/// Prosody has both, from its own packages.
#[test]
fn xep0288_waxwing_with_prosody_both_ways() {
    for proof in [Proof::Certificates, Proof::Dialback] {
        let pair =
            pair_with(Kind::Prosody, proof, false, "", "modules_enabled = { \"s2s_bidi\", \"smacks\" }");
        everything(&pair);
        let told = proofs(&pair);
        // Who checks a key by a stream of its own may show one on it as well.
        let streams = if proof == Proof::Certificates { 1..=1 } else { 1..=2 };
        assert!(streams.contains(&told.lines().count()) && told.contains("bidi=true"), "{told}");
    }
}

fn two_hosts(kind: Kind, proof: Proof) -> Pair {
    let second = "[host.'second.lit']\nregistration = 'open'\nallow_plaintext = true";
    let pair = pair_with(kind, proof, false, second, "");
    pair.dns.service("_xmpp-server._tcp.second.lit", pair.ours.s2s, "localhost");
    pair
}

/// XEP-0220 §2.6.1: one more domain of ours is proven on the stream that is there.
fn shared(kind: Kind, proof: Proof) {
    let pair = two_hosts(kind, proof);
    let mut romeo = pair.ours.client("romeo");
    let mut rosaline = pair.ours.client_at("second.lit", "rosaline");
    let mut juliet = pair.theirs.client("juliet");
    say(&mut romeo, &mut juliet, "first");
    say(&mut rosaline, &mut juliet, "second");
    say(&mut juliet, &mut rosaline, "back");
    let output = pair.ours.output();
    assert!(output.contains("One more domain shares a stream"), "{output}");
    assert_eq!(output.matches("Stream to another server opened").count(), 1, "{output}");
}

#[test]
fn xep0220_2_6_1_two_domains_share_a_stream_to_waxwing() {
    shared(Kind::Waxwing, Proof::Dialback);
}

#[test]
fn xep0220_2_6_1_two_domains_share_a_stream_to_prosody() {
    shared(Kind::Prosody, Proof::Dialback);
}

#[test]
fn xep0220_2_6_1_two_domains_share_a_stream_to_ejabberd() {
    shared(Kind::Ejabberd, Proof::Dialback);
}

/// Two hosts of one process never go through the network to each other.
#[test]
fn rfc6120_10_4_hosts_of_one_server_talk_within_it() {
    let pair = two_hosts(Kind::Waxwing, Proof::Certificates);
    let mut romeo = pair.ours.client("romeo");
    let mut rosaline = pair.ours.client_at("second.lit", "rosaline");
    say(&mut romeo, &mut rosaline, "there");
    say(&mut rosaline, &mut romeo, "back");
    assert!(!pair.ours.output().contains("Stream to another server opened"));
    assert!(pair.ours.run(&["s2s", "list"]).contains("no other server is talked to"));
}

/// Each host shows the certificate of its own name.
#[test]
fn rfc6120_13_7_1_each_host_shows_its_own_certificate() {
    let (dns, authority) = (crate::Dns::start(), Authority::new("One"));
    let plan = |domain, more| Plan {
        kind: Kind::Waxwing,
        domain,
        certificate: authority.certificate(domain, 2049),
        trusted: authority.pem(),
        strict: true,
        direct_tls: false,
        more,
    };
    let second = "[host.'second.lit']\nregistration = 'open'\nallow_plaintext = true";
    let more = [("second.lit", authority.certificate("second.lit", 2049))];
    let ours = Server::start_with(&plan("ours.lit", second), &dns, &more);
    let theirs = Server::start(&plan("theirs.lit", ""), &dns);
    dns.service("_xmpp-server._tcp.second.lit", ours.s2s, "localhost");
    let mut romeo = ours.client("romeo");
    let mut rosaline = ours.client_at("second.lit", "rosaline");
    let mut juliet = theirs.client("juliet");
    for client in [&mut romeo, &mut rosaline] {
        say(client, &mut juliet, "out");
        say(&mut juliet, client, "in");
    }
    // A valid certificate or nothing: each was proven by one.
    let told = theirs.output();
    for domain in ["ours.lit", "second.lit"] {
        let proven = told.lines().any(|line| {
            line.contains("proof=certificate")
                && (line.contains(&format!("from={domain}")) || line.contains(&format!("to={domain}")))
        });
        assert!(proven, "{domain}: {told}");
    }
}

/// A room elsewhere has forgotten its occupant, as its server was killed; the occupant is told (XEP-0410).
#[test]
fn xep0410_who_was_thrown_out_of_a_room_without_a_word_is_told() {
    // The room is there again after the kill: of one that is not, XEP-0410 §3.2 lets no conclusion be drawn.
    let room = "Component \"conference.theirs.lit\" \"muc\"";
    let mut pair = pair_with(Kind::Prosody, Proof::Dialback, false, "", room);
    pair.dns.service("_xmpp-server._tcp.conference.theirs.lit", pair.theirs.s2s, "localhost");
    let mut romeo = pair.ours.client("romeo");
    let occupant = "garden@conference.theirs.lit/Romeo";
    romeo.send(&format!("<presence to='{occupant}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"));
    let entered = romeo.until("</presence>");
    assert!(entered.contains("110") && entered.contains(occupant), "{entered}");
    romeo.send(
        "<iq type='set' id='config' to='garden@conference.theirs.lit'><query xmlns='http://jabber.org/protocol/muc#owner'>\
         <x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>\
         <value>http://jabber.org/protocol/muc#roomconfig</value></field>\
         <field var='muc#roomconfig_persistentroom'><value>1</value></field></x></query></iq>",
    );
    romeo.until("id='config'");
    pair.theirs.kill();
    pair.theirs.start_again();
    let told = romeo.until("333");
    assert!(told.contains("unavailable") && told.contains(occupant), "{told}");
    // It may enter again.
    romeo.send(&format!("<presence to='{occupant}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"));
    romeo.until("status code='110'");
}
