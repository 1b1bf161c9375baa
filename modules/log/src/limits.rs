//! How much of a log stays: the host's limits, and what the administrator has set for one account.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use waxwing_core::config::{Bytes, Lifetime};
use waxwing_store::{Scope, Table};

/// `[host.<name>.modules.log]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a message stays, e.g. `"365 days"`, or `"forever"`. Older ones go within an hour, read or not.
    /// Reloadable.
    pub keep_for: Lifetime,
    /// Messages in one archive; when there are more, the oldest go. 0: no limit. Reloadable.
    pub messages_max: u64,
    /// Bytes of one account's log; when there are more, the oldest messages go. `"0 B"`: no limit. Reloadable.
    pub bytes_max: Bytes,
}

impl Default for Config {
    fn default() -> Self {
        Self { keep_for: Lifetime::days(365), messages_max: 0, bytes_max: Bytes(1 << 30) }
    }
}

/// What the administrator has set for one account.
#[derive(Debug)]
pub(crate) struct LimitsTable;

impl Table for LimitsTable {
    const NAME: &'static str = "log.limits";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = ();
    type Value = Overrides;
}

/// One row of [`LimitsTable`]: what is set wins over the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Overrides {
    /// Milliseconds; the inner None is forever.
    pub(crate) keep_for: Option<Option<u64>>,
    pub(crate) messages_max: Option<u64>,
    pub(crate) bytes_max: Option<u64>,
}

/// What holds for one account; None: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) keep_for: Option<Duration>,
    pub(crate) messages_max: Option<u64>,
    pub(crate) bytes_max: Option<u64>,
}

impl Limits {
    pub(crate) fn new(config: &Config, overrides: &Overrides) -> Self {
        let keep_for = match overrides.keep_for {
            None => config.keep_for.0,
            Some(millis) => millis.map(Duration::from_millis),
        };
        let bytes_max = u64::try_from(config.bytes_max.0).unwrap_or(u64::MAX);
        let some = |max: u64| (max > 0).then_some(max);
        Self {
            keep_for,
            messages_max: some(overrides.messages_max.unwrap_or(config.messages_max)),
            bytes_max: some(overrides.bytes_max.unwrap_or(bytes_max)),
        }
    }

    /// Whether there is more than may be.
    pub(crate) fn exceeded(&self, rows: u64, bytes: u64) -> bool {
        self.messages_max.is_some_and(|max| rows > max) || self.bytes_max.is_some_and(|max| bytes > max)
    }
}

impl Overrides {
    /// Sets one limit as an administrator writes it: `-` leaves it as it is, `default` is the config's.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn set(&mut self, keep_for: &str, messages_max: &str, bytes_max: &str) -> Result<(), String> {
        match keep_for {
            UNCHANGED => {}
            DEFAULT => self.keep_for = None,
            text => {
                let lifetime: Lifetime = text.parse()?;
                let millis = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
                self.keep_for = Some(lifetime.0.map(millis));
            }
        }
        match messages_max {
            UNCHANGED => {}
            DEFAULT => self.messages_max = None,
            text => {
                let max = text.parse().map_err(|_| format!("\"{text}\" is no number of messages"))?;
                self.messages_max = Some(max);
            }
        }
        match bytes_max {
            UNCHANGED => {}
            DEFAULT => self.bytes_max = None,
            text => {
                let size: Bytes = text.parse()?;
                self.bytes_max = Some(u64::try_from(size.0).unwrap_or(u64::MAX));
            }
        }
        Ok(())
    }
}

const UNCHANGED: &str = "-";
const DEFAULT: &str = "default";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_for_an_account_wins_over_the_config() {
        let mut overrides = Overrides::default();
        let config = Config::default();
        let limits = Limits::new(&config, &overrides);
        assert_eq!((limits.messages_max, limits.bytes_max), (None, Some(1 << 30)));
        overrides.set("forever", "10", "0 B").unwrap();
        let limits = Limits::new(&config, &overrides);
        assert_eq!(limits, Limits { keep_for: None, messages_max: Some(10), bytes_max: None });
        overrides.set("7 days", "-", "default").unwrap();
        let limits = Limits::new(&config, &overrides);
        assert_eq!(limits.keep_for, Some(Duration::from_secs(7 * 86_400)));
        assert_eq!((limits.messages_max, limits.bytes_max), (Some(10), Some(1 << 30)));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let mut overrides = Overrides::default();
        for (keep_for, messages, bytes) in [("soon", "-", "-"), ("-", "many", "-"), ("-", "-", "12")] {
            assert!(overrides.set(keep_for, messages, bytes).is_err(), "{keep_for} {messages} {bytes}");
        }
        assert_eq!(overrides, Overrides::default());
    }
}
