//! One client's connection, from its first byte to its last.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tracing::{debug, info};
use waxwing_core::tasks::guard;
use waxwing_core::{Custody, HostRef, Peer, Phase, SessionRef, Shutdown};
use waxwing_stream::negotiation::{Action, Bind, Negotiation, Rules, StreamFraming, Tcp};
use waxwing_stream::sasl::{self, Answer, Credentials, LookUp, Mechanism, Success, Want};
use waxwing_stream::transport::{Connection, TokenBucket};
use waxwing_xml::{Element, Scanner};
use waxwing_xmpp::{BareJid, Condition, Domain, Stanza, StanzaError, StreamCondition, StreamError};

use crate::C2s;
use crate::acks::Acks;
use crate::failures::Verdict;
use crate::features::Asker;
use crate::listen::Open;
use crate::scratch::Scratch;

/// A client.
pub(crate) struct Client<'a> {
    pub(crate) c2s: &'a C2s,
    pub(crate) connection: Connection,
    pub(crate) negotiation: Negotiation,
    pub(crate) session: Option<SessionRef>,
    pub(crate) rates: Option<Rates>,
    pub(crate) acks: Acks,
    /// Its last stanza while the disk is busy: no other is read before this one is written.
    pub(crate) unwritten: Option<Custody>,
    scanner: Scanner,
    peer: SocketAddr,
    /// Bytes before login.
    received: usize,
    /// Whose name was last tried.
    tried: Option<BareJid>,
    /// The account of a guest, which goes with the stream.
    guest: Option<BareJid>,
    /// Inside a handshake nothing can be said.
    handshaking: bool,
}

/// How fast a client is read; none for exempt networks.
pub(crate) struct Rates {
    bytes: TokenBucket,
    stanzas: TokenBucket,
}

/// Why a connection ends.
#[derive(Debug)]
pub(crate) enum End {
    /// The negotiation has said it all.
    Said,
    /// Because of this.
    Error(StreamError),
    /// The client has ended its side.
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

/// What becomes of the rest of the bytes that were read.
enum Rest {
    Interpret,
    ThrowAway,
}

/// Serves one connection.
pub(crate) async fn serve(
    c2s: Arc<C2s>,
    _counted: Open,
    socket: TcpStream,
    peer: SocketAddr,
    direct_tls: bool,
    shutdown: Shutdown,
) {
    let connection = match Connection::new(socket) {
        Ok(connection) => connection,
        Err(error) => return debug!(peer = %peer, error = %error, "A connection was gone at once."),
    };
    // On the heap, like every future that is needed only for a moment: what lies in the task itself is paid for by
    // each idle connection.
    let mut client = Box::new(Client::new(&c2s, connection, peer));
    let end = match Box::pin(client.log_in(direct_tls, shutdown)).await {
        Ok(session) => client.run(&session).await,
        Err(end) => end,
    };
    Box::pin(client.finish(end)).await;
}

impl<'a> Client<'a> {
    fn new(c2s: &'a C2s, connection: Connection, peer: SocketAddr) -> Self {
        let framing: &'static dyn StreamFraming = &Tcp;
        let limits = c2s.shared.limits();
        let rules = Rules {
            login_failures_max: limits.login_tries_max,
            refused_max: limits.refused_stanzas_max,
            ..Rules::default()
        };
        Self {
            c2s,
            connection,
            negotiation: Negotiation::new(framing, rules, None),
            session: None,
            rates: None,
            acks: Acks::default(),
            unwritten: None,
            scanner: Scanner::new(framing.scanner(), limits.before_login()),
            peer,
            received: 0,
            tried: None,
            guest: None,
            handshaking: false,
        }
    }

    /// The other end, as modules see it.
    pub(crate) fn peer(&self) -> Peer {
        Peer { address: self.peer.ip(), secure: self.negotiation.is_secure() }
    }

