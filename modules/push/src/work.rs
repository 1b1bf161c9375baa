//! The work behind the steps: a bounded queue, and a task that starts what is to be sent.

use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use waxwing_core::prelude::*;
use waxwing_core::tasks::guard;
use waxwing_core::{Phase, Shutdown};

use crate::Push;
use crate::arrival::{Arrival, Reach};

/// Something has arrived for an account.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) account: AccountRef,
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) reach: Reach,
    /// Who was connected when it arrived. If one has fallen asleep since, what it did not acknowledge is a job of its
    /// own.
    pub(crate) awake: SmallVec<[SessionRef; 2]>,
}

/// Jobs on their way to the task: calls do not stand behind the rest.
#[derive(Debug)]
pub(crate) struct Queue {
    jobs: mpsc::Sender<Job>,
    calls: mpsc::Sender<Job>,
    /// For the task, until it starts.
    ends: Mutex<Option<(mpsc::Receiver<Job>, mpsc::Receiver<Job>)>>,
}

impl Default for Queue {
    fn default() -> Self {
        let (jobs, jobs_end) = mpsc::channel(JOBS_MAX);
        let (calls, calls_end) = mpsc::channel(CALLS_MAX);
        Self { jobs, calls, ends: Mutex::new(Some((jobs_end, calls_end))) }
    }
}

impl Queue {
    /// False: it is full.
    pub(crate) fn push(&self, job: Job) -> bool {
        let urgent = job.arrivals.iter().any(|arrival| arrival.urgent);
        let queue = if urgent { &self.calls } else { &self.jobs };
        queue.try_send(job).is_ok()
    }
}

impl Push {
    /// Takes jobs until the server stops. The notifications run beside it, so that none waits for another's service.
    pub(crate) async fn work(self: Arc<Self>, mut shutdown: Shutdown) {
        let Some((mut jobs, mut calls)) = self.queue.ends.lock().take() else { return };
        let max = self.config.underway_max.max(1);
        let mut underway = JoinSet::new();
        loop {
            let job = tokio::select! {
                biased;
                () = shutdown.reached(Phase::Stopping) => return,
                Some(_) = underway.join_next(), if !underway.is_empty() => continue,
                Some(job) = calls.recv(), if underway.len() < max.saturating_mul(2) => job,
                Some(job) = jobs.recv(), if underway.len() < max => job,
            };
            // A panic was printed; the next job is another one.
            guard(self.start_all(job, &mut underway)).await.ok();
        }
    }

    async fn start_all(self: &Arc<Self>, job: Job, underway: &mut JoinSet<()>) {
        let Job { account, arrivals, reach, awake } = job;
        let targets = match self.load(&account).await {
            Ok(targets) => targets,
            Err(cause) => {
                tracing::error!(error = %cause, jid = %account.jid(), "Push services could not be read.");
                return;
            }
        };
        let was_there = |client: &str| awake.iter().any(|session| session.jid().resource() == Some(client));
        let is_concerned = |client: &str| !was_there(client) && is_away(&account, client);
        let noted = targets.lock().note(&arrivals, &reach, is_concerned);
        for (target, way) in noted {
            let (this, account) = (Arc::clone(self), Arc::clone(&account));
            underway.spawn(async move { this.notify(&account, &target, way).await });
        }
    }
}

/// Whether no connection serves a client: it has no session, or one that is asleep.
pub(crate) fn is_away(account: &Account, client: &str) -> bool {
    account.session(client).is_none_or(|session| session.is_asleep())
}

/// Arrivals that wait for the task.
const JOBS_MAX: usize = 10_000;
/// The same of calls.
const CALLS_MAX: usize = 1000;
