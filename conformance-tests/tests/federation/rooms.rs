//! Rooms whose occupants come from another server: ours with people from Prosody, from ejabberd and from another
//! Waxwing, theirs with people from ours; and what is left of a room when the way is cut or a server is killed.

use std::thread;
use std::time::Duration;

use crate::dns::Dns;
use crate::proxy::Proxy;
use crate::server::{Authority, Client, Kind, Plan, Server};
use crate::{Pair, Proof};

const OURS: &str = "garden@conference.ours.lit";
const THEIRS: &str = "garden@conference.theirs.lit";

/// Two servers with a service of rooms each, where anybody may make rooms.
fn houses(kind: Kind, proof: Proof) -> Pair {
    houses_with(kind, proof, "")
}

/// With more lines of our config.
fn houses_with(kind: Kind, proof: Proof, our_lines: &str) -> Pair {
    let dns = Dns::start();
    let (one, other, third) = (Authority::new("One"), Authority::new("Other"), Authority::new("Third"));
    let strict = proof == Proof::Certificates;
    let trusted = if strict { format!("{}{}", one.pem(), other.pem()) } else { third.pem() };
    let start = |kind, domain: &'static str, authority: &Authority, more: &str| {
        let rooms = format!("conference.{domain}");
        let certificate = authority.certificate_of(&[domain.to_owned(), rooms.clone()], 2049);
        let also = [(rooms.as_str(), certificate.clone())];
        let plan =
            Plan { kind, domain, certificate, trusted: trusted.clone(), strict, direct_tls: false, more };
        let server = Server::start_with(&plan, &dns, &also);
        dns.service(&format!("_xmpp-server._tcp.{rooms}"), server.s2s, "localhost");
        server
    };
    let rooms = |domain| format!("[host.'conference.{domain}'.modules.muc]\ncreate = 'anyone'\n");
    let their_lines = match kind {
        Kind::Waxwing => rooms("theirs.lit"),
        Kind::Prosody => "Component \"conference.theirs.lit\" \"muc\"".to_owned(),
        Kind::Ejabberd => "  mod_muc: {}".to_owned(),
    };
    let ours = start(Kind::Waxwing, "ours.lit", &one, &(rooms("ours.lit") + our_lines));
    let theirs = start(kind, "theirs.lit", &other, &their_lines);
    Pair { ours, theirs, dns }
}

/// The next stanza, whole.
#[track_caller]
fn stanza(client: &mut Client) -> String {
    const KINDS: [&str; 3] = ["message", "presence", "iq"];
    let before = client.until_any(&KINDS.map(|kind| format!("<{kind} ")).each_ref().map(String::as_str));
    let kind =
        KINDS.into_iter().find(|kind| before.ends_with(&format!("<{kind} "))).expect("one of them came");
    let head = client.until(">");
    let rest = if head.ends_with("/>") { String::new() } else { client.until(&format!("</{kind}>")) };
    format!("<{kind} {head}{rest}").replace('"', "'")
}

/// The next stanza that has all these words; what comes before it goes into `passed`.
#[track_caller]
fn wait_past(client: &mut Client, words: &[&str], passed: &mut Vec<String>) -> String {
    loop {
        let came = stanza(client);
        if words.iter().all(|word| came.contains(word)) {
            return came;
        }
        passed.push(came);
    }
}

#[track_caller]
fn wait(client: &mut Client, words: &[&str]) -> String {
    wait_past(client, words, &mut Vec::new())
}

fn from(room: &str, nick: &str) -> String {
    format!("from='{room}/{nick}'")
}

fn ask_in(client: &mut Client, room: &str, nick: &str) {
    client.send(&format!(
        "<presence to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
    ));
}

