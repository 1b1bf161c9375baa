//! What all workloads share: many jobs at a time, waiting for a server that has done its work, one printed figure.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Fallible;
use crate::process::cpu_us;

/// How many connections are set up at the same time.
pub(crate) const AT_ONCE: usize = 8;

/// How long a server may go on working after it was left alone.
const SETTLE_MAX: Duration = Duration::from_secs(120);

/// CPU time in a second that counts as doing nothing.
const QUIET_US: u64 = 20_000;

/// Waits until the server does nothing for a second, but not for ever.
pub(crate) async fn settle(pid: u32) -> Fallible {
    let started = Instant::now();
    while started.elapsed() < SETTLE_MAX {
        let before = cpu_us(pid)?;
        sleep(Duration::from_secs(1)).await;
        if cpu_us(pid)? - before <= QUIET_US {
            return Ok(());
        }
    }
    Err(format!("the server is still busy after {SETTLE_MAX:?}").into())
}

pub(crate) fn figure(name: &str, value: u64) {
    println!("{name} {value}");
}

/// Runs the jobs, a few at the same time; the first error ends it.
pub(crate) async fn all<T, F>(jobs: impl Iterator<Item = F>) -> Fallible<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = Fallible<T>> + Send + 'static,
{
    let (mut running, mut done) = (JoinSet::new(), Vec::new());
    for job in jobs {
        if running.len() >= AT_ONCE
            && let Some(finished) = running.join_next().await
        {
            done.push(finished??);
        }
        running.spawn(job);
    }
    while let Some(finished) = running.join_next().await {
        done.push(finished??);
    }
    Ok(done)
}
