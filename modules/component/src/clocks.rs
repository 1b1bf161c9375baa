//! When something is due on a component's stream.

use std::time::Duration;

use tokio::time::Instant;

/// The clocks of one stream.
#[derive(Debug)]
pub(crate) struct Clocks {
    /// Since when the component takes nothing, and how much waits for it.
    stuck: Option<(Instant, usize)>,
    /// When it was last heard, or sent a white space.
    heard: Instant,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// It has taken nothing for too long.
    GiveUp,
    /// It was silent for long.
    Probe,
    Nothing,
}

impl Clocks {
    pub(crate) fn new(now: Instant) -> Self {
        Self { stuck: None, heard: now }
    }

    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Any progress of the component starts its time anew.
    pub(crate) fn watch(&mut self, pending_bytes: usize, now: Instant) {
        self.stuck = match self.stuck {
            _ if pending_bytes == 0 => None,
            Some((since, before)) if before <= pending_bytes => Some((since, pending_bytes)),
            _ => Some((now, pending_bytes)),
        };
    }

    /// When to look again.
    pub(crate) fn next(&self, write: Duration, keepalive: Duration) -> Instant {
        self.stuck.map_or(self.heard + keepalive, |(since, _)| since + write)
    }

    /// What is due now. A probe is due once.
    pub(crate) fn due(&mut self, write: Duration, keepalive: Duration, now: Instant) -> Due {
        match self.stuck {
            Some((since, _)) if now >= since + write => Due::GiveUp,
            None if now >= self.heard + keepalive => {
                self.heard = now;
                Due::Probe
            }
            _ => Due::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: Duration = Duration::from_secs(60);
    const KEEPALIVE: Duration = Duration::from_secs(300);

    #[test]
    fn who_takes_nothing_is_given_up_and_any_progress_starts_anew() {
        let begin = Instant::now();
        let mut clocks = Clocks::new(begin);
        clocks.watch(100, begin);
        clocks.watch(150, begin + WRITE / 2);
        assert_eq!(clocks.next(WRITE, KEEPALIVE), begin + WRITE);
        assert_eq!(clocks.due(WRITE, KEEPALIVE, begin + WRITE), Due::GiveUp);
        clocks.watch(149, begin + WRITE);
        assert_eq!(clocks.due(WRITE, KEEPALIVE, begin + WRITE), Due::Nothing);
    }

    #[test]
    fn who_is_silent_gets_one_probe_each_time() {
        let begin = Instant::now();
        let mut clocks = Clocks::new(begin);
        clocks.watch(0, begin);
        assert_eq!(clocks.due(WRITE, KEEPALIVE, begin + KEEPALIVE / 2), Due::Nothing);
        let then = clocks.next(WRITE, KEEPALIVE);
        assert_eq!(clocks.due(WRITE, KEEPALIVE, then), Due::Probe);
        assert_eq!(clocks.due(WRITE, KEEPALIVE, then), Due::Nothing);
    }
}
