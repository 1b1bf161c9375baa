//! Servers that talk to each other, on loopback, found through a name server of our own: Waxwing with Prosody, with
//! ejabberd, and with itself.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "federation/cut.rs"]
mod cut;
#[path = "federation/dns.rs"]
mod dns;
#[path = "federation/hostile.rs"]
mod hostile;
#[path = "federation/policy.rs"]
mod policy;
#[path = "federation/proxy.rs"]
mod proxy;
#[path = "federation/raw.rs"]
mod raw;
#[path = "federation/rooms.rs"]
mod rooms;
#[path = "federation/server.rs"]
mod server;
#[path = "federation/streams.rs"]
mod streams;

use dns::Dns;
use raw::Raw;
use server::{Authority, Client, Kind, Plan, Server};

/// How the two prove themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Certificates,
    /// Nobody trusts who signed the other's certificate.
    Dialback,
}

struct Pair {
    ours: Server,
    theirs: Server,
    dns: Dns,
}

fn pair(kind: Kind, proof: Proof, direct_tls: bool) -> Pair {
    pair_with(kind, proof, direct_tls, "", "")
}

/// With more lines of config for ours and theirs.
fn pair_with(kind: Kind, proof: Proof, direct_tls: bool, our_lines: &str, their_lines: &str) -> Pair {
    let dns = Dns::start();
    let (one, other) = (Authority::new("One"), Authority::new("Other"));
    let strict = proof == Proof::Certificates;
    let trusted =
        if strict { format!("{}{}", one.pem(), other.pem()) } else { Authority::new("Third").pem() };
    let start = |kind, domain, authority: &Authority, more| {
        let certificate = authority.certificate(domain, 2049);
        let plan = Plan { kind, domain, certificate, trusted: trusted.clone(), strict, direct_tls, more };
        Server::start(&plan, &dns)
    };
    Pair {
        ours: start(Kind::Waxwing, "ours.lit", &one, our_lines),
        theirs: start(kind, "theirs.lit", &other, their_lines),
        dns,
    }
}

fn say(from: &mut Client, to: &mut Client, body: &str) {
    from.send(&format!("<message to='{}' type='chat' id='{body}'><body>{body}</body></message>", to.jid));
    let came = to.until(&format!("<body>{body}</body>"));
    assert!(came.contains(&from.jid), "{came}");
}

/// Messages, subscription and presence, requests to the other server and to its users.
fn everything(pair: &Pair) {
    let (mut romeo, mut juliet) = (pair.ours.client("romeo"), pair.theirs.client("juliet"));
    for number in 0..3 {
        say(&mut romeo, &mut juliet, &format!("out{number}"));
        say(&mut juliet, &mut romeo, &format!("in{number}"));
    }
    subscribe(&mut romeo, &mut juliet);
    subscribe(&mut juliet, &mut romeo);
    // RFC 6121 §4.3: who comes back is told who is there, and those are told of it.
    for (one, other) in [(0, 1), (1, 0)] {
        let both = [&mut romeo, &mut juliet];
        both[one].send("<presence type='unavailable'/>");
        both[other].until("unavailable");
        both[one].send("<presence><status>back</status></presence>");
        both[other].until("back");
        let there = format!("{}/r", both[other].jid);
        both[one].until(&there);
    }
    for (asker, domain) in [(&mut romeo, "theirs.lit"), (&mut juliet, "ours.lit")] {
        assert!(asker.ask(domain, "ping", "<ping xmlns='urn:xmpp:ping'/>").contains("type='result'"));
        let version = asker.ask(domain, "version", "<query xmlns='jabber:iq:version'/>");
        assert!(version.contains("<name>"), "{version}");
        let info = asker.ask(domain, "info", "<query xmlns='http://jabber.org/protocol/disco#info'/>");
        assert!(info.contains("<identity "), "{info}");
        let nothing = asker.ask(domain, "none", "<query xmlns='urn:example:none'/>");
        assert!(nothing.contains("type='error'"), "{nothing}");
    }
    let card = "<vCard xmlns='vcard-temp'><FN>Somebody</FN></vCard>";
    for (owner, asker) in [(0, 1), (1, 0)] {
        let both = [&mut romeo, &mut juliet];
        both[owner].send(&format!("<iq type='set' id='set'>{card}</iq>"));
        both[owner].until("set");
        let address = both[owner].jid.clone();
        let got = both[asker].ask(&address, "card", "<vCard xmlns='vcard-temp'/>");
        assert!(got.contains("Somebody"), "{got}");
    }
    // Who is not there.
    for (asker, nobody) in [(&mut romeo, "nobody@theirs.lit"), (&mut juliet, "nobody@ours.lit")] {
        asker.send(&format!("<message to='{nobody}' type='chat' id='lost'><body>Hi</body></message>"));
        let error = asker.until("</message>");
        assert!(error.contains("service-unavailable"), "{error}");
    }
    // Blocked on our side.
    romeo.send(
        "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='juliet@theirs.lit'/></block></iq>",
    );
    romeo.until("id='b'");
    juliet.send("<message to='romeo@ours.lit' type='chat' id='blocked'><body>Hi</body></message>");
    let error = juliet.until("service-unavailable");
    assert!(error.contains("error"), "{error}");
}

