//! The workloads of `cargo xtask bench`: each is one file and runs against one server that is up.

mod bare;
pub(crate) mod chat;
mod idle;
mod login;
mod page;
mod presence;
mod register;
mod roster;
mod start;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::Fallible;
use crate::client::{Client, Target};
use crate::plan::{all, figure};
use crate::process::memory_kib;

/// A server under load and the sizes of the run.
pub(crate) struct Stage {
    target: Arc<Target>,
    pid: u32,
    /// Whether the server is a Waxwing, whose threads have names.
    named_threads: bool,
    /// The first round is 0: it makes what the others use again.
    round: usize,
    sizes: Sizes,
}

/// How much of everything.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    /// Registrations and logins of one round.
    logins: usize,
    /// How long one figure is measured.
    time: Duration,
    /// Messages in the archive that is paged.
    archived: usize,
    /// Items of the two rosters.
    items: [usize; 2],
    /// Accounts of the idle sessions; more sessions are further resources.
    accounts: usize,
}

const FULL: Sizes =
    Sizes { logins: 200, time: Duration::from_secs(4), archived: 1000, items: [100, 1000], accounts: 1000 };
const QUICK: Sizes =
    Sizes { logins: 40, time: Duration::from_secs(1), archived: 200, items: [100, 1000], accounts: 100 };

/// `WORKLOAD SUBJECT ROUND PORT PORT-TLS CA-FILE PID full|quick [SESSIONS]…`
pub(crate) async fn run(words: &[&str]) -> Fallible {
    let [name, subject, round, port, port_tls, authority, pid, size, sessions @ ..] = words else {
        return Err(crate::USAGE.into());
    };
    let target = Target::new("localhost", port.parse()?, crate::tls(authority)?)?;
    let stage = Stage {
        target: Arc::new(target.with_tls_port(port_tls.parse()?)),
        pid: pid.parse()?,
        named_threads: subject.starts_with("waxwing"),
        round: round.parse()?,
        sizes: if *size == "quick" { QUICK } else { FULL },
    };
    match *name {
        "memory" => {
            figure("memory_start", memory_kib(stage.pid)?);
            Ok(())
        }
        "register" => register::run(&stage).await,
        "login" => login::run(&stage).await,
        "chat" => chat::run(&stage).await,
        "bare" => bare::run(&stage).await,
        "presence" => presence::run(&stage).await,
        "page" => page::run(&stage).await,
        "roster" => roster::run(&stage).await,
        "idle" => {
            let sessions = sessions.iter().map(|count| count.parse()).collect::<Result<Vec<_>, _>>()?;
            idle::run(&stage, &sessions).await
        }
        "crowd" => {
            let accounts = sessions.first().ok_or(crate::USAGE)?.parse()?;
            register::crowd(&stage, accounts).await
        }
        "first" => stage.accounts("first", 0..1).await,
        "start" => start::run(&stage).await,
        other => Err(format!("no workload is called '{other}'").into()),
    }
}

impl Stage {
    /// Makes the accounts `NAME…`.
    async fn accounts(&self, name: &'static str, numbers: Range<usize>) -> Fallible {
        let jobs = numbers.map(|number| {
            let target = Arc::clone(&self.target);
            async move { target.register(&format!("{name}{number}")).await }
        });
        all(jobs).await.map(drop)
    }

    /// Their sessions, available, in order; the first round makes the accounts.
    async fn people(&self, name: &'static str, count: usize) -> Fallible<Vec<Client>> {
        if self.round == 0 {
            self.accounts(name, 0..count).await?;
        }
        let jobs = (0..count).map(|number| {
            let target = Arc::clone(&self.target);
            async move {
                let mut client = target.login(&format!("{name}{number}"), "bench").await?;
                client.available().await?;
                Ok((number, client))
            }
        });
        let mut clients = all(jobs).await?;
        clients.sort_by_key(|(number, _)| *number);
        Ok(clients.into_iter().map(|(_, client)| client).collect())
    }
}
