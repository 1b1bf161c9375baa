//! The whole roster (RFC 6121 §2.1.3), small and large.

use std::time::Instant;

use crate::Fallible;
use crate::client::Client;
use crate::meter::Meter;
use crate::workload::Stage;

/// At least so many, however long they take.
const GETS_MIN: usize = 5;

pub(super) async fn run(stage: &Stage) -> Fallible {
    for items in stage.sizes.items {
        let user = format!("roster{items}");
        if stage.round == 0 {
            stage.target.register(&user).await?;
        }
        let mut client = stage.target.login(&user, "bench").await?;
        if stage.round == 0 {
            for number in 0..items {
                add(&mut client, number).await?;
            }
        }
        get(&mut client, items).await?;
        let (meter, started, mut waits) = (Meter::start(stage.pid)?, Instant::now(), Vec::new());
        while started.elapsed() < stage.sizes.time / 2 || waits.len() < GETS_MIN {
            let before = Instant::now();
            get(&mut client, items).await?;
            waits.push(before.elapsed());
        }
        meter.stop(&user, waits.len(), waits).await?;
        client.close().await?;
    }
    Ok(())
}

async fn add(client: &mut Client, number: usize) -> Fallible {
    client
        .send(&format!(
            "<iq type='set' id='add{number}.'><query xmlns='jabber:iq:roster'><item jid='contact{number}@example.org' \
             name='Contact {number}'><group>Friends</group></item></query></iq>"
        ))
        .await?;
    client.wait_for(&[&format!("add{number}.")]).await.map(drop)
}

async fn get(client: &mut Client, items: usize) -> Fallible {
    client.send("<iq type='get' id='roster.'><query xmlns='jabber:iq:roster'/></iq>").await?;
    client.wait_for(&["roster."]).await?;
    let roster = client.wait_for(&["</iq>"]).await?;
    let count = roster.matches("</item>").count();
    if count == items { Ok(()) } else { Err(format!("{count} items instead of {items}: {roster}").into()) }
}
