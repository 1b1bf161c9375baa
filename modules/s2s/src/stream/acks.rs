//! Stream management between servers ([XEP-0198](https://xmpp.org/extensions/xep-0198.html)): what one has handled, the
//! other need not keep any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tracing::{error, info};
use waxwing_core::Custody;
use waxwing_core::acks::{Handled, TooHigh};
use waxwing_store::StoreError;
use waxwing_xml::{Element, Tree};
use waxwing_xmpp::{Condition, StreamCondition, StreamError, ns};

use super::{End, Role, Stream};
use crate::config::Config;
use crate::link::Link;
use crate::session::Session;
use crate::wire::attribute;

/// XEP-0198 §13.1.
pub(crate) const NS: &str = "urn:xmpp:sm:3";

/// What is due on one stream.
#[derive(Debug, Default)]
pub(super) struct Acks {
    state: State,
    /// The other server wants to know what is handled.
    asked: Option<Asked>,
    /// We want to know, since then.
    asking: Option<Instant>,
    /// When to ask once more.
    ask_again: Option<Instant>,
    /// So many were written when we asked last.
    asked_at: u32,
    /// What it was told last.
    told: u32,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Off,
    /// We have asked for it, since then.
    Wanted(Instant),
    /// We have asked for this session to go on, since then.
    Resuming(Instant, Box<Session>, Arc<Link>),
    On,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    count: u32,
    /// It is told what there is at this time; then once more, when all is handled.
    at: Option<Instant>,
}

impl Acks {
    pub(super) fn is_on(&self) -> bool {
        matches!(self.state, State::On)
    }

    /// Whether the other server has yet to say if it takes part: until then nothing is sent.
    pub(super) fn is_asked(&self) -> bool {
        self.since().is_some()
    }

    /// The other server waits for an answer.
    pub(super) fn is_due(&self) -> bool {
        self.asked.is_some()
    }

    fn since(&self) -> Option<Instant> {
        match self.state {
            State::Wanted(since) | State::Resuming(since, ..) => Some(since),
            State::Off | State::On => None,
        }
    }

    /// When something is due.
    pub(super) fn due(&self, config: &Config) -> Option<Instant> {
        let answer = self.asked.and_then(|asked| asked.at);
        let asking = self.asking.map(|since| since + config.ack_time_max.0);
        let begin = self.since().map(|since| since + config.connect_time_max.0);
        [answer, asking, begin, self.ask_again].into_iter().flatten().min()
    }

    /// The other server may have been silent for too long.
    pub(super) fn patience(&self, config: &Config, now: Instant) -> Result<(), End> {
        if self.asking.is_some_and(|since| now >= since + config.ack_time_max.0) {
            let error = StreamError::new(StreamCondition::ConnectionTimeout);
            return Err(error.text("You did not say what you have received.").into());
        }
        if self.since().is_some_and(|since| now >= since + config.connect_time_max.0) {
            return Err(End::Broken("it offers stream management and does not answer".to_owned()));
        }
        Ok(())
    }

    /// The session that was to go on, if it has not.
    pub(super) fn unresumed(&mut self) -> Option<Box<Session>> {
        match std::mem::take(&mut self.state) {
            State::Resuming(_, session, _) => Some(session),
            other => {
                self.state = other;
                None
            }
        }
    }
}

impl Stream {
    /// The first words on a stream of ours.
    pub(super) async fn begin(&mut self, link: &Arc<Link>, parted: Option<Box<Session>>, managed: bool) {
        if let Some(mut old) = parted {
            if let (true, Ok(handled), Some(id)) = (managed, old.settle().await, &old.id) {
                // It may want to come back by itself at this very moment: then it learns what was handled.
                self.s2s.sessions.note(&old, handled);
                let resume = Tree::new(NS, "resume").with_attr("previd", id.as_str());
                self.wire.element(&resume.with_attr("h", handled.to_string()));
                self.acks.state = State::Resuming(Instant::now(), old, Arc::clone(link));
                return;
            }
            self.s2s.lose(old, Some(link));
        }
        self.start_anew(Arc::clone(link), managed);
    }

