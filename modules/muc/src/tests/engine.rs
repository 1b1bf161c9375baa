//! How rooms are loaded, kept and ended, and how what they send leaves.

use std::time::Duration;

use waxwing_store::Store;

use super::*;

const OWNER: &str = "http://jabber.org/protocol/muc#owner";

/// A room with so many occupants that have this in their presence, besides its owner.
async fn crowd(server: &TestServer, count: usize, status: &str) -> Vec<TestClient> {
    let mut clients = vec![client(server, "crone1").await];
    coven(&mut clients[0]).await;
    for number in 0..count {
        let mut client = client(server, &format!("witch{number}")).await;
        let x = format!("<x xmlns='{MUC}'/>{status}");
        client.send(&format!("<presence to='{COVEN}/w{number}'>{x}</presence>")).await;
        clients.push(client);
        for client in &mut clients {
            tokio::task::yield_now().await;
            client.forget();
        }
    }
    clients
}

/// A client that reads gets the presence of all others, however much that is together.
#[tokio::test(start_paused = true)]
async fn a_joiner_who_reads_gets_more_presence_than_its_mailbox_holds() {
    let server = configured("entries = 100")
        .config(|config| config.limits.mailbox_bytes_max = waxwing_core::config::Bytes(20_000))
        .start()
        .await;
    let status = format!("<status>{}</status>", "s".repeat(2000));
    let mut others = crowd(&server, 30, &status).await;
    let mut hag = client(&server, "hag66").await;
    hag.send(&format!("<presence to='{COVEN}/hag'><x xmlns='{MUC}'/></presence>")).await;
    // Nobody else waits for it.
    others[0].forget();
    others[0].send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>")).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(drain(&mut others[1]).iter().any(|stanza| body(stanza) == "x"));
    let mut came = Vec::new();
    while came.len() < 34 {
        came.push(hag.next().await.expect("all of it comes"));
    }
    assert_eq!(hag.closed(), None);
    let nicks: Vec<&str> = came.iter().map(nick).collect();
    assert_eq!((nicks[0], nicks[31], nicks[32], nicks[33]), ("firstwitch", "hag", "", "firstwitch"));
    assert_eq!(body(&came[33]), "x");
    hag.expect_nothing();
}

/// A client that does not read is not waited for without end.
#[tokio::test(start_paused = true)]
async fn a_joiner_who_does_not_read_is_closed_after_a_while() {
    let server = configured("entries = 100\nslow_time_max = '3 s'")
        .config(|config| config.limits.mailbox_bytes_max = waxwing_core::config::Bytes(20_000))
        .start()
        .await;
    let status = format!("<status>{}</status>", "s".repeat(2000));
    let _others = crowd(&server, 30, &status).await;
    let mut hag = client(&server, "hag66").await;
    hag.send(&format!("<presence to='{COVEN}/hag'><x xmlns='{MUC}'/></presence>")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(hag.closed(), None);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(hag.closed().is_some());
}

/// Nor does anybody stand still who sends it something.
#[tokio::test(start_paused = true)]
async fn who_writes_to_a_joiner_who_does_not_read_goes_on() {
    let server = configured("entries = 100\nslow_time_max = '3 s'")
        .config(|config| config.limits.mailbox_bytes_max = waxwing_core::config::Bytes(20_000))
        .start()
        .await;
    let status = format!("<status>{}</status>", "s".repeat(2000));
    let mut others = crowd(&server, 30, &status).await;
    let mut hag = client(&server, "hag66").await;
    hag.send(&format!("<presence to='{COVEN}/hag'><x xmlns='{MUC}'/></presence>")).await;
    let before = tokio::time::Instant::now();
    others[0].send(&format!("<message type='chat' to='{COVEN}/hag'><body>psst</body></message>")).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    loop {
        let stanza = hag.next().await.expect("who reads gets it");
        if matches!(stanza.kind, Kind::Message(_)) && body(&stanza) == "psst" {
            break;
        }
    }
}

/// Who speaks does not route all the copies of a large room.
#[tokio::test]
async fn the_room_routes_what_is_more_than_a_few_copies() {
    let server = configured("entries = 200").start().await;
    let mut clients = crowd(&server, 99, "").await;
    clients[0].send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>")).await;
    let has = |client: &TestClient| !client.session().mailbox().is_empty();
    let at_once = clients.iter().filter(|client| has(client)).count();
    assert_eq!(at_once, 64);
    for client in &mut clients {
        assert_eq!(body(&client.next().await.expect("everybody gets it")), "x");
        client.expect_nothing();
    }
}

/// §10.1.1: rooms that are not configured count among those of their creator.
#[tokio::test]
async fn a_user_may_not_make_rooms_without_end_that_are_never_configured() {
    let server = configured("rooms_per_user_max = 2").start().await;
    let mut crone = client(&server, "crone1").await;
    for room in ["a", "b"] {
        ok(&enter(&mut crone, &format!("{room}@conference.shakespeare.lit"), "x").await[0]);
    }
    let third = enter(&mut crone, "c@conference.shakespeare.lit", "x").await;
    refused(&third[0], Condition::ResourceConstraint);
    ok(&configure(&mut crone, "a@conference.shakespeare.lit", "").await);
    refused(&enter(&mut crone, "c@conference.shakespeare.lit", "x").await[0], Condition::ResourceConstraint);
}

/// §10.9: what is left of a destroyed room counts among those of its creator, and goes in the end.
#[tokio::test]
async fn tombstones_count_are_short_and_go() {
    let store = Store::memory();
    let start = waxwing_xmpp::Timestamp(1_700_000_000_000_000);
    let keys = "rooms_per_user_max = 1\ntombstone_time = '1 h'";
    let at = |hours: u64, seed| {
        let clock = waxwing_core::Clock::fixed(start.plus(Duration::from_secs(hours * 3600)));
        configured(keys).store(store.clone()).seed(seed).clock(clock)
    };
    let server = at(0, 1).start().await;
    let mut crone = client(&server, "crone1").await;
    coven(&mut crone).await;
    let reason = "ä".repeat(3000);
    let destroy = format!("<query xmlns='{OWNER}'><destroy><reason>{reason}</reason></destroy></query>");
    ok(&ask(&mut crone, "set", COVEN, &destroy).await);
    crone.forget();
    let gone = enter(&mut crone, COVEN, "x").await;
    let text = gone[0].error().and_then(|error| error.text.map(|text| text.to_string())).unwrap_or_default();
    assert_eq!(text.len(), 512);
    refused(&enter(&mut crone, "b@conference.shakespeare.lit", "x").await[0], Condition::ResourceConstraint);
    crone.drop_connection().await;
    server.halt().await;
    let server = at(2, 2).start().await;
    let mut crone = client(&server, "crone1").await;
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    refused(&ask(&mut crone, "get", COVEN, info).await, Condition::ItemNotFound);
    ok(&enter(&mut crone, "b@conference.shakespeare.lit", "x").await[0]);
}

/// Rooms that end elsewhere keep nobody from coming in, and all who come at once find one room.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_come_at_once_find_one_room() {
    let store = Store::memory();
    let server = builder().store(store.clone()).start().await;
    let mut crone = client(&server, "crone1").await;
    make(&mut crone, COVEN, "persistentroom=1").await;
    crone.drop_connection().await;
    server.halt().await;
    let server = builder().store(store).seed(2).start().await;
    let mut coming = Vec::new();
    for number in 0..20 {
        let mut client = client(&server, &format!("witch{number}")).await;
        coming.push(tokio::spawn(async move {
            enter(&mut client, COVEN, &format!("w{number}")).await;
            client
        }));
    }
    let mut clients = Vec::new();
    for one in coming {
        clients.push(one.await.unwrap());
    }
    let muc = server.server().shared().router().host("conference.shakespeare.lit").unwrap();
    let accounts = muc.service::<dyn Accounts>().expect("rooms are accounts");
    assert!(accounts.find("coven").await.unwrap().is_some());
    let items = "<query xmlns='http://jabber.org/protocol/disco#items'/>";
    let answer = ask(&mut clients[0], "get", COVEN, items).await;
    assert_eq!(answer.to_xml().matches("<item ").count(), 20);
}

