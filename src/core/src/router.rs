//! The way of a stanza: from where it came, past the hooks, to mailboxes, handlers or another server.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use arc_swap::ArcSwap;
use tracing::{debug, error};
use waxwing_xmpp::{
    Condition, Domain, IqType, Jid, Kind, PresenceType, Stanza, StanzaError, StreamCondition, StreamError,
};

use crate::delivery::{Address, Outcome, Plan, Resource, plan};
use crate::event::{Event, Flow, HookResult, Hooked, Kinds, Origin};
use crate::external::Externals;
use crate::points::{Entry, Exit, Gate, GateCall, Side, Step};
use crate::request::Requests;
use crate::service::{BoxFuture, Contacts, RemoteDelivery};
use crate::tasks::{guard, guard_now};
use crate::{AccountRef, Custody, Delivery, HostRef, IqRequest, IqResult, IqTo, Reply, SessionRef, Shape};

/// The service module that owns all addresses of its host.
#[derive(Clone)]
pub(crate) struct AddressOwner {
    pub(crate) module: &'static str,
    pub(crate) call: Arc<dyn Fn(Event) -> BoxFuture<'static, Custody> + Send + Sync>,
}

impl fmt::Debug for AddressOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.module)
    }
}

/// Finds the host or server of an address and brings the stanza there.
#[derive(Default)]
pub struct Router {
    hosts: ArcSwap<HashMap<Box<str>, HostRef>>,
    pub(crate) externals: Externals,
    counters: OnceLock<Counters>,
    pub(crate) requests: Arc<Requests>,
    remote: OnceLock<Weak<dyn RemoteDelivery>>,
}

/// What the router counts.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) sent: crate::metrics::Counter,
    pub(crate) delivered: crate::metrics::Counter,
    pub(crate) bounced: crate::metrics::Counter,
    pub(crate) dropped: crate::metrics::Counter,
    pub(crate) panics: crate::metrics::Counter,
    pub(crate) requests_unanswered: crate::metrics::Counter,
    pub(crate) requests_refused: crate::metrics::Counter,
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Router({} hosts)", self.hosts.load().len())
    }
}

/// What becomes of a stanza on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passes {
    /// It goes out.
    On,
    /// It waits.
    Held,
}

/// What is left of a stanza after the gates of a side.
#[expect(clippy::large_enum_variant, reason = "it lives on the stack of one call")]
enum Passed {
    /// It goes on.
    On(Event),
    /// Nothing more happens.
    Gone(Custody),
}

impl Router {
    pub(crate) fn set_counters(&self, counters: Counters) {
        // Set once at start.
        drop(self.counters.set(counters));
    }

    pub(crate) fn set_hosts(&self, hosts: HashMap<Box<str>, HostRef>) {
        self.hosts.store(Arc::new(hosts));
    }

    /// The host of a domain that is served here.
    pub fn host(&self, domain: &str) -> Option<HostRef> {
        self.hosts.load().get(domain).cloned()
    }

    /// All hosts, by domain.
    pub fn hosts(&self) -> Vec<HostRef> {
        let mut hosts: Vec<HostRef> = self.hosts.load().values().cloned().collect();
        hosts.sort_by(|a, b| a.domain().cmp(b.domain()));
        hosts
    }

