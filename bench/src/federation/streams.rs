//! Streams to and from all domains of the network: what one costs, and what a stanza on it costs.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Fallible;
use crate::federation::line::Voice;
use crate::federation::local::{Local, message};
use crate::federation::network::{Domain, Network, Proof, Tally};
use crate::federation::subject::Kind;
use crate::federation::{Stage, remote};
use crate::plan::{figure, settle};
use crate::process::{cpu_us, memory_kib};

/// Both proofs, both directions; the server is started anew for each, so that none inherits memory from another.
pub(crate) async fn run(kind: &Kind, domains: u32, time: Duration) -> Fallible {
    for (proof, name) in [(Proof::External, "external"), (Proof::Dialback, "dialback")] {
        outgoing(kind, domains, proof, name, time).await?;
        incoming(kind, domains, proof, name, time).await?;
    }
    Ok(())
}

/// The first message to each domain opens a stream; then all get more of them.
async fn outgoing(kind: &Kind, domains: u32, proof: Proof, name: &str, time: Duration) -> Fallible {
    let stage = Stage::set(kind, domains, proof).await?;
    let mut senders = Senders::of_locals(&stage.locals, &stage.network);
    let mut reading = Reading::take(stage.subject.pid, domains).await?;
    for part in parts(&stage.network) {
        for _ in part {
            senders.send()?;
            stage.network.out.reach(senders.sent.saturating_sub(OPENING_MAX)).await?;
        }
        stage.network.out.reach(senders.sent).await?;
        reading.pause().await?;
    }
    reading.tell(&format!("{name}_out"))?;
    if proof == Proof::External {
        stanzas("out", &mut senders, &stage.network.out, stage.subject.pid, time).await?;
    }
    Ok(())
}

/// Each domain opens a stream and sends a message; then all send more of them.
async fn incoming(kind: &Kind, domains: u32, proof: Proof, name: &str, time: Duration) -> Fallible {
    let stage = Stage::set(kind, domains, proof).await?;
    let mut senders = Senders { pairs: Vec::new(), next: 0, sent: 0 };
    let mut reading = Reading::take(stage.subject.pid, domains).await?;
    for part in parts(&stage.network) {
        for (index, voice) in call_all(&stage.network, part).await? {
            senders.add_remote(&stage.locals, stage.network.domain(index)?, voice);
            senders.send()?;
        }
        stage.network.incoming.reach(senders.sent).await?;
        reading.pause().await?;
    }
    reading.tell(&format!("{name}_in"))?;
    if proof == Proof::External {
        stanzas("in", &mut senders, &stage.network.incoming, stage.subject.pid, time).await?;
    }
    Ok(())
}

/// The first quarter of the domains, and the rest.
fn parts(network: &Network) -> [Range<usize>; 2] {
    let all = network.domains.len();
    [0..all / 4, all / 4..all]
}

/// Domains open a stream each, a few at the same time; in their order.
async fn call_all(network: &Arc<Network>, mut left: Range<usize>) -> Fallible<Vec<(usize, Voice)>> {
    let (mut calls, mut voices) = (JoinSet::new(), Vec::new());
    while !left.is_empty() || !calls.is_empty() {
        while calls.len() < usize::try_from(OPENING_MAX)?
            && let Some(index) = left.next()
        {
            let network = Arc::clone(network);
            calls.spawn(async move {
                let line = remote::call(network.domain(index)?, network.proof, network.subject).await?;
                Fallible::Ok((index, line.split(|_| {})))
            });
        }
        if let Some(called) = calls.join_next().await {
            voices.push(called??);
        }
    }
    voices.sort_by_key(|(index, _)| *index);
    Ok(voices)
}

/// CPU of one stanza while they are sent for some time, a bounded number on their way.
async fn stanzas(way: &str, senders: &mut Senders, tally: &Tally, pid: u32, time: Duration) -> Fallible {
    let (cpu, started, before) = (cpu_us(pid)?, Instant::now(), senders.sent);
    while started.elapsed() < time {
        senders.send()?;
        tally.reach(senders.sent.saturating_sub(IN_FLIGHT_MAX)).await?;
    }
    tally.reach(senders.sent).await?;
    let (count, elapsed) = (senders.sent - before, started.elapsed());
    let tenths = (cpu_us(pid)? - cpu) * 10 / count.max(1);
    println!("stanza_{way}_cpu_us {}.{}", tenths / 10, tenths % 10);
    figure(&format!("stanza_{way}_per_second"), count * 1000 / u64::try_from(elapsed.as_millis())?.max(1));
    figure(&format!("stanza_{way}_count"), count);
    Ok(())
}

