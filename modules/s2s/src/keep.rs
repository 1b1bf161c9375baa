//! Sees to it that what waits for another server finds a stream.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{info, warn};
use waxwing_core::{Origin, Phase, Shutdown};
use waxwing_xmpp::StanzaError;

use crate::S2s;
use crate::desk::Ask;
use crate::link::{Link, Waiting, bounce_error};
use crate::outgoing::{Failure, Outgoing};
use crate::session::{Parted, Session};
use crate::stream::{Ended, Stream};

/// A session of which the stream has broken, and since when.
type Broken = (String, Parted);

impl S2s {
    /// Finds or opens a stream for a link, and lives as long as the stream that it has opened.
    pub(crate) async fn keep(
        self: Arc<Self>,
        link: Arc<Link>,
        mut broken: Option<Broken>,
        mut shutdown: Shutdown,
    ) {
        loop {
            if let Some(until) = link.pause() {
                tokio::select! {
                    () = sleep_until(until) => {}
                    // What lies in the outbox goes at the next start.
                    () = shutdown.reached(Phase::Draining) => return,
                }
            }
            let elsewhere = match &broken {
                // The other server may have come back by itself.
                Some((id, parted)) => self.sessions.look(id, *parted, |_| ()).is_none(),
                None => self.lend(&link).await,
            };
            if elsewhere {
                return;
            }
            let opened = tokio::select! {
                opened = self.open(&link.local, &link.remote) => opened,
                () = shutdown.reached(Phase::Draining) => return,
            };
            match opened {
                Ok(outgoing) => match self.live(&link, outgoing, broken.take(), &shutdown).await {
                    Ended::Over => return,
                    Ended::Parted(id, parted) => broken = Some((id, parted)),
                },
                Err(failure) => {
                    if self.missed(&link, &mut broken, failure).await {
                        return;
                    }
                }
            }
        }
    }

    async fn live(
        self: &Arc<Self>,
        link: &Arc<Link>,
        outgoing: Outgoing,
        broken: Option<Broken>,
        shutdown: &Shutdown,
    ) -> Ended {
        let session = match broken.map(|(id, parted)| self.sessions.take(&id, parted)) {
            // The other server has come back by itself, this very moment.
            Some(None) => return Ended::Over,
            session => session.flatten(),
        };
        let tls = outgoing.wire.connection.tls_version().unwrap_or("no TLS");
        info!(from = %link.local, to = %link.remote, proof = %outgoing.proof, tls, bidi = outgoing.bidi, "Stream to another server opened.");
        self.metrics.outgoing.inc();
        let stream = Stream::initiating(self, outgoing, link, session).await;
        let ended = stream.run(shutdown.clone()).await;
        self.metrics.outgoing.dec();
        ended
    }

    /// A stream that is there already: one of theirs that goes both ways (XEP-0288), or one of ours that takes one more
    /// domain (XEP-0220 §2.6.1).
    async fn lend(&self, link: &Arc<Link>) -> bool {
        let lane = self.lanes.lock().get(&(link.local.clone(), link.remote.clone())).cloned();
        if lane.is_some_and(|desk| desk.ask(Ask::Serve(Arc::clone(link)))) {
            return true;
        }
        let hub = self.hubs.lock().get(&link.remote).cloned();
        let Some(hub) = hub else { return false };
        let (told, answer) = oneshot::channel();
        let asked = hub.ask(Ask::Prove(Arc::clone(link), told));
        asked && matches!(timeout(self.config.connect_time_max.0, answer).await, Ok(Ok(true)))
    }

