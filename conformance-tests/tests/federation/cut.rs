//! A link between two servers that is cut and stalled, and servers that are killed: what was acknowledged arrives, once
//! and in order, and after a kill perhaps twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::proxy::Proxy;
use crate::server::{Client, Kind, Server};
use crate::{Pair, Proof, pair};

/// Two Waxwings with a link between them for each direction of connecting.
struct Cable {
    pair: Pair,
    proxies: [Proxy; 2],
}

fn cable(proof: Proof) -> Cable {
    let pair = pair(Kind::Waxwing, proof, false);
    let proxies = [&pair.ours, &pair.theirs].map(|server| {
        let proxy = Proxy::start(server.s2s);
        pair.dns.moved(&format!("_xmpp-server._tcp.{}", server.domain), proxy.port, "localhost");
        proxy
    });
    Cable { pair, proxies }
}

fn number(message: &str) -> usize {
    let body = message.rsplit("<body>").next().and_then(|rest| rest.split('<').next());
    body.and_then(|body| body.parse().ok()).unwrap_or_else(|| panic!("no number: {message}"))
}

/// Sends numbers, some at a time, and waits until each portion is acknowledged.
fn send(mut client: Client, to: &str, count: usize) -> thread::JoinHandle<Client> {
    let to = to.to_owned();
    client.send("<enable xmlns='urn:xmpp:sm:3'/>");
    client.until("<enabled");
    thread::spawn(move || {
        for portion in (0..count).collect::<Vec<_>>().chunks(PORTION) {
            let message = |number| {
                format!("<message to='{to}' type='chat' id='{number}'><body>{number}</body></message>")
            };
            let text: String = portion.iter().map(message).collect();
            client.send(&(text + "<r xmlns='urn:xmpp:sm:3'/>"));
            let sent = portion.last().expect("portions have something in them") + 1;
            client.until(&format!("<a xmlns='urn:xmpp:sm:3' h='{sent}'/>"));
            thread::sleep(PAUSE);
        }
        client
    })
}

/// What comes until the last number; a bounce is a failure.
fn receive(mut client: Client, came: &AtomicUsize) -> Vec<usize> {
    let mut numbers = Vec::new();
    while numbers.last() != Some(&(COUNT - 1)) {
        let message = client.until("</message>");
        assert!(!message.contains("type='error'"), "{message}");
        numbers.push(number(&message));
        came.fetch_add(1, Ordering::SeqCst);
    }
    numbers
}

fn receiver(client: Client, came: &Arc<AtomicUsize>) -> thread::JoinHandle<Vec<usize>> {
    let came = Arc::clone(came);
    thread::spawn(move || receive(client, &came))
}

/// Both directions at once; `disturb` does what it does each time that so many messages have come. Each number comes
/// once, in order.
fn undisturbed(proof: Proof, disturb: impl Fn(&Cable, usize)) {
    let cable = cable(proof);
    let (ours, theirs) = (&cable.pair.ours, &cable.pair.theirs);
    let clients = [ours.client("romeo"), theirs.client("benvolio")];
    let came = Arc::default();
    let receivers = [receiver(theirs.client("juliet"), &came), receiver(ours.client("mercutio"), &came)];
    let [romeo, benvolio] = clients;
    let senders = [send(romeo, "juliet@theirs.lit", COUNT), send(benvolio, "mercutio@ours.lit", COUNT)];
    let (mut step, mut next) = (0, STEP);
    let deadline = Instant::now() + Duration::from_secs(100);
    while receivers.iter().any(|receiver| !receiver.is_finished()) {
        assert!(Instant::now() < deadline, "it takes too long: {}", ours.run(&["s2s", "list"]));
        thread::sleep(Duration::from_millis(2));
        if came.load(Ordering::SeqCst) >= next {
            disturb(&cable, step);
            step += 1;
            next = came.load(Ordering::SeqCst) + STEP;
        }
    }
    for receiver in receivers {
        let numbers = receiver.join().expect("what came is right");
        assert!(numbers.iter().copied().eq(0..COUNT), "{}", wrong(&numbers));
    }
    for sender in senders {
        let mut client = sender.join().expect("all was acknowledged");
        // Nothing bounced: an answer of the own server comes next.
        let answer = client.ask(&client.jid.clone(), "end", "<query xmlns='jabber:iq:version'/>");
        assert!(answer.contains("iq") || answer.contains("id="), "{answer}");
    }
    let output = ours.output() + &theirs.output();
    let resumed = output.matches("goes on where it broke").count();
    println!("disturbed {step} times, resumed {resumed} times");
    assert!(step >= 6 && resumed >= step, "disturbed {step} times, resumed {resumed} times: {output}");
}

/// The first few places where numbers are not what they should be.
fn wrong(numbers: &[usize]) -> String {
    let jumps = numbers.windows(2).filter(|pair| pair[1] != pair[0] + 1).take(5);
    format!("{} came, first {:?}, wrong at {:?}", numbers.len(), numbers.first(), jumps.collect::<Vec<_>>())
}

#[test]
fn xep0198_5_a_link_that_is_cut_again_and_again_loses_and_doubles_nothing() {
    for proof in [Proof::Certificates, Proof::Dialback] {
        undisturbed(proof, |cable, _| cable.proxies.iter().for_each(Proxy::cut));
    }
}

#[test]
fn xep0198_5_a_link_that_stalls_and_is_cut_meanwhile_loses_and_doubles_nothing() {
    undisturbed(Proof::Certificates, |cable, _| {
        cable.proxies.iter().for_each(|proxy| proxy.stall(true));
        thread::sleep(Duration::from_millis(250));
        cable.proxies.iter().for_each(Proxy::cut);
        cable.proxies.iter().for_each(|proxy| proxy.stall(false));
    });
}