    fn start_anew(&mut self, link: Arc<Link>, managed: bool) {
        self.serve(link);
        self.take_places();
        if managed {
            self.wire.element(&Tree::new(NS, "enable").with_attr("resume", "true"));
            self.acks.state = State::Wanted(Instant::now());
        }
    }

    /// An element of stream management.
    pub(super) async fn stream_management(&mut self, element: &Element) -> Result<(), End> {
        let theirs = self.role == Role::Receiving;
        match element.name.as_str() {
            "r" if self.acks.is_on() => self.requested(),
            "a" if self.acks.is_on() => self.acknowledged(element),
            "enable" if theirs => self.enable(element).await,
            "resume" if theirs => self.resume(element).await,
            "enabled" | "resumed" | "failed" if self.acks.is_asked() => self.answered(element).await,
            "r" | "a" if theirs => {
                self.failed(Condition::UnexpectedRequest, None);
                Ok(())
            }
            _ => self.nobody_asked(),
        }
    }

    /// §3, as receiving server.
    async fn enable(&mut self, element: &Element) -> Result<(), End> {
        let Some(pair) = self.pair().filter(|_| !self.acks.is_on()) else {
            // §3: not before somebody is proven, and not twice.
            self.failed(Condition::UnexpectedRequest, None);
            return Ok(());
        };
        self.drain().await?;
        let mut answer = Tree::new(NS, "enabled");
        if matches!(attribute(element, "resume"), Some("true" | "1")) {
            let max = self.s2s.config.resume_time_max.0.as_secs().to_string();
            let id = waxwing_stream::token();
            answer = answer.with_attr("id", id.as_str()).with_attr("resume", "true").with_attr("max", max);
            self.session.id = Some(id);
        }
        // It has begun anew: it would not resume what lies here of the same domains.
        while let Some(old) = self.s2s.sessions.superseded(&pair) {
            self.s2s.lose(old, None);
        }
        self.wire.element(&answer);
        self.count_anew(pair);
        Ok(())
    }

    /// What is written before the counting begins is not in the count, so it has to be away.
    async fn drain(&mut self) -> Result<(), End> {
        let patience = self.s2s.shared.limits().write_time_max.0;
        let flushed = timeout(patience, self.wire.connection.flush()).await;
        flushed.map_err(|_| End::Broken("it took nothing for too long".to_owned()))??;
        self.flushed(true);
        Ok(())
    }

    fn count_anew(&mut self, pair: crate::session::Pair) {
        self.session.pair = Some(pair);
        self.session.handled = Handled::default();
        self.session.unacked.begin();
        self.manage(0);
    }

    /// From now on both count.
    fn manage(&mut self, told: u32) {
        self.acks =
            Acks { state: State::On, told, asked_at: self.session.unacked.count(), ..Acks::default() };
        // A question would be a stanza that nobody counts.
        self.stop_questions();
        if !self.session.unconfirmed.is_empty() {
            self.request();
        }
        if let Some(displaced) = self.s2s.sessions.open(&self.session) {
            self.s2s.lose(displaced, None);
        }
    }

    /// §5, as receiving server.
    async fn resume(&mut self, element: &Element) -> Result<(), End> {
        let Some(pair) = self.pair().filter(|_| !self.acks.is_on()) else {
            self.failed(Condition::UnexpectedRequest, None);
            return Ok(());
        };
        let (Some(previd), Some(h)) = (attribute(element, "previd"), count(element)) else {
            self.failed(Condition::BadRequest, None);
            return Ok(());
        };
        match self.s2s.sessions.fetch(previd, &pair).await {
            Ok(old) => self.go_on(old, h, Some(previd)).await?,
            Err(unknown) => self.failed(Condition::ItemNotFound, unknown.handled),
        }
        Ok(())
    }

