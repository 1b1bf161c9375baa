//! Registration (XEP-0077): TCP, STARTTLS, one account whose keys the server derives, and the end of the stream.

use std::sync::Arc;
use std::time::Instant;

use crate::Fallible;
use crate::meter::Meter;
use crate::plan::all;
use crate::workload::Stage;

pub(super) async fn run(stage: &Stage) -> Fallible {
    let meter = Meter::start(stage.pid)?;
    let jobs = (0..stage.sizes.logins).map(|number| {
        let (target, user) = (Arc::clone(&stage.target), format!("new{}-{number}", stage.round));
        async move {
            let started = Instant::now();
            target.register(&user).await?;
            Ok(started.elapsed())
        }
    });
    let waits = all(jobs).await?;
    meter.stop("register", waits.len(), waits).await
}

/// So many accounts that a server might be slowed by them; many of them on one connection.
pub(super) async fn crowd(stage: &Stage, accounts: usize) -> Fallible {
    const EACH: usize = 100;
    let jobs = (0..accounts).step_by(EACH).map(|first| {
        let target = Arc::clone(&stage.target);
        let users: Vec<String> =
            (first..accounts.min(first + EACH)).map(|number| format!("crowd{number}")).collect();
        async move { target.register_all(&users).await }
    });
    all(jobs).await.map(drop)
}
