//! Two users who chat all the time, whatever others do to the server.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::*;

/// No message may take longer from one to the other, however busy this machine is.
const GAP_MAX: Duration = Duration::from_secs(10);
/// Between two exchanges.
const PAUSE: Duration = Duration::from_millis(2);

/// What is known of the two.
#[derive(Default)]
pub(crate) struct Bystanders {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// So many messages went to and fro, in order, none lost and none twice.
    exchanged: u64,
    slowest: Duration,
    trouble: Option<String>,
}

impl Bystanders {
    /// The two; the first call brings them.
    pub(crate) fn get() -> &'static Self {
        static BOTH: OnceLock<&Bystanders> = OnceLock::new();
        BOTH.get_or_init(|| {
            let both: &Self = Box::leak(Box::default());
            thread::spawn(|| {
                let chat = catch_unwind(AssertUnwindSafe(|| both.chat()));
                let reason = chat.expect_err("they never stop by themselves");
                let reason = reason.downcast_ref::<String>().map_or("they stopped", String::as_str);
                // The transcript after it is as long as they have chatted.
                both.state().trouble = Some(reason.lines().next().unwrap_or_default().to_owned());
                both.changed.notify_all();
            });
            both
        })
    }

    /// Waits until a message that was sent after this call, and its answer, have arrived.
    #[track_caller]
    pub(crate) fn still_chat(&self) {
        let deadline = Instant::now() + GAP_MAX * 2;
        let mut state = self.state();
        // One may be under way already.
        let wanted = state.exchanged + 2;
        while state.exchanged < wanted {
            if let Some(trouble) = &state.trouble {
                panic!("the bystanders are disturbed: {trouble}");
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the bystanders hear nothing from each other");
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// So many exchanges so far, and how long the slowest took.
    pub(crate) fn tally(&self) -> (u64, Duration) {
        let state = self.state();
        (state.exchanged, state.slowest)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chat(&self) -> ! {
        let (alice, bob) = (online(), online());
        for number in 0_u64.. {
            let begin = Instant::now();
            say(&alice, &bob, number);
            say(&bob, &alice, number);
            let mut state = self.state();
            state.exchanged += 1;
            state.slowest = state.slowest.max(begin.elapsed());
            drop(state);
            self.changed.notify_all();
            thread::sleep(PAUSE);
        }
        unreachable!("there are more numbers than time")
    }
}

/// One message: the very next that the other gets.
fn say(from: &Client, to: &Client, number: u64) {
    send!(from, "<message to='{to}' type='chat' id='n{number}'><body>{number}</body></message>");
    let wanted =
        Element::parse(&format!("<message from='{from}' id='n{number}'><body>{number}</body></message>"));
    match to.poll(GAP_MAX) {
        Some(Item::Stanza(e)) if e.matches(&wanted) => {}
        Some(other) => to.fail(&format!("expected message {number}, got {other:?}")),
        None => to.fail(&format!("message {number} did not come in {GAP_MAX:?}")),
    }
}
