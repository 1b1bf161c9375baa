//! A server that starts over a store in which one row is damaged, and goes on to serve: errors, yes, panics, no.
//!
//! The first two bytes choose the row, the third what happens to it, the rest is what it gets.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::Runtime;
use waxwing_core::config::Listen;
use waxwing_core::{
    Clock, Config, HostConfig, Next, Peer, Random, ResourceConflict, Server, SessionRef, StartOptions,
};
use waxwing_store::{Batch, KeyRange, Order, Partition, Store};
use waxwing_testkit::TestServer;
use waxwing_xmpp::{BareJid, Stanza, Timestamp};

use crate::modules::MODULES;

pub(crate) fn run(data: &[u8]) {
    let [high, low, how, bytes @ ..] = data else { return };
    let (partition, key, row) = &BASE.rows[usize::from(u16::from_be_bytes([*high, *low])) % BASE.rows.len()];
    let damaged = damage(row, *how, bytes);
    runtime().block_on(async {
        let store = Store::memory();
        store.import(BASE.export.as_slice()).await.expect("the export is whole");
        let mut batch = Batch::new(*partition);
        batch.put(key.clone(), damaged);
        store.apply(batch).expect("the store takes it").applied().await.expect("nothing was expected");
        serve(&store).await;
    });
}

/// Cut short, changed at one place, longer, or another row.
fn damage(row: &[u8], how: u8, bytes: &[u8]) -> Vec<u8> {
    let mut row = row.to_vec();
    let at = |row: &[u8]| bytes.first().map_or(0, |byte| usize::from(*byte) % row.len().max(1));
    match how % 4 {
        0 => row.truncate(at(&row)),
        1 => {
            let at = at(&row);
            for (place, byte) in row.iter_mut().skip(at).zip(bytes.iter().skip(1)) {
                *place = *byte;
            }
        }
        2 => {
            // The head of the codec stays, so that the value is read.
            row.truncate(2);
            row.extend_from_slice(bytes);
        }
        _ => row = bytes.to_vec(),
    }
    row
}

/// What people did before the damage.
struct Base {
    export: Vec<u8>,
    rows: Vec<(Partition, Vec<u8>, Vec<u8>)>,
    /// The id of Juliet's stream, which sleeps.
    stream: String,
}

static BASE: LazyLock<Base> = LazyLock::new(|| {
    runtime().block_on(async {
        let store = Store::memory();
        let stream = fill(&store).await;
        let mut export = Vec::new();
        store.export(&mut export).await.expect("it can be exported");
        let mut rows = Vec::new();
        let months = store.months().await.expect("there are months");
        for partition in std::iter::once(Partition::Main).chain(months.into_iter().map(Partition::Month)) {
            let all = store.range(&partition, KeyRange::all(), Order::Forward, usize::MAX).await;
            let all = all.expect("the rows can be read");
            rows.extend(all.into_iter().map(|(key, row)| (partition, key.to_vec(), row.to_vec())));
        }
        Base { export, rows, stream }
    })
});

async fn server(store: &Store, seed: u64) -> Option<TestServer> {
    let server = TestServer::host("capulet.lit").store(store.clone()).seed(seed);
    let server = server.clock(Clock::fixed(Timestamp(1_700_000_000_000_000)));
    let server = server.with::<waxwing_roster::Rosters>().with::<waxwing_presence::Presence>();
    let server = server.with::<waxwing_log::Log>().with::<waxwing_sm::Sm>().with::<waxwing_mam::Mam>();
    let server = server.with::<waxwing_offline::Offline>().with::<waxwing_carbons::Carbons>();
    let server = server.with::<waxwing_blocking::Blocking>().with::<waxwing_disco::Disco>();
    let server = server.with::<waxwing_vcard::VCard>().with::<waxwing_private::Private>();
    let server = server.with::<waxwing_push::Push>().with::<waxwing_muc::Muc>().with::<waxwing_last::Last>();
    // A server may refuse to start; it says why.
    server.with::<waxwing_joined::Joined>().with::<waxwing_ping::Ping>().try_start().await.ok()
}