    /// Everything until a resource is bound, in a limited time.
    async fn log_in(&mut self, direct_tls: bool, mut shutdown: Shutdown) -> Result<SessionRef, End> {
        let patience = self.c2s.shared.limits().login_time_max.0;
        let negotiate = async {
            if direct_tls {
                self.handshake(None).await?;
            }
            loop {
                self.connection.flush().await?;
                if let Some(session) = self.session.clone() {
                    return Ok(session);
                }
                self.connection.ready(true).await?;
                self.read().await?;
            }
        };
        let result = tokio::select! {
            result = negotiate => result,
            () = shutdown.reached(Phase::Draining) => Err(StreamCondition::SystemShutdown.into()),
            () = sleep(patience) => Err(End::Error(
                StreamError::new(StreamCondition::ConnectionTimeout).text("The login took too long."),
            )),
        };
        // Who came in while the others were told to go.
        if result.is_ok() && shutdown.phase() >= Phase::Draining {
            return Err(StreamCondition::SystemShutdown.into());
        }
        result
    }

    /// Does the TLS handshake; everything read before it is forgotten with the old scanner.
    async fn handshake(&mut self, host: Option<&Domain>) -> Result<(), End> {
        self.handshaking = true;
        let facts = self.connection.accept_tls(&self.c2s.certificates, host.map(Domain::as_str)).await?;
        self.handshaking = false;
        self.scanner.restart();
        self.negotiation.secured(facts);
        Ok(())
    }

    /// Reads until there is nothing more, or the client is faster than it may be; then the answer is how long to wait.
    pub(crate) async fn read(&mut self) -> Result<Duration, End> {
        let mut scratch = Scratch::take();
        loop {
            let count = match self.connection.try_read(scratch.bytes()) {
                Ok(0) => return Err(End::Gone),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Duration::ZERO),
                Err(error) => return Err(End::Broken(error)),
            };
            if self.session.is_none() {
                self.received = self.received.saturating_add(count);
                if self.received > self.c2s.shared.limits().login_bytes_max.0 {
                    let error = StreamError::new(StreamCondition::PolicyViolation)
                        .text("Too much was sent before login.");
                    return Err(End::Error(error));
                }
            }
            let stanzas = self.feed(scratch.read(count)).await?;
            let wait = self.rates.as_mut().map_or(Duration::ZERO, |rates| rates.take(count, stanzas));
            // Our answers go out before we take in more.
            if !wait.is_zero() || self.unwritten.is_some() || !self.connection.try_flush()? {
                return Ok(wait);
            }
        }
    }

    /// Interprets bytes; the answer is how many stanzas they held.
    async fn feed(&mut self, mut input: &[u8]) -> Result<u32, End> {
        let mut stanzas = 0;
        loop {
            let action = match self.scanner.scan(&mut input) {
                Ok(Some(item)) => self.negotiation.item(item, self.c2s, self.connection.output()),
                Ok(None) => return Ok(stanzas),
                Err(error) => self.negotiation.xml_error(&error, self.c2s, self.connection.output()),
            };
            stanzas += u32::from(matches!(action, Action::Stanza(_)));
            if let Rest::ThrowAway = self.act(action).await? {
                return Ok(stanzas);
            }
        }
    }

    async fn act(&mut self, mut action: Action) -> Result<Rest, End> {
        loop {
            action = match action {
                Action::Continue => return Ok(Rest::Interpret),
                Action::Stanza(stanza) => return self.stanza(*stanza).await.map(|()| Rest::Interpret),
                Action::Answered(reply) => {
                    self.answered(reply.map(|reply| *reply));
                    return Ok(Rest::Interpret);
                }
                Action::Nonza(element) => return self.nonza(&element).await.map(|()| Rest::Interpret),
                Action::Close => return Err(End::Said),
                Action::StartTls(host) => {
                    self.connection.flush().await?;
                    Box::pin(self.handshake(Some(&host))).await?;
                    // RFC 6120 §5.4.3.3: nothing pipelined before the handshake survives it.
                    return Ok(Rest::ThrowAway);
                }
                Action::LookUp(look_up) => {
                    let answer = Box::pin(self.look_up(look_up)).await;
                    self.negotiation.answer(answer, self.c2s, self.connection.output())
                }
                Action::LoginFailed => {
                    self.login_failed();
                    return Ok(Rest::Interpret);
                }
                Action::LoggedIn(success) => {
                    self.logged_in(&success);
                    if success.mechanism == Mechanism::Anonymous {
                        Box::pin(self.admit(success.account)).await?;
                    }
                    return Ok(Rest::Interpret);
                }
                Action::Bind(bind) => {
                    let result = Box::pin(self.bind(&bind)).await;
                    let result = result.as_ref().map(|session| session.jid()).map_err(Clone::clone);
                    self.negotiation.bound(&bind, result, self.c2s, self.connection.output())
                }
            };
        }
    }