fn subscribe(from: &mut Client, to: &mut Client) {
    from.send(&format!("<presence to='{}' type='subscribe'/>", to.jid));
    to.until("subscribe");
    to.send(&format!("<presence to='{}' type='subscribed'/>", from.jid));
    from.until("subscribed");
    // The contact is there, and says so.
    let came = from.until(&format!("{}/r", to.jid));
    assert!(came.contains("<presence"), "{came}");
}

/// How the streams were proven, as our log tells it.
fn proofs(pair: &Pair) -> String {
    let output = pair.ours.output();
    let told = output.lines().filter(|line| line.contains("proof="));
    told.map(|line| format!("{line}\n")).collect()
}

fn both_ways(kind: Kind, proof: Proof, direct_tls: bool) {
    let pair = pair(kind, proof, direct_tls);
    everything(&pair);
    let told = proofs(&pair);
    let wanted = if proof == Proof::Certificates { "proof=certificate" } else { "proof=dialback" };
    // One stream for both directions if the other has it (XEP-0288), else one for each.
    let streams = if kind == Kind::Waxwing { 1 } else { 2 };
    assert!(
        told.lines().count() == streams && told.lines().all(|line| line.contains(wanted)),
        "{streams}: {told}"
    );
    assert!(told.contains("TLS 1."), "{told}");
    operator(&pair, proof);
}

fn operator(pair: &Pair, proof: Proof) {
    let ours = &pair.ours;
    let by = if proof == Proof::Certificates { "certificate" } else { "dialback" };
    let worth =
        if proof == Proof::Certificates { "valid certificate" } else { "signed by nobody that is trusted" };
    let listed = ours.run(&["s2s", "list"]);
    let outgoing = listed.lines().find(|line| line.starts_with("ours.lit -> theirs.lit")).unwrap_or_default();
    for words in [format!("proven by {by}"), "TLS 1.".to_owned(), worth.to_owned(), "0 wait".to_owned()] {
        assert!(outgoing.contains(&words), "{words}: {listed}");
    }
    let incoming = if pair.theirs.kind == Kind::Waxwing {
        let listed = pair.theirs.run(&["s2s", "list"]);
        let back = "theirs.lit -> ours.lit: their stream, proven by";
        assert!(listed.contains(&format!("{back} {by}")), "{listed}");
        listed.contains(&format!("ours.lit -> theirs.lit by {by}"))
    } else {
        listed.contains(&format!("theirs.lit -> ours.lit by {by}"))
    };
    assert!(incoming, "{listed}");
    let tested = ours.run(&["s2s", "test", "theirs.lit"]);
    for words in ["found: localhost:", "connected, TLS 1.", worth, &format!("we are proven by {by}")] {
        assert!(tested.contains(words), "{words}: {tested}");
    }
    assert!(tested.contains("ours.lit can talk to theirs.lit"), "{tested}");
    let nowhere = ours.run(&["s2s", "test", "nowhere.lit"]);
    assert!(nowhere.contains("not found: ") && nowhere.contains("spelled right"), "{nowhere}");
}

