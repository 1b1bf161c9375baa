//! What the operator allows other servers, and how much.

use std::time::{Duration, Instant};

use crate::raw::Raw;
use crate::server::Authority;
use crate::{hello, stage};

/// If any domains are allowed, no others are talked to.
#[test]
fn only_allowed_domains_are_talked_to() {
    let stage = stage("[modules.s2s]\nallowed = ['theirs.lit']");
    stage.proven();
    Raw::plain(&stage.ours, "elsewhere.lit").ends_with("policy-violation");
    let mut romeo = stage.ours.client("romeo");
    romeo.send("<message to='juliet@elsewhere.lit' type='chat' id='m'><body>Hi</body></message>");
    let error = romeo.until("</message>");
    assert!(error.contains("<policy-violation "), "{error}");
    // The allowed one is looked for.
    romeo.send("<message to='juliet@theirs.lit' type='chat' id='m'><body>Hi</body></message>");
    let error = romeo.until("</message>");
    assert!(error.contains("<remote-server-not-found "), "{error}");
}

/// A domain of which a certificate is demanded cannot do with dialback; others can.
#[test]
fn a_certificate_may_be_demanded_of_single_domains() {
    let stage = stage("[modules.s2s]\nrequire_certificate = ['theirs.lit']");
    let strangers = Authority::new("Stranger");
    let mut raw = Raw::secure(&stage.ours, "theirs.lit", &strangers.certificate("theirs.lit", 2049));
    let features = raw.until("</stream:features>");
    assert!(!features.contains("features:dialback") && !features.contains("EXTERNAL"), "{features}");
    raw.send("<db:result from='theirs.lit' to='ours.lit'>key</db:result>");
    let answer = raw.until("</db:result>");
    assert!(answer.contains("<policy-violation "), "{answer}");
    let mut raw = Raw::secure(&stage.ours, "elsewhere.lit", &strangers.certificate("elsewhere.lit", 2049));
    assert!(raw.until("</stream:features>").contains("features:dialback"));
    stage.proven();
}

/// Without TLS only the domains of a test bench prove themselves, and only for themselves.
#[test]
fn plain_streams_are_for_the_domains_that_are_named() {
    let stage = stage("[modules.s2s]\nallow_plaintext = ['theirs.lit']");
    let mut raw = Raw::plain(&stage.ours, "theirs.lit");
    let features = raw.until("</stream:features>");
    assert!(features.contains("dialback") && !features.contains("<required"), "{features}");
    raw.send("<db:result from='elsewhere.lit' to='ours.lit'>key</db:result>");
    let answer = raw.until("</db:result>");
    assert!(answer.contains("<policy-violation "), "{answer}");
    // Nobody of that name can be asked: the key is looked into all the same.
    raw.send("<db:result from='theirs.lit' to='ours.lit'>key</db:result>");
    let answer = raw.until("</db:result>");
    assert!(answer.contains("<remote-server-not-found "), "{answer}");
    let features = Raw::plain(&stage.ours, "elsewhere.lit").until("</stream:features>");
    assert!(features.contains("<required") && !features.contains("dialback'/>"), "{features}");
}

/// A domain that sends faster than it may is read more slowly, on all its streams, and nobody else is.
#[test]
fn the_rate_holds_for_a_domain_over_all_its_streams() {
    let stage = stage("[modules.s2s]\nrate_per_second = '2 KiB'\nrate_burst = '8 KiB'");
    let mut romeo = stage.ours.client("romeo");
    let (mut first, mut second) = (stage.proven(), stage.proven());
    let long = "x".repeat(1000);
    for _ in 0..14 {
        first.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit").replace("Hi", &long));
    }
    first.send(&hello("juliet@theirs.lit/last", "romeo@ours.lit"));
    // 14 KiB and more, of which 8 were free, have come.
    romeo.until("juliet@theirs.lit/last");
    std::thread::sleep(Duration::from_millis(200));
    let began = Instant::now();
    // What has come is taken; what comes then waits.
    second.send(&hello("juliet@theirs.lit/early", "romeo@ours.lit"));
    romeo.until("juliet@theirs.lit/early");
    second.send(&hello("juliet@theirs.lit/late", "romeo@ours.lit"));
    let mut other = stage.proven_as("elsewhere.lit");
    other.send(&hello("rosaline@elsewhere.lit/r", "romeo@ours.lit"));
    let before = romeo.until("rosaline@elsewhere.lit/r");
    assert!(!before.contains("juliet@theirs.lit/late"), "{before}");
    romeo.until("juliet@theirs.lit/late");
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
}

/// RFC 6120 §8.3.1: an error is never answered by an error.
#[test]
fn rfc6120_8_3_1_an_error_that_cannot_be_sent_does_not_come_back() {
    let stage = stage("");
    let mut romeo = stage.ours.client("romeo");
    let error = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    romeo.send(&format!("<message to='juliet@nowhere.lit' type='error' id='none'>{error}</message>"));
    romeo.send(&format!("<iq to='juliet@nowhere.lit' type='error' id='none'>{error}</iq>"));
    romeo.send("<message to='juliet@nowhere.lit' type='chat' id='some'><body>Hi</body></message>");
    let came = romeo.until("id='some'");
    assert!(!came.contains("id='none'"), "{came}");
}

/// RFC 6120 §4.7.4: the language of the stream is that of what says none.
#[test]
fn rfc6120_4_7_4_the_language_of_a_stream_goes_on_with_its_stanzas() {
    let stage = stage("");
    let mut romeo = stage.ours.client("romeo");
    let mut raw = stage.secure();
    raw.until("</stream:features>");
    raw.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>");
    raw.until("<success");
    raw.until(">");
    raw.send(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
         from='theirs.lit' to='ours.lit' version='1.0' xml:lang='it'>",
    );
    raw.until("</stream:features>");
    raw.send(&hello("juliet@theirs.lit/r", "romeo@ours.lit"));
    let came = romeo.until("</message>");
    assert!(came.contains("xml:lang='it'") && !came.contains("jabber:server"), "{came}");
    raw.send(
        "<message from='juliet@theirs.lit/r' to='romeo@ours.lit' xml:lang='la'><body>Salve</body></message>",
    );
    let came = romeo.until("Salve");
    assert!(came.contains("xml:lang='la'"), "{came}");
}