    async fn look_up(&mut self, look_up: LookUp) -> Answer {
        self.tried.clone_from(&look_up.account);
        let limit = self.c2s.shared.limits().login_failures_per_minute;
        if !self.c2s.is_exempt(self.peer.ip()) {
            match self.c2s.failures.judge(self.peer.ip(), self.tried.as_ref(), limit, Instant::now()) {
                Verdict::Allow => {}
                Verdict::Delay(pause) => sleep(pause).await,
                Verdict::Refuse => return Answer::Nothing,
            }
        }
        let host = self.negotiation.host().and_then(|domain| self.c2s.host(domain));
        let credentials = host.and_then(|host| host.service::<dyn Credentials>());
        let Some(credentials) = credentials else { return Answer::Unavailable };
        let _one_of_few = match &look_up.want {
            Want::Password(_) => self.c2s.password_checks.acquire().await.ok(),
            Want::Keys(_) | Want::Account => None,
        };
        sasl::look_up(&*credentials, look_up).await
    }

    fn login_failed(&mut self) {
        self.c2s.metrics.login_failures.inc();
        self.c2s.failures.count(self.peer.ip(), self.tried.as_ref(), Instant::now());
        let jid = self.tried.as_ref().map(BareJid::as_str).unwrap_or_default();
        debug!(peer = %self.peer, jid, "A login failed.");
    }

    fn logged_in(&mut self, success: &Success) {
        self.c2s.metrics.logins.inc();
        debug!(peer = %self.peer, jid = %success.account, mechanism = success.mechanism.name(), "Logged in.");
        let limits = self.c2s.shared.limits();
        self.scanner.set_limits(limits.for_client());
        self.scanner.restart();
        if !self.c2s.is_exempt(self.peer.ip()) {
            self.rates = Some(Rates::new(&limits));
        }
    }

    /// RFC 4505: an account for who has none.
    async fn admit(&mut self, guest: BareJid) -> Result<(), End> {
        let credentials = self.host().and_then(|host| host.service::<dyn Credentials>());
        let credentials = credentials.ok_or(StreamCondition::InternalServerError)?;
        let admitted = credentials.admit(guest.local().unwrap_or_default()).await;
        admitted.map_err(|_| StreamCondition::InternalServerError)?;
        self.guest = Some(guest);
        Ok(())
    }

    /// RFC 6120 §7.
    async fn bind(&mut self, bind: &Bind) -> Result<SessionRef, StanzaError> {
        let host =
            self.negotiation.host().and_then(|domain| self.c2s.host(domain)).ok_or(Condition::NotAllowed)?;
        let local = bind.account.local().unwrap_or_default();
        let account = host.account(local).await.map_err(|_| Condition::InternalServerError)?;
        // It was removed since the login.
        let account = account.ok_or(Condition::NotAllowed)?;
        let session =
            account.bind(bind.resource.as_deref(), self.c2s.config.resource_conflict, self.peer())?;
        self.session = Some(session.clone());
        session.opened().await;
        info!(host = %host.domain(), session = session.id().0, peer = %self.peer, jid = %session.jid(), "Session opened.");
        Ok(session)
    }

    async fn stanza(&mut self, stanza: Stanza) -> Result<(), End> {
        if let Some(session) = &self.session {
            let custody = self.c2s.shared.router().from_client(session, stanza).await.map_err(End::Error)?;
            if custody.outcome().is_none() && self.c2s.shared.store().is_busy() {
                self.unwritten = Some(custody.clone());
            }
            session.take_custody(custody);
            return Ok(());
        }
        let Some(host) = self.host() else { return Err(StreamCondition::HostGone.into()) };
        let asker = Asker { host: &host, place: self.early_place(), session: None, peer: self.peer() };
        let framing = self.negotiation.framing();
        match Box::pin(asker.enable_by_iq(&stanza)).await {
            Ok(enabled) => {
                let reply = Stanza { children: enabled.children, ..stanza.result() };
                framing.stanza(&reply, self.connection.output());
                enabled.then.into_iter().for_each(|then| then());
            }
            Err(error) => {
                if let Some(reply) = stanza.error_reply(&error) {
                    framing.stanza(&reply, self.connection.output());
                }
            }
        }
        Ok(())
    }