/// XEP-0045 §7.2: the others first, then the own presence, then history, then the subject.
#[track_caller]
fn enter(client: &mut Client, room: &str, nick: &str) -> Vec<String> {
    let mut passed = Vec::new();
    ask_in(client, room, nick);
    wait_past(client, &["<presence ", &from(room, nick), "code='110'"], &mut passed);
    wait_past(client, &["<message ", "<subject"], &mut passed);
    passed
}

/// The owner makes the room, and it stays when nobody is in it.
#[track_caller]
fn make(owner: &mut Client, room: &str, nick: &str) {
    ask_in(owner, room, nick);
    wait(owner, &["<presence ", &from(room, nick), "code='110'", "affiliation='owner'"]);
    owner.send(&format!(
        "<iq type='set' id='make' to='{room}'><query xmlns='http://jabber.org/protocol/muc#owner'>\
         <x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>\
         <value>http://jabber.org/protocol/muc#roomconfig</value></field>\
         <field var='muc#roomconfig_persistentroom'><value>1</value></field></x></query></iq>"
    ));
    wait(owner, &["<iq ", "id='make'", "type='result'"]);
}

fn speak(client: &mut Client, room: &str, body: &str) {
    client.send(&format!("<message to='{room}' type='groupchat' id='{body}'><body>{body}</body></message>"));
}

/// What one says reaches both, once, from the nick.
#[track_caller]
fn said(speaker: &mut Client, other: &mut Client, room: &str, nick: &str, body: &str) {
    speak(speaker, room, body);
    for client in [speaker, other] {
        let came = wait(client, &["<message ", &format!("<body>{body}</body>")]);
        assert!(came.contains(&from(room, nick)) && came.contains("type='groupchat'"), "{came}");
    }
}

fn admin(owner: &mut Client, room: &str, id: &str, item: &str) {
    owner.send(&format!(
        "<iq type='set' id='{id}' to='{room}'><query xmlns='http://jabber.org/protocol/muc#admin'>{item}</query></iq>"
    ));
}

/// All that people do in a room; the owner is of one server, the guest of the other.
fn evening(owner: &mut Client, guest: &mut Client, room: &str) {
    make(owner, room, "Owner");
    speak(owner, room, "early");
    wait(owner, &["<body>early</body>"]);
    // XEP-0045 §7.2.8: the nickname is taken.
    ask_in(guest, room, "Owner");
    let error = wait(guest, &["<presence ", "type='error'"]);
    assert!(error.contains("<conflict "), "{error}");
    // §7.2.2, §7.2.13: who is there, and what was said.
    let told = enter(guest, room, "Guest");
    let there =
        |words: &[&str]| told.iter().filter(|came| words.iter().all(|word| came.contains(word))).count();
    assert_eq!(there(&["<presence ", &from(room, "Owner")]), 1, "{told:?}");
    let history = ["<message ", "<body>early</body>", "urn:xmpp:delay", &from(room, "Owner")];
    assert_eq!(there(&history), 1, "{told:?}");
    wait(owner, &["<presence ", &from(room, "Guest")]);
    said(guest, owner, room, "Guest", "from-the-guest");
    said(owner, guest, room, "Owner", "from-the-owner");
    whispers(guest, owner, room, ["Guest", "Owner"]);
    whispers(owner, guest, room, ["Owner", "Guest"]);
    renames(owner, guest, room);
    goes_and_is_put_out(owner, guest, room);
}

/// §7.5.
#[track_caller]
fn whispers(one: &mut Client, other: &mut Client, room: &str, [nick, to]: [&str; 2]) {
    one.send(&format!(
        "<message to='{room}/{to}' type='chat' id='psst'><body>psst</body>\
         <x xmlns='http://jabber.org/protocol/muc#user'/></message>"
    ));
    let came = wait(other, &["<message ", "<body>psst</body>"]);
    assert!(came.contains(&from(room, nick)) && came.contains("type='chat'"), "{came}");
}

