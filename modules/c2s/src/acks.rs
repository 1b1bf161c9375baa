//! Stream management on a client's stream: the elements of [XEP-0198](https://xmpp.org/extensions/xep-0198.html), and
//! when they are due.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, warn};
use waxwing_core::acks::TooHigh;
use waxwing_core::{CloseReason, Custody, SessionRef};
use waxwing_sm::{Failed, NS, Sm};
use waxwing_store::StoreError;
use waxwing_xml::{Element, Tree};
use waxwing_xmpp::{Condition, Stanza, StreamCondition, StreamError, ns};

use crate::client::{Client, End};

/// What is due on one stream.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    /// The client wants to know what is handled, of so many stanzas.
    asked: Option<Asked>,
    /// We want to know, since then.
    asking: Option<Instant>,
    /// So many were written when we asked last.
    asked_at: u32,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    count: u32,
    /// It is told what there is at this time; then once more, when all is handled.
    at: Option<Instant>,
}

impl Acks {
    /// When something is due.
    pub(crate) fn due(&self, answer_max: Duration) -> Option<Instant> {
        let asked = self.asked.and_then(|asked| asked.at);
        [asked, self.asking.map(|since| since + answer_max)].into_iter().flatten().min()
    }
}

impl Client<'_> {
    /// An element of stream management.
    pub(crate) async fn stream_management(&mut self, element: &Element) -> Result<(), End> {
        let Some(sm) = self.sm() else { return Err(StreamCondition::UnsupportedStanzaType.into()) };
        match (element.name.as_str(), self.session.clone()) {
            ("enable", Some(session)) => {
                // What is written before is not in the count, so it has to be away.
                self.connection.flush().await?;
                self.enable(&sm, &session, element);
            }
            ("resume", None) => self.resume(&sm, element).await?,
            // §3: not before login and binding, not twice (a client that is bound has nothing to resume).
            ("enable" | "resume", _) => self.failed(Condition::UnexpectedRequest, None),
            ("r", Some(session)) if session.is_acking() => self.requested(&sm, &session)?,
            ("a", Some(session)) if session.is_acking() => self.acknowledged(&session, element)?,
            ("r" | "a", _) => self.failed(Condition::UnexpectedRequest, None),
            _ => return Err(StreamCondition::UnsupportedStanzaType.into()),
        }
        Ok(())
    }

    fn sm(&self) -> Option<Arc<Sm>> {
        self.host()?.service::<Sm>()
    }

    /// §3.
    fn enable(&mut self, sm: &Sm, session: &SessionRef, element: &Element) {
        let resume = matches!(attribute(element, "resume"), Some("true" | "1"));
        let max = attribute(element, "max").and_then(|max| max.parse().ok());
        let Some(enabled) = sm.enable(session, resume, max) else {
            return self.failed(Condition::UnexpectedRequest, None);
        };
        let mut answer = Tree::new(NS, "enabled");
        if let Some((id, max)) = enabled.resume {
            answer = answer.with_attr("id", id).with_attr("resume", "true").with_attr("max", max.to_string());
        }
        self.write(&answer);
    }

    /// §5.
    async fn resume(&mut self, sm: &Sm, element: &Element) -> Result<(), End> {
        let (Some(account), true) = (self.negotiation.account().cloned(), self.negotiation.is_unbound())
        else {
            self.failed(Condition::UnexpectedRequest, None);
            return Ok(());
        };
        let (Some(previd), Some(h)) = (attribute(element, "previd"), count(element)) else {
            self.failed(Condition::BadRequest, None);
            return Ok(());
        };
        match sm.resume(&account, previd, h, self.peer()).await {
            Ok(resumed) => {
                let answer = Tree::new(NS, "resumed").with_attr("previd", previd);
                self.write(&answer.with_attr("h", resumed.h.to_string()));
                self.negotiation.resumed();
                self.acks.asked_at = resumed.session.written_count();
                // From here on the session ends with this connection, whatever happens.
                self.session = Some(Arc::clone(&resumed.session));
                resumed.session.resumed().await;
                Ok(())
            }
            Err(Failed::Condition(condition, handled)) => {
                self.failed(condition, handled);
                Ok(())
            }
            Err(Failed::TooHigh(too_high)) => Err(self.too_high(too_high)),
        }
    }

    fn failed(&mut self, condition: Condition, handled: Option<u32>) {
        let mut failed = Tree::new(NS, "failed");
        if let Some(handled) = handled {
            failed = failed.with_attr("h", handled.to_string());
        }
        self.write(&failed.with_child(Tree::new(ns::STANZA_ERRORS, condition.name())));
    }

    fn write(&mut self, nonza: &Tree) {
        let framing = self.negotiation.framing();
        framing.nonza(nonza.to_xml().as_bytes(), self.connection.output());
    }

    /// §4: an `<r/>`.
    fn requested(&mut self, sm: &Sm, session: &SessionRef) -> Result<(), End> {
        sm.note_handled(session).map_err(not_kept)?;
        let (_, count) = session.handled().map_err(not_kept)?;
        let at = self.acks.asked.and_then(|asked| asked.at).unwrap_or_else(|| Instant::now() + ANSWER_TIME);
        self.acks.asked = Some(Asked { count, at: Some(at) });
        self.answer(session)
    }

    /// Tells the client what is handled, if it has asked: all it asked for, or what there is by now.
    pub(crate) fn answer(&mut self, session: &SessionRef) -> Result<(), End> {
        if !session.is_acking() {
            return Ok(());
        }
        let (handled, _) = session.handled().map_err(not_kept)?;
        let Some(asked) = self.acks.asked else { return Ok(()) };
        let all = asked.count.wrapping_sub(handled) == 0 || handled.wrapping_sub(asked.count) < BEHIND;
        if !all && asked.at.is_none_or(|at| at > Instant::now()) {
            return Ok(());
        }
        // §4 forbids to withhold it for longer; the rest follows by itself.
        self.acks.asked = (!all).then_some(Asked { at: None, ..asked });
        // No more than was asked for: what lies beyond need not be in a row of the log yet.
        let handled = if all { asked.count } else { handled };
        self.write(&Tree::new(NS, "a").with_attr("h", handled.to_string()));
        Ok(())
    }

    /// What the answer to the client waits for.
    pub(crate) fn awaited(&self, session: &SessionRef) -> Option<Custody> {
        self.acks.asked.and_then(|_| session.unhandled())
    }

    /// §4: an `<a/>`.
    fn acknowledged(&mut self, session: &SessionRef, element: &Element) -> Result<(), End> {
        let h = count(element).ok_or_else(|| {
            StreamError::new(StreamCondition::UndefinedCondition).text("'h' is a number of stanzas.")
        });
        let before = session.acked_count();
        session.acked(h.map_err(End::Error)?).map_err(|too_high| self.too_high(too_high))?;
        // Who only repeats a count has not answered.
        if session.acked_count() != before || session.unacked_count() == 0 {
            self.acks.asking = None;
        }
        Ok(())
    }

    /// Asks for an acknowledgement of what was written since the last time.
    pub(crate) fn ask(&mut self, session: &SessionRef) {
        let written = session.written_count();
        let new = session.unacked_count() > 0 && written != self.acks.asked_at;
        if self.acks.asking.is_none() && new && session.is_acking() {
            self.acks.asked_at = written;
            self.acks.asking = Some(Instant::now());
            self.write(&Tree::new(NS, "r"));
        }
    }

    /// Something of this may be due.
    pub(crate) fn tick_acks(&mut self, session: &SessionRef) -> Result<(), End> {
        if let (Some(since), Some(sm)) = (self.acks.asking, self.sm())
            && Instant::now() >= since + sm.config().ack_time_max.0
        {
            let error = StreamError::new(StreamCondition::ConnectionTimeout);
            return Err(End::Error(error.text("You did not say what you have received.")));
        }
        self.answer(session)
    }

    /// How long the client may take to acknowledge.
    pub(crate) fn ack_time_max(&self) -> Duration {
        self.acks.asking.and_then(|_| self.sm()).map_or(Duration::MAX, |sm| sm.config().ack_time_max.0)
    }

    /// §6.
    fn too_high(&mut self, TooHigh { h, sent }: TooHigh) -> End {
        let application = Tree::new(NS, "handled-count-too-high")
            .with_attr("h", h.to_string())
            .with_attr("send-count", sent.to_string());
        let text = format!("You acknowledged {h} stanzas, but I only sent you {sent} so far.");
        let error = StreamError::new(StreamCondition::UndefinedCondition).text(text);
        End::Error(error.application(&application))
    }

    /// A stanza was answered by the negotiation.
    pub(crate) fn answered(&mut self, reply: Option<Stanza>) {
        if let Some(session) = &self.session {
            if let Some(reply) = reply {
                session.send(reply);
            }
            session.take_custody(Custody::memory());
        }
    }

    /// The connection is over: the session sleeps if its client may come back, else it ends.
    pub(crate) async fn leave(&mut self, session: &SessionRef, end: &End) {
        let resumed = session.close_reason() == Some(CloseReason::Resumed);
        if !(resumed || is_unexpected(end)) {
            // §7: the client has said good-bye, or is told to.
            session.not_resumable();
        }
        let slept = match self.sm() {
            Some(sm) => sm.sleep(session).await,
            None => false,
        };
        if !slept {
            session.closed().await;
        }
    }
}

