//! One figure: what an operation costs the server, how many there are in a second, and how long they take.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Fallible;
use crate::process::cpu_us;

/// How long a server may go on working for what is over.
const TAIL_MAX: Duration = Duration::from_secs(5);

/// A server that used no CPU for so long has done its work.
const STILL: Duration = Duration::from_millis(100);

/// Counts from its start to its end.
pub(crate) struct Meter {
    pid: u32,
    cpu_us: u64,
    started: Instant,
}

impl Meter {
    pub(crate) fn start(pid: u32) -> Fallible<Self> {
        Ok(Self { pid, cpu_us: cpu_us(pid)?, started: Instant::now() })
    }

    /// Prints `NAME CPU-µs PER-SECOND P50-µs P99-µs COUNT`. CPU that the server still uses for what is over counts,
    /// the time it takes does not.
    pub(crate) async fn stop(self, name: &str, count: usize, mut waits: Vec<Duration>) -> Fallible {
        let milliseconds = u64::try_from(self.started.elapsed().as_millis())?.max(1);
        let cpu = self.used().await?;
        waits.sort_unstable();
        let count = u64::try_from(count)?;
        println!(
            "{name} {} {} {} {} {count}",
            thousandths(cpu * 1000 / count.max(1)),
            count * 1000 / milliseconds,
            percentile(&waits, 50).as_micros(),
            percentile(&waits, 99).as_micros(),
        );
        Ok(())
    }

    /// CPU since the start, in microseconds, when the server has become still.
    async fn used(&self) -> Fallible<u64> {
        let (began, mut last) = (Instant::now(), cpu_us(self.pid)?);
        while began.elapsed() < TAIL_MAX {
            sleep(STILL).await;
            let now = cpu_us(self.pid)?;
            if now == last {
                break;
            }
            last = now;
        }
        Ok(last - self.cpu_us)
    }
}

/// Of sorted times the one that so many in a hundred do not exceed.
fn percentile(sorted: &[Duration], part: usize) -> Duration {
    sorted.get(sorted.len() * part / 100).or(sorted.last()).copied().unwrap_or_default()
}

pub(crate) fn thousandths(value: u64) -> String {
    format!("{}.{:03}", value / 1000, value % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_hundred_and_of_none() {
        let waits: Vec<Duration> = (0..100).map(Duration::from_micros).collect();
        assert_eq!(percentile(&waits, 50).as_micros(), 50);
        assert_eq!(percentile(&waits, 99).as_micros(), 99);
        assert_eq!(percentile(&waits, 100).as_micros(), 99);
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn three_digits_behind_the_point() {
        assert_eq!(thousandths(12_034), "12.034");
    }
}