/// A room whose owner changes what all see is not at work for each pair of occupants: all presence of a turn goes to parts
/// of one list.
#[test]
fn a_turn_makes_one_list_of_all_occupants() {
    let (world, config) = (views::Nowhere::default(), Config { occupants_max: 5000, ..Config::default() });
    let mut room = views::room(&config);
    room.settings.max_users = 5000;
    let owner = Jid::parse("user0@shakespeare.lit/r").unwrap();
    let enter = |room: &mut room::Room, from: &Jid, nick: &str| {
        let mut turn = turn::Turn::new(&world, &config, &[], waxwing_xmpp::Timestamp(0));
        let x = Stanza::presence(PresenceType::Available).with(&Tree::new(MUC, "x"));
        room.enter(&mut turn, from, nick, &x).unwrap();
    };
    enter(&mut room, &owner, "firstwitch");
    for number in 1..600 {
        let domain = if number % 2 == 0 { "macbeth.lit" } else { "shakespeare.lit" };
        enter(&mut room, &Jid::parse(&format!("user{number}@{domain}/r")).unwrap(), &format!("w{number}"));
    }
    let lists = |room: &mut room::Room, act: &mut dyn FnMut(&mut room::Room, &mut turn::Turn<'_>)| {
        let mut turn = turn::Turn::new(&world, &config, &[], waxwing_xmpp::Timestamp(0));
        act(room, &mut turn);
        let many = turn.out.into_iter().filter_map(|outgoing| match outgoing {
            turn::Outgoing::Many { to, .. } if to.len() > 1 => Some(to),
            _ => None,
        });
        let mut lists: Vec<audience::Recipients> = Vec::new();
        let mut count = 0;
        for to in many {
            count += 1;
            if !lists.iter().any(|known| known.shares(&to)) {
                lists.push(to);
            }
        }
        (lists.len(), count)
    };
    let form = |field: &str, value: &str| {
        let xml = format!(
            "<query xmlns='{OWNER}'><x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_{field}'><value>{value}</value></field></x></query>"
        );
        Tree::parse(&xml).unwrap()
    };
    let opened =
        lists(&mut room, &mut |room, turn| room.own(turn, &owner, &form("whois", "anyone")).unwrap());
    // Each occupant to all others, and the news itself.
    assert_eq!(opened, (1, 601));
    let ban = Tree::parse(&format!(
        "<query xmlns='{MUC}#admin'><item affiliation='outcast' jid='macbeth.lit'/></query>"
    ))
    .unwrap();
    let banned = lists(&mut room, &mut |room, turn| room.change(turn, &owner, &ban).unwrap());
    assert_eq!(banned, (1, 299));
    let closed =
        lists(&mut room, &mut |room, turn| room.own(turn, &owner, &form("membersonly", "1")).unwrap());
    assert_eq!((closed.0, room.occupants.len()), (0, 1));
}
