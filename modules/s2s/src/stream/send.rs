//! Stanzas that go.

use std::sync::Arc;

use tokio::time::Instant;

use super::{End, Role, Stream};
use crate::S2s;
use crate::desk::Ask;
use crate::link::{Link, Sent};
use crate::outgoing::Outgoing;
use crate::session::Session;

impl Stream {
    /// A stream of ours on which the two are proven; a session that was parted is resumed, if the other server wants.
    pub(crate) async fn initiating(
        s2s: &Arc<S2s>,
        outgoing: Outgoing,
        link: &Arc<Link>,
        parted: Option<Box<Session>>,
    ) -> Box<Self> {
        let Outgoing { wire, proof, certificate, peer, id, bidi, managed, multiplexes } = outgoing;
        let version = wire.connection.tls_version().unwrap_or("no TLS");
        let certificate = certificate.map_or_else(|reason| reason, |voucher| voucher.to_string());
        let worth = format!("proven by {proof}, {version}, {certificate}");
        let mut stream = Box::new(Self::new(Arc::clone(s2s), wire, peer, Role::Initiating));
        stream.wire.set_limits(s2s.shared.limits().for_server());
        stream.rate = s2s.rate_of(&link.remote);
        (stream.id, stream.bidi, stream.multiplexes, stream.worth) = (id, bidi, multiplexes, worth);
        (stream.fresh, stream.greeted) = (false, true);
        (stream.local, stream.remote) = (Some(link.local.clone()), Some(link.remote.clone()));
        if bidi {
            // XEP-0288 §2.2: the other way round it is proven as well, by the certificate or by DNS.
            stream.session.proven.insert((link.remote.clone(), link.local.clone()));
        }
        stream.begin(link, parted, managed).await;
        stream
    }

    /// One more link is sent over this stream.
    pub(super) fn serve(&mut self, link: Arc<Link>) {
        link.attach(&self.session.desk, self.worth.clone());
        if !self.session.links.iter().any(|known| Arc::ptr_eq(known, &link)) {
            self.session.links.push(link);
        }
    }

    /// Looks at what others want of this stream.
    pub(super) fn read_desk(&mut self) -> Result<(), End> {
        let mut asks = self.session.desk.take().into_iter();
        while let Some(ask) = asks.next() {
            match ask {
                Ask::Serve(link) if self.is_one_way() => self.s2s.look_again(link),
                Ask::Serve(link) => self.serve(link),
                Ask::Prove(link, told) => self.prove_ours(link, told),
                Ask::Confirm(id) => self.confirmed(&id),
                Ask::HandOver(heir) => {
                    // The heir looks at what else was asked, and says itself where it is found.
                    self.session.desk.put_back(asks.by_ref().collect());
                    self.leave_places();
                    let session = std::mem::take(&mut self.session);
                    if let Err(session) = heir.send(Box::new(session)) {
                        // Who wanted it has gone.
                        self.session = *session;
                        self.take_places();
                        continue;
                    }
                    return Err(End::HandedOver);
                }
            }
        }
        Ok(())
    }

    /// Nothing is ever sent on it.
    fn is_one_way(&self) -> bool {
        self.role == Role::Receiving && !self.bidi
    }

    fn may_send(&self) -> bool {
        let open = !self.is_one_way() && self.greeted && !self.fresh;
        open && self.clocks.leaving.is_none() && !self.acks.is_asked()
    }

    /// Whether something waits that may go.
    pub(super) fn has_more(&self) -> bool {
        let waits = || self.session.links.iter().any(|link| !link.is_empty());
        self.may_send() && (!self.session.again.is_empty() || waits())
    }

    /// Writes what waits, once all that was written before is away.
    pub(super) fn fill(&mut self) {
        if !self.may_send() || self.wire.connection.has_output() {
            return;
        }
        self.turn = self.turn.wrapping_add(1);
        while self.wire.connection.pending_bytes() < WRITE_BYTES_MAX {
            let Some(sent) = self.next_stanza() else { break };
            self.wire.stanza(&sent.waiting.stanza);
            self.s2s.metrics.sent.inc();
            self.clocks.used = Instant::now();
            self.session.unacked.sent(sent);
        }
        self.ask_for_ack();
    }

    /// Each link has its turn, so that a busy one does not keep the others waiting.
    fn next_stanza(&mut self) -> Option<Sent> {
        if let Some(sent) = self.session.again.pop_front() {
            return Some(sent);
        }
        let links = &self.session.links;
        let first = self.turn.checked_rem(links.len())?;
        let in_turn = links.iter().cycle().skip(first).take(links.len());
        in_turn.into_iter().find_map(|link| {
            let waiting = link.take()?;
            Some(Sent { link: Arc::clone(link), waiting })
        })
    }

    /// What was written was taken by the kernel, or not yet. Without stream management nothing better will be known.
    pub(super) fn flushed(&mut self, drained: bool) {
        if !drained {
            self.clocks.blocked.get_or_insert_with(Instant::now);
            return;
        }
        self.clocks.blocked = None;
        if !self.acks.is_on() {
            let sent = self.session.unacked.ack_all();
            self.taken(sent);
        }
    }

    /// Stanzas that are the other server's now.
    pub(super) fn arrived(&mut self, sent: Vec<Sent>) {
        self.was_good |= !sent.is_empty();
        sent.into_iter().for_each(|sent| self.s2s.has_arrived(sent));
    }
}

/// At most so much is written at once.
const WRITE_BYTES_MAX: usize = 64 << 10;
