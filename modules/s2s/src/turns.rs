//! Turns: who costs much and has shown little waits in a row.
//!
//! Design: a task that is polled while a thousand others have something to do waits for all of them. Those who are not
//! proven yet, and those who send without a break, therefore take turns among themselves: one step (a flight of a
//! handshake, an answer of a name server, one read) of one of them on each thread, then everybody else, then the next. So
//! a thousand of them delay others as little as one does, and where there is nobody else they have all.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::yield_now;
use tokio::time::Instant;
use tracing::warn;
use waxwing_core::metrics::Counter;

/// A row of those who wait.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Who they are, for people.
    who: &'static str,
    places: Semaphore,
    waited: Counter,
    /// When the operator was told last that the row is long.
    told: Mutex<Option<Instant>>,
}

impl Turns {
    /// So many have a turn at the same time.
    pub(crate) fn new(who: &'static str, at_once: usize, waited: Counter) -> Self {
        Self { who, places: Semaphore::new(at_once.max(1)), waited, told: Mutex::default() }
    }

    /// Does `work`, each step of it in a turn. Who waits for others than the processor takes no turn meanwhile. Nothing in it may take
    /// a turn of the same row again: it would wait for itself.
    pub(crate) async fn take<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            let turn = self.next().await;
            if let Some(done) = step(work.as_mut()).await {
                return done;
            }
            drop(turn);
            woken().await;
        }
    }

    /// `None` never comes: the row is never closed.
    async fn next(&self) -> Option<SemaphorePermit<'_>> {
        let turn = match self.places.try_acquire() {
            Ok(turn) => turn,
            Err(_) => {
                self.waited.inc();
                let since = Instant::now();
                let turn = self.places.acquire().await.ok()?;
                self.tell(since.elapsed());
                turn
            }
        };
        // The others first.
        yield_now().await;
        Some(turn)
    }

    fn tell(&self, waited: Duration) {
        if waited < LONG {
            return;
        }
        let now = Instant::now();
        let mut told = self.told.lock();
        if told.is_none_or(|before| before + TELL_PAUSE <= now) {
            *told = Some(now);
            let elapsed_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
            warn!(elapsed_ms, who = self.who, "Streams with other servers wait long for their turn.");
        }
    }
}

/// One poll.
async fn step<F: Future>(mut work: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Until whatever was polled before has something to do.
async fn woken() {
    let mut asleep = false;
    poll_fn(|_| if std::mem::replace(&mut asleep, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Who waits for longer is worth a line in the log,
const LONG: Duration = Duration::from_secs(1);
/// … so often at most.
const TELL_PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::JoinSet;
    use tokio::time::sleep;

    use super::*;

    fn turns() -> Arc<Turns> {
        Arc::new(Turns::new("strangers", 1, Counter::default()))
    }

    /// Always has something to do; counts its steps.
    async fn busy(steps: Arc<AtomicUsize>) {
        loop {
            steps.fetch_add(1, Ordering::Relaxed);
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_thousand_strangers_delay_others_like_one() {
        let (turns, steps) = (turns(), Arc::new(AtomicUsize::new(0)));
        let mut strangers = JoinSet::new();
        for _ in 0..1000 {
            let (turns, steps) = (Arc::clone(&turns), Arc::clone(&steps));
            strangers.spawn(async move { turns.take(busy(steps)).await });
        }
        yield_now().await;
        for _ in 0..100 {
            let before = steps.load(Ordering::Relaxed);
            yield_now().await;
            let taken = steps.load(Ordering::Relaxed) - before;
            assert!(taken <= 2, "{taken} steps of strangers between two of ours");
        }
        assert!(steps.load(Ordering::Relaxed) > 20, "they have their turns");
        assert!(turns.waited.get() > 900);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_others_keeps_nobody_waiting() {
        let turns = turns();
        let slow = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.take(sleep(Duration::from_secs(3600))).await }
        });
        yield_now().await;
        let started = Instant::now();
        assert_eq!(turns.take(async { 7 }).await, 7);
        turns.take(sleep(Duration::from_secs(1))).await;
        assert!(started.elapsed() < Duration::from_secs(2));
        assert!(!slow.is_finished());
        slow.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_gives_its_place_back() {
        let turns = turns();
        let steps = Arc::<AtomicUsize>::default();
        for _ in 0..3 {
            let gone =
                tokio::time::timeout(Duration::from_secs(1), turns.take(sleep(Duration::from_secs(9)))).await;
            assert!(gone.is_err());
            let busy = tokio::spawn({
                let (turns, steps) = (Arc::clone(&turns), Arc::clone(&steps));
                async move { turns.take(busy(steps)).await }
            });
            yield_now().await;
            busy.abort();
            assert!(busy.await.is_err());
        }
        assert_eq!(turns.places.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_row_is_told_once_in_a_while() {
        let turns = turns();
        let mut lines = 0;
        for seconds in [0, 2, 30, 31, 1, 5] {
            let before = *turns.told.lock();
            turns.tell(Duration::from_secs(seconds.min(2)));
            lines += usize::from(*turns.told.lock() != before);
            tokio::time::advance(Duration::from_secs(seconds)).await;
        }
        assert_eq!(lines, 2);
    }
}
