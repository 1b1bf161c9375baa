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
pub(crate) struct Slow {
    spoke: HashMap<BareJid, Timestamp>,
    /// When there are so many, those who may speak again are forgotten: after twice as many as are left then.
    full: usize,
}

/// So many are remembered at least.
const MANY: usize = 1000;

impl Slow {
    /// Notes that somebody has spoken. Looking through all of them is as rare as there are many.
    fn note(&mut self, user: &BareJid, now: Timestamp, pause: Duration) -> bool {
        let sweeps = self.spoke.len() >= self.full.max(MANY);
        if sweeps {
            self.spoke.retain(|_, last| last.plus(pause) > now);
            self.full = self.spoke.len() * 2;
        }
        self.spoke.insert(user.clone(), now);
        sweeps
    }
}

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
        if self.slow.spoke.get(real).is_none_or(ready) {
            return Ok(());
        }
        let text = format!("This room is in slow mode: wait {seconds} seconds between messages.");
        Err(StanzaError::from(Condition::PolicyViolation).of_type(ErrorType::Wait).text(text))
    }

    /// Notes that somebody has spoken.
    pub(crate) fn slow_down(&mut self, turn: &Turn<'_>, real: &BareJid, message: &Stanza) {
        let seconds = self.settings.slow_mode;
        if seconds == 0 {
            self.slow = Slow::default();
        }
        if seconds == 0 || !message.has_body() {
            return;
        }
        self.slow.note(real, turn.now, Duration::from_secs(seconds.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(number: usize) -> BareJid {
        BareJid::parse(&format!("user{number}@shakespeare.lit")).unwrap()
    }

    #[test]
    fn those_who_may_speak_again_are_forgotten_and_looked_for_seldom() {
        let (mut slow, pause) = (Slow::default(), Duration::from_secs(60));
        let start = Timestamp(1_000_000_000);
        // Nobody may be forgotten: not every one of them looks through all.
        let sweeps = (0..5000).filter(|number| slow.note(&user(*number), start, pause)).count();
        assert_eq!((sweeps, slow.spoke.len()), (3, 5000));
        let later = start.plus(Duration::from_secs(61));
        let sweeps = (5000..12_000).filter(|number| slow.note(&user(*number), later, pause)).count();
        assert!(sweeps <= 3 && slow.spoke.len() <= 7000, "{sweeps} {}", slow.spoke.len());
        assert!(slow.spoke.contains_key(&user(11_999)));
    }
}
