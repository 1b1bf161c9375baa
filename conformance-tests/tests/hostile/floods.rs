//! RFC 6120 §13.12 (5): much of what is allowed, at once.

use std::io::Write;
use std::net::TcpStream;

use super::attack::*;
use super::bystanders::Bystanders;
use super::memory::{at_rest, settled};
use super::process::Process;
use crate::harness::*;

/// So much more may be resident after a flood, in KiB.
const GROWTH_MAX: i64 = 8 * 1024;
/// … and while answers wait that nobody reads.
const WAITING_MAX: i64 = 48 * 1024;

/// All in one go, and a stream that lives: what came besides is returned.
fn flood(stanzas: impl IntoIterator<Item = String>) -> Vec<Element> {
    let stanzas: String = stanzas.into_iter().collect();
    let outcome = attack(Place::AfterLogin, stanzas.as_bytes());
    outcome.check(&Expected::Accepted).unwrap_or_else(|problem| panic!("{problem}"));
    outcome.answers
}

/// RFC 6121 §4.6.3: whoever was sent directed presence a thousand times hears one farewell.
#[test]
fn rfc6121_4_6_3_one_farewell_after_a_thousand_directed_presences() {
    let _turn = beside_others();
    let (victim, loud) = (online(), online());
    for _ in 0..10 {
        loud.send(&format!("<presence to='{victim}'/>").repeat(100));
    }
    loud.ping();
    victim.ping();
    victim.clear();
    loud.log_out();
    victim.take_where("a farewell", |e| e.attr("type") == Some("unavailable"));
    victim.expect_nothing();
    Bystanders::get().still_chat();
}

/// RFC 6121 §4.6: who sends directed presence to ever more entities is refused at some time, or not, and goes on.
#[test]
fn rfc6121_4_6_directed_presence_to_three_thousand() {
    let _turn = beside_others();
    let answers = flood((0..3000).map(|n| format!("<presence to='nobody{n}@localhost/x' id='d{n}'/>")));
    println!("{} of 3,000 were refused", answers.len());
    for answer in &answers {
        let condition = answer.condition();
        let allowed = ["resource-constraint", "policy-violation", "service-unavailable", "item-not-found"];
        assert!(condition.is_some_and(|c| allowed.contains(&c.as_str())), "{answer}");
    }
}

/// RFC 6121 §3.1.3: a thousand requests are one to whom they are for.
#[test]
fn rfc6121_3_1_3_a_thousand_subscription_requests() {
    let _turn = beside_others();
    let victim = online();
    flood((0..1000).map(|n| format!("<presence type='subscribe' to='{victim:#}' id='s{n}'/>")));
    victim.ping();
    victim.take_where("a request", |e| e.attr("type") == Some("subscribe"));
    victim.expect_no("<presence type='subscribe'/>");
}

/// §8.2.3: a thousand questions of service discovery have a thousand answers.
#[test]
fn xep0030_a_thousand_questions() {
    let _turn = beside_others();
    let kinds = ["info", "items"];
    let ask = |n: usize| {
        let kind = kinds[n % 2];
        format!(
            "<iq type='get' id='q{n}' to='localhost'><query xmlns='http://jabber.org/protocol/disco#{kind}'/></iq>"
        )
    };
    let answers = flood((0..1000).map(ask));
    assert_eq!(answers.iter().filter(|e| e.name == "iq").count(), 1000);
}

/// XEP-0045 §7.2: joins of ever more rooms, and changes of nick, are answered one by one while others chat.
#[test]
fn xep0045_7_2_a_flood_of_joins() {
    let _turn = beside_others();
    let service = format!("flood{}", std::process::id());
    let join = |n: usize| {
        let room = n / 4;
        format!(
            "<presence to='{service}-{room}@conference.localhost/nick{n}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        )
    };
    let answers = flood((0..400).map(join));
    assert!(!answers.is_empty(), "nobody answered");
}

/// §13.12: large answers that nobody reads do not pile up, however small the questions are.
#[test]
fn rfc6120_13_12_large_answers_that_nobody_reads() {
    let _alone = alone();
    let server = Process::of_subject();
    let (large, asks) = (online(), enter(Place::AfterLogin));
    let text = "v".repeat(50_000);
    large.send(&format!("<iq type='set' id='v'><vCard xmlns='vcard-temp'><DESC>{text}</DESC></vCard></iq>"));
    large.take_where("the result", |e| e.attr("id") == Some("v"));
    Bystanders::get().still_chat();
    let before = server.memory();
    let question = format!("<iq type='get' id='v' to='{large:#}'><vCard xmlns='vcard-temp'/></iq>");
    // Writing fails when the server reads no more, which is what it should come to.
    drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for _ in 0..40 {
            asks.send(&question.repeat(100));
        }
    })));
    let after = server.memory();
    println!("resident {} KiB, then {} KiB", before.resident, after.resident);
    assert!(after.resident <= before.resident + WAITING_MAX, "{before:?} became {after:?}");
    Bystanders::get().still_chat();
}

/// RFC 6121 §2: a roster of a thousand contacts is kept, given, and no one else's burden.
#[test]
fn rfc6121_2_a_roster_of_a_thousand() {
    let _turn = beside_others();
    let large = online();
    for hundred in 0..10 {
        let set = |n: usize| {
            format!(
                "<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='c{n}@far.example' name='{}'/></query></iq>",
                "n".repeat(200)
            )
        };
        large.send(&(0..100).map(|n| set(hundred * 100 + n)).collect::<String>());
        large.ping();
        large.clear();
        Bystanders::get().still_chat();
    }
    let roster = large.roster();
    assert_eq!(roster.child("query").map_or(0, |query| query.children().count()), 1000);
}

/// §13.12: ten thousand connections, one after the other, leave nothing behind.
#[test]
fn rfc6120_13_12_ten_thousand_connections_one_after_the_other() {
    let _alone = alone();
    let server = Process::of_subject();
    let port = Subject::get().c2s;
    let header = "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                  xmlns:stream='http://etherx.jabber.org/streams'>";
    let visit = |number: usize| {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).expect("it still accepts connections");
        let said = header.get(..number % header.len()).unwrap_or(header);
        // It may have been closed already.
        drop(socket.write_all(said.as_bytes()));
        if number.is_multiple_of(500) {
            Bystanders::get().still_chat();
        }
    };
    (0..2_000).for_each(visit);
    let before = at_rest(&server);
    (0..10_000).for_each(visit);
    let after = settled(&server, before.resident + GROWTH_MAX);
    println!("resident {} KiB, then {} KiB", before.resident, after.resident);
    assert!(after.resident <= before.resident + GROWTH_MAX, "{before:?} became {after:?}");
}