/// §7.6: all are told of the new name; one that is taken is refused.
#[track_caller]
fn renames(owner: &mut Client, guest: &mut Client, room: &str) {
    guest.send(&format!("<presence to='{room}/Owner'/>"));
    let error = wait(guest, &["<presence ", "type='error'"]);
    assert!(error.contains("<conflict "), "{error}");
    guest.send(&format!("<presence to='{room}/Visitor'/>"));
    for client in [&mut *guest, owner] {
        let old = wait(client, &["<presence ", &from(room, "Guest"), "type='unavailable'"]);
        assert!(old.contains("code='303'") && old.contains("nick='Visitor'"), "{old}");
        wait(client, &["<presence ", &from(room, "Visitor")]);
    }
    said(guest, owner, room, "Visitor", "renamed");
}

/// §7.14, §8.2, §9.1.
#[track_caller]
fn goes_and_is_put_out(owner: &mut Client, guest: &mut Client, room: &str) {
    let gone = ["<presence ", &from(room, "Visitor"), "type='unavailable'"];
    guest.send(&format!("<presence to='{room}/Visitor' type='unavailable'/>"));
    for client in [&mut *guest, &mut *owner] {
        let left = wait(client, &gone);
        assert!(!left.contains("code='307'"), "{left}");
    }
    enter(guest, room, "Visitor");
    admin(owner, room, "kick", "<item nick='Visitor' role='none'><reason>Enough</reason></item>");
    for client in [&mut *guest, &mut *owner] {
        let kicked = wait(client, &gone);
        assert!(kicked.contains("code='307'") && kicked.contains("Enough"), "{kicked}");
    }
    enter(guest, room, "Visitor");
    let item = format!("<item jid='{}' affiliation='outcast'/>", guest.jid);
    admin(owner, room, "ban", &item);
    for client in [&mut *guest, &mut *owner] {
        let banned = wait(client, &gone);
        assert!(banned.contains("code='301'"), "{banned}");
    }
    ask_in(guest, room, "Visitor");
    let error = wait(guest, &["<presence ", "type='error'"]);
    assert!(error.contains("<forbidden "), "{error}");
    // §7.4: nor does it speak from outside.
    speak(guest, room, "outside");
    let error = wait(guest, &["<message ", "type='error'"]);
    assert!(error.contains("<not-acceptable ") || error.contains("<forbidden "), "{error}");
    speak(owner, room, "alone");
    let mut passed = Vec::new();
    wait_past(owner, &["<body>alone</body>"], &mut passed);
    assert!(!passed.iter().any(|came| came.contains("outside")), "{passed:?}");
}

/// In rooms of both, with an owner of either.
fn evenings(kind: Kind, proof: Proof) {
    let pair = houses(kind, proof);
    let (mut romeo, mut juliet) = (pair.ours.client("romeo"), pair.theirs.client("juliet"));
    for service in ["conference.ours.lit", "conference.theirs.lit"] {
        evening(&mut romeo, &mut juliet, &format!("romeos@{service}"));
        evening(&mut juliet, &mut romeo, &format!("juliets@{service}"));
    }
}

#[test]
fn xep0045_rooms_with_people_of_prosody_by_certificates() {
    evenings(Kind::Prosody, Proof::Certificates);
}

#[test]
fn xep0045_rooms_with_people_of_prosody_by_dialback() {
    evenings(Kind::Prosody, Proof::Dialback);
}

#[test]
fn xep0045_rooms_with_people_of_ejabberd_by_certificates() {
    evenings(Kind::Ejabberd, Proof::Certificates);
}

#[test]
fn xep0045_rooms_with_people_of_ejabberd_by_dialback() {
    evenings(Kind::Ejabberd, Proof::Dialback);
}

#[test]
fn xep0045_rooms_with_people_of_another_waxwing() {
    evenings(Kind::Waxwing, Proof::Certificates);
}