    /// The old session is that of this stream from now on, as the other server is told that has asked for it by this id.
    async fn go_on(&mut self, mut old: Box<Session>, h: u32, asked: Option<&str>) -> Result<(), End> {
        let counts = match old.settle().await.map_err(|cause| not_kept(&cause)) {
            Ok(handled) => old.unacked.ack(h).map(|sent| (handled, sent)).map_err(too_high),
            Err(end) => Err(end),
        };
        let drained = self.drain().await;
        let (handled, sent) = match drained.and(counts) {
            Ok(counts) => counts,
            Err(end) => {
                self.s2s.lose(old, None);
                return Err(end);
            }
        };
        self.arrived(sent);
        if let Some(previd) = asked {
            let answer = Tree::new(NS, "resumed").with_attr("previd", previd);
            self.wire.element(&answer.with_attr("h", handled.to_string()));
        }
        let unacked = old.unacked.take();
        old.again = unacked.into_iter().chain(std::mem::take(&mut old.again)).collect();
        self.leave_places();
        let fresh = std::mem::replace(&mut self.session, *old);
        if self.session.proven.len() + fresh.proven.len() > self.s2s.config.domains_per_stream_max {
            self.session.proven.clear();
        }
        self.session.proven.extend(fresh.proven);
        self.session.unconfirmed.extend(fresh.unconfirmed);
        self.manage(handled);
        self.s2s.metrics.resumed.inc();
        info!(peer = %self.peer, again = self.session.again.len(), "A stream with another server goes on where it broke.");
        if self.role == Role::Receiving && !self.bidi {
            self.s2s.stop_sending(&mut self.session);
        }
        self.take_places();
        let links = std::mem::take(&mut self.session.links);
        links.into_iter().chain(fresh.links).for_each(|link| self.serve(link));
        // What was asked of this stream meanwhile.
        self.session.desk.put_back(fresh.desk.close());
        Ok(())
    }

    /// §3 and §5, as initiating server.
    async fn answered(&mut self, element: &Element) -> Result<(), End> {
        let state = std::mem::take(&mut self.acks.state);
        match (element.name.as_str(), state) {
            ("enabled", State::Wanted(_)) => {
                let resume = matches!(attribute(element, "resume"), Some("true" | "1"));
                let id = attribute(element, "id").filter(|id| resume && id.len() <= ID_BYTES_MAX);
                self.session.id = id.map(str::to_owned);
                let pair = self.remote.clone().zip(self.local.clone());
                if let Some(pair) = pair {
                    self.count_anew(pair);
                }
            }
            ("resumed", State::Resuming(_, old, _)) => {
                let h = count(element).unwrap_or_else(|| old.unacked.acked());
                self.go_on(old, h, None).await?;
            }
            ("failed", State::Resuming(_, mut old, link)) => {
                info!(peer = %self.peer, h = count(element), "Another server has forgotten the stream that broke.");
                let sent = count(element).map(|h| old.unacked.ack(h));
                self.arrived(sent.and_then(Result::ok).unwrap_or_default());
                self.s2s.lose(old, Some(&link));
                self.start_anew(link, true);
            }
            ("failed", State::Wanted(_)) => {}
            (_, state) => {
                self.acks.state = state;
                self.nobody_asked()?;
            }
        }
        Ok(())
    }

    fn failed(&mut self, condition: Condition, handled: Option<u32>) {
        let mut failed = Tree::new(NS, "failed");
        if let Some(handled) = handled {
            failed = failed.with_attr("h", handled.to_string());
        }
        self.wire.element(&failed.with_child(Tree::new(ns::STANZA_ERRORS, condition.name())));
    }

    /// The domains that a session of this stream belongs to.
    fn pair(&self) -> Option<crate::session::Pair> {
        let proven = &self.session.proven;
        let named = self.remote.clone().zip(self.local.clone());
        named.filter(|pair| proven.contains(pair)).or_else(|| proven.first().cloned())
    }

    /// A stanza has come, and is the server's once this is durable.
    pub(super) fn handled(&mut self, custody: Custody) {
        if self.acks.is_on() {
            self.session.handled.take(custody);
        }
    }

    /// §4: an `<r/>`.
    fn requested(&mut self) -> Result<(), End> {
        let count = self.session.handled.received();
        let at = self.acks.asked.and_then(|asked| asked.at).unwrap_or_else(|| Instant::now() + ANSWER_TIME);
        self.acks.asked = Some(Asked { count, at: Some(at) });
        Ok(())
    }