/// What streams cost. Memory of one is told by those after the first quarter: that fills what the server had allocated
/// at its start and not given back.
struct Reading {
    pid: u32,
    count: u64,
    /// Memory before, after the first quarter, and at the end.
    memory: Vec<u64>,
    cpu_before: u64,
    since: Instant,
    worked: Duration,
}

impl Reading {
    async fn take(pid: u32, count: u32) -> Fallible<Self> {
        settle(pid).await?;
        let (memory, cpu_before) = (vec![memory_kib(pid)?], cpu_us(pid)?);
        let (since, worked) = (Instant::now(), Duration::ZERO);
        Ok(Self { pid, count: u64::from(count.max(1)), memory, cpu_before, since, worked })
    }

    /// A part is done; the clock stands while the server comes to rest.
    async fn pause(&mut self) -> Fallible {
        self.worked += self.since.elapsed();
        settle(self.pid).await?;
        self.memory.push(memory_kib(self.pid)?);
        self.since = Instant::now();
        Ok(())
    }

    fn tell(self, name: &str) -> Fallible {
        let [before, quarter, after] = self.memory.as_slice() else {
            return Err("not all was measured".into());
        };
        figure(&format!("{name}_memory_before_kib"), *before);
        figure(&format!("{name}_memory_after_kib"), *after);
        let counted = self.count - self.count / 4;
        let tenths = |sum: u64, count: u64| format!("{}.{}", sum * 10 / count / 10, sum * 10 / count % 10);
        println!("{name}_kib_each {}", tenths(after.saturating_sub(*quarter), counted));
        let cpu = cpu_us(self.pid)? - self.cpu_before;
        println!("{name}_cpu_ms_each {}", tenths(cpu / 1000, self.count));
        let milliseconds = u64::try_from(self.worked.as_millis())?.max(1);
        figure(&format!("{name}_per_second"), self.count * 1000 / milliseconds);
        Ok(())
    }
}

/// Pairs of senders and recipients who take turns.
struct Senders {
    pairs: Vec<Pair>,
    next: usize,
    sent: u64,
}

struct Pair {
    from: String,
    to: String,
    voice: Voice,
    sent: u64,
}

impl Senders {
    /// Each domain has a user whom one of ours writes to.
    fn of_locals(locals: &[Local], network: &Network) -> Self {
        let pairs = locals.iter().cycle().zip(&network.domains);
        let pairs = pairs.map(|(local, domain)| {
            let to = format!("romeo@{}", domain.name);
            Pair { from: String::new(), to, voice: local.voice.clone(), sent: 0 }
        });
        Self { pairs: pairs.collect(), next: 0, sent: 0 }
    }

    /// A user of a domain writes to one of ours.
    fn add_remote(&mut self, locals: &[Local], domain: &Domain, voice: Voice) {
        let Some(local) = locals.get(self.pairs.len() % locals.len().max(1)) else { return };
        let from = format!("romeo@{}/orchard", domain.name);
        self.pairs.push(Pair { from, to: local.jid.clone(), voice, sent: 0 });
    }

    fn send(&mut self) -> Fallible {
        let length = self.pairs.len().max(1);
        let pair = self.pairs.get_mut(self.next % length).ok_or("there is nobody to write")?;
        if !pair.voice.is_open() {
            return Err(format!("the stream that {} goes over was closed", pair.to).into());
        }
        pair.sent += 1;
        pair.voice.say(message(&pair.from, &pair.to, &format!("n{}", pair.sent)))?;
        (self.next, self.sent) = (self.next + 1, self.sent + 1);
        Ok(())
    }
}

/// Streams that are being opened at the same time.
const OPENING_MAX: u64 = 50;
/// Stanzas that are on their way.
const IN_FLIGHT_MAX: u64 = 200;