#[test]
fn xep0178_waxwing_with_prosody_by_certificates() {
    both_ways(Kind::Prosody, Proof::Certificates, false);
}

#[test]
fn xep0220_waxwing_with_prosody_by_dialback() {
    both_ways(Kind::Prosody, Proof::Dialback, false);
}

#[test]
fn xep0368_waxwing_with_prosody_by_direct_tls() {
    both_ways(Kind::Prosody, Proof::Certificates, true);
}

#[test]
fn xep0178_waxwing_with_ejabberd_by_certificates() {
    both_ways(Kind::Ejabberd, Proof::Certificates, false);
}

#[test]
fn xep0220_waxwing_with_ejabberd_by_dialback() {
    both_ways(Kind::Ejabberd, Proof::Dialback, false);
}

#[test]
fn xep0178_waxwing_with_waxwing_by_certificates() {
    both_ways(Kind::Waxwing, Proof::Certificates, false);
}

#[test]
fn xep0220_waxwing_with_waxwing_by_dialback() {
    both_ways(Kind::Waxwing, Proof::Dialback, false);
}

#[test]
fn xep0368_waxwing_with_waxwing_by_direct_tls() {
    both_ways(Kind::Waxwing, Proof::Dialback, true);
}

/// What a sender is told whose server demands what the other one does not have; `word` stands in our log.
fn refused(certificate: impl FnOnce(&Authority) -> (String, String), word: &str) {
    let dns = Dns::start();
    let authority = Authority::new("One");
    let plan = |domain, certificate| Plan {
        kind: Kind::Waxwing,
        domain,
        certificate,
        trusted: authority.pem(),
        strict: true,
        direct_tls: false,
        more: "",
    };
    let ours = Server::start(&plan("ours.lit", authority.certificate("ours.lit", 2049)), &dns);
    let theirs = Server::start(&plan("theirs.lit", certificate(&authority)), &dns);
    let (mut romeo, mut juliet) = (ours.client("romeo"), theirs.client("juliet"));
    romeo.send("<message to='juliet@theirs.lit' type='chat' id='m'><body>Hi</body></message>");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !ours.output().contains(word) {
        assert!(std::time::Instant::now() < deadline, "{word} is not told: {}", ours.output());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    // Nor can it speak for itself.
    juliet.send("<message to='romeo@ours.lit' type='chat' id='m'><body>Hi</body></message>");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !theirs.output().contains("Another server was not reached") {
        assert!(std::time::Instant::now() < deadline, "{}", theirs.output());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(!ours.output().contains("proof="), "{}", ours.output());
    assert!(!theirs.output().contains("from=ours.lit proof"), "{}", theirs.output());
}

#[test]
fn rfc6120_13_7_2_a_certificate_of_an_unknown_authority_is_refused() {
    refused(
        |_| Authority::new("Stranger").certificate("theirs.lit", 2049),
        "signed by nobody that is trusted",
    );
}

#[test]
fn rfc6120_13_7_2_a_certificate_that_has_expired_is_refused() {
    refused(|authority| authority.certificate("theirs.lit", 2020), "has expired");
}

#[test]
fn rfc6120_13_7_2_a_certificate_for_another_domain_is_refused() {
    refused(|authority| authority.certificate("elsewhere.lit", 2049), "its certificate is for elsewhere.lit");
}

#[test]
fn rfc6120_8_3_3_16_a_domain_that_does_not_exist_is_told_at_once() {
    let dns = Dns::start();
    let authority = Authority::new("One");
    let plan = Plan {
        kind: Kind::Waxwing,
        domain: "ours.lit",
        certificate: authority.certificate("ours.lit", 2049),
        trusted: authority.pem(),
        strict: false,
        direct_tls: false,
        more: "",
    };
    let ours = Server::start(&plan, &dns);
    let mut romeo = ours.client("romeo");
    romeo.send("<message to='juliet@nowhere.lit' type='chat' id='m'><body>Hi</body></message>");
    let error = romeo.until("</message>");
    assert!(error.contains("remote-server-not-found"), "{error}");
}

/// Ours, and `theirs.lit` as others see it, which a test plays.
struct Stage {
    ours: Server,
    authority: Authority,
    dns: Dns,
}

fn stage(more: &str) -> Stage {
    let (dns, authority) = (Dns::start(), Authority::new("One"));
    let plan = Plan {
        kind: Kind::Waxwing,
        domain: "ours.lit",
        certificate: authority.certificate("ours.lit", 2049),
        trusted: authority.pem(),
        strict: false,
        direct_tls: false,
        more,
    };
    Stage { ours: Server::start(&plan, &dns), authority, dns }
}

impl Stage {
    fn secure(&self) -> Raw {
        Raw::secure(&self.ours, "theirs.lit", &self.authority.certificate("theirs.lit", 2049))
    }

    /// Proven by its certificate.
    fn proven(&self) -> Raw {
        self.proven_as("theirs.lit")
    }

    fn proven_as(&self, domain: &str) -> Raw {
        let mut raw = Raw::secure(&self.ours, domain, &self.authority.certificate(domain, 2049));
        assert!(raw.until("</stream:features>").contains("<mechanism>EXTERNAL</mechanism>"));
        raw.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>");
        raw.until("<success");
        raw.until(">");
        raw.open(&self.ours, domain);
        raw.until("</stream:features>");
        raw
    }
}

fn hello(from: &str, to: &str) -> String {
    format!("<message from='{from}' to='{to}' type='chat' id='m'><body>Hi</body></message>")
}

#[test]
fn rfc6120_4_9_3_12_nothing_is_taken_before_a_proof() {
    let stage = stage("");
    let mut raw = stage.secure();
    raw.until("</stream:features>");
    raw.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
    raw.ends_with("not-authorized");
}

#[test]
fn rfc6120_8_1_2_2_a_stanza_is_from_whom_was_proven() {
    let stage = stage("");
    let mut romeo = stage.ours.client("romeo");
    let mut raw = stage.proven();
    raw.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
    assert!(romeo.until("</message>").contains("juliet@theirs.lit/r"));
    for from in ["juliet@elsewhere.lit/r", "benvolio@ours.lit/r", "juliet@sub.theirs.lit"] {
        let mut raw = stage.proven();
        raw.send(&hello(from, "romeo@ours.lit"));
        raw.ends_with("invalid-from");
    }
    let mut raw = stage.proven();
    raw.send(&hello("juliet@theirs.lit/r", "romeo@elsewhere.lit"));
    raw.ends_with("host-unknown");
    for half in ["from='juliet@theirs.lit'", "to='romeo@ours.lit'"] {
        let mut raw = stage.proven();
        raw.send(&format!("<message {half} type='chat'><body>Hi</body></message>"));
        raw.ends_with("improper-addressing");
    }
}

#[test]
fn rfc6120_6_5_6_nobody_acts_for_another_domain() {
    use base64::Engine;
    let stage = stage("");
    let mut raw = stage.secure();
    raw.until("</stream:features>");
    let other = base64::engine::general_purpose::STANDARD.encode("elsewhere.lit");
    raw.send(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>{other}</auth>"));
    assert!(raw.until("</failure>").contains("<invalid-authzid"));
    raw.send(&hello("juliet@elsewhere.lit/r", "romeo@ours.lit"));
    raw.ends_with("not-authorized");
}

#[test]
fn rfc6120_13_7_2_external_is_offered_to_good_certificates_only() {
    let stage = stage("");
    let strangers = Authority::new("Stranger");
    for certificate in [
        strangers.certificate("theirs.lit", 2049),
        stage.authority.certificate("theirs.lit", 2020),
        stage.authority.certificate("elsewhere.lit", 2049),
    ] {
        let mut raw = Raw::secure(&stage.ours, "theirs.lit", &certificate);
        let features = raw.until("</stream:features>");
        assert!(
            !features.contains("EXTERNAL") && features.contains("urn:xmpp:features:dialback"),
            "{features}"
        );
        raw.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>");
        assert!(raw.until("</failure>").contains("<invalid-mechanism"));
        raw.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
        raw.ends_with("not-authorized");
    }
}

#[test]
fn xep0220_2_3_a_wrong_key_proves_nothing() {
    let stage = stage("");
    // The real one, which has not made the key.
    let plan = Plan {
        kind: Kind::Waxwing,
        domain: "theirs.lit",
        certificate: stage.authority.certificate("theirs.lit", 2049),
        trusted: stage.authority.pem(),
        strict: false,
        direct_tls: false,
        more: "",
    };
    let _theirs = Server::start(&plan, &stage.dns);
    let strangers = Authority::new("Stranger").certificate("theirs.lit", 2049);
    let mut raw = Raw::secure(&stage.ours, "theirs.lit", &strangers);
    raw.until("</stream:features>");
    raw.send("<db:result from='theirs.lit' to='ours.lit'>0123456789abcdef</db:result>");
    let answer = raw.until("</db:result>");
    assert!(answer.contains("type='invalid'"), "{answer}");
    // §2.2.1: nothing else speaks for it, so the stream ends.
    assert!(!raw.until("</stream:stream>").contains("<stream:error"));
}

/// A good certificate does not stand in for the answer (no dialback without dialback), and answers that nobody asked
/// for are no answers.
#[test]
fn xep0220_2_1_only_the_domain_itself_can_prove_a_key() {
    let stage = stage("");
    let mut raw = stage.secure();
    raw.until("</stream:features>");
    raw.send("<db:verify from='theirs.lit' to='ours.lit' id='x' type='valid'/>");
    raw.send("<db:result from='theirs.lit' to='ours.lit' type='valid'/>");
    raw.send("<db:result from='theirs.lit' to='ours.lit'>0123456789abcdef</db:result>");
    // There is no server of that name to ask.
    let answer = raw.until("remote-server-not-found");
    assert!(!answer.contains("type='valid'"), "{answer}");
    raw.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
    raw.ends_with("not-authorized");
}

#[test]
fn xep0220_2_4_2_a_domain_that_is_not_here_is_item_not_found() {
    let stage = stage("");
    let mut raw = stage.secure();
    raw.until("</stream:features>");
    raw.send("<db:result from='theirs.lit' to='elsewhere.lit'>key</db:result>");
    let answer = raw.until("</db:result>");
    assert!(answer.contains("type='error'") && answer.contains("<item-not-found "), "{answer}");
    raw.send("<db:verify from='theirs.lit' to='elsewhere.lit' id='1'>key</db:verify>");
    let answer = raw.until("</db:verify>");
    assert!(answer.contains("type='error'") && answer.contains("<item-not-found "), "{answer}");
    raw.send("<db:verify from='theirs.lit' to='ours.lit' id='1'>key</db:verify>");
    let answer = raw.until("</db:verify>");
    assert!(answer.contains("type='invalid'"), "{answer}");
}

#[test]
fn rfc6120_5_3_1_nothing_but_starttls_is_taken_in_the_clear() {
    let stage = stage("");
    for element in [
        "<db:result from='theirs.lit' to='ours.lit'>key</db:result>",
        "<db:verify from='theirs.lit' to='ours.lit' id='1'>key</db:verify>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>",
        "<message from='juliet@theirs.lit' to='romeo@ours.lit'><body>Hi</body></message>",
    ] {
        let mut raw = Raw::plain(&stage.ours, "theirs.lit");
        let features = raw.until("</stream:features>");
        assert!(features.contains("<required") && !features.contains("dialback'/>"), "{features}");
        raw.send(element);
        raw.ends_with("policy-violation");
    }
}

#[test]
fn rfc6120_4_7_1_nobody_else_is_one_of_our_domains() {
    let stage = stage("");
    Raw::plain(&stage.ours, "ours.lit").ends_with("invalid-from");
}

#[test]
fn a_blocked_domain_is_not_talked_to() {
    let stage = stage("[modules.s2s]\nblocked = ['theirs.lit']");
    Raw::plain(&stage.ours, "theirs.lit").ends_with("policy-violation");
    let mut romeo = stage.ours.client("romeo");
    romeo.send("<message to='juliet@theirs.lit' type='chat' id='m'><body>Hi</body></message>");
    let error = romeo.until("</message>");
    assert!(error.contains("<policy-violation "), "{error}");
}

#[test]
fn too_much_before_a_proof_ends_the_stream() {
    let stage = stage("");
    let mut raw = Raw::plain(&stage.ours, "theirs.lit");
    raw.until("</stream:features>");
    raw.send(&format!("<message><body>{}", "x".repeat(20_000)));
    raw.ends_with("policy-violation");
}

/// What was acknowledged survives `kill -9` and reaches a server that was away.
#[test]
fn a_message_for_a_server_that_is_away_outlives_a_crash() {
    let mut pair = pair(Kind::Waxwing, Proof::Certificates, false);
    drop(pair.theirs.client("juliet"));
    pair.theirs.kill();
    let mut romeo = pair.ours.client("romeo");
    romeo.send("<enable xmlns='urn:xmpp:sm:3'/>");
    romeo.until("<enabled");
    for number in 0..5 {
        romeo.send(&format!(
            "<message to='juliet@theirs.lit' type='chat' id='{number}'><body>{number}</body></message>"
        ));
    }
    romeo.send("<r xmlns='urn:xmpp:sm:3'/>");
    romeo.until("<a xmlns='urn:xmpp:sm:3' h='5'/>");
    pair.ours.kill();
    pair.theirs.start_again();
    pair.ours.start_again();
    let mut juliet = pair.theirs.login("juliet");
    for number in 0..5 {
        let came = juliet.until("</message>");
        assert!(came.contains(&format!("<body>{number}</body>")), "{number}: {came}");
    }
}

/// From outside is removed what only we could have said; what others say of themselves stays.
#[test]
fn xep0359_3_what_only_we_could_say_does_not_pass_the_border() {
    let stage = stage("");
    let mut romeo = stage.ours.client("romeo");
    let mut raw = stage.proven();
    raw.send(
        "<message from='juliet@theirs.lit/r' to='romeo@ours.lit' type='chat' id='m'><body>Hi</body>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='romeo@ours.lit' id='forged-id'/>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='room@theirs.lit' id='their-id'/>\
         <delay xmlns='urn:xmpp:delay' from='ours.lit' stamp='2002-09-10T23:08:25Z'/>\
         <delay xmlns='urn:xmpp:delay' from='theirs.lit' stamp='2003-09-10T23:08:25Z'/>\
         <occupant-id xmlns='urn:xmpp:occupant-id:0' id='their-occupant'/></message>",
    );
    let came = romeo.until("</message>");
    assert!(
        came.contains("their-id") && came.contains("their-occupant") && came.contains("2003-09-10"),
        "{came}"
    );
    assert!(!came.contains("forged-id") && !came.contains("2002-09-10"), "{came}");
    // A copy says what somebody else has written: nobody outside makes one.
    let forged = "<message xmlns='jabber:client' from='benvolio@ours.lit/r' to='romeo@ours.lit'><body>forged</body></message>";
    raw.send(&format!(
        "<message from='romeo@theirs.lit/r' to='romeo@ours.lit' type='chat'><received xmlns='urn:xmpp:carbons:2'>\
         <forwarded xmlns='urn:xmpp:forward:0'>{forged}</forwarded></received></message>"
    ));
    raw.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
    let came = romeo.until("<body>Hi</body>");
    assert!(!came.contains("forged"), "{came}");
    // A roster push comes from one's own account only (RFC 6121 §2.1.6); it is a request that somebody else makes.
    raw.send(
        "<iq from='juliet@theirs.lit/r' to='romeo@ours.lit' type='set' id='push'><query xmlns='jabber:iq:roster'>\
         <item jid='tybalt@theirs.lit' subscription='both'/></query></iq>",
    );
    romeo.send("<iq type='get' id='mine'><query xmlns='jabber:iq:roster'/></iq>");
    let roster = romeo.until("id='mine'") + &romeo.until(">");
    assert!(!roster.contains("tybalt"), "{roster}");
}

/// The app server of a client lives on another server, as they do.
#[test]
fn xep0357_5_an_app_server_elsewhere_is_told_of_a_message() {
    let pair = pair(Kind::Waxwing, Proof::Certificates, false);
    let (mut romeo, mut benvolio) = (pair.ours.client("romeo"), pair.ours.client("benvolio"));
    let mut service = pair.theirs.client("app-server");
    // RFC 6121 §8.5.3.1: only who sees a resource may ask it anything. Real app servers are components.
    service.send("<presence to='romeo@ours.lit'/>");
    assert!(service.ask("theirs.lit", "seen", "<ping xmlns='urn:xmpp:ping'/>").contains("result"));
    let enable = "<enable xmlns='urn:xmpp:push:0' jid='app-server@theirs.lit/r' node='device-7'/>";
    romeo.send(&format!("<iq type='set' id='enable'>{enable}</iq>"));
    let enabled = romeo.until("id='enable'") + &romeo.until(">");
    assert!(enabled.contains("type='result'"), "{enabled}");
    romeo.send("</stream:stream>");
    romeo.until("</stream:stream>");
    romeo.until_closed();
    for (number, body) in ["one", "two"].into_iter().enumerate() {
        benvolio.send(&format!("<message to='romeo@ours.lit' type='chat'><body>{body}</body></message>"));
        let told = service.until("</iq>");
        for words in ["from='romeo@ours.lit'", "type='set'", "node='device-7'", "urn:xmpp:push:summary"] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(told.contains(&format!("<value>{}</value>", number + 1)) && !told.contains(body), "{told}");
        let id = told
            .rsplit("<iq ")
            .next()
            .and_then(|iq| iq.split("id='").nth(1))
            .and_then(|id| id.split('\'').next());
        service.send(&format!("<iq type='result' to='romeo@ours.lit' id='{}'/>", id.expect("an id")));
    }
}

/// A component talks to other servers, and they to it, as a host does.
#[test]
fn xep0114_a_component_is_part_of_the_network() {
    let stage = stage("[modules.component.domains.\"irc.ours.lit\"]\nsecret = \"pencil\"");
    stage.dns.service("_xmpp-server._tcp.irc.ours.lit", stage.ours.s2s, "localhost");
    let plan = Plan {
        kind: Kind::Waxwing,
        domain: "theirs.lit",
        certificate: stage.authority.certificate("theirs.lit", 2049),
        trusted: stage.authority.pem(),
        strict: false,
        direct_tls: false,
        more: "",
    };
    let theirs = Server::start(&plan, &stage.dns);
    let mut juliet = theirs.client("juliet");
    let mut gateway = stage.ours.component("irc.ours.lit", "pencil");
    juliet.send("<message to='room@irc.ours.lit' type='chat' id='in'><body>Hello there</body></message>");
    assert!(gateway.until("</message>").contains("from='juliet@theirs.lit/r'"));
    gateway.send("<message from='room@irc.ours.lit/nick' to='juliet@theirs.lit' type='chat' id='out'><body>Hi</body></message>");
    let came = juliet.until("<body>Hi</body>");
    assert!(came.contains("from='room@irc.ours.lit/nick'"), "{came}");
    // Nobody outside is our component.
    Raw::plain(&stage.ours, "irc.ours.lit").ends_with("invalid-from");
}

/// Whatever a server is slow with, it has so long to prove a domain.
#[test]
fn rfc6120_4_9_3_4_a_proof_that_takes_too_long() {
    let stage = stage("");
    let began = std::time::Instant::now();
    let mut silent = Raw::plain(&stage.ours, "theirs.lit");
    let mut shaking = Raw::plain(&stage.ours, "theirs.lit");
    shaking.until("</stream:features>");
    shaking.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    shaking.until("<proceed");
    let mut secure = stage.secure();
    silent.ends_with("connection-timeout");
    secure.ends_with("connection-timeout");
    shaking.ends();
    assert!(began.elapsed() < std::time::Duration::from_secs(28), "{:?}", began.elapsed());
}
