//! Ordinary traffic whose delays are measured: between two local users, to another domain, and from there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use crate::Fallible;
use crate::federation::line::Voice;
use crate::federation::local::message;
use crate::federation::network::{Domain, Tally};
use crate::federation::{Stage, remote};

/// The delays of one kind of traffic.
#[derive(Debug, Default)]
pub(crate) struct Delays {
    sorted: Vec<Duration>,
    /// Not arrived within [`DELAY_MAX`], which they count as.
    lost: usize,
}

impl Delays {
    fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        let lost = all.iter().filter(|delay| **delay >= DELAY_MAX).count();
        Self { sorted: all, lost }
    }

    fn part(&self, thousandths: usize) -> u128 {
        let at = (self.sorted.len() * thousandths / 1000).min(self.sorted.len().saturating_sub(1));
        self.sorted.get(at).map_or(0, Duration::as_micros)
    }

    /// Median, 99th percentile and maximum in microseconds, how many, and how many never came.
    pub(crate) fn tell(&self, name: &str) {
        let (count, lost) = (self.sorted.len(), self.lost);
        println!("{name} {} {} {} {count} {lost}", self.part(500), self.part(990), self.part(1000));
    }
}

/// One message at a time from `voice`, each sent a moment after the one before has come.
async fn series(voice: &Voice, from: &str, to: &str, tally: &Tally, time: Duration) -> Fallible<Delays> {
    let started = Instant::now();
    let mut all = Vec::new();
    while started.elapsed() < time {
        all.push(one(voice, from, to, tally).await?);
        sleep(PAUSE).await;
    }
    Ok(Delays::of(all))
}

async fn one(voice: &Voice, from: &str, to: &str, tally: &Tally) -> Fallible<Duration> {
    let id = format!("p{}", IDS.fetch_add(1, Ordering::Relaxed));
    let coming = tally.await_id(&id);
    let sent = Instant::now();
    voice.say(message(from, to, &id))?;
    let came = timeout(DELAY_MAX, coming).await;
    Ok(came.ok().and_then(Result::ok).map_or(DELAY_MAX, |came| came.duration_since(sent)))
}

/// The three at the same time; `good` is the stream from the first domain.
pub(crate) async fn run(stage: &Stage, good: &Voice, time: Duration) -> Fallible<[Delays; 3]> {
    let [one, two, three, ..] = stage.locals.as_slice() else { return Err("too few users".into()) };
    let domain = stage.network.domain(0)?;
    let (away, from) = (format!("juliet@{}", domain.name), format!("juliet@{}/balcony", domain.name));
    let (local, out, incoming) = tokio::join!(
        series(&one.voice, "", &two.jid, &stage.network.incoming, time),
        series(&two.voice, "", &away, &stage.network.out, time),
        series(good, &from, &three.jid, &stage.network.incoming, time),
    );
    Ok([local?, out?, incoming?])
}

/// How long it takes until the first message comes to domains that were not talked to before, and from others, one
/// after the other; no further one of a kind after one that came too late.
pub(crate) async fn fresh(stage: &Stage, domains: &[Domain]) -> Fallible<[Delays; 2]> {
    let [_, two, three, ..] = stage.locals.as_slice() else { return Err("too few users".into()) };
    let (mut out, mut incoming) = (Vec::new(), Vec::new());
    let in_time = |all: &[Duration]| all.last().is_none_or(|delay| *delay < DELAY_MAX);
    let started = Instant::now();
    for (at, domain) in domains.iter().enumerate() {
        if started.elapsed() > FRESH_TIME_MAX {
            break;
        }
        if !in_time(if at % 2 == 0 { &out } else { &incoming }) {
            continue;
        }
        if at % 2 == 0 {
            out.push(one(&two.voice, "", &format!("juliet@{}", domain.name), &stage.network.out).await?);
            continue;
        }
        let started = Instant::now();
        let first = async {
            let line = remote::call(domain, stage.network.proof, stage.network.subject).await?;
            let voice = line.split(|_| {});
            let from = format!("juliet@{}/balcony", domain.name);
            one(&voice, &from, &three.jid, &stage.network.incoming).await
        };
        let came = timeout(DELAY_MAX, first).await.is_ok_and(|came| came.is_ok());
        incoming.push(if came { started.elapsed() } else { DELAY_MAX });
    }
    Ok([Delays::of(out), Delays::of(incoming)])
}

/// What takes longer counts as lost.
pub(crate) const DELAY_MAX: Duration = Duration::from_secs(10);
/// After that nothing new is begun.
const FRESH_TIME_MAX: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(4);
static IDS: AtomicU64 = AtomicU64::new(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_hundred() {
        let delays = Delays::of((1..=100).rev().map(Duration::from_micros).collect());
        assert_eq!((delays.part(500), delays.part(990), delays.part(1000), delays.lost), (51, 100, 100, 0));
        assert_eq!(Delays::default().part(500), 0);
        assert_eq!(Delays::of(vec![DELAY_MAX]).lost, 1);
    }
}
