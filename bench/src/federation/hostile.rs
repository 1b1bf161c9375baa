//! Remote servers that mean no good, beside ordinary traffic.
//!
//! Local users write to domains of one such kind, as many as are asked for, again and again. Meanwhile the delays of
//! messages between other users are measured, and the memory of the server under test.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::Fallible;
use crate::federation::evil::{Evil, Mood};
use crate::federation::line::Voice;
use crate::federation::local::message;
use crate::federation::network::Proof;
use crate::federation::subject::Kind;
use crate::federation::{Stage, probe, remote};
use crate::process::{cpu_us, memory_kib};

/// Each mood with a server of its own; all of them unless some are named.
pub(crate) async fn run(kind: &Kind, domains: u32, time: Duration, named: &[&str]) -> Fallible {
    let named = named.iter().map(|name| Mood::named(name)).collect::<Fallible<Vec<_>>>()?;
    let moods = if named.is_empty() { Mood::ALL.to_vec() } else { named };
    for mood in moods {
        let measured = timeout(MOOD_TIME_MAX, measure(kind, mood, domains, time)).await;
        // A server that falls over, or comes to nothing, is a result, too.
        match measured {
            Ok(Ok(())) => {}
            Ok(Err(error)) => println!("{}_failed {error}", mood.name()),
            Err(_) => println!("{}_failed not done within {MOOD_TIME_MAX:?}", mood.name()),
        }
    }
    Ok(())
}

async fn measure(kind: &Kind, mood: Mood, domains: u32, time: Duration) -> Fallible {
    // One to talk to all the time, and those who come new while the others do what they do.
    let stage = Stage::set(kind, 1 + FRESH, Proof::Dialback).await?;
    let (name, pid, network) = (mood.name(), stage.subject.pid, &stage.network);
    let good = remote::call(network.domain(0)?, network.proof, network.subject).await?.split(|_| {});
    probe::run(&stage, &good, Duration::from_secs(1)).await?;
    let (before, cpu) = (memory_kib(pid)?, cpu_us(pid)?);
    stage.subject.peak_kib()?;
    let evil = Evil::start(mood, domains, &stage)?;
    let (delays, fresh, written) = tokio::join!(
        probe::run(&stage, &good, time),
        async {
            sleep(time / 3).await;
            probe::fresh(&stage, network.domains.get(1..).unwrap_or_default()).await
        },
        write(&stage, mood, domains, time),
    );
    let (cpu, peak) = (cpu_us(pid)? - cpu, stage.subject.peak_kib()?);
    evil.stop();
    sleep(REST).await;
    println!("{name}_domains {}", mood.domains(domains));
    println!("{name}_memory {before} {peak} {}", memory_kib(pid)?);
    println!("{name}_cpu_ms {}", cpu / 1000);
    println!("{name}_written {} {}", written?, network.incoming.errors());
    for (delays, what) in delays?.iter().zip(["local", "out", "in"]) {
        delays.tell(&format!("{name}_{what}"));
    }
    for (delays, what) in fresh?.iter().zip(["fresh_out", "fresh_in"]) {
        delays.tell(&format!("{name}_{what}"));
    }
    Ok(())
}

/// Writes to the domains of a mood, to all once in two seconds; how many messages that were.
async fn write(stage: &Stage, mood: Mood, domains: u32, time: Duration) -> Fallible<u64> {
    let end = Instant::now() + time;
    let voices: Vec<&Voice> = stage.locals.iter().skip(4).map(|local| &local.voice).collect();
    let mut count = 0;
    while mood != Mood::Calm && Instant::now() < end {
        let next = Instant::now() + ROUND;
        let burst = mood.messages(count, domains);
        for number in 0..mood.domains(domains) {
            for _ in 0..burst {
                let voice =
                    voices.get(usize::try_from(count)? % voices.len().max(1)).ok_or("nobody writes")?;
                voice.say(padded(&format!("nobody@{}", mood.domain(number)), count, mood))?;
                count += 1;
            }
            // One after the other, not all at once: what delays the others must not be the writing.
            if number % PACE == PACE - 1 {
                sleep(ROUND * PACE / mood.domains(domains).max(1)).await;
            }
        }
        sleep_until(next.min(end)).await;
    }
    Ok(count)
}

/// Those who wait in vain are long ones.
fn padded(to: &str, count: u64, mood: Mood) -> String {
    let plain = message("", to, &format!("w{count}"));
    let padding = if mood.is_stalled() { "The lazy dog has a rest. ".repeat(36) } else { String::new() };
    plain.replace("</body>", &format!("{padding}</body>"))
}

/// So often all of them are written to.
const ROUND: Duration = Duration::from_secs(2);
/// So many are written to between two pauses.
const PACE: u32 = 5;
/// Domains to which and from which a stream is opened meanwhile, half of them each.
const FRESH: u32 = 10;
/// After that the server has given up what it waited for: it is told to be that hasty.
const REST: Duration = Duration::from_secs(6);
/// One mood with one server: all of them fit into the time of a run.
const MOOD_TIME_MAX: Duration = Duration::from_secs(60);
