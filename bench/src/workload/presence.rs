//! Presence: one user with a hundred contacts, subscribed to each other, tells them all that something has changed.

use std::time::Instant;

use crate::Fallible;
use crate::client::Client;
use crate::meter::Meter;
use crate::workload::Stage;

const CONTACTS: usize = 100;

pub(super) async fn run(stage: &Stage) -> Fallible {
    let mut people = stage.people("friend", CONTACTS + 1).await?;
    let mut hub = people.pop().ok_or("nobody is there")?;
    if stage.round == 0 {
        // Prosody tells of subscriptions only who has asked for the roster.
        for client in people.iter_mut().chain([&mut hub]) {
            client.ask("<query xmlns='jabber:iq:roster'/>").await?;
        }
        for contact in &mut people {
            befriend(&mut hub, contact).await?;
        }
    }
    // Not counted: what is under way from the logins and the subscriptions.
    broadcast(&mut hub, &mut people, 0).await?;
    let (meter, started, mut waits) = (Meter::start(stage.pid)?, Instant::now(), Vec::new());
    while started.elapsed() < stage.sizes.time {
        let before = Instant::now();
        broadcast(&mut hub, &mut people, waits.len() + 1).await?;
        waits.push(before.elapsed());
    }
    meter.stop("presence", waits.len() * (CONTACTS + 1), waits).await
}

/// Until each contact and the hub itself have it.
async fn broadcast(hub: &mut Client, contacts: &mut [Client], number: usize) -> Fallible {
    hub.send(&format!("<presence><status>mark {number}.</status></presence>")).await?;
    let mark = format!("mark {number}.</status></presence>");
    hub.wait_for(&[&mark]).await?;
    for contact in contacts {
        contact.wait_for(&[&mark]).await?;
    }
    Ok(())
}

/// Both subscribe to each other (RFC 6121 §3.1).
async fn befriend(hub: &mut Client, contact: &mut Client) -> Fallible {
    ask(hub, contact).await?;
    ask(contact, hub).await
}

async fn ask(from: &mut Client, to: &mut Client) -> Fallible {
    let bare = |client: &Client| client.jid.split('/').next().unwrap_or_default().to_owned();
    from.send(&format!("<presence to='{}' type='subscribe'/>", bare(to))).await?;
    to.wait_for(&["type='subscribe'", "type=\"subscribe\""]).await?;
    to.send(&format!("<presence to='{}' type='subscribed'/>", bare(from))).await?;
    from.wait_for(&["type='subscribed'", "type=\"subscribed\""]).await.map(drop)
}
