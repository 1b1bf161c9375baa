//! Stanzas that come.

use std::sync::Arc;

use tokio::time::Instant;
use waxwing_core::{Custody, Origin};
use waxwing_xml::Element;
use waxwing_xmpp::{Domain, Stanza, StanzaError, StreamCondition, StreamError};

use super::{End, Stream};

impl Stream {
    /// Who is not proven, or was not silent since it was read last, takes turns with the others of its kind.
    pub(super) async fn read_in_turn(&mut self) -> Result<(), End> {
        let s2s = Arc::clone(&self.s2s);
        if self.is_unproven() {
            s2s.strangers.take(self.read()).await
        } else if self.wire.connection.is_unread() {
            s2s.crowd.take(self.read()).await
        } else {
            self.read().await
        }
    }

    /// Takes what is there.
    async fn read(&mut self) -> Result<(), End> {
        let before = self.wire.received;
        while let Some(item) = self.wire.poll()? {
            self.item(item).await?;
            self.check_login_bytes()?;
            let enough = self.wire.received - before > READ_BYTES_MAX;
            if enough || !self.reads() || !self.wire.connection.try_flush()? {
                break;
            }
        }
        self.charge(self.wire.received - before);
        self.check_login_bytes()
    }

    fn check_login_bytes(&self) -> Result<(), End> {
        let max = self.s2s.shared.limits().login_bytes_max.0;
        if self.is_unproven() && self.wire.received > max {
            let error = StreamError::new(StreamCondition::PolicyViolation);
            return Err(error.text("Too much was sent before any domain was proven.").into());
        }
        Ok(())
    }

    /// Who is faster than it may be is read more slowly. All streams of a domain count together.
    fn charge(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let now = Instant::now();
        self.clocks.heard = now;
        let wait = self.rate.lock().take(u32::try_from(bytes).unwrap_or(u32::MAX), now);
        if !wait.is_zero() {
            self.s2s.metrics.slowed.inc();
            self.clocks.read_after = Some(now + wait);
        }
    }

    pub(super) async fn stanza(&mut self, element: Element) -> Result<(), End> {
        let parsed = Stanza::from_element(element, self.lang.as_ref());
        let Some(parsed) = parsed else { return Err(StreamCondition::UnsupportedStanzaType.into()) };
        if self.session.proven.is_empty() {
            // RFC 6120 §4.9.3.12.
            return Err(StreamCondition::NotAuthorized.into());
        }
        (self.clocks.used, self.was_good) = (Instant::now(), true);
        let stanza = match parsed {
            Ok(stanza) => stanza,
            Err(fault) => {
                self.handled(Custody::memory());
                return self.refuse(fault.reply_to, &fault.error).await;
            }
        };
        let remote = self.proven_by(&stanza)?;
        self.s2s.metrics.received.inc();
        if self.s2s.questions.answered_by(&stanza) {
            self.handled(Custody::memory());
            return Ok(());
        }
        let shared = Arc::clone(&self.s2s.shared);
        let custody = shared.router().route(stanza, Origin::Remote(remote), Custody::memory()).await;
        if custody.outcome().is_none() && shared.store().is_busy() {
            self.unwritten = Some(custody.clone());
        }
        self.handled(custody);
        Ok(())
    }

    /// RFC 6120 §8.1.1.2, §8.1.2.2: who it is from, if that was proven towards whom it is for.
    fn proven_by(&self, stanza: &Stanza) -> Result<Domain, End> {
        let (Some(from), Some(to)) = (&stanza.from, &stanza.to) else {
            return Err(StreamCondition::ImproperAddressing.into());
        };
        let pair = Domain::parse(from.domain()).ok().zip(Domain::parse(to.domain()).ok());
        let (remote, local) = pair.ok_or(StreamCondition::ImproperAddressing)?;
        if self.s2s.home(&local).is_none() {
            return Err(StreamCondition::HostUnknown.into());
        }
        let pair = (remote, local);
        if self.session.proven.contains(&pair) {
            Ok(pair.0)
        } else {
            Err(StreamCondition::InvalidFrom.into())
        }
    }

    /// Tells the sender of a stanza what is wrong with it, if it is who it says.
    pub(super) async fn refuse(
        &mut self,
        stanza: Option<Box<Stanza>>,
        error: &StanzaError,
    ) -> Result<(), End> {
        if let Some(stanza) = stanza {
            let remote = self.proven_by(&stanza)?;
            self.s2s.shared.router().bounce(*stanza, error, &Origin::Remote(remote)).await;
        }
        Ok(())
    }
}

/// Then the stream sees to all else that it has to do; there may be more to read at once.
const READ_BYTES_MAX: usize = 64 << 10;