/// Starts and ends a server with all modules: every table is in use then.
pub(crate) fn start_everything(store: &Store) {
    let mut config = Config::default();
    config.host.insert("capulet.lit".to_owned(), HostConfig::default());
    let nowhere = || Vec::new();
    config.listen = Listen {
        c2s: nowhere(),
        c2s_tls: nowhere(),
        s2s: nowhere(),
        s2s_tls: nowhere(),
        component: nowhere(),
        http: nowhere(),
        https: nowhere(),
    };
    let options = StartOptions {
        modules: MODULES,
        listeners: true,
        clock: Clock::fixed(Timestamp(1_700_000_000_000_000)),
        random: Random::seeded(1),
    };
    runtime().block_on(async {
        Server::start(config, store.clone(), options).await.expect("the server starts").halt().await;
    });
}

/// A bound session of a client, whose stanzas nobody reads.
async fn log_in(server: &TestServer, local: &str, resource: &str) -> Option<SessionRef> {
    let host = server.server().shared().router().host("capulet.lit")?;
    let account = host.account(local).await.ok()??;
    let session = account.bind(Some(resource), ResourceConflict::ReplaceOld, PEER).ok()?;
    session.opened().await;
    Some(session)
}

async fn say(session: &SessionRef, stanzas: &[&str]) {
    for xml in stanzas {
        let stanza = Stanza::parse(xml).unwrap_or_else(|| panic!("no stanza: {xml}"));
        if let Ok(custody) = session.host().router().from_client(session, stanza).await {
            session.take_custody(custody);
        }
        // Rooms write and send by tasks of their own.
        tokio::time::sleep(Duration::from_millis(60)).await;
        drain(session).await;
    }
}

/// Takes what waits for a client.
async fn drain(session: &SessionRef) {
    loop {
        match session.next() {
            Next::Stanza(_) | Next::Raw(_) => {}
            Next::Rows if session.read_rows().await.is_ok() => {}
            Next::Rows | Next::Nothing => return session.flushed(),
        }
    }
}

/// Everybody does what leaves rows behind; the id of a stream that sleeps is returned.
async fn fill(store: &Store) -> String {
    let server = server(store, 1).await.expect("the server starts");
    let romeo = log_in(&server, "romeo", "orchard").await.expect("he logs in");
    let juliet = log_in(&server, "juliet", "balcony").await.expect("she logs in");
    let sm = juliet.host().service::<waxwing_sm::Sm>().expect("the module runs");
    let enabled = sm.enable(&juliet, true, None).expect("it is enabled");
    say(&romeo, &ROMEO_BEFORE).await;
    say(&juliet, &JULIET_BEFORE).await;
    assert!(sm.sleep(&juliet).await, "she is asleep");
    say(&romeo, &["<message to='juliet@capulet.lit' type='chat' id='z'><body>asleep?</body></message>"])
        .await;
    romeo.closed().await;
    server.halt().await;
    enabled.resume.expect("it can be resumed").0
}

/// All that reads what was kept.
async fn serve(store: &Store) {
    let Some(server) = server(store, 2).await else { return };
    let host = server.server().shared().router().host("capulet.lit").expect("the host");
    if let Some(sm) = host.service::<waxwing_sm::Sm>() {
        let juliet = BareJid::parse("juliet@capulet.lit").expect("an address");
        if let Ok(resumed) = sm.resume(&juliet, &BASE.stream, 0, PEER).await {
            drain(&resumed.session).await;
            sm.sleep(&resumed.session).await;
        }
    }
    for (local, stanzas) in [("romeo", &ROMEO_AFTER[..]), ("juliet", &JULIET_AFTER[..])] {
        if let Some(session) = log_in(&server, local, "park").await {
            say(&session, stanzas).await;
            session.closed().await;
        }
    }
    server.halt().await;
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

const PEER: Peer = Peer { address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), secure: true };

