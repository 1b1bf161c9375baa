//! Slow mode ([XEP-0500](https://xmpp.org/extensions/xep-0500.html)).

use std::collections::HashMap;
use std::time::Duration;

use waxwing_core::prelude::*;
use waxwing_xmpp::Timestamp;

use crate::affiliation::Affiliation;
use crate::room::Room;
use crate::turn::Turn;

/// When each user spoke last; §8: by user, whatever nickname or client.
#[derive(Debug, Default)]
pub(crate) struct Slow(HashMap<BareJid, Timestamp>);

/// Beyond so many, those who may speak again are forgotten.
const MANY: usize = 1000;

impl Room {
    /// §6: two messages with a body of one user are as far apart as the room says; not for admins and owners.
    ///
    /// # Errors
    /// `policy-violation`, to be tried again.
    pub(crate) fn check_slow(
        &self,
        turn: &Turn<'_>,
        real: &BareJid,
        stanza: &Stanza,
    ) -> Result<(), StanzaError> {
        let seconds = self.settings.slow_mode;
        if seconds == 0 || !stanza.has_body() || self.affiliation(turn, real) >= Affiliation::Admin {
            return Ok(());
        }
        let ready = |last: &Timestamp| last.plus(Duration::from_secs(seconds.into())) <= turn.now;
        if self.slow.0.get(real).is_none_or(ready) {
            return Ok(());
        }
        let text = format!("This room is in slow mode: wait {seconds} seconds between messages.");
        Err(StanzaError::from(Condition::PolicyViolation).of_type(ErrorType::Wait).text(text))
    }

    /// Notes that somebody has spoken.
    pub(crate) fn slow_down(&mut self, turn: &Turn<'_>, real: &BareJid, message: &Stanza) {
        let seconds = self.settings.slow_mode;
        if seconds == 0 {
            self.slow.0.clear();
        }
        if seconds == 0 || !message.has_body() {
            return;
        }
        if self.slow.0.len() >= MANY {
            let pause = Duration::from_secs(seconds.into());
            self.slow.0.retain(|_, last| last.plus(pause) > turn.now);
        }
        self.slow.0.insert(real.clone(), turn.now);
    }
}
