//! Streams to and from all domains of the network: what one costs, and what a stanza on it costs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Fallible;
use crate::federation::line::Voice;
use crate::federation::local::{Local, message};
use crate::federation::network::{Network, Proof, Tally};
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
    let before = Reading::take(stage.subject.pid).await?;
    for _ in 0..domains {
        senders.send()?;
        stage.network.out.reach(senders.sent.saturating_sub(OPENING_MAX)).await?;
    }
    stage.network.out.reach(senders.sent).await?;
    before.tell(&format!("{name}_out"), stage.subject.pid, domains).await?;
    if proof == Proof::External {
        stanzas("out", &mut senders, &stage.network.out, stage.subject.pid, time).await?;
    }
    Ok(())
}

/// Each domain opens a stream and sends a message; then all send more of them.
async fn incoming(kind: &Kind, domains: u32, proof: Proof, name: &str, time: Duration) -> Fallible {
    let stage = Stage::set(kind, domains, proof).await?;
    let before = Reading::take(stage.subject.pid).await?;
    let voices = call_all(&stage.network).await?;
    let mut senders = Senders::of_remotes(&stage.locals, &stage.network, voices);
    for _ in 0..domains {
        senders.send()?;
        stage.network.incoming.reach(senders.sent.saturating_sub(IN_FLIGHT_MAX)).await?;
    }
    stage.network.incoming.reach(senders.sent).await?;
    before.tell(&format!("{name}_in"), stage.subject.pid, domains).await?;
    if proof == Proof::External {
        stanzas("in", &mut senders, &stage.network.incoming, stage.subject.pid, time).await?;
    }
    Ok(())
}

/// All domains open a stream, a few at the same time; in their order.
async fn call_all(network: &Arc<Network>) -> Fallible<Vec<Voice>> {
    let (mut calls, mut voices) = (JoinSet::new(), Vec::new());
    let mut left: VecDeque<usize> = (0..network.domains.len()).collect();
    while !left.is_empty() || !calls.is_empty() {
        while calls.len() < usize::try_from(OPENING_MAX)?
            && let Some(index) = left.pop_front()
        {
            let network = Arc::clone(network);
            calls.spawn(async move {
                let line = remote::call(&network, index).await?;
                Fallible::Ok((index, line.split(|_| {})))
            });
        }
        if let Some(called) = calls.join_next().await {
            voices.push(called??);
        }
    }
    voices.sort_by_key(|(index, _)| *index);
    Ok(voices.into_iter().map(|(_, voice)| voice).collect())
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

/// What is known of the server before it has done something.
struct Reading {
    memory: u64,
    cpu: u64,
    at: Instant,
}

impl Reading {
    async fn take(pid: u32) -> Fallible<Self> {
        settle(pid).await?;
        Ok(Self { memory: memory_kib(pid)?, cpu: cpu_us(pid)?, at: Instant::now() })
    }

    /// Prints what `count` streams have cost since.
    async fn tell(self, name: &str, pid: u32, count: u32) -> Fallible {
        let (took, count) = (u64::try_from(self.at.elapsed().as_millis())?.max(1), u64::from(count.max(1)));
        settle(pid).await?;
        let (memory, cpu) = (memory_kib(pid)?, cpu_us(pid)?);
        figure(&format!("{name}_memory_before_kib"), self.memory);
        figure(&format!("{name}_memory_after_kib"), memory);
        let tenths = |sum: u64| format!("{}.{}", sum * 10 / count / 10, sum * 10 / count % 10);
        println!("{name}_kib_each {}", tenths(memory.saturating_sub(self.memory)));
        println!("{name}_cpu_ms_each {}", tenths((cpu - self.cpu) / 1000));
        figure(&format!("{name}_per_second"), count * 1000 / took);
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

    /// … who writes to one of ours.
    fn of_remotes(locals: &[Local], network: &Network, voices: Vec<Voice>) -> Self {
        let pairs = locals.iter().cycle().zip(&network.domains).zip(voices);
        let pairs = pairs.map(|((local, domain), voice)| {
            let from = format!("romeo@{}/orchard", domain.name);
            Pair { from, to: local.jid.clone(), voice, sent: 0 }
        });
        Self { pairs: pairs.collect(), next: 0, sent: 0 }
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