    async fn nonza(&mut self, element: &Element) -> Result<(), End> {
        if element.namespace.as_str() == waxwing_sm::NS {
            return Box::pin(self.stream_management(element)).await;
        }
        let Some(host) = self.host() else { return Err(StreamCondition::HostGone.into()) };
        let (place, peer) = (self.negotiation.place(), self.peer());
        let asker = Asker { host: &host, place, session: self.session.as_ref(), peer };
        let enabled = Box::pin(asker.enable_by_nonza(element)).await;
        let enabled = enabled.map_err(|_| StreamCondition::InternalServerError)?;
        for child in &enabled.children {
            self.negotiation.framing().nonza(child.bytes(), self.connection.output());
        }
        enabled.then.into_iter().for_each(|then| then());
        Ok(())
    }

    pub(crate) fn host(&self) -> Option<HostRef> {
        self.negotiation.host().and_then(|domain| self.c2s.host(domain))
    }

    /// Where a stanza before binding belongs: what login is possible without TLS, registration is as well.
    fn early_place(&self) -> waxwing_stream::negotiation::Place {
        use waxwing_stream::negotiation::Place;
        match self.negotiation.place() {
            Place::BeforeTls => Place::BeforeLogin,
            place => place,
        }
    }

    /// The session's life; a panic in it ends this connection and no other.
    async fn run(&mut self, session: &SessionRef) -> End {
        // Boxed, because what is handed to a function that awaits it lies in the task twice.
        let life = guard(Box::pin(self.live(session)));
        life.await.unwrap_or_else(|_| StreamCondition::InternalServerError.into())
    }

    /// Last words, then the end of session and connection.
    async fn finish(mut self: Box<Self>, end: End) {
        let said = !self.handshaking && !matches!(end, End::Broken(_));
        let (negotiation, out) = (&mut self.negotiation, self.connection.output());
        match &end {
            End::Error(error) if said => {
                self.c2s.metrics.refused.inc();
                negotiation.close(error, self.c2s, out);
            }
            End::Gone if said => {
                negotiation.end(self.c2s, out);
            }
            _ => {}
        }
        debug!(peer = %self.peer, session = self.session.as_ref().map(|session| session.id().0), error = %end, "Connection ends.");
        // What was written last goes out before modules take their time.
        let flushed = said && self.connection.try_flush().is_ok();
        if let Some(session) = self.session.take() {
            self.leave(&session, &end).await;
        }
        let credentials = self.host().and_then(|host| host.service::<dyn Credentials>());
        if let (Some(guest), Some(credentials)) = (self.guest.take(), credentials) {
            // If the store fails now, the account stays, without anybody who can log in to it.
            credentials.dismiss(guest.local().unwrap_or_default().to_owned()).await.ok();
        }
        if flushed {
            self.connection.close(FAREWELL).await;
        }
    }
}

impl Rates {
    fn new(limits: &waxwing_core::config::Limits) -> Self {
        let now = Instant::now();
        let bytes = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let burst = limits.stanzas_per_second.saturating_mul(STANZA_BURST_SECONDS);
        Self {
            bytes: TokenBucket::new(bytes(limits.rate_per_second.0), bytes(limits.rate_burst.0), now),
            stanzas: TokenBucket::new(limits.stanzas_per_second, burst, now),
        }
    }

    fn take(&mut self, bytes: usize, stanzas: u32) -> Duration {
        let now = Instant::now();
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.bytes.take(bytes, now).max(self.stanzas.take(stanzas, now))
    }
}

/// How long a client may take to hear that the stream has ended.
const FAREWELL: Duration = Duration::from_secs(5);
/// So many seconds' worth of stanzas may come at once.
const STANZA_BURST_SECONDS: u32 = 10;

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Said => f.write_str("as negotiated"),
            Self::Error(error) => write!(f, "{error}"),
            Self::Gone => f.write_str("the client has gone"),
            Self::Broken(error) => write!(f, "{error}"),
        }
    }
}