    /// Who takes stanzas for other servers; the first to say so does.
    pub fn set_remote<S: RemoteDelivery + 'static>(&self, service: &Arc<S>) {
        let service: Weak<S> = Arc::downgrade(service);
        self.remote.set(service).ok();
    }

    /// Takes a stanza from one of our clients: stamps it, passes it by the sender's hooks and routes it.
    ///
    /// # Errors
    /// `invalid-from` if the client speaks for somebody else: the stream must end (RFC 6120 §8.1.2.1).
    pub async fn from_client(
        &self,
        session: &SessionRef,
        mut stanza: Stanza,
    ) -> Result<Custody, StreamError> {
        stamp(session, &mut stanza)?;
        self.count(|counters| counters.sent.inc());
        let event = Event::new(
            Arc::clone(session.host()),
            Origin::Client(Arc::clone(session)),
            Some(Arc::clone(session.account())),
            Custody::memory(),
            stanza,
        );
        let mut event = match self.gates(Side::Sent, event).await {
            Passed::On(event) => event,
            Passed::Gone(custody) => return Ok(custody),
        };
        if let Err(error) = self.sent_steps(&mut event) {
            return Ok(self.bounce(event.stanza, &error, &event.origin).await);
        }
        Ok(self.route(event.stanza, event.origin, event.custody).await)
    }

    /// Takes a stanza from an external service that may speak for an account: it comes from the account's bare JID, and
    /// passes the sender's hooks as if one of the account's clients had sent it. What is refused there comes back to that
    /// address.
    pub async fn from_account(&self, account: &AccountRef, by: &Domain, mut stanza: Stanza) -> Custody {
        stanza.from = Some(account.jid().as_jid().clone());
        let event = Event::new(
            Arc::clone(account.host()),
            Origin::Account { account: Arc::clone(account), by: by.clone() },
            Some(Arc::clone(account)),
            Custody::memory(),
            stanza,
        );
        let mut event = match self.gates(Side::Sent, event).await {
            Passed::On(event) => event,
            Passed::Gone(custody) => return custody,
        };
        if let Err(error) = self.sent_steps(&mut event) {
            return self.bounce(event.stanza, &error, &event.origin).await;
        }
        self.route(event.stanza, event.origin, event.custody).await
    }

    /// Brings a stanza to its `to` address, past the hooks of the receiving side. For stanzas of the server
    /// itself, of service hosts, of other servers and components.
    pub fn route(&self, stanza: Stanza, origin: Origin, custody: Custody) -> BoxFuture<'_, Custody> {
        Box::pin(async move {
            if self.requests.answered_by(&stanza) {
                return custody;
            }
            let Some(domain) =
                stanza.to.as_ref().map(|to| to.domain().to_owned()).or_else(|| own_domain(&origin))
            else {
                debug!("A stanza without address was dropped.");
                return custody;
            };
            if let Some(host) = self.host(&domain) {
                return self.to_host(host, stanza, origin, custody).await;
            }
            match self.external(&domain) {
                Some(external) => self.to_external(external, stanza, origin, custody).await,
                None => self.to_remote(&domain, stanza, origin, custody).await,
            }
        })
    }

    /// Sends a stanza of the server itself.
    pub async fn send(&self, stanza: Stanza) -> Custody {
        self.route(stanza, Origin::Server, Custody::memory()).await
    }

    /// Answers a stanza with an error, unless none may be sent (RFC 6120 §8.3.1). Local clients get it directly.
    pub async fn bounce(&self, stanza: Stanza, error: &StanzaError, origin: &Origin) -> Custody {
        match stanza.error_reply(error) {
            Some(reply) => self.hand_back(reply, origin).await,
            None => Custody::memory(),
        }
    }

    /// The same, with an error reply that has something beside the error.
    pub async fn hand_back(&self, mut reply: Stanza, origin: &Origin) -> Custody {
        self.count(|counters| counters.bounced.inc());
        match origin {
            Origin::Client(session) => {
                reply.to = Some(session.jid().clone());
                self.give_back(session, reply);
                Custody::memory()
            }
            _ => self.route(reply, Origin::Server, Custody::memory()).await,
        }
    }

    /// Gives a client the error that its stanza has met, past the gates, which would stop what seems to come from
    /// somebody blocked; the user's other clients may want to know (XEP-0280 §6.1).
    fn give_back(&self, session: &SessionRef, reply: Stanza) {
        let host = session.host();
        if !matches!(reply.kind, Kind::Message(_))
            || host.state().points.step(Side::Received, Step::Copy).is_empty()
        {
            session.send(reply);
            return;
        }
        let account = Some(Arc::clone(session.account()));
        let mut event =
            Event::new(Arc::clone(host), Origin::Server, account, Custody::memory(), reply.clone());
        session.account().arrive(|sessions| {
            session.send(reply);
            let target = sessions.iter().position(|other| other == session);
            event.plan = Plan { outcome: Outcome::Deliver, targets: target.into_iter().collect() };
            event.sessions = Arc::clone(sessions);
            // A copy that fails concerns nobody else.
            self.steps(host, Side::Received, Step::Copy, &mut event).ok();
        });
    }

    /// What the client of a closed session never acknowledged and no log keeps is routed anew: messages that nobody
    /// else got find another session or bounce, requests bounce (RFC 6121 §8.5.3.2). All else is gone with the session.
    pub(crate) async fn return_unsent(&self, items: impl IntoIterator<Item = Delivery>) {
        for item in items {
            let Delivery { stanza: Some(stanza), logged: None, sole: true, .. } = item else { continue };
            if matches!(stanza.kind, Kind::Message(_) | Kind::Iq(IqType::Get | IqType::Set)) {
                // Hooks saw it when it arrived; delivery alone is done again.
                if let Some(host) = stanza.to.as_ref().and_then(|to| self.host(to.domain())) {
                    self.redeliver(&host, stanza).await;
                }
            }
        }
    }

    /// Passes a stanza by the callbacks of the session it is about to be written to.
    pub fn outgoing(&self, session: SessionRef, stanza: Stanza) -> (Passes, Stanza) {
        let host = Arc::clone(session.host());
        let entries = host.state().points.exit(Exit::Hold);
        if entries.is_empty() {
            return (Passes::On, stanza);
        }
        let kind = Kinds::of(stanza.kind);
        let account = Some(Arc::clone(session.account()));
        let origin = Origin::Client(session);
        let mut event = Event::new(Arc::clone(&host), origin, account, Custody::memory(), stanza);
        for entry in entries {
            if !entry.kinds.meets(kind) {
                continue;
            }
            // A panic is counted and the stanza goes out: it was delivered already.
            match guard_now(|| (entry.call)(&mut event)).unwrap_or_else(|_| self.panicked(entry.module)) {
                Ok(Flow::Handled | Flow::Drop(_)) => return (Passes::Held, event.stanza),
                Ok(Flow::Continue) | Err(_) => {}
            }
        }
        (Passes::On, event.stanza)
    }

    async fn redeliver(&self, host: &HostRef, stanza: Stanza) {
        let Some(to) = stanza.to.clone() else { return };
        let account = to.local().and_then(|local| host.known(local));
        let Some(account) = account else { return };
        let mut event = Event::new(
            Arc::clone(host),
            Origin::Server,
            Some(Arc::clone(&account)),
            Custody::memory(),
            stanza,
        );
        let error = account.arrive(|sessions| {
            event.plan = decide(&event.stanza, &to, sessions);
            self.hand_over(&mut event, sessions)
        });
        if let Err(error) = error {
            self.bounce(event.stanza, &error, &Origin::Server).await;
        }
    }

    /// Runs the gates of one side in order; they may wait.
    async fn gates(&self, side: Side, mut event: Event) -> Passed {
        let host = Arc::clone(&event.host);
        for gate in [Gate::Check, Gate::Rewrite, Gate::Handle] {
            event = match self.past(host.state().points.gate(side, gate), event).await {
                Passed::On(event) => event,
                gone @ Passed::Gone(_) => return gone,
            };
        }
        Passed::On(event)
    }

    /// Runs callbacks that may wait, one after the other.
    async fn past(&self, entries: &[Entry<GateCall>], mut event: Event) -> Passed {
        let kind = Kinds::of(event.stanza.kind);
        for entry in entries.iter().filter(|entry| entry.kinds.meets(kind)) {
            let result = match guard_now(|| entry.call.call(&mut event)) {
                Ok(Hooked::Now(result)) => result,
                Ok(Hooked::Wait(future)) => {
                    let waited = guard(future).await;
                    waited.unwrap_or_else(|_| self.panicked(entry.module))
                }
                Err(_) => self.panicked(entry.module),
            };
            match result {
                Ok(Flow::Continue) => {}
                Ok(Flow::Handled) => return Passed::Gone(event.custody),
                Ok(Flow::Drop(reason)) => {
                    debug!(module = entry.module, reason = reason.0, "A stanza was dropped.");
                    self.count(|counters| counters.dropped.inc());
                    return Passed::Gone(event.custody);
                }
                Err(error) => {
                    let custody = self.bounce(event.stanza, &error, &event.origin).await;
                    return Passed::Gone(custody);
                }
            }
        }
        Passed::On(event)
    }

    /// A panic fails closed: the stanza bounces.
    fn panicked(&self, module: &'static str) -> HookResult {
        error!(module, "A module panicked; the stanza was refused.");
        self.count(|counters| counters.panics.inc());
        Err(Condition::InternalServerError.into())
    }

    /// Record and Copy of the sender's side, under the sender's arrival lock.
    fn sent_steps(&self, event: &mut Event) -> Result<(), StanzaError> {
        let host = Arc::clone(&event.host);
        let points = &host.state().points;
        if points.step(Side::Sent, Step::Record).is_empty() && points.step(Side::Sent, Step::Copy).is_empty()
        {
            return Ok(());
        }
        let Some(account) = event.account.clone() else { return Ok(()) };
        account.arrive(|sessions| {
            event.sessions = Arc::clone(sessions);
            self.steps(&host, Side::Sent, Step::Record, event)?;
            self.steps(&host, Side::Sent, Step::Copy, event).map(drop)
        })
    }

    /// Runs the callbacks of one step; none may wait.
    fn steps(&self, host: &HostRef, side: Side, step: Step, event: &mut Event) -> HookResult {
        let kind = Kinds::of(event.stanza.kind);
        for entry in host.state().points.step(side, step) {
            if !entry.kinds.meets(kind) {
                continue;
            }
            let result = match guard_now(|| (entry.call)(event)) {
                Ok(result) => result,
                // Record fails closed; the others are skipped.
                Err(_) if step == Step::Record => self.panicked(entry.module),
                Err(_) => self.panicked(entry.module).or(Ok(Flow::Continue)),
            };
            match result? {
                Flow::Continue => {}
                done => return Ok(done),
            }
        }
        Ok(Flow::Continue)
    }

    async fn to_remote(&self, domain: &str, stanza: Stanza, origin: Origin, mut custody: Custody) -> Custody {
        let from = stanza.from.as_ref().and_then(|from| self.own(from.domain()));
        let service = self.remote.get().and_then(Weak::upgrade);
        match (service, from, Domain::parse(domain)) {
            (Some(service), Some(from), Ok(to)) => {
                service.deliver(&from, &to, stanza, &mut custody);
                custody
            }
            _ => {
                let error = StanzaError::from(Condition::RemoteServerNotFound);
                self.bounce(stanza, &error, &origin).await
            }
        }
    }

    async fn to_host(&self, host: HostRef, stanza: Stanza, origin: Origin, custody: Custody) -> Custody {
        if let Some(owner) = &host.state().addresses {
            let taken = stanza.is_request().then(|| self.handler(&host, IqTo::Host, &stanza)).flatten();
            if stanza.to.as_ref().is_some_and(|to| to.local().is_some()) || taken.is_none() {
                let event = Event::new(Arc::clone(&host), origin, None, custody, stanza);
                return guard((owner.call)(event)).await.unwrap_or_default();
            }
        }
        let local = stanza.to.as_ref().and_then(Jid::local);
        match (local.map(str::to_owned), stanza.to.is_none()) {
            (Some(local), _) => self.to_account(host, &local, stanza, origin, custody).await,
            (None, true) => self.to_own(host, stanza, origin, custody).await,
            (None, false) => self.to_domain(host, stanza, origin, custody).await,
        }
    }

    /// A stanza for the host's own address (RFC 6120 §10.5.2, RFC 6121 §8.4).
    async fn to_domain(&self, host: HostRef, stanza: Stanza, origin: Origin, custody: Custody) -> Custody {
        let event = Event::new(Arc::clone(&host), origin, None, custody, stanza);
        let Event { stanza, origin, custody, .. } = match self.past(host.state().points.host(), event).await {
            Passed::On(event) => event,
            Passed::Gone(custody) => return custody,
        };
        let with_resource = stanza.to.as_ref().is_some_and(|to| to.resource().is_some());
        match stanza.kind {
            Kind::Iq(IqType::Get | IqType::Set) if !with_resource => {
                self.answer(host, IqTo::Host, None, stanza, origin, custody).await
            }
            Kind::Iq(IqType::Get | IqType::Set) | Kind::Message(_) => {
                self.bounce(stanza, &Condition::ServiceUnavailable.into(), &origin).await
            }
            Kind::Iq(_) | Kind::Presence(_) => custody,
        }
    }

    /// A stanza without `to` from one of our accounts (RFC 6120 §10.3). Presence was taken by a module before.
    async fn to_own(&self, host: HostRef, mut stanza: Stanza, origin: Origin, custody: Custody) -> Custody {
        let Some(account) = origin.account().cloned() else { return custody };
        match stanza.kind {
            Kind::Iq(IqType::Get | IqType::Set) => {
                self.answer(host, IqTo::Own, Some(account), stanza, origin, custody).await
            }
            Kind::Message(_) => {
                // §10.3.1: as if it were for the sender's bare JID.
                stanza.to = Some(account.jid().as_jid().clone());
                let local = account.jid().local().unwrap_or_default().to_owned();
                self.to_account(host, &local, stanza, origin, custody).await
            }
            Kind::Iq(_) | Kind::Presence(_) => custody,
        }
    }

    async fn to_account(
        &self,
        host: HostRef,
        local: &str,
        stanza: Stanza,
        origin: Origin,
        custody: Custody,
    ) -> Custody {
        let account = match host.account(local).await {
            Ok(account) => account,
            Err(cause) => {
                error!(host = %host.domain(), error = %cause, "The store failed while an account was looked up.");
                return self.bounce(stanza, &Condition::InternalServerError.into(), &origin).await;
            }
        };
        let Some(account) = account else { return self.no_such_user(host, stanza, origin, custody).await };
        let event = Event::new(host, origin, Some(Arc::clone(&account)), custody, stanza);
        match self.gates(Side::Received, event).await {
            Passed::On(event) => self.arrive(account, event).await,
            Passed::Gone(custody) => custody,
        }
    }

    /// RFC 6121 §8.5.1.
    async fn no_such_user(&self, host: HostRef, stanza: Stanza, origin: Origin, custody: Custody) -> Custody {
        let event = Event::new(Arc::clone(&host), origin, None, custody, stanza);
        let Event { stanza, origin, custody, .. } =
            match self.past(host.state().points.missing(), event).await {
                Passed::On(event) => event,
                Passed::Gone(custody) => return custody,
            };
        let bare = stanza.to.as_ref().is_some_and(Jid::is_bare);
        if bare && stanza.is_request() && self.handler(&host, IqTo::Missing, &stanza).is_some() {
            return self.answer(host, IqTo::Missing, None, stanza, origin, custody).await;
        }
        let address = stanza.to.as_ref().and_then(Jid::resource).map_or(Address::Bare, Address::Full);
        match plan(stanza.kind, address, false, &[]).outcome {
            Outcome::Bounce(condition) => self.bounce(stanza, &condition.into(), &origin).await,
            _ => custody,
        }
    }

    /// Plans and delivers under the account's arrival lock, then answers or bounces outside of it.
    async fn arrive(&self, account: AccountRef, mut event: Event) -> Custody {
        let Some(to) = event.stanza.to.clone() else { return event.custody };
        if let Some(error) = self.presence_leak(&account, &event, &to).await {
            return self.bounce(event.stanza, &error, &event.origin).await;
        }
        let result = account.arrive(|sessions| {
            event.plan = decide(&event.stanza, &to, sessions);
            event.sessions = Arc::clone(sessions);
            self.record_and_copy(&mut event)?;
            self.hand_over(&mut event, sessions)
        });
        if result.is_ok() && matches!(event.plan.outcome, Outcome::Deliver | Outcome::Undelivered) {
            let host = Arc::clone(&event.host);
            // It is delivered by now: whatever goes wrong here concerns nobody else.
            self.steps(&host, Side::Received, Step::Notify, &mut event).ok();
        }
        let Event { host, stanza, origin, custody, plan, .. } = event;
        match (result, plan.outcome) {
            (Err(error), _) => self.bounce(stanza, &error, &origin).await,
            (Ok(()), Outcome::Answer) if stanza.is_request() => {
                let own = origin.account().is_some_and(|sender| sender.jid() == account.jid());
                let to = if own { IqTo::Own } else { IqTo::Account };
                self.answer(host, to, Some(account), stanza, origin, custody).await
            }
            (Ok(()), _) => custody,
        }
    }

    fn record_and_copy(&self, event: &mut Event) -> Result<(), StanzaError> {
        let host = Arc::clone(&event.host);
        // What bounces or is ignored is neither recorded nor copied.
        if matches!(event.plan.outcome, Outcome::Deliver | Outcome::Undelivered) {
            self.steps(&host, Side::Received, Step::Record, event)?;
            self.steps(&host, Side::Received, Step::Copy, event)?;
        }
        Ok(())
    }

    /// Puts the stanza into the mailboxes of the plan. What no session takes stays in the account's log, else bounces
    /// with `service-unavailable`.
    fn hand_over(&self, event: &mut Event, sessions: &[SessionRef]) -> Result<(), StanzaError> {
        if let Outcome::Bounce(condition) = event.plan.outcome {
            return Err(condition.into());
        }
        let targets = event.plan.targets.clone();
        let sole = targets.len() == 1;
        let mut taken = 0_u64;
        for session in targets.iter().filter_map(|index| sessions.get(*index)) {
            let stanza = event.stanza.clone();
            taken += u64::from(match event.logged {
                Some(position) => session.hand(stanza, position, Shape::Original, sole),
                None => session.put(Delivery::new(stanza, sole)),
            });
        }
        self.count(|counters| counters.delivered.inc_by(taken));
        let lost = taken == 0 && event.plan.outcome == Outcome::Deliver;
        if lost && matches!(event.stanza.kind, Kind::Presence(_)) {
            return Ok(());
        }
        if lost || event.plan.outcome == Outcome::Undelivered {
            event.plan = Plan { outcome: Outcome::Undelivered, targets: smallvec::SmallVec::new() };
            if event.logged.is_none() {
                return Err(Condition::ServiceUnavailable.into());
            }
        }
        Ok(())
    }

    /// RFC 6121 §8.5.3.1: a request to a full JID passes only between entities that share presence, or it would
    /// tell a stranger that the resource is there.
    async fn presence_leak(&self, account: &AccountRef, event: &Event, to: &Jid) -> Option<StanzaError> {
        // The server may ask anybody: it tells the answer to nobody.
        if !event.stanza.is_request() || to.resource().is_none() || matches!(event.origin, Origin::Server) {
            return None;
        }
        let from = event.stanza.from.as_ref()?;
        let contacts = event.host.service::<dyn Contacts>()?;
        if from.same_bare(account.jid().as_jid()) {
            return None;
        }
        match contacts.sees(account, from).await {
            Ok(true) => None,
            Ok(false) => Some(Condition::ServiceUnavailable.into()),
            Err(cause) => {
                error!(host = %event.host.domain(), error = %cause, "The store failed while a contact was looked up.");
                Some(Condition::InternalServerError.into())
            }
        }
    }

    fn handler(
        &self,
        host: &HostRef,
        to: IqTo,
        stanza: &Stanza,
    ) -> Option<(&'static str, crate::iq::IqCall)> {
        let set = matches!(stanza.kind, Kind::Iq(IqType::Set));
        let payload = stanza.children.iter().next()?;
        host.state().iq.find(to, set, payload).map(|entry| (entry.module, Arc::clone(&entry.call)))
    }

    /// Calls the owner of a request's payload and sends what it returns, once that is durable.
    async fn answer(
        &self,
        host: HostRef,
        to: IqTo,
        account: Option<AccountRef>,
        stanza: Stanza,
        origin: Origin,
        custody: Custody,
    ) -> Custody {
        let handler = self.handler(&host, to, &stanza);
        let (Some((module, call)), Some(payload)) = (handler, stanza.children.iter().next().cloned()) else {
            // RFC 6120 §8.4, RFC 6121 §8.5.2.1.3.
            return self.bounce(stanza, &Condition::ServiceUnavailable.into(), &origin).await;
        };
        let request =
            IqRequest { stanza: stanza.clone(), payload, to, host, origin: origin.clone(), account };
        let answer = match guard(call(request)).await {
            Ok(answer) => answer,
            Err(_) => self.panicked(module).map(|_| Reply::empty()),
        };
        self.respond(stanza, answer, origin, custody).await
    }

    /// Answers a request that a callback has taken over ([`Flow::Handled`]).
    pub async fn respond(
        &self,
        request: Stanza,
        answer: IqResult,
        origin: Origin,
        custody: Custody,
    ) -> Custody {
        match answer {
            Ok(reply) => self.reply(request, reply, origin, custody).await,
            Err(error) => self.bounce(request, &error, &origin).await,
        }
    }

    async fn reply(
        &self,
        request: Stanza,
        mut reply: Reply,
        origin: Origin,
        mut custody: Custody,
    ) -> Custody {
        if let Err(cause) = reply.durable().await {
            error!(error = %cause, "A write failed; the request was answered with an error.");
            return self.bounce(request, &Condition::InternalServerError.into(), &origin).await;
        }
        let then = reply.take_then();
        custody.join(reply.custody);
        let mut result = request.result();
        result.children = reply.children;
        let custody = match &origin {
            Origin::Client(session) => {
                result.to = Some(session.jid().clone());
                session.send(result);
                custody
            }
            _ => self.route(result, Origin::Server, custody).await,
        };
        if let Some(then) = then {
            then();
        }
        custody
    }

    pub(crate) fn count<T>(&self, count: impl FnOnce(&Counters) -> T) {
        if let Some(counters) = self.counters.get() {
            drop(count(counters));
        }
    }
}

