//! A token bucket: so much at once, so much per second.

use std::time::Duration;

use tokio::time::Instant;

/// Allows a burst, then a rate. Going over it costs waiting, not an error: whoever reads from a peer reads later.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    per_second: f64,
    burst: f64,
    /// How much may be taken now; negative while in debt.
    level: f64,
    filled: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        Self { per_second: per_second.into(), burst: burst.into(), level: burst.into(), filled: now }
    }

    /// Takes what has already come in; the answer is how long to wait before taking in more.
    pub fn take(&mut self, amount: u32, now: Instant) -> Duration {
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.level = self.burst.min(self.level + elapsed * self.per_second) - f64::from(amount);
        if self.level >= 0.0 || self.per_second <= 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(-self.level / self.per_second).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_a_flood_waits() {
        let now = Instant::now();
        let mut bucket = TokenBucket::new(10, 100, now);
        assert_eq!(bucket.take(100, now), Duration::ZERO);
        assert_eq!(bucket.take(20, now), Duration::from_secs(2));
        assert_eq!(bucket.take(0, now + Duration::from_secs(2)), Duration::ZERO);
    }

    #[test]
    fn a_rest_refills_no_more_than_the_burst() {
        let now = Instant::now();
        let mut bucket = TokenBucket::new(10, 100, now);
        bucket.take(100, now);
        assert_eq!(bucket.take(110, now + Duration::from_secs(3600)), Duration::from_secs(1));
    }
}
