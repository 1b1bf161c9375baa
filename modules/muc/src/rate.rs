//! How fast an occupant may be.

use std::collections::HashMap;

use waxwing_xmpp::{BareJid, Timestamp};

/// A bucket that holds `burst` tokens and gets some back each second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    /// In millionths of a token.
    level: u64,
    at: Timestamp,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(burst: u32, now: Timestamp) -> Self {
        Self { level: u64::from(burst) * TOKEN, at: now }
    }

    /// Whether nothing is missing: then a new one is as good.
    pub(crate) fn is_full(&self, per_minute: u32, burst: u32, now: Timestamp) -> bool {
        self.filled(per_minute, burst, now) == u64::from(burst) * TOKEN
    }

    /// How full it is now.
    fn filled(&self, per_minute: u32, burst: u32, now: Timestamp) -> u64 {
        let micros = u64::try_from(now.since(self.at).as_micros()).unwrap_or(u64::MAX);
        let back = micros.saturating_mul(u64::from(per_minute)) / 60;
        self.level.saturating_add(back).min(u64::from(burst) * TOKEN)
    }

    /// Takes a token, if there is one. `per_minute`: how many come back in a minute.
    pub(crate) fn take(&mut self, per_minute: u32, burst: u32, now: Timestamp) -> bool {
        self.level = self.filled(per_minute, burst, now);
        self.at = self.at.max(now);
        match self.level.checked_sub(TOKEN) {
            Some(left) => {
                self.level = left;
                true
            }
            None => false,
        }
    }
}

/// How often each user has come in of late.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    buckets: HashMap<BareJid, Bucket>,
    /// When those of people who were not here for long were forgotten.
    swept: Option<Timestamp>,
}

impl Entries {
    /// Whether a user may come in once more.
    pub(crate) fn take(&mut self, user: &BareJid, per_minute: u32, now: Timestamp) -> bool {
        let due = self.swept.is_none_or(|swept| now.since(swept) >= MINUTE);
        if self.buckets.len() >= USERS_MANY && due {
            self.buckets.retain(|_, bucket| now.since(bucket.at) < MINUTE);
            self.swept = Some(now);
        }
        let bucket = self.buckets.entry(user.clone()).or_insert_with(|| Bucket::new(per_minute, now));
        bucket.take(per_minute, per_minute, now)
    }
}

/// Beyond so many, those who were not here for a minute are forgotten: their buckets are full again.
const USERS_MANY: usize = 1000;
const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);
/// A token comes back in as many microseconds, at one a second.
const TOKEN: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_with_time_and_never_more_than_the_burst() {
        let start = Timestamp(1_000_000_000);
        let mut bucket = Bucket::new(2, start);
        assert!(bucket.take(60, 2, start) && bucket.take(60, 2, start) && !bucket.take(60, 2, start));
        assert!(!bucket.take(60, 2, Timestamp(start.0 + 900_000)));
        assert!(bucket.take(60, 2, Timestamp(start.0 + 1_000_000)));
        let later = Timestamp(start.0 + 3_600_000_000);
        assert!(bucket.take(60, 2, later) && bucket.take(60, 2, later) && !bucket.take(60, 2, later));
        // A clock that goes back gives nothing.
        assert!(!bucket.take(60, 2, start));
    }
}