    /// The other server was not reached. True: nothing is left to do.
    async fn missed(
        self: &Arc<Self>,
        link: &Arc<Link>,
        broken: &mut Option<Broken>,
        failure: Failure,
    ) -> bool {
        self.metrics.failed.inc();
        warn!(from = %link.local, to = %link.remote, reason = %failure, "Another server was not reached.");
        let failure = Arc::new(failure);
        let next = Instant::now() + link.missed(&failure, self.jitter());
        let sent = match broken {
            Some((id, parted)) => match self.sessions.look(id, *parted, Session::oldest) {
                Some(oldest) => oldest,
                None => return true,
            },
            None => None,
        };
        let oldest = [sent, link.oldest()].into_iter().flatten().min();
        let until = oldest.map(|since| since + self.config.queue_time_max.0);
        let until = until.or_else(|| broken.as_ref().map(|(_, parted)| parted.until));
        if !failure.is_final() && until.is_some_and(|until| next < until) {
            return false;
        }
        if let Some((id, parted)) = broken.take() {
            match self.sessions.take(&id, parted) {
                Some(session) => self.dissolve(session, Some(link)),
                None => return true,
            }
        }
        self.give_up(link, &failure).await;
        !link.release()
    }

    /// Each stanza bounces once.
    async fn give_up(&self, link: &Link, failure: &Failure) {
        while let Some(waiting) = link.take() {
            link.done(&waiting);
            self.refuse(waiting, &bounce_error(failure)).await;
        }
    }

    /// Tells the sender of a stanza that it did not go.
    pub(crate) async fn refuse(&self, waiting: Waiting, error: &StanzaError) {
        self.metrics.bounced.inc();
        self.shared.router().bounce(waiting.stanza, error, &Origin::Server).await;
        self.forget_row(waiting.row);
    }

    /// A link has lost its stream.
    pub(crate) fn look_again(self: &Arc<Self>, link: Arc<Link>) {
        if link.release() {
            self.look_for_stream(link);
        }
    }

    pub(crate) fn look_for_stream(self: &Arc<Self>, link: Arc<Link>) {
        let (this, shutdown) = (Arc::clone(self), self.shared.shutdown());
        self.spawn(async move { this.keep(link, None, shutdown).await });
    }

    /// A session is over: what may not have arrived goes back in front of what waits, and each link but one looks for
    /// another stream.
    pub(crate) fn dissolve(self: &Arc<Self>, mut session: Box<Session>, but: Option<&Arc<Link>>) {
        let handled = session.handled.advance().unwrap_or_else(|_| session.handled.count());
        if let (Some(id), Some(pair)) = (session.id.take(), session.pair.take()) {
            self.sessions.close(&id, pair, handled);
        }
        session.put_back();
        self.decline(session.desk.close());
        for link in session.links.drain(..) {
            if !but.is_some_and(|but| Arc::ptr_eq(but, &link)) {
                self.look_again(link);
            }
        }
    }

    /// A session goes on over a stream that takes nothing of ours.
    pub(crate) fn stop_sending(self: &Arc<Self>, session: &mut Session) {
        session.put_back();
        for link in session.links.drain(..) {
            self.look_again(link);
        }
    }

    /// What was asked of a stream that is no more.
    pub(crate) fn decline(self: &Arc<Self>, asks: Vec<Ask>) {
        for ask in asks {
            match ask {
                Ask::Serve(link) => self.look_again(link),
                Ask::Prove(_, told) => drop(told),
                Ask::HandOver(heir) => drop(heir),
                Ask::Confirm(_) => {}
            }
        }
    }

    /// The other server's stream has broken, over which we were sending as well. If it does not come back soon, we go
    /// there and say which session we mean.
    pub(crate) async fn wait_for_heir(self: Arc<Self>, id: String, parted: Parted, mut shutdown: Shutdown) {
        tokio::select! {
            () = sleep(HOLD_TIME) => {}
            () = shutdown.reached(Phase::Draining) => return,
        }
        match self.sessions.look(&id, parted, Session::main_link) {
            None => return,
            Some(Some(link)) => return self.keep(link, Some((id, parted)), shutdown).await,
            Some(None) => {}
        }
        tokio::select! {
            () = sleep_until(parted.until) => {}
            () = shutdown.reached(Phase::Draining) => return,
        }
        if let Some(session) = self.sessions.take(&id, parted) {
            self.dissolve(session, None);
        }
    }
}

/// So long we wait for the other server to come back before we go there.
const HOLD_TIME: Duration = Duration::from_secs(10);
