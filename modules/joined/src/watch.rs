//! Asks rooms when it is time to.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tracing::{debug, info};
use waxwing_core::prelude::*;
use waxwing_core::tasks::guard;
use waxwing_core::{Phase, Shutdown};

use crate::place::Question;
use crate::verdict::{Verdict, verdict};
use crate::{Joined, NS_USER};

impl Joined {
    /// When a room that says something now has been silent for too long.
    pub(crate) fn silent_from_now(&self) -> Instant {
        Instant::now() + self.config.silence_time_max.0
    }

    /// A stream with another server broke, and nobody knows what has arrived: its rooms may have thrown out who seemed to be
    /// gone.
    pub(crate) async fn cut(self: Arc<Self>, notice: Notice) {
        let Notice::RemoteCut(domain) = notice else { return };
        if self.used.load(Ordering::Relaxed) == 0 {
            return;
        }
        for session in self.sessions() {
            if let Some(rooms) = self.rooms.peek(&session) {
                // Not all at the same moment.
                rooms.doubt(domain.as_str(), || Instant::now() + CUT_PAUSE.mul_f64(1.0 + self.jitter()));
            }
        }
    }

    fn jitter(&self) -> f64 {
        let mut byte = [0];
        self.host.random().fill(&mut byte);
        f64::from(byte[0]) / 256.0
    }

    fn sessions(&self) -> Vec<SessionRef> {
        self.host.accounts_in_use().iter().flat_map(|account| account.sessions()).collect()
    }

    /// Looks now and then for rooms that are to be asked.
    pub(crate) async fn watch(self: Arc<Self>, mut shutdown: Shutdown) {
        let mut underway = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = shutdown.reached(Phase::Draining) => return,
                Some(_) = underway.join_next(), if !underway.is_empty() => continue,
                () = sleep(LOOK_EVERY) => {}
                () = self.wake.notified() => {}
            }
            if self.used.load(Ordering::Relaxed) > 0 {
                self.ask_all(&mut underway);
            }
        }
    }

    fn ask_all(self: &Arc<Self>, underway: &mut JoinSet<()>) {
        let now = Instant::now();
        let next = |tries: u32| {
            let pause = AGAIN_MIN.saturating_mul(1 << tries.min(10)).min(self.config.silence_time_max.0);
            now + pause.max(self.config.answer_time_max.0)
        };
        for session in self.sessions() {
            let Some(rooms) = self.rooms.peek(&session) else { continue };
            let max = self.config.questions_max.saturating_sub(underway.len());
            for question in rooms.due(now, max, next) {
                let (this, session) = (Arc::clone(self), Arc::clone(&session));
                underway.spawn(async move {
                    // A panic was printed; the next question is another one.
                    guard(this.ask(session, question)).await.ok();
                });
            }
        }
    }

    /// XEP-0410 §3.2, in the client's name; the id is ours, and so is the answer.
    async fn ask(self: Arc<Self>, session: SessionRef, question: Question) {
        self.asked.inc();
        let request = Stanza::iq(IqType::Get, Text::default()).with(&Tree::new("urn:xmpp:ping", "ping"));
        let request = request.from(session.jid().clone()).to(question.to.clone());
        let answer = self.host.request(request, self.config.answer_time_max.0).await;
        let Some(rooms) = self.rooms.peek(&session) else { return };
        let verdict = verdict(&answer);
        let refusal = answer.err().map(|error| error.to_string());
        debug!(user = %session.jid(), room = %question.to, ?verdict, refusal, "A room was asked whether a client is in it.");
        match verdict {
            Verdict::In => rooms.confirm(&question, self.silent_from_now()),
            Verdict::Out if rooms.lose(&question) => self.tell(&session, &question.to).await,
            Verdict::Out | Verdict::Unknown => {}
        }
    }

    /// XEP-0045 §11.1 has these codes for who is removed for a technical reason.
    async fn tell(&self, session: &SessionRef, occupant: &Jid) {
        info!(user = %session.jid(), room = %occupant.to_bare(), "A client is no longer in a room, and is told so.");
        self.lost.inc();
        session.touch();
        let status = |code: &'static str| Tree::new(NS_USER, "status").with_attr("code", code);
        let item = Tree::new(NS_USER, "item").with_attr("affiliation", "none").with_attr("role", "none");
        let x = Tree::new(NS_USER, "x").with_child(item).with_child(status("110")).with_child(status("333"));
        let gone = Stanza::presence(PresenceType::Unavailable);
        session.send(gone.clone().from(occupant.clone()).to(session.jid().clone()).with(&x));
        // Should it be there in a way that does not answer, it goes.
        self.host.router().send(gone.from(session.jid().clone()).to(occupant.clone())).await;
    }
}

/// After a cut the other server has this long to be there again, and up to twice that.
const CUT_PAUSE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Who gave no answer that tells is asked again after this, then after twice that, …
const AGAIN_MIN: Duration = Duration::from_secs(30);
