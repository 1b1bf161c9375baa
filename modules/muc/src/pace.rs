//! How fast each user may be in a room, under all nicknames together, and over leaving and coming back.

use std::collections::HashMap;
use std::time::Duration;

use waxwing_xmpp::{BareJid, Timestamp};

use crate::config::Config;
use crate::rate::Bucket;
use crate::turn::Turn;

/// The users of whom something is to be remembered.
#[derive(Debug, Default)]
pub(crate) struct Paces {
    users: HashMap<BareJid, Pace>,
    /// When those who have rested were last forgotten.
    cleared: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Stanzas it may send.
    stanzas: Bucket,
    /// Changes of nickname.
    nicks: Bucket,
}

impl Paces {
    /// Whether a user may send one more stanza.
    pub(crate) fn stanza(&mut self, turn: &Turn<'_>, user: &BareJid) -> bool {
        let (rate, burst) = stanzas(turn.config);
        self.of(turn, user).stanzas.take(rate, burst, turn.now)
    }

    /// Whether a user may change the nickname once more.
    pub(crate) fn nick(&mut self, turn: &Turn<'_>, user: &BareJid) -> bool {
        let rate = turn.config.nick_changes;
        self.of(turn, user).nicks.take(rate, rate, turn.now)
    }

    fn of(&mut self, turn: &Turn<'_>, user: &BareJid) -> &mut Pace {
        let (config, now) = (turn.config, turn.now);
        if self.cleared.is_none_or(|cleared| now.since(cleared) >= MINUTE) {
            self.cleared = Some(now);
            self.users.retain(|_, pace| !pace.has_rested(config, now));
        }
        let new =
            || Pace { stanzas: Bucket::new(config.burst, now), nicks: Bucket::new(config.nick_changes, now) };
        self.users.entry(user.clone()).or_insert_with(new)
    }
}

impl Pace {
    fn has_rested(&self, config: &Config, now: Timestamp) -> bool {
        let (rate, burst) = stanzas(config);
        let nicks = config.nick_changes;
        self.stanzas.is_full(rate, burst, now) && self.nicks.is_full(nicks, nicks, now)
    }
}

/// Stanzas a minute, and at once.
fn stanzas(config: &Config) -> (u32, u32) {
    (config.rate.saturating_mul(60), config.burst)
}

const MINUTE: Duration = Duration::from_secs(60);
