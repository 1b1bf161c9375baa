//! Sees to it that what waits for another server finds a stream.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{info, warn};
use waxwing_core::{Notice, Origin, Phase, Shutdown};
use waxwing_xmpp::{Domain, StanzaError};

use crate::S2s;
use crate::desk::Ask;
use crate::link::{Link, Sent, Waiting, bounce_error};
use crate::outgoing::{Failure, Outgoing};
use crate::session::{Broken, Session};
use crate::stream::{Ended, Stream};

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
            if self.is_elsewhere(&link, broken.as_ref()).await || self.is_worn_out(&link, &mut broken).await {
                return;
            }
            let opened = tokio::select! {
                opened = self.strangers.take(self.open(&link.local, &link.remote)) => opened,
                () = shutdown.reached(Phase::Draining) => return,
            };
            match opened {
                Ok(outgoing) => match self.live(&link, outgoing, broken.take(), &shutdown).await {
                    Ended::Over => return,
                    Ended::Parted(parted) => broken = Some(parted),
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
        let session = match broken.map(|broken| self.sessions.take(&broken)) {
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
        let (told, mut answer) = oneshot::channel();
        if !hub.ask(Ask::Prove(Arc::clone(link), told)) {
            return false;
        }
        let answered = timeout(self.config.connect_time_max.0, &mut answer).await;
        // It may come at the last moment: then the stream has the link.
        answer.close();
        answered.unwrap_or_else(|_| Ok(answer.try_recv().unwrap_or(false))).unwrap_or(false)
    }

    /// Whether a link has what it needs.
    async fn is_elsewhere(&self, link: &Arc<Link>, broken: Option<&Broken>) -> bool {
        match broken {
            // The other server may have come back by itself.
            Some(broken) => self.sessions.look(broken, |_| ()).is_none(),
            None => self.lend(link).await,
        }
    }

    /// Streams open, and nothing good comes of them, for longer than a stanza may wait. True: nothing is left to do.
    async fn is_worn_out(self: &Arc<Self>, link: &Arc<Link>, broken: &mut Option<Broken>) -> bool {
        let Some(trouble) = link.failing() else { return false };
        match self.until(link, broken.as_ref()) {
            Some(until) if until <= Instant::now() => {
                let words = format!("streams to it are good for nothing: {trouble}");
                self.missed(link, broken, Failure::new(words)).await
            }
            _ => false,
        }
    }

    /// When patience with another server ends, if anything waits for it.
    fn until(&self, link: &Link, broken: Option<&Broken>) -> Option<Instant> {
        let sent = broken.and_then(|broken| self.sessions.look(broken, Session::oldest)).flatten();
        let oldest = [sent, link.oldest()].into_iter().flatten().min();
        oldest.map(|since| since + self.config.queue_time_max.0)
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
        let until = self.until(link, broken.as_ref());
        let until = until.or_else(|| broken.as_ref().map(|broken| broken.parted.until));
        if !failure.is_final() && until.is_some_and(|until| next < until) {
            return false;
        }
        if let Some(broken) = broken.take() {
            match self.sessions.take(&broken) {
                Some(session) => self.lose(session, Some(link)),
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

    /// A stanza is the other server's now.
    pub(crate) fn has_arrived(&self, sent: Sent) {
        sent.link.done(&sent.waiting);
        self.forget_row(sent.waiting.row);
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

    /// A session is over that would have gone on: nobody knows what the other server knows of it.
    pub(crate) fn lose(self: &Arc<Self>, session: Box<Session>, but: Option<&Arc<Link>>) {
        let theirs = session.proven.iter().map(|(remote, local)| (local.clone(), remote.clone()));
        let ours = session.links.iter().map(|link| (link.local.clone(), link.remote.clone()));
        let pairs: BTreeSet<(Domain, Domain)> = theirs.chain(ours).collect();
        let hosts = pairs.into_iter().filter_map(|(local, remote)| Some((self.home(&local)?, remote)));
        for (host, remote) in hosts.collect::<Vec<_>>() {
            self.spawn(async move { host.notify(Notice::RemoteCut(remote)).await });
        }
        self.dissolve(session, but);
    }

    /// A session is over: what may not have arrived goes back in front of what waits, and each link but one looks for
    /// another stream.
    pub(crate) fn dissolve(self: &Arc<Self>, mut session: Box<Session>, but: Option<&Arc<Link>>) {
        let handled = session.handled.advance().unwrap_or_else(|_| session.handled.count());
        self.sessions.note(&session, handled);
        self.sessions.close(&session);
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
    pub(crate) async fn wait_for_heir(self: Arc<Self>, broken: Broken, mut shutdown: Shutdown) {
        tokio::select! {
            () = sleep(HOLD_TIME) => {}
            () = shutdown.reached(Phase::Draining) => return,
        }
        match self.sessions.look(&broken, Session::main_link) {
            None => return,
            Some(Some(link)) => return self.keep(link, Some(broken), shutdown).await,
            Some(None) => {}
        }
        tokio::select! {
            () = sleep_until(broken.parted.until) => {}
            () = shutdown.reached(Phase::Draining) => return,
        }
        if let Some(session) = self.sessions.take(&broken) {
            self.lose(session, None);
        }
    }
}

/// So long we wait for the other server to come back before we go there.
const HOLD_TIME: Duration = Duration::from_secs(10);
