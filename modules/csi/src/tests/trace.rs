//! What it saves: a phone in a pocket, replayed for two clients that differ in their state only.

use waxwing_core::Next;

use super::*;

const CONTACTS: u64 = 60;
const OCCUPANTS: u64 = 150;
const EVENTS: u64 = 4_000;

/// The same numbers on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// One thing that happens. `loud` of 1,000 are to be read: messages, half of them copies of what came to the desk. Of
/// 100 others, 53 are presence of contacts with what clients put into it, 26 presence in a room, 13 chat states,
/// 5 markers, 3 news of contacts.
fn happens(dice: &mut Dice, number: u64, loud: u64) -> String {
    let who = format!("c{}@montague.lit", dice.below(CONTACTS));
    let show = ["away", "xa", "dnd", "chat"][usize::try_from(dice.below(4)).unwrap()];
    let caps = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://gajim.org' ver='Tbm9hwQ0vFV7hGmcjRAuGGQ4g2Y='/>\
                <x xmlns='vcard-temp:x:update'><photo>01b87fcd030b72895ff8e88db57ec525450f000d</photo></x>";
    let chat = |children: &str| {
        format!("<message from='{who}/phone' to='{PHONE}' type='chat' id='i{number}'>{children}</message>")
    };
    if dice.below(1000) < loud {
        let text = format!("<body>Good morrow, number {number}!</body><request xmlns='urn:xmpp:receipts'/>");
        return match dice.below(2) {
            0 => chat(&text),
            _ => format!(
                "<message from='juliet@capulet.lit' to='{PHONE}' type='chat'><received xmlns='urn:xmpp:carbons:2'>\
                 <forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='{who}/phone' \
                 to='juliet@capulet.lit/desk' type='chat'>{text}</message></forwarded></received></message>"
            ),
        };
    }
    match dice.below(100) {
        0..53 => {
            presence(&format!("{who}/phone"), &format!("<show>{show}</show><status>{number}</status>{caps}"))
        }
        53..79 => presence(
            &format!("coven@chat.shakespeare.lit/witch{}", dice.below(OCCUPANTS)),
            &format!(
                "<show>{show}</show>{caps}<x xmlns='http://jabber.org/protocol/muc#user'>\
                 <item affiliation='member' role='participant'/></x><occupant-id xmlns='urn:xmpp:occupant-id:0' id='{who}'/>"
            ),
        ),
        79..92 => chat(COMPOSING),
        92..97 => chat("<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/><store xmlns='urn:xmpp:hints'/>"),
        _ => format!(
            "<message from='{who}' to='{PHONE}' type='headline'><event xmlns='http://jabber.org/protocol/pubsub#event'>\
             <items node='http://jabber.org/protocol/tune'><item id='{number}'><tune xmlns='http://jabber.org/protocol/tune'>\
             <artist>Yes</artist><length>686</length><title>Heart of the Sunrise</title></tune></item></items></event></message>"
        ),
    }
}

/// What was written to a client.
#[derive(Default)]
struct Written {
    stanzas: Vec<String>,
    bytes: usize,
    /// Each of them wakes up the radio of a phone.
    writes: usize,
}

impl Written {
    /// As the listener does: all that waits in one write.
    fn write(&mut self, client: &TestClient) {
        let before = self.stanzas.len();
        while let Next::Stanza(stanza) = client.session().next() {
            let xml = stanza.to_xml();
            self.bytes += xml.len();
            self.stanzas.push(xml);
        }
        client.session().flushed();
        self.writes += usize::from(self.stanzas.len() > before);
    }
}

fn is_message_to_read(xml: &str) -> bool {
    xml.contains("<body>")
}

/// The sender of a presence.
fn sender(xml: &str) -> Option<&str> {
    xml.strip_prefix("<presence from='")?.split('\'').next()
}

#[tokio::test]
async fn xep0352_3_2_a_busy_day_in_the_pocket() {
    // One message to read in twenty things that happen: 200.
    let (all, few) = replay(50).await;
    report("a busy day", &all, &few);
    assert!(few.writes * 10 < all.writes, "the radio wakes up too often");
    assert!(few.bytes < all.bytes);
}

#[tokio::test]
async fn xep0352_3_2_a_night_on_the_table() {
    let (all, few) = replay(2).await;
    report("a night", &all, &few);
    assert!(few.writes * 100 < all.writes, "the radio wakes up too often");
    assert!(few.bytes * 10 < all.bytes * 6, "outdated presence is written");
}

async fn replay(loud: u64) -> (Written, Written) {
    let server = builder().start().await;
    let attentive = server.login("juliet@capulet.lit/attentive").await;
    let phone = server.login(PHONE).await;
    indicate(&phone, "inactive").await;
    let (mut all, mut few) = (Written::default(), Written::default());
    let mut dice = Dice(1);
    for number in 0..EVENTS {
        let xml = happens(&mut dice, number, loud);
        for (client, written) in [(&attentive, &mut all), (&phone, &mut few)] {
            arrives(client, &xml);
            written.write(client);
        }
        // Whatever is to be read is there at once, on both.
        if is_message_to_read(&xml) {
            assert_eq!(all.stanzas.last(), few.stanzas.last());
        }
    }
    indicate(&phone, "active").await;
    few.write(&phone);
    in_order(&all.stanzas, &few.stanzas);
    (all, few)
}

/// The phone got the same in the same order, but for presence that was outdated before it was written.
fn in_order(all: &[String], few: &[String]) {
    let mut position = 0;
    for stanza in few {
        let found = all[position..].iter().position(|other| other == stanza);
        let skipped = position + found.unwrap_or_else(|| panic!("out of order: {stanza}"));
        for left_out in &all[position..skipped] {
            let from = sender(left_out).unwrap_or_else(|| panic!("lost: {left_out}"));
            // A newer one of the same resource came instead, with or before the next message to read.
            let newer = all[position..].iter().skip_while(|other| *other != left_out).skip(1);
            let until = newer.take_while(|other| !is_message_to_read(other));
            assert!(until.filter_map(|other| sender(other)).any(|other| other == from), "lost: {left_out}");
        }
        position = skipped + 1;
    }
    let messages = |list: &[String]| list.iter().filter(|xml| sender(xml).is_none()).count();
    assert_eq!(messages(all), messages(few));
}

fn report(name: &str, all: &Written, few: &Written) {
    println!("{name}: {EVENTS} stanzas, {CONTACTS} contacts, a room of {OCCUPANTS}");
    for (name, was, is) in [
        ("stanzas", all.stanzas.len(), few.stanzas.len()),
        ("bytes", all.bytes, few.bytes),
        ("writes", all.writes, few.writes),
    ] {
        let saved = (was - is) * 1000 / was;
        let (percent, tenths) = (saved / 10, saved % 10);
        println!("  {name:8} {was:>8} without, {is:>8} with client state: {percent}.{tenths} % saved");
    }
}
