//! What is measured, in which order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Fallible;
use crate::client::{Client, Target};
use crate::process::{cpu_us, memory_kib};

/// How many connections are set up at the same time.
pub(crate) const AT_ONCE: usize = 8;

/// How long a server may go on working after it was left alone.
const SETTLE_MAX: Duration = Duration::from_secs(120);

/// CPU time in a second that counts as doing nothing.
const QUIET_US: u64 = 20_000;

/// Sizes of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Accounts; sessions beyond their number are further resources of theirs.
    accounts: usize,
    /// Idle sessions in the first and in the second step.
    sessions: [usize; 2],
    /// Pairs that chat.
    pairs: usize,
    /// How long each pair chats.
    chat: Duration,
    /// Logins that are measured.
    logins: usize,
}

impl Plan {
    pub(crate) const FULL: Self = Self {
        accounts: 1000,
        sessions: [1000, 10_000],
        pairs: 50,
        chat: Duration::from_secs(8),
        logins: 1000,
    };
    pub(crate) const QUICK: Self =
        Self { accounts: 100, sessions: [100, 1000], pairs: 50, chat: Duration::from_secs(2), logins: 200 };

    /// The same with no more idle sessions than descriptors allow.
    pub(crate) fn at_most(self, sessions: usize) -> Self {
        Self { sessions: self.sessions.map(|wanted| wanted.min(sessions)), ..self }
    }

    /// Measures everything and prints each figure as a line: `NAME VALUE`, and `idle SESSIONS KIB BYTES-EACH`.
    pub(crate) async fn run(self, target: &Arc<Target>, pid: u32) -> Fallible {
        figure("memory_start_kib", memory_kib(pid)?);
        self.register(target, pid).await?;
        self.idle(target, pid).await?;
        self.logins(target, pid).await?;
        self.chat(target, pid).await
    }

    async fn register(self, target: &Arc<Target>, pid: u32) -> Fallible {
        let before = cpu_us(pid)?;
        let jobs = (0..self.accounts).map(|number| {
            let target = Arc::clone(target);
            async move { target.register(&user(number)).await }
        });
        all(jobs).await?;
        figure("registration_cpu_us", per(cpu_us(pid)? - before, self.accounts));
        Ok(())
    }

    /// Resident memory with idle sessions: TLS, presence sent.
    async fn idle(self, target: &Arc<Target>, pid: u32) -> Fallible {
        settle(pid).await?;
        let before = memory_kib(pid)?;
        figure("memory_accounts_kib", before);
        let mut readers = JoinSet::new();
        let mut open = 0;
        for wanted in self.sessions {
            let jobs = (open..wanted).map(|number| {
                let target = Arc::clone(target);
                async move {
                    let resource = format!("idle{}", number / self.accounts);
                    let mut client = target.login(&user(number % self.accounts), &resource).await?;
                    client.available().await?;
                    Ok(client)
                }
            });
            for client in all(jobs).await? {
                readers.spawn(client.idle());
            }
            open = wanted;
            // Presence of the other resources may still be under way.
            settle(pid).await?;
            let now = memory_kib(pid)?;
            println!("idle {wanted} {now} {}", per(now.saturating_sub(before) * 1024, wanted));
        }
        if readers.try_join_next().is_some() {
            return Err("the server closed an idle session".into());
        }
        readers.shutdown().await;
        settle(pid).await?;
        figure("memory_after_kib", memory_kib(pid)?);
        Ok(())
    }

    /// CPU of one login: TCP, STARTTLS with a full handshake, SCRAM-SHA-1, binding, and the end of the stream.
    async fn logins(self, target: &Arc<Target>, pid: u32) -> Fallible {
        let before = cpu_us(pid)?;
        let jobs = (0..self.logins).map(|number| {
            let target = Arc::clone(target);
            async move { target.login(&user(number % self.accounts), "login").await?.close().await }
        });
        all(jobs).await?;
        figure("login_cpu_us", per(cpu_us(pid)? - before, self.logins));
        Ok(())
    }

    /// CPU of one chat message from full JID to full JID.
    async fn chat(self, target: &Arc<Target>, pid: u32) -> Fallible {
        let jobs = (0..self.pairs * 2).map(|number| {
            let target = Arc::clone(target);
            async move {
                let mut client = target.login(&user(number), "chat").await?;
                client.available().await?;
                Ok(client)
            }
        });
        let mut clients = all(jobs).await?;
        let mut pairs = Vec::new();
        while let (Some(from), Some(to)) = (clients.pop(), clients.pop()) {
            pairs.push((from, to));
        }
        // Not counted: whatever the server does only once.
        pairs = talk(pairs, 1, Duration::from_millis(500)).await?.0;
        for in_flight in [1, 10] {
            let (cpu, started) = (cpu_us(pid)?, Instant::now());
            let (back, count) = talk(pairs, in_flight, self.chat).await?;
            pairs = back;
            let (cpu, elapsed) = (cpu_us(pid)? - cpu, started.elapsed());
            let thousandths = cpu.saturating_mul(1000) / count.max(1);
            println!("chat_{in_flight}_cpu_us {}.{:03}", thousandths / 1000, thousandths % 1000);
            let milliseconds = u64::try_from(elapsed.as_millis())?;
            figure(&format!("chat_{in_flight}_messages_per_second"), count * 1000 / milliseconds.max(1));
            figure(&format!("chat_{in_flight}_messages"), count);
        }
        Ok(())
    }
}

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

fn user(number: usize) -> String {
    format!("load{number}")
}

pub(crate) fn figure(name: &str, value: u64) {
    println!("{name} {value}");
}

fn per(sum: u64, count: usize) -> u64 {
    sum / u64::try_from(count).unwrap_or(u64::MAX).max(1)
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

/// All pairs talk for a while; gives them back, and how many messages arrived.
pub(crate) async fn talk(
    pairs: Vec<(Client, Client)>,
    in_flight: u64,
    how_long: Duration,
) -> Fallible<(Vec<(Client, Client)>, u64)> {
    let mut running = JoinSet::new();
    for (mut from, mut to) in pairs {
        running.spawn(async move {
            let count = converse(&mut from, &mut to, in_flight, how_long).await?;
            Fallible::Ok((from, to, count))
        });
    }
    let (mut pairs, mut sum) = (Vec::new(), 0);
    while let Some(finished) = running.join_next().await {
        let (from, to, count) = finished??;
        pairs.push((from, to));
        sum += count;
    }
    Ok((pairs, sum))
}

/// One pair: never more than `in_flight` messages are on their way.
async fn converse(from: &mut Client, to: &mut Client, in_flight: u64, how_long: Duration) -> Fallible<u64> {
    let message = format!(
        "<message to='{}' type='chat' id='c0ffee42'><body>The quick brown fox jumps over the lazy dog, \
         and then it has a rest.</body></message>",
        to.jid
    );
    let started = Instant::now();
    let (mut sent, mut arrived) = (0, 0);
    while started.elapsed() < how_long {
        while sent - arrived < in_flight {
            from.send(&message).await?;
            sent += 1;
        }
        arrived += to.messages().await?;
    }
    while arrived < sent {
        arrived += to.messages().await?;
    }
    Ok(arrived)
}
