//! One component's connection, from its first byte to its last.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, info, warn};
use waxwing_core::tasks::guard;
use waxwing_core::{Custody, Delivery, ExternalRef, Origin, Phase, Shutdown};
use waxwing_stream::transport::{Connection, Permit};
use waxwing_xml::{CONTENT, Element, Framing, Item, Refused, Scanner, Text};
use waxwing_xmpp::stanza::ShapeError;
use waxwing_xmpp::{Condition, Domain, Jid, Stanza, StreamCondition, StreamError, ns};

use crate::Components;
use crate::clocks::{Clocks, Due};
use crate::component::{Component, Link, Refused as Turned};
use crate::handshake::{self, Handshake, Said};
use crate::wire::Wire;

/// A connection.
struct Stream<'a> {
    components: &'a Components,
    wire: Wire,
    scanner: Scanner,
    handshake: Handshake,
    peer: SocketAddr,
    /// Bytes before the handshake.
    received: usize,
    /// What came behind the handshake in one piece with it.
    rest: Vec<u8>,
    joined: Option<Joined>,
    /// The last stanza while the disk is busy: no other is read before what it promises is written.
    unwritten: Option<Custody>,
}

/// Whose connection it has proved to be.
#[derive(Debug, Clone)]
struct Joined {
    component: Arc<Component>,
    link: Arc<Link>,
}

/// Why a connection ends.
#[derive(Debug)]
enum End {
    /// Because of this.
    Error(StreamError),
    /// The component has ended its side.
    Gone,
    /// Nothing can be written any more.
    Broken(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<StreamCondition> for End {
    fn from(condition: StreamCondition) -> Self {
        Self::Error(condition.into())
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Error(error) => write!(f, "{error}"),
            Self::Gone => f.write_str("it has left"),
            Self::Broken(error) => write!(f, "{error}"),
        }
    }
}

/// Serves one connection.
pub(crate) async fn serve(
    components: Arc<Components>,
    _counted: Permit,
    socket: TcpStream,
    peer: SocketAddr,
    mut shutdown: Shutdown,
) {
    let connection = match Connection::new(socket) {
        Ok(connection) => connection,
        Err(error) => return debug!(peer = %peer, error = %error, "A connection was gone at once."),
    };
    let mut stream = Box::new(Stream::new(&components, connection, peer));
    let end = match Box::pin(stream.join(&mut shutdown)).await {
        Ok(joined) => {
            // A panic in it ends this connection and no other.
            let life = guard(Box::pin(stream.live(&joined, &mut shutdown)));
            let end = tokio::select! {
                end = life => end,
                never = tell(&components, &joined) => match never {},
            };
            end.unwrap_or_else(|_| StreamCondition::InternalServerError.into())
        }
        Err(end) => end,
    };
    Box::pin(stream.finish(end)).await;
}

/// Tells the hosts that a component is there, and again whenever it may do other things; beside its stream, as it may be
/// asked something on that occasion.
async fn tell(components: &Components, joined: &Joined) -> Infallible {
    let external: ExternalRef = Arc::<Component>::clone(&joined.component);
    loop {
        Box::pin(components.shared.router().connected(&external)).await;
        joined.component.granted_anew().await;
    }
}

impl<'a> Stream<'a> {
    fn new(components: &'a Components, connection: Connection, peer: SocketAddr) -> Self {
        let limits = components.shared.limits().before_login();
        Self {
            components,
            wire: Wire::new(connection),
            scanner: Scanner::new(Framing::Stream, limits),
            handshake: Handshake::new(),
            peer,
            received: 0,
            rest: Vec::new(),
            joined: None,
            unwritten: None,
        }
    }

    /// Everything until the handshake is done, in a limited time.
    async fn join(&mut self, shutdown: &mut Shutdown) -> Result<Joined, End> {
        let patience = self.components.shared.limits().login_time_max.0;
        let negotiate = async {
            loop {
                while !self.wire.try_flush()? {
                    self.wire.connection.ready(false).await?;
                }
                if let Some(joined) = self.joined.clone() {
                    return Ok(joined);
                }
                self.wire.connection.ready(true).await?;
                self.read_handshake()?;
            }
        };
        tokio::select! {
            result = negotiate => result,
            () = shutdown.reached(Phase::Draining) => Err(StreamCondition::SystemShutdown.into()),
            () = sleep(patience) => Err(End::Error(
                StreamError::new(StreamCondition::ConnectionTimeout).text("The handshake took too long."),
            )),
        }
    }

