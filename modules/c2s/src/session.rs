//! A bound session: stanzas in, mailbox out, and the clocks of both.

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tracing::error;
use waxwing_core::{CloseReason, Next, SessionRef};
use waxwing_stream::transport::Connection;
use waxwing_xmpp::{StreamCondition, StreamError};

use crate::client::{Client, End};

/// When something is due.
struct Clocks {
    /// Since when the client takes nothing, and how much waits for it.
    stuck: Option<(Instant, usize)>,
    /// It was too fast: not read before.
    read_after: Option<Instant>,
    /// When it was last heard, or probed.
    heard: Instant,
}

impl Client<'_> {
    /// Runs until something ends the session.
    pub(crate) async fn live(&mut self, session: &SessionRef) -> End {
        let mut clocks = Clocks { stuck: None, read_after: None, heard: Instant::now() };
        loop {
            if let Err(end) = self.turn(session, &mut clocks).await {
                return end;
            }
        }
    }

    /// Writes what there is to write, then waits for the next thing to do and does it.
    async fn turn(&mut self, session: &SessionRef, clocks: &mut Clocks) -> Result<(), End> {
        if let Some(reason) = session.close_reason() {
            if matches!(reason, CloseReason::Error(_)) && self.connection.try_flush()? {
                // What came before the reason still goes out before it: the result of a cancelled registration, say.
                self.write_mailbox(session).await?;
            }
            return Err(end(reason));
        }
        let mut drained = self.connection.try_flush()?;
        while drained && session.has_next() {
            // One write for all that waits, or for a part of it: a thousand clients for whom much waits do not keep the
            // others waiting for all of it.
            self.write_mailbox(session).await?;
            drained = self.connection.try_flush()?;
            if drained && session.has_next() {
                yield_now().await;
            }
        }
        if drained {
            session.flushed();
        }
        // Answers and questions about what was written go out behind it.
        self.answer(session)?;
        self.ask(session);
        drained &= self.connection.try_flush()?;
        clocks.watch(&self.connection, drained);
        let limits = self.c2s.shared.limits();
        self.unwritten.take_if(|custody| custody.outcome().is_some());
        // Who does not read what we answer is not asked for more.
        let reads = clocks.read_after.is_none()
            && self.unwritten.is_none()
            && self.connection.pending_bytes() < OUTPUT_BYTES_MAX
            && session.unhandled_count() < UNHANDLED_MAX;
        let due = clocks.due(limits.write_time_max.0, limits.keepalive_after.0);
        drop(limits);
        let acks_due = self.acks.due(self.ack_time_max()).unwrap_or(due);
        // What is not on disk yet, if the client asks for it, too much of it has come, or the disk is busy.
        let awaited = match &self.unwritten {
            _ if reads => self.awaited(session),
            Some(unwritten) => Some(unwritten.clone()),
            None => session.unhandled(),
        };
        let waits = awaited.is_some();
        // A failure shows when the stanza is counted.
        let durable = async move {
            if let Some(custody) = awaited {
                Box::pin(async move { custody.durable().await }).await.ok();
            }
        };
        tokio::select! {
            ready = self.connection.ready(reads) => {
                ready?;
                if reads {
                    // Boxed: reading takes a moment, waiting for something to read takes hours.
                    let wait = Box::pin(self.read()).await?;
                    clocks.heard = Instant::now();
                    clocks.read_after = (!wait.is_zero()).then(|| clocks.heard + wait);
                }
            }
            () = session.mailbox().wait() => {}
            () = durable, if waits => {}
            () = sleep_until(due.min(acks_due)) => {
                self.tick(clocks, drained)?;
                self.tick_acks(session)?;
            }
        }
        Ok(())
    }

    /// Writes what waits, up to a bound: what does not fit stays in the mailbox, which others may still empty into
    /// another session if this client turns out to be gone.
    async fn write_mailbox(&mut self, session: &SessionRef) -> Result<(), End> {
        let framing = self.negotiation.framing();
        while self.connection.pending_bytes() < WRITE_BYTES_MAX {
            match session.next() {
                Next::Stanza(stanza) => framing.stanza(&stanza, self.connection.output()),
                Next::Raw(bytes) => self.connection.output().extend_from_slice(&bytes),
                Next::Rows => Box::pin(read_rows(session)).await?,
                Next::Nothing => break,
            }
        }
        Ok(())
    }

    /// Something is due.
    fn tick(&mut self, clocks: &mut Clocks, drained: bool) -> Result<(), End> {
        let limits = self.c2s.shared.limits();
        let now = Instant::now();
        if clocks.read_after.is_some_and(|at| at <= now) {
            clocks.read_after = None;
        }
        if clocks.stuck.is_some_and(|(since, _)| now >= since + limits.write_time_max.0) {
            // RFC 6120 §4.9.3.4; it will not read this either.
            return Err(StreamCondition::ConnectionTimeout.into());
        }
        if drained && now >= clocks.heard + limits.keepalive_after.0 {
            // RFC 6120 §4.6.1: the kernel finds out whether anybody is there.
            self.connection.output().push(b' ');
            clocks.heard = now;
        }
        Ok(())
    }
}

impl Clocks {
    /// Any progress of the client starts its time anew.
    fn watch(&mut self, connection: &Connection, drained: bool) {
        let pending = connection.pending_bytes();
        self.stuck = match self.stuck {
            _ if drained => None,
            Some((since, before)) if before <= pending => Some((since, pending)),
            _ => Some((Instant::now(), pending)),
        };
    }

    fn due(&self, write: Duration, keepalive: Duration) -> Instant {
        let stuck = self.stuck.map(|(since, _)| since + write);
        let probe = self.stuck.is_none().then(|| self.heard + keepalive);
        let times = [stuck, self.read_after, probe];
        times.into_iter().flatten().min().unwrap_or_else(|| self.heard + keepalive)
    }
}

async fn read_rows(session: &SessionRef) -> Result<(), End> {
    session.read_rows().await.map_err(|cause| {
        error!(error = %cause, session = session.id().0, "Messages could not be read; the session ends.");
        End::from(StreamCondition::InternalServerError)
    })
}

fn end(reason: CloseReason) -> End {
    match reason {
        // RFC 6120 §4.9.3.17.
        CloseReason::Overflow => End::Error(
            StreamError::new(StreamCondition::ResourceConstraint)
                .text("You read too slowly; too much waits for you."),
        ),
        CloseReason::Resumed => {
            End::Error(StreamError::new(StreamCondition::Conflict).text("The session goes on elsewhere."))
        }
        CloseReason::Error(error) => End::Error(error),
    }
}

/// At most so much is taken out of the mailbox for one write: a record of TLS.
const WRITE_BYTES_MAX: usize = 16 * 1024;
/// With so many stanzas that are not on disk nothing more is read.
const UNHANDLED_MAX: usize = 1000;
/// With so much unread by the client nothing more is read from it.
const OUTPUT_BYTES_MAX: usize = 256 * 1024;