/// Two servers that meet through a link each, which a test can cut.
fn linked(kind: Kind, our_lines: &str) -> (Pair, [Proxy; 2]) {
    let pair = houses_with(kind, Proof::Dialback, our_lines);
    let proxies = [&pair.ours, &pair.theirs].map(|server| {
        let proxy = Proxy::start(server.s2s);
        for name in [server.domain.clone(), format!("conference.{}", server.domain)] {
            pair.dns.moved(&format!("_xmpp-server._tcp.{name}"), proxy.port, "localhost");
        }
        proxy
    });
    (pair, proxies)
}

/// Romeo of ours and Juliet of theirs in a room.
#[track_caller]
fn together(pair: &Pair, room: &str) -> (Client, Client) {
    let (mut romeo, mut juliet) = (pair.ours.client("romeo"), pair.theirs.client("juliet"));
    let by_romeo = room == OURS;
    let (owner, guest) = if by_romeo { (&mut romeo, &mut juliet) } else { (&mut juliet, &mut romeo) };
    let (first, second) = if by_romeo { ("Romeo", "Juliet") } else { ("Juliet", "Romeo") };
    make(owner, room, first);
    enter(guest, room, second);
    wait(owner, &["<presence ", &from(room, second)]);
    (romeo, juliet)
}

/// XEP-0410: whether the room says that one is in it; `passed` gets what came before that.
#[track_caller]
fn is_in(client: &mut Client, room: &str, nick: &str, passed: &mut Vec<String>) -> bool {
    client.send(&format!("<iq type='get' id='self' to='{room}/{nick}'><ping xmlns='urn:xmpp:ping'/></iq>"));
    let answer = wait_past(client, &["<iq ", "id='self'"], passed);
    assert!(answer.contains("type='result'") || answer.contains("<not-acceptable "), "{answer}");
    answer.contains("type='result'")
}

/// What one of a room said, in the order in which it came.
fn heard<'a>(came: &'a [String], room: &str, nick: &str) -> Vec<&'a str> {
    let spoken = came.iter().filter(|stanza| stanza.contains(&from(room, nick)));
    spoken.filter_map(|stanza| stanza.split("<body>").nth(1)?.split('<').next()).collect()
}

/// With stream management on both sides, nobody in the room notices anything.
fn cut_while_people_talk(room: &str) {
    let (pair, proxies) = linked(Kind::Waxwing, "");
    let (mut romeo, mut juliet) = together(&pair, room);
    let mut spoken: Vec<String> = (0..SPOKEN).map(|number| number.to_string()).collect();
    for (number, body) in spoken.iter().enumerate() {
        speak(&mut romeo, room, body);
        speak(&mut juliet, room, body);
        thread::sleep(PAUSE);
        if number % 10 == 9 {
            proxies.iter().for_each(Proxy::cut);
        }
    }
    spoken.push("end".to_owned());
    speak(&mut romeo, room, "end");
    speak(&mut juliet, room, "end");
    for (client, own) in [(&mut romeo, "Romeo"), (&mut juliet, "Juliet")] {
        let mut came = Vec::new();
        while ["Romeo", "Juliet"].iter().any(|nick| heard(&came, room, nick).last() != Some(&"end")) {
            came.push(stanza(client));
        }
        assert!(is_in(client, room, own, &mut came));
        for nick in ["Romeo", "Juliet"] {
            assert_eq!(heard(&came, room, nick), spoken, "{own} hears {nick}");
        }
        let lost =
            came.iter().find(|stanza| stanza.contains("unavailable") || stanza.contains("type='error'"));
        assert!(lost.is_none(), "{lost:?}");
    }
    let output = pair.ours.output() + &pair.theirs.output();
    assert!(output.contains("goes on where it broke"), "{output}");
}

#[test]
fn xep0198_5_a_room_of_ours_does_not_notice_a_link_that_is_cut() {
    cut_while_people_talk(OURS);
}

#[test]
fn xep0198_5_a_room_of_theirs_does_not_notice_a_link_that_is_cut() {
    cut_while_people_talk(THEIRS);
}

