//! Chat from full JID to full JID: fifty pairs, with 1 and with 10 messages of each on their way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Fallible;
use crate::client::Client;
use crate::meter::Meter;
use crate::workload::Stage;

/// Who talks with whom.
pub(crate) type Pairs = Vec<(Client, Client)>;

const PAIRS: usize = 50;

/// What a message is addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    FullJid,
    BareJid,
}

pub(super) async fn run(stage: &Stage) -> Fallible {
    let mut pairs = pairs(stage).await?;
    for (name, in_flight) in [("chat_1", 1), ("chat_10", 10)] {
        pairs = measure(stage, pairs, To::FullJid, in_flight, name).await?;
    }
    Ok(())
}

/// The pairs, logged in; they have talked a little: what a server does only once is not counted.
pub(super) async fn pairs(stage: &Stage) -> Fallible<Pairs> {
    let mut people = stage.people("chat", PAIRS * 2).await?.into_iter();
    let mut pairs = Vec::new();
    while let (Some(from), Some(to)) = (people.next(), people.next()) {
        pairs.push((from, to));
    }
    Ok(talk(pairs, To::FullJid, 1, Duration::from_millis(300)).await?.0)
}

pub(super) async fn measure(
    stage: &Stage,
    pairs: Pairs,
    kind: To,
    in_flight: usize,
    name: &str,
) -> Fallible<Pairs> {
    let meter = Meter::start(stage.pid)?;
    let (pairs, waits) = talk(pairs, kind, in_flight, stage.sizes.time).await?;
    meter.stop(name, waits.len(), waits).await?;
    Ok(pairs)
}

/// All pairs talk for a while; gives them back, and how long each message was on its way.
pub(crate) async fn talk(
    pairs: Pairs,
    kind: To,
    in_flight: usize,
    how_long: Duration,
) -> Fallible<(Pairs, Vec<Duration>)> {
    let mut running = JoinSet::new();
    for (mut from, mut to) in pairs {
        running.spawn(async move {
            let waits = converse(&mut from, &mut to, kind, in_flight, how_long).await?;
            Fallible::Ok((from, to, waits))
        });
    }
    let (mut pairs, mut all) = (Vec::new(), Vec::new());
    while let Some(finished) = running.join_next().await {
        let (from, to, waits) = finished??;
        pairs.push((from, to));
        all.extend(waits);
    }
    Ok((pairs, all))
}

/// One pair: never more than `in_flight` messages are on their way.
async fn converse(
    from: &mut Client,
    to: &mut Client,
    kind: To,
    in_flight: usize,
    how_long: Duration,
) -> Fallible<Vec<Duration>> {
    let address = match kind {
        To::FullJid => to.jid.as_str(),
        To::BareJid => to.jid.split('/').next().unwrap_or_default(),
    };
    let message = format!(
        "<message to='{address}' type='chat' id='c0ffee42'><body>The quick brown fox jumps over the lazy dog, \
         and then it has a rest.</body></message>"
    );
    let started = Instant::now();
    let (mut sent, mut waits) = (VecDeque::new(), Vec::new());
    loop {
        let goes_on = started.elapsed() < how_long;
        while goes_on && sent.len() < in_flight {
            sent.push_back(Instant::now());
            from.send(&message).await?;
        }
        if sent.is_empty() {
            return Ok(waits);
        }
        let arrived = usize::try_from(to.messages().await?)?.min(sent.len());
        waits.extend(sent.drain(..arrived).map(|instant| instant.elapsed()));
    }
}