    fn read_handshake(&mut self) -> Result<(), End> {
        let mut buffer = [0; BEFORE_HANDSHAKE_BYTES];
        while self.joined.is_none() {
            let Some(count) = self.receive(&mut buffer)? else { return Ok(()) };
            self.received = self.received.saturating_add(count);
            if self.received > self.components.shared.limits().login_bytes_max.0 {
                let error = StreamError::new(StreamCondition::PolicyViolation)
                    .text("Too much was sent before the handshake.");
                return Err(End::Error(error));
            }
            self.feed_handshake(buffer.get(..count).unwrap_or_default())?;
        }
        Ok(())
    }

    /// How many bytes were read; none for now if there are none.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, End> {
        match self.wire.connection.try_read(buffer) {
            Ok(0) => Err(End::Gone),
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(End::Broken(error)),
        }
    }

    fn feed_handshake(&mut self, mut input: &[u8]) -> Result<(), End> {
        while let Some(item) = self.scanner.scan(&mut input).map_err(|error| End::Error(error.into()))? {
            let (handshake, components) = (&mut self.handshake, self.components);
            let said = self.wire.say(|out| handshake.item(item, components, out));
            match said.map_err(End::Error)? {
                Said::Name => {}
                Said::End => return Err(End::Gone),
                Said::Proof(component, proof) => {
                    self.joined = Some(self.check(component, &proof)?);
                    self.scanner.set_limits(components.shared.limits().for_server());
                    self.wire.say(handshake::accept);
                    self.rest = input.to_vec();
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// XEP-0114 §3.
    fn check(&self, component: Arc<Component>, proof: &Text) -> Result<Joined, End> {
        let (now, address) = (Instant::now(), self.peer.ip());
        let limit = self.components.shared.limits().login_failures_per_minute;
        let exempt = self.components.is_exempt(address);
        if !exempt && !self.components.tries.allow(address, limit, now) {
            return Err(End::Error(
                StreamError::new(StreamCondition::NotAuthorized)
                    .text("Too many failed handshakes; wait a minute."),
            ));
        }
        // Only who knows the secret learns whether somebody is there.
        let link = component.admit(self.handshake.id(), proof.as_str()).map_err(|refused| match refused {
            Turned::Stranger => {
                self.components.tries.failed(address, now);
                StreamError::new(StreamCondition::NotAuthorized)
            }
            Turned::Conflict => {
                StreamError::new(StreamCondition::Conflict).text("The component is connected already.")
            }
            Turned::Removed => StreamError::new(StreamCondition::HostGone),
        });
        let link = link.map_err(End::Error)?;
        info!(remote = %component.name(), peer = %self.peer, "Component connected.");
        Ok(Joined { component, link })
    }

    /// Runs until something ends the stream.
    async fn live(&mut self, joined: &Joined, shutdown: &mut Shutdown) -> End {
        let rest = std::mem::take(&mut self.rest);
        if let Err(end) = Box::pin(self.feed(joined, &rest)).await {
            return end;
        }
        let mut clocks = Clocks::new(Instant::now());
        loop {
            if let Err(end) = self.turn(joined, &mut clocks, shutdown).await {
                return end;
            }
        }
    }

    /// Writes what there is to write, then waits for the next thing to do and does it.
    async fn turn(
        &mut self,
        joined: &Joined,
        clocks: &mut Clocks,
        shutdown: &mut Shutdown,
    ) -> Result<(), End> {
        if let Some(error) = joined.link.ending() {
            return Err(End::Error(error.clone()));
        }
        self.write_mailbox(&joined.link)?;
        if shutdown.phase() >= Phase::Stopping {
            // RFC 6120 §4.9.3.20.
            return Err(StreamCondition::SystemShutdown.into());
        }
        let pending = self.wire.connection.pending_bytes();
        clocks.watch(pending, Instant::now());
        self.unwritten.take_if(|custody| custody.outcome().is_some());
        // Who does not read what it is sent is not asked for more.
        let reads = self.unwritten.is_none() && pending < OUTPUT_BYTES_MAX;
        let limits = self.components.shared.limits();
        let (write, keepalive) = (limits.write_time_max.0, limits.keepalive_after.0);
        drop(limits);
        let awaited = self.unwritten.clone();
        let waits = awaited.is_some();
        let durable = async move {
            if let Some(custody) = awaited {
                // Nothing is acknowledged here: a failure was answered where it happened.
                Box::pin(async move { custody.durable().await }).await.ok();
            }
        };
        tokio::select! {
            ready = self.wire.connection.ready(reads) => {
                ready?;
                if reads {
                    Box::pin(self.read(joined)).await?;
                    clocks.heard(Instant::now());
                }
            }
            () = joined.link.mailbox.wait() => {}
            () = joined.link.ended() => {}
            () = durable, if waits => {}
            () = shutdown.reached(Phase::Stopping) => {}
            () = sleep_until(clocks.next(write, keepalive)) => match clocks.due(write, keepalive, Instant::now()) {
                // RFC 6120 §4.9.3.4; it will not read this either.
                Due::GiveUp => return Err(StreamCondition::ConnectionTimeout.into()),
                // §4.6.1: the kernel finds out whether anybody is there.
                Due::Probe => self.wire.say(|out| out.push(b' ')),
                Due::Nothing => {}
            },
        }
        Ok(())
    }

    /// Writes what waits, as far as the component takes it: the rest stays in the mailbox.
    fn write_mailbox(&mut self, link: &Link) -> Result<(), End> {
        let mut drained = self.wire.try_flush()?;
        while drained && !link.mailbox.is_empty() {
            // One write for all that waits.
            while self.wire.connection.pending_bytes() < WRITE_BYTES_MAX
                && let Some(delivery) = link.mailbox.pop()
            {
                self.components.metrics.stanzas_out.inc();
                self.wire.stanza(delivery);
            }
            drained = self.wire.try_flush()?;
        }
        Ok(())
    }

    /// Reads what is there, up to a bound: the mailbox has its turn as well.
    async fn read(&mut self, joined: &Joined) -> Result<(), End> {
        let mut buffer = vec![0; READ_BYTES];
        for _ in 0..READS_MAX {
            let Some(count) = self.receive(&mut buffer)? else { return Ok(()) };
            self.feed(joined, buffer.get(..count).unwrap_or_default()).await?;
            if self.unwritten.is_some() || !self.wire.try_flush()? || joined.link.ending().is_some() {
                return Ok(());
            }
        }
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn feed(&mut self, joined: &Joined, mut input: &[u8]) -> Result<(), End> {
        while let Some(item) = self.scanner.scan(&mut input).map_err(|error| End::Error(error.into()))? {
            match item {
                Item::Element(element) => self.element(joined, element).await?,
                Item::Refused(refused) => self.refused(joined, refused)?,
                // The scanner hands out one root only.
                Item::Root(_) => return Err(StreamCondition::BadFormat.into()),
                Item::RootEnd => return Err(End::Gone),
            }
        }
        Ok(())
    }

    async fn element(&mut self, joined: &Joined, element: Element) -> Result<(), End> {
        match (element.namespace.as_str(), element.name.as_str()) {
            (CONTENT, _) => {}
            (ns::STREAMS, "error") => return Err(End::Gone),
            // RFC 6120 §4.8.3: another content namespace.
            (ns::SERVER, _) => return Err(StreamCondition::InvalidNamespace.into()),
            _ => return Err(StreamCondition::UnsupportedStanzaType.into()),
        }
        match Stanza::from_element(element, self.handshake.lang()) {
            Some(Ok(stanza)) => self.stanza(joined, stanza).await,
            Some(Err(shape)) => self.answer(joined, shape),
            None => Err(StreamCondition::UnsupportedStanzaType.into()),
        }
    }

    async fn stanza(&mut self, joined: &Joined, stanza: Stanza) -> Result<(), End> {
        self.check_from(joined, stanza.from.as_ref())?;
        if stanza.to.is_none() {
            // XEP-0114 §3, "as in the 'jabber:server' namespace": RFC 6120 §8.1.1.2.
            return Err(improper("A stanza of a component has a 'to'."));
        }
        let shared = &self.components.shared;
        self.components.metrics.stanzas_in.inc();
        let origin = Origin::Component(joined.component.name().clone());
        let custody = shared.router().route(stanza, origin, Custody::memory()).await;
        if custody.outcome().is_none() && shared.store().is_busy() {
            self.unwritten = Some(custody);
        }
        Ok(())
    }

    /// XEP-0114 §3: a component speaks for everybody at its own domain, and for nobody else.
    fn check_from(&self, joined: &Joined, from: Option<&Jid>) -> Result<(), End> {
        // RFC 6120 §8.1.2.2 rule 1.
        let from = from.ok_or_else(|| improper("A stanza of a component has a 'from'."))?;
        let name = joined.component.name();
        if from.domain() == name.as_str() || self.serves(name, from.domain()) {
            return Ok(());
        }
        // Rule 2.
        let error =
            StreamError::new(StreamCondition::InvalidFrom).text(format!("You are {name}, and nobody else."));
        Err(End::Error(error))
    }

    fn serves(&self, name: &Domain, domain: &str) -> bool {
        let external = self.components.shared.router().external(domain);
        external.is_some_and(|external| external.domain() == name)
    }

    /// Over a limit, or not what every parser reads in the same way: that costs its sender a stanza, and all the
    /// component's other users nothing.
    fn refused(&mut self, joined: &Joined, refused: Refused) -> Result<(), End> {
        if refused.attributes.is_empty() {
            // So much of it could not be read that nobody can be told.
            return Ok(());
        }
        match Stanza::from_refused(refused, self.handshake.lang()) {
            Some(shape) => self.answer(joined, shape),
            None => Ok(()),
        }
    }

    fn answer(&mut self, joined: &Joined, shape: ShapeError) -> Result<(), End> {
        let Some(stanza) = shape.reply_to else { return Ok(()) };
        self.check_from(joined, stanza.from.as_ref())?;
        if let Some(mut reply) = stanza.error_reply(&shape.error) {
            // What its 'to' was is no address.
            reply.from.get_or_insert_with(|| joined.component.name().to_jid());
            self.wire.stanza(Delivery::new(reply, false));
        }
        Ok(())
    }

    /// Last words, then the end of the connection; what the component did not get goes back.
    async fn finish(mut self: Box<Self>, end: End) {
        let (handshake, components) = (&mut self.handshake, self.components);
        let error = match &end {
            End::Error(error) => Some(error),
            End::Gone | End::Broken(_) => None,
        };
        if let Some(error) = error {
            components.metrics.stream_errors.inc();
            debug!(peer = %self.peer, error = %error, "A stream ends with an error.");
        }
        let alive = self.wire.try_flush().is_ok() && !matches!(end, End::Broken(_));
        let unsent = self.wire.take_back();
        if alive {
            self.wire.say(|out| handshake.close(error, components, out));
        }
        let said = alive && self.wire.try_flush().is_ok();
        match self.joined.take() {
            Some(joined) => {
                info!(remote = %joined.component.name(), peer = %self.peer, reason = %end, "Component gone.");
                self.give_back(&joined, unsent, error).await;
            }
            None => self.note_refusal(&end),
        }
        if said {
            self.wire.connection.close(FAREWELL).await;
        }
    }

    /// What the component did not get bounces.
    async fn give_back(&self, joined: &Joined, unsent: Vec<Stanza>, error: Option<&StreamError>) {
        let condition = match error.map(|error| error.condition) {
            Some(StreamCondition::ResourceConstraint) => Condition::ResourceConstraint,
            _ => Condition::RemoteServerTimeout,
        };
        for stanza in unsent.into_iter().chain(joined.component.leave(&joined.link)) {
            self.components.metrics.bounced.inc();
            let router = self.components.shared.router();
            drop(router.bounce(stanza, &condition.into(), &Origin::Server).await);
        }
    }

    fn note_refusal(&self, end: &End) {
        let End::Error(error) = end else {
            return debug!(peer = %self.peer, reason = %end, "A connection ended before its handshake.");
        };
        if error.condition == StreamCondition::SystemShutdown {
            return;
        }
        self.components.metrics.refused.inc();
        let name = self.handshake.name().map(Domain::as_str).unwrap_or_default();
        warn!(remote = name, peer = %self.peer, reason = %error, "A component was refused.");
    }
}

fn improper(text: &str) -> End {
    // RFC 6120 §4.9.3.7.
    End::Error(StreamError::new(StreamCondition::ImproperAddressing).text(text))
}

/// How long a component may take to hear that the stream has ended.
pub(crate) const FAREWELL: Duration = Duration::from_secs(2);
/// At most so much is taken out of the mailbox for one write.
const WRITE_BYTES_MAX: usize = 64 * 1024;
/// With so much unread by the component nothing more is read from it.
const OUTPUT_BYTES_MAX: usize = 256 * 1024;
const BEFORE_HANDSHAKE_BYTES: usize = 2048;
const READ_BYTES: usize = 16 * 1024;
/// So many pieces are read before the mailbox has its turn.
const READS_MAX: usize = 16;