/// A link that breaks while nobody says anything puts nobody out, and what is said then comes once.
fn cut_while_all_is_quiet(kind: Kind, room: &str) {
    let (pair, proxies) = linked(kind, "");
    let (mut romeo, mut juliet) = together(&pair, room);
    for round in 0..3 {
        // So that each knows what the other has received.
        thread::sleep(Duration::from_secs(3));
        proxies.iter().for_each(Proxy::cut);
        // So that each knows that the link is broken.
        thread::sleep(Duration::from_secs(1));
        said(&mut romeo, &mut juliet, room, "Romeo", &format!("out{round}"));
        said(&mut juliet, &mut romeo, room, "Juliet", &format!("in{round}"));
    }
    for (client, nick) in [(&mut romeo, "Romeo"), (&mut juliet, "Juliet")] {
        let mut passed = Vec::new();
        assert!(is_in(client, room, nick, &mut passed), "{nick}: {passed:?}");
        assert!(!passed.iter().any(|came| came.contains("<body>")), "twice: {passed:?}");
    }
}

#[test]
fn a_room_of_ours_with_people_of_prosody_outlives_a_broken_link() {
    cut_while_all_is_quiet(Kind::Prosody, OURS);
}

#[test]
fn a_room_of_prosody_with_our_people_outlives_a_broken_link() {
    cut_while_all_is_quiet(Kind::Prosody, THEIRS);
}

#[test]
fn a_room_of_ours_with_people_of_ejabberd_outlives_a_broken_link() {
    cut_while_all_is_quiet(Kind::Ejabberd, OURS);
}

#[test]
fn a_room_of_ejabberd_with_our_people_outlives_a_broken_link() {
    cut_while_all_is_quiet(Kind::Ejabberd, THEIRS);
}

/// XEP-0045 §18.1.2: their server does not come back; the room goes on without its people.
fn gone_for_good(kind: Kind) {
    let lines = "[modules.s2s]\nqueue_time_max = '3 s'\nresume_time_max = '3 s'";
    let mut pair = houses_with(kind, Proof::Dialback, lines);
    let (mut romeo, _juliet) = together(&pair, OURS);
    pair.theirs.kill();
    speak(&mut romeo, OURS, "anybody");
    wait(&mut romeo, &["<body>anybody</body>"]);
    wait(&mut romeo, &["<presence ", &from(OURS, "Juliet"), "type='unavailable'"]);
    let mut passed = Vec::new();
    assert!(is_in(&mut romeo, OURS, "Romeo", &mut passed), "{passed:?}");
}

#[test]
fn xep0045_18_1_2_people_of_a_prosody_that_is_gone_are_removed() {
    gone_for_good(Kind::Prosody);
}

#[test]
fn xep0045_18_1_2_people_of_an_ejabberd_that_is_gone_are_removed() {
    gone_for_good(Kind::Ejabberd);
}

#[test]
fn xep0045_18_1_2_people_of_a_waxwing_that_is_gone_are_removed() {
    gone_for_good(Kind::Waxwing);
}

/// XEP-0045 §18.1.2: their server comes back without its clients, and says so when the room sends them something.
fn back_without_clients(kind: Kind) {
    let mut pair = houses(kind, Proof::Dialback);
    let (mut romeo, _juliet) = together(&pair, OURS);
    pair.theirs.kill();
    pair.theirs.start_again();
    speak(&mut romeo, OURS, "anybody");
    wait(&mut romeo, &["<presence ", &from(OURS, "Juliet"), "type='unavailable'"]);
    // Whoever comes next may have her name, and is told what was said. Her account may have gone with the kill.
    let mut juliet = pair.theirs.client("rosaline");
    let told = enter(&mut juliet, OURS, "Juliet");
    assert_eq!(heard(&told, OURS, "Romeo"), ["anybody"], "{told:?}");
    said(&mut juliet, &mut romeo, OURS, "Juliet", "back");
}

