//! Supervised work: a panic is logged and counted, the task starts again with back-off, and all end at stop.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every(pub Duration);

impl Every {
    /// Each so many milliseconds.
    pub const fn millis(count: u64) -> Self {
        Self(Duration::from_millis(count))
    }

    /// Each so many seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    /// Each so many minutes.
    pub const fn minutes(count: u64) -> Self {
        Self(Duration::from_secs(count * 60))
    }

    /// Each so many hours.
    pub const fn hours(count: u64) -> Self {
        Self(Duration::from_secs(count * 3600))
    }
}

/// A callback panicked; the message was printed by the panic hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Panicked;

/// Runs a future; a panic inside becomes an error.
///
/// # Errors
/// If it panicked.
pub async fn guard<T>(future: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut future = pin!(future);
    std::future::poll_fn(move |context| {
        // The future is dropped after a panic and never polled again.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    })
    .await
}

/// Runs a function; a panic inside becomes an error.
///
/// # Errors
/// If it panicked.
pub fn guard_now<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Panicked)
}

/// Work that goes on beside the callback that began it; who begins it bounds how much there is. It ends when this is
/// dropped.
#[derive(Debug, Default)]
pub struct Workers(Mutex<JoinSet<()>>);

impl Workers {
    /// Begins something. A panic in it was printed by the panic hook and concerns nothing else.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut workers = self.0.lock();
        while workers.try_join_next().is_some() {}
        workers.spawn(work);
    }

    /// Ends all of it.
    pub fn stop(&self) {
        self.0.lock().abort_all();
    }
}

/// Tells when to end.
#[derive(Debug, Clone)]
pub struct Shutdown(pub(crate) watch::Receiver<Phase>);

/// Where the server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It serves.
    Running,
    /// It takes no new connections and says good-bye to the old ones.
    Draining,
    /// Everything ends.
    Stopping,
}

impl Shutdown {
    /// Where the server is.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Resolves when the server is at `phase` or beyond. Cancel-safe.
    pub async fn reached(&mut self, phase: Phase) {
        // An error means that the server is gone: that is beyond every phase.
        drop(self.0.wait_for(|now| *now >= phase).await);
    }
}

/// Repeats `work` until the server stops; panics are counted by `panicked` and followed by a pause.
pub(crate) async fn repeat<F, Fut>(every: Every, mut shutdown: Shutdown, work: F, panicked: impl Fn())
where
    F: Fn() -> Fut,
    Fut: Future<Output = ()>,
{
    loop {
        tokio::select! {
            () = shutdown.reached(Phase::Stopping) => return,
            () = tokio::time::sleep(every.0) => {}
        }
        if guard(work()).await.is_err() {
            panicked();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error_and_a_value_stays_one() {
        assert_eq!(guard(async { 1 }).await, Ok(1));
        assert_eq!(guard(async { panic!("on demand") }).await, Err::<(), _>(Panicked));
        assert_eq!(guard_now(|| 1), Ok(1));
        assert_eq!(guard_now(|| panic!("on demand")), Err::<(), _>(Panicked));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_goes_on_after_a_panic_and_ends_with_the_server() {
        let phase = watch::Sender::new(Phase::Running);
        let (runs, panics) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (counted, panicked) = (Arc::clone(&runs), Arc::clone(&panics));
        let work = move || {
            let run = counted.fetch_add(1, Ordering::Relaxed);
            async move { assert!(run != 1, "the second run panics") }
        };
        let shutdown = Shutdown(phase.subscribe());
        let task = tokio::spawn(repeat(Every::seconds(10), shutdown, work, move || {
            panicked.fetch_add(1, Ordering::Relaxed);
        }));
        tokio::time::sleep(Duration::from_secs(45)).await;
        assert_eq!((runs.load(Ordering::Relaxed), panics.load(Ordering::Relaxed)), (4, 1));
        phase.send_replace(Phase::Stopping);
        task.await.unwrap();
        assert_eq!(runs.load(Ordering::Relaxed), 4);
    }
}