    /// Tells the other server what is handled, if it has asked: all it asked for, or what there is by now.
    pub(super) fn answer(&mut self) -> Result<(), End> {
        if !self.acks.is_on() {
            return Ok(());
        }
        let handled = self.session.handled.advance().map_err(|cause| not_kept(&cause))?;
        let Some(asked) = self.acks.asked else { return Ok(()) };
        let all = handled.wrapping_sub(asked.count) < BEHIND;
        if !all && asked.at.is_none_or(|at| at > Instant::now()) {
            return Ok(());
        }
        // §4 forbids to withhold it for longer; the rest follows by itself.
        self.acks.asked = (!all).then_some(Asked { at: None, ..asked });
        self.tell(handled);
        Ok(())
    }

    fn tell(&mut self, handled: u32) {
        self.acks.told = handled;
        self.wire.element(&Tree::new(NS, "a").with_attr("h", handled.to_string()));
    }

    /// §4: right before the stream ends, what was handled and not told.
    pub(super) fn last_ack(&mut self) {
        if self.acks.is_on()
            && let Ok(handled) = self.session.handled.advance()
            && handled != self.acks.told
        {
            self.tell(handled);
        }
    }

    /// §4: an `<a/>`.
    fn acknowledged(&mut self, element: &Element) -> Result<(), End> {
        let wrong =
            || StreamError::new(StreamCondition::UndefinedCondition).text("'h' is a number of stanzas.");
        let h = count(element).ok_or_else(wrong)?;
        let sent = self.session.unacked.ack(h).map_err(too_high)?;
        if self.acks.asking.take().is_some() {
            // What was written before the counting began came before our question.
            self.confirm_all();
            // §4 lets it answer before it has handled all; what only acknowledges when asked is asked again.
            let rest = sent.is_empty() && !self.session.unacked.is_empty();
            self.acks.ask_again = rest.then(|| Instant::now() + ASK_AGAIN_TIME);
        }
        self.arrived(sent);
        Ok(())
    }

    /// Who has not handled all when asked is asked once more.
    pub(super) fn tick_acks(&mut self, now: Instant) {
        if self.acks.ask_again.take_if(|at| *at <= now).is_some() && !self.session.unacked.is_empty() {
            self.request();
        }
    }

    /// Asks for an acknowledgement of what was written since the last time.
    pub(super) fn ask_for_ack(&mut self) {
        let written = self.session.unacked.count();
        if !self.session.unacked.is_empty() && written != self.acks.asked_at {
            self.request();
        }
    }

    fn request(&mut self) {
        if self.acks.is_on() && self.acks.asking.is_none() {
            self.acks.asked_at = self.session.unacked.count();
            self.acks.asking = Some(Instant::now());
            self.wire.element(&Tree::new(NS, "r"));
        }
    }

    /// Nothing has come for a while: is anybody there?
    pub(super) fn keep_alive(&mut self) {
        if self.acks.is_on() {
            self.request();
        } else if !self.wire.connection.has_output() {
            // RFC 6120 §4.6.1.
            self.wire.connection.output().push(b' ');
        }
    }
}

/// §6.
fn too_high(TooHigh { h, sent }: TooHigh) -> End {
    let application = Tree::new(NS, "handled-count-too-high")
        .with_attr("h", h.to_string())
        .with_attr("send-count", sent.to_string());
    let text = format!("You acknowledged {h} stanzas, but I only sent you {sent} so far.");
    let error = StreamError::new(StreamCondition::UndefinedCondition).text(text);
    End::Error(error.application(&application))
}

fn not_kept(cause: &StoreError) -> End {
    error!(error = %cause, "What another server has sent was not kept; its stream ends.");
    End::from(StreamCondition::InternalServerError)
}

/// `h`, an unsigned integer of 32 bits.
fn count(element: &Element) -> Option<u32> {
    let h = attribute(element, "h")?.trim();
    h.bytes().all(|byte| byte.is_ascii_digit()).then(|| h.parse().ok()).flatten()
}

/// §4: an answer is not withheld for longer.
const ANSWER_TIME: Duration = Duration::from_millis(250);
/// So long after an answer that tells nothing new.
const ASK_AGAIN_TIME: Duration = Duration::from_secs(1);
/// A count further ahead than this lies behind.
const BEHIND: u32 = 1 << 31;
/// §5 has no id longer than this.
const ID_BYTES_MAX: usize = 4000;