#[test]
fn xep0045_18_1_2_ghosts_of_a_prosody_that_was_killed_are_removed() {
    back_without_clients(Kind::Prosody);
}

#[test]
fn xep0045_18_1_2_ghosts_of_an_ejabberd_that_was_killed_are_removed() {
    back_without_clients(Kind::Ejabberd);
}

#[test]
fn xep0045_18_1_2_ghosts_of_a_waxwing_that_was_killed_are_removed() {
    back_without_clients(Kind::Waxwing);
}

/// Our server is killed: the occupants of our room that are elsewhere are in it still.
fn our_room_comes_back(kind: Kind) {
    let mut pair = houses(kind, Proof::Dialback);
    let (_, mut juliet) = together(&pair, OURS);
    // Who has come only this moment may be forgotten: nobody waits until that is on disk.
    thread::sleep(Duration::from_secs(2));
    pair.ours.kill();
    pair.ours.start_again();
    let mut romeo = pair.ours.login("romeo");
    let told = enter(&mut romeo, OURS, "Romeo");
    assert!(told.iter().any(|came| came.contains(&from(OURS, "Juliet"))), "{told:?}");
    said(&mut juliet, &mut romeo, OURS, "Juliet", "still-here");
    let mut passed = Vec::new();
    assert!(is_in(&mut juliet, OURS, "Juliet", &mut passed), "{passed:?}");
}

#[test]
fn a_room_of_ours_that_was_killed_has_its_people_of_prosody() {
    our_room_comes_back(Kind::Prosody);
}

#[test]
fn a_room_of_ours_that_was_killed_has_its_people_of_ejabberd() {
    our_room_comes_back(Kind::Ejabberd);
}

#[test]
fn a_room_of_ours_that_was_killed_has_its_people_of_another_waxwing() {
    our_room_comes_back(Kind::Waxwing);
}

/// XEP-0410: the server of a room is killed and has forgotten who was in it; who was is told.
#[test]
fn xep0410_who_was_in_a_room_of_an_ejabberd_that_was_killed_is_told() {
    let mut pair = houses(Kind::Ejabberd, Proof::Dialback);
    let (mut romeo, _juliet) = together(&pair, THEIRS);
    // So that the room is there again: ejabberd writes what it has to write a few seconds late.
    thread::sleep(Duration::from_secs(5));
    pair.theirs.kill();
    pair.theirs.start_again();
    let told = wait(&mut romeo, &["<presence ", &from(THEIRS, "Romeo"), "type='unavailable'"]);
    assert!(told.contains("code='333'") && told.contains("code='110'"), "{told}");
    enter(&mut romeo, THEIRS, "Romeo");
}

/// The room cannot reach us and puts our user out; he is told, once, as soon as his server can ask.
#[test]
fn xep0410_who_was_put_out_while_the_link_was_broken_is_told() {
    let (pair, proxies) = linked(Kind::Prosody, "");
    let (mut romeo, mut juliet) = together(&pair, THEIRS);
    proxies[0].close();
    proxies.iter().for_each(Proxy::cut);
    thread::sleep(Duration::from_secs(1));
    speak(&mut juliet, THEIRS, "lost");
    wait(&mut juliet, &["<presence ", &from(THEIRS, "Romeo"), "type='unavailable'"]);
    proxies[0].open();
    let told = wait(&mut romeo, &["<presence ", &from(THEIRS, "Romeo"), "type='unavailable'"]);
    assert!(told.contains("code='333'") && told.contains("code='110'"), "{told}");
    let again = enter(&mut romeo, THEIRS, "Romeo");
    assert!(!again.iter().any(|came| came.contains("unavailable")), "{again:?}");
    assert_eq!(heard(&again, THEIRS, "Juliet"), ["lost"], "{again:?}");
}

const SPOKEN: usize = 60;
const PAUSE: Duration = Duration::from_millis(50);