/// Whether a stream ended in a way that its session may outlive (§7).
fn is_unexpected(end: &End) -> bool {
    match end {
        End::Gone | End::Broken(_) => true,
        End::Error(error) => {
            matches!(error.condition, StreamCondition::SystemShutdown | StreamCondition::ConnectionTimeout)
        }
        End::Said => false,
    }
}

fn not_kept(cause: StoreError) -> End {
    error!(error = %cause, "What a client has sent was not kept; its stream ends.");
    warn!("Look at the disk: until it takes writes again, clients are sent away when they send something.");
    End::from(StreamCondition::InternalServerError)
}

fn attribute<'e>(element: &'e Element, name: &str) -> Option<&'e str> {
    let mut attributes = element.attributes.iter();
    let found = attributes.find(|found| found.namespace.as_str().is_empty() && found.name.as_str() == name);
    found.map(|found| found.value.as_str())
}

/// `h`, an unsigned integer of 32 bits.
fn count(element: &Element) -> Option<u32> {
    let h = attribute(element, "h")?.trim();
    h.bytes().all(|byte| byte.is_ascii_digit()).then(|| h.parse().ok()).flatten()
}

/// §4: an answer is not withheld for longer.
const ANSWER_TIME: Duration = Duration::from_millis(250);
/// A count further ahead than this lies behind.
const BEHIND: u32 = 1 << 31;