/// The link by which ours had reached theirs is gone for good; theirs comes the other way and goes on with the session.
#[test]
fn xep0198_5_the_other_server_goes_on_from_its_side() {
    let cable = cable(Proof::Certificates);
    let (mut romeo, mut juliet) = (cable.pair.ours.client("romeo"), cable.pair.theirs.client("juliet"));
    crate::say(&mut romeo, &mut juliet, "first");
    let chat = |number| {
        format!("<message to='romeo@ours.lit' type='chat' id='{number}'><body>{number}</body></message>")
    };
    juliet.send(&chat(0));
    romeo.until("<body>0</body>");
    romeo.until("</message>");
    let [way, back] = [&cable.proxies[1], &cable.proxies[0]];
    way.close();
    way.stall(true);
    (1..COUNT).for_each(|number| juliet.send(&chat(number)));
    assert!(juliet.ask("theirs.lit", "end", "<ping xmlns='urn:xmpp:ping'/>").contains("result"));
    way.cut();
    way.stall(false);
    for wanted in 1..COUNT {
        assert_eq!(number(&romeo.until("</message>")), wanted);
    }
    crate::say(&mut romeo, &mut juliet, "last");
    let told = cable.pair.theirs.output();
    assert!(told.contains("goes on where it broke"), "{told}");
    assert!(!told.contains("has forgotten the stream"), "{told}");
    back.cut();
}

/// A server without stream management answers a ping, and that says as much. What kernels and wires had swallowed when
/// the link was cut is sent again.
fn swallowed(kind: Kind) {
    let pair = pair(kind, Proof::Dialback, false);
    let proxy = Proxy::start(pair.theirs.s2s);
    pair.dns.moved("_xmpp-server._tcp.theirs.lit", proxy.port, "localhost");
    let (mut romeo, mut juliet) = (pair.ours.client("romeo"), pair.theirs.client("juliet"));
    crate::say(&mut romeo, &mut juliet, "first");
    // So that it is confirmed.
    thread::sleep(Duration::from_secs(3));
    proxy.stall(true);
    thread::sleep(Duration::from_millis(50));
    for number in 0..PORTION {
        let to = "juliet@theirs.lit";
        romeo.send(&format!("<message to='{to}' type='chat' id='{number}'><body>{number}</body></message>"));
    }
    assert!(romeo.ask("ours.lit", "end", "<ping xmlns='urn:xmpp:ping'/>").contains("result"));
    // The kernel takes it at once.
    thread::sleep(Duration::from_millis(300));
    assert!(pair.ours.run(&["s2s", "list"]).contains("0 wait"));
    proxy.cut();
    proxy.stall(false);
    juliet.until("</message>");
    // What had passed before the link stalled comes twice: rather so than never.
    let mut seen = Vec::new();
    while seen.len() < PORTION {
        let number = number(&juliet.until("</message>"));
        if !seen.contains(&number) {
            seen.push(number);
        }
    }
    assert!(seen.iter().copied().eq(0..PORTION), "{}", wrong(&seen));
    crate::say(&mut romeo, &mut juliet, "last");
}

#[test]
fn what_was_swallowed_on_the_way_to_prosody_is_sent_again() {
    swallowed(Kind::Prosody);
}

#[test]
fn what_was_swallowed_on_the_way_to_ejabberd_is_sent_again() {
    swallowed(Kind::Ejabberd);
}

/// Which of the two is killed while messages go from ours to theirs.
fn killed(which: impl Fn(&mut Pair) -> &mut Server) {
    let mut pair = pair(Kind::Waxwing, Proof::Certificates, false);
    drop(pair.theirs.client("juliet"));
    let mut romeo = pair.ours.client("romeo");
    let mut acknowledged = 0;
    for _ in 0..4 {
        romeo.send("<enable xmlns='urn:xmpp:sm:3'/>");
        romeo.until("<enabled");
        for portion in 0..5 {
            let first = acknowledged;
            let message = |number| {
                let to = "juliet@theirs.lit";
                format!("<message to='{to}' type='chat' id='{number}'><body>{number}</body></message>")
            };
            let text: String = (first..first + PORTION).map(message).collect();
            romeo.send(&(text + "<r xmlns='urn:xmpp:sm:3'/>"));
            let h = (portion + 1) * PORTION;
            romeo.until(&format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>"));
            acknowledged += PORTION;
        }
        let server = which(&mut pair);
        server.kill();
        server.start_again();
        // Stream management begins once on a stream.
        romeo = pair.ours.login("romeo");
    }
    let mut juliet = pair.theirs.login("juliet");
    let (mut seen, mut first_seen, mut doubles) = (BTreeSet::new(), Vec::new(), 0);
    while seen.len() < acknowledged {
        let number = number(&juliet.until("</message>"));
        if seen.insert(number) {
            first_seen.push(number);
        } else {
            doubles += 1;
        }
    }
    assert!(first_seen.iter().copied().eq(0..acknowledged), "{}", wrong(&first_seen));
    println!("acknowledged: {acknowledged}, twice: {doubles}");
    // What was on its way when the process died, no more.
    assert!(doubles <= 4 * 5 * PORTION, "{doubles}");
}

#[test]
fn what_was_acknowledged_arrives_though_the_sending_server_is_killed() {
    killed(|pair| &mut pair.ours);
}

#[test]
fn what_was_acknowledged_arrives_though_the_receiving_server_is_killed() {
    killed(|pair| &mut pair.theirs);
}

const COUNT: usize = 3000;
/// After so many messages the link is disturbed.
const STEP: usize = 500;
const PORTION: usize = 50;
const PAUSE: Duration = Duration::from_millis(20);