/// RFC 6120 §8.1.2.1: a client may only name itself; the server stamps the full JID.
fn stamp(session: &SessionRef, stanza: &mut Stanza) -> Result<(), StreamError> {
    let own = session.jid();
    let honest = |from: &Jid| from == own || (from.is_bare() && from.same_bare(own));
    if !stanza.from.as_ref().is_none_or(honest) {
        return Err(StreamError::new(StreamCondition::InvalidFrom).text("'from' is not your own address."));
    }
    stanza.from = Some(own.clone());
    Ok(())
}

/// Where a stanza without `to` belongs: the sender's own host.
fn own_domain(origin: &Origin) -> Option<String> {
    origin.account().map(|account| account.host().domain().as_str().to_owned())
}

fn decide(stanza: &Stanza, to: &Jid, sessions: &[SessionRef]) -> Plan {
    let resources: smallvec::SmallVec<[Resource<'_>; 8]> = sessions
        .iter()
        .map(|session| Resource {
            name: session.jid().resource().unwrap_or_default(),
            priority: session.priority(),
        })
        .collect();
    // A connected resource that is not available gets no presence but what is sent to its full JID.
    let plan = plan(stanza.kind, to.resource().map_or(Address::Bare, Address::Full), true, &resources);
    debug_assert!(!matches!(stanza.kind, Kind::Presence(PresenceType::Subscribe)) || plan.targets.is_empty());
    plan
}