const ROMEO_BEFORE: [&str; 20] = [
    "<presence/>",
    "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='juliet@capulet.lit' name='Juliet'><group>Capulets</group></item></query></iq>",
    "<presence to='juliet@capulet.lit' type='subscribe'/>",
    "<message to='juliet@capulet.lit' type='chat' id='a'><body>Art thou there?</body></message>",
    "<message to='nurse@capulet.lit' type='chat' id='b'><body>Bid her come.</body></message>",
    "<iq type='set' id='2'><vCard xmlns='vcard-temp'><FN>Romeo</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>AAAA</BINVAL></PHOTO></vCard></iq>",
    "<iq type='set' id='3'><query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query></iq>",
    "<iq type='set' id='4'><block xmlns='urn:xmpp:blocking'><item jid='tybalt@capulet.lit'/></block></iq>",
    "<iq type='set' id='5'><prefs xmlns='urn:xmpp:mam:2' default='roster'><always><jid>juliet@capulet.lit</jid></always><never><jid>tybalt@capulet.lit</jid></never></prefs></iq>",
    "<iq type='set' id='6'><enable xmlns='urn:xmpp:push:0' jid='push.example.net' node='n'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#publish-options</value></field><field var='secret'><value>s</value></field></x></enable></iq>",
    "<presence to='orchard@conference.capulet.lit/romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>",
    "<iq type='set' to='orchard@conference.capulet.lit' id='7'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='muc#roomconfig_persistentroom'><value>1</value></field><field var='muc#roomconfig_moderatedroom'><value>1</value></field></x></query></iq>",
    "<message to='orchard@conference.capulet.lit' type='groupchat' id='c'><body>But soft!</body></message>",
    "<message to='orchard@conference.capulet.lit' type='groupchat' id='d'><subject>The east</subject></message>",
    "<iq type='set' to='orchard@conference.capulet.lit' id='8'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member' jid='juliet@capulet.lit' nick='juliet'/></query></iq>",
    "<iq type='set' to='orchard@conference.capulet.lit' id='9'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast' jid='tybalt@capulet.lit'><reason>Villain</reason></item></query></iq>",
    "<iq type='set' to='orchard@conference.capulet.lit' id='10'><vCard xmlns='vcard-temp'><FN>Orchard</FN></vCard></iq>",
    "<presence type='unavailable' to='mercutio@capulet.lit'/>",
    "<message to='juliet@capulet.lit' type='chat' id='e'><body>It is the east.</body></message>",
    "<presence><show>away</show><status>dreaming</status><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>",
];

const JULIET_BEFORE: [&str; 7] = [
    "<presence/>",
    "<presence to='romeo@capulet.lit' type='subscribed'/>",
    "<presence to='romeo@capulet.lit' type='subscribe'/>",
    "<presence to='orchard@conference.capulet.lit/juliet'><x xmlns='http://jabber.org/protocol/muc'/></presence>",
    "<message to='orchard@conference.capulet.lit' type='groupchat' id='f'><body>Ay me!</body></message>",
    "<message to='romeo@capulet.lit' type='chat' id='g'><body>Wherefore?</body></message>",
    "<iq type='set' id='1'><enable xmlns='urn:xmpp:carbons:2'/></iq>",
];

const ROMEO_AFTER: [&str; 16] = [
    "<iq type='get' id='1'><query xmlns='jabber:iq:roster' ver=''/></iq>",
    "<presence/>",
    "<iq type='get' id='2'><vCard xmlns='vcard-temp'/></iq>",
    "<iq type='get' id='3'><query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query></iq>",
    "<iq type='get' id='4'><blocklist xmlns='urn:xmpp:blocking'/></iq>",
    "<iq type='get' id='5'><prefs xmlns='urn:xmpp:mam:2'/></iq>",
    "<iq type='set' id='6'><query xmlns='urn:xmpp:mam:2'/></iq>",
    "<iq type='set' id='7'><query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field><field var='with'><value>juliet@capulet.lit</value></field></x></query></iq>",
    "<iq type='get' to='juliet@capulet.lit' id='8'><query xmlns='jabber:iq:last'/></iq>",
    "<iq type='get' to='conference.capulet.lit' id='9'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>",
    "<presence to='orchard@conference.capulet.lit/romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>",
    "<iq type='get' to='orchard@conference.capulet.lit' id='10'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast'/></query></iq>",
    "<iq type='set' to='orchard@conference.capulet.lit' id='11'><query xmlns='urn:xmpp:mam:2'/></iq>",
    "<message to='orchard@conference.capulet.lit' type='groupchat' id='a'><body>Again</body></message>",
    "<message to='juliet@capulet.lit' type='chat' id='b'><body>Again</body></message>",
    "<iq type='set' id='12'><query xmlns='jabber:iq:roster'><item jid='juliet@capulet.lit' subscription='remove'/></query></iq>",
];

const JULIET_AFTER: [&str; 5] = [
    "<presence/>",
    "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
    "<iq type='set' id='2'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>2</max><before/></set></query></iq>",
    "<presence to='orchard@conference.capulet.lit/juliet'><x xmlns='http://jabber.org/protocol/muc'/></presence>",
    "<message to='romeo@capulet.lit' type='chat' id='c'><body>Good night</body></message>",
];
