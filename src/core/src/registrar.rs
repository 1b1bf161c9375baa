//! Everything a module can do at start, on one page.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use waxwing_store::{Table, TableRef};
use waxwing_xmpp::Form;

use crate::command::{Command, CommandCall, CommandResult};
use crate::disco::{DiscoAnswer, DiscoNode, DiscoOn, DiscoQuery, Identity};
use crate::event::{Event, HookResult, Hooked, Kinds};
use crate::host::{HostState, SavedSlot};
use crate::iq::{Iq, IqEntry, IqRequest, IqResult};
use crate::metrics::{Counter, Gauge};
use crate::module::{Module, ModuleInfo, StartError};
use crate::notice::{Notice, NoticeEntry, NoticeKind};
use crate::points::{CallGate, Entry, Exit, Gate, GateCall, Side, Step, StepCall};
use crate::router::AddressOwner;
use crate::server::Shared;
use crate::service::ServiceHandle;
use crate::slots::SlotKey;
use crate::stream_feature::{Enable, StreamFeature};
use crate::tasks::{Every, Shutdown};
use crate::{Account, Custody, HostRef, Session};

/// Where a module declares facts and hangs up callbacks. Every callback gets the module itself.
pub struct Registrar<'a> {
    pub(crate) info: ModuleInfo,
    pub(crate) host: Option<&'a HostRef>,
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) state: &'a mut HostState,
    pub(crate) binds: &'a mut Vec<Bind>,
    pub(crate) jobs: &'a mut Vec<Job>,
    pub(crate) preparations: &'a mut Vec<Job>,
}

/// Binds a service handle after all modules have started; an error names what is missing.
pub(crate) type Bind = Box<dyn FnOnce(&HostState) -> Result<(), StartError> + Send>;

/// Work that starts when all modules have started.
pub(crate) struct Job {
    pub(crate) module: &'static str,
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn FnOnce(Shutdown, Arc<Shared>) -> crate::service::BoxFuture<'static, ()> + Send>,
}

impl fmt::Debug for Registrar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registrar({})", self.info.name)
    }
}

impl Registrar<'_> {
    /// The host this module is started for.
    ///
    /// # Errors
    /// For a module of scope `Server`: it has none.
    pub fn host(&self) -> Result<&HostRef, StartError> {
        self.host.ok_or_else(|| {
            StartError::new(format!("{} runs once per server and has no host", self.info.name))
        })
    }

    /// The server, for listeners.
    pub fn server(&self) -> &Arc<Shared> {
        self.shared
    }

    // Facts: declared, then used by the core. No hook needed.

    /// A feature that answers to disco (XEP-0030).
    pub fn feature(&mut self, on: DiscoOn, var: &'static str) {
        self.state.disco.features.push((on, var));
    }

    /// An identity.
    pub fn identity(&mut self, on: DiscoOn, category: &'static str, kind: &'static str, name: &str) {
        let (category, kind) = (category.into(), kind.into());
        self.state.disco.identities.push((on, Identity { category, kind, name: name.to_owned() }));
    }

    /// An extension form (XEP-0128).
    pub fn disco_form(&mut self, on: DiscoOn, form: Form) {
        self.state.disco.forms.push((on, form));
    }

    /// Features, items, forms and nodes that depend on who asks.
    pub fn disco<M, F, Fut>(&mut self, on: DiscoOn, this: &Arc<M>, f: F)
    where
        M: Module,
        F: Fn(Arc<M>, DiscoQuery) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = DiscoAnswer> + Send + 'static,
    {
        let this = Arc::clone(this);
        self.state.disco.dynamic.push((on, Arc::new(move |query| Box::pin(f(Arc::clone(&this), query)))));
    }

    /// Has the last word on what an entity says of itself, for all askers: takes away and adds. Never waits.
    pub fn disco_revision<M, F>(&mut self, this: &Arc<M>, f: F)
    where
        M: Module,
        F: Fn(&M, DiscoOn, &mut DiscoNode) + Send + Sync + 'static,
    {
        let this = Arc::clone(this);
        self.state.disco.revisions.push(Arc::new(move |on, node: &mut DiscoNode| f(&this, on, node)));
    }

    /// A table of this module. Account-scoped rows are removed with their account.
    ///
    /// # Errors
    /// If the store refuses it (a newer version on disk).
    pub fn table<T: Table>(&mut self) -> Result<TableRef<T>, StartError> {
        Ok(self.shared.store.table::<T>()?)
    }

    /// A place for this module's state on each session; forgotten with the session.
    pub fn session_slot<T: Send + Sync + 'static>(&mut self) -> SessionSlot<T> {
        self.state.session_slots += 1;
        SessionSlot(SlotKey::new(self.state.session_slots - 1))
    }

    /// As [`Registrar::session_slot`], but what `save` makes of it goes into the record of a session that may be
    /// resumed, and `load` takes it back in another process. Call [`Session::touch`] when it changes.
    pub fn saved_session_slot<T: Send + Sync + Default + 'static>(
        &mut self,
        name: &'static str,
        save: impl Fn(&T) -> Option<Vec<u8>> + Send + Sync + 'static,
        load: impl Fn(&T, &[u8]) + Send + Sync + 'static,
    ) -> SessionSlot<T> {
        let slot = self.session_slot::<T>();
        self.state.saved_slots.push(SavedSlot {
            name,
            save: Box::new(move |session| slot.peek(session).and_then(&save)),
            load: Box::new(move |session, bytes| load(slot.get(session), bytes)),
        });
        slot
    }

    /// A place for this module's state on each account in use, loaded at the first use.
    pub fn account_slot<T: Send + Sync + 'static>(&mut self) -> AccountSlot<T> {
        self.state.account_slots += 1;
        AccountSlot(SlotKey::new(self.state.account_slots - 1))
    }

    /// A counter `<module>_<name>_total{host=…}`.
    pub fn counter(&mut self, name: &str, help: &str) -> Counter {
        self.shared.metrics.counter(&self.metric(name), help, &[("host", self.host_label())])
    }

    /// A gauge `<module>_<name>{host=…}`.
    pub fn gauge(&mut self, name: &str, help: &str) -> Gauge {
        self.shared.metrics.gauge(&self.metric(name), help, &[("host", self.host_label())])
    }

    fn metric(&self, name: &str) -> String {
        format!("{}_{name}", self.info.name)
    }

    fn host_label(&self) -> &str {
        self.host.map_or("", |host| host.domain().as_str())
    }

    /// A command for the administrator.
    pub fn command<M, F, Fut>(&mut self, mut command: Command, this: &Arc<M>, f: F)
    where
        M: Module,
        F: Fn(Arc<M>, CommandCall) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = CommandResult> + Send + 'static,
    {
        let this = Arc::clone(this);
        command.call = Some(Arc::new(move |call| Box::pin(f(Arc::clone(&this), call))));
        self.state.commands.push(command);
    }

    /// A stream feature that only informs.
    pub fn stream_feature(&mut self, mut feature: StreamFeature) {
        feature.module = self.info.name;
        self.state.features.push(feature);
    }

    /// A stream feature that its triggers enable by calling `f`.
    pub fn stream_feature_with<M, F, Fut>(&mut self, mut feature: StreamFeature, this: &Arc<M>, f: F)
    where
        M: Module,
        F: Fn(Arc<M>, Enable) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = IqResult> + Send + 'static,
    {
        let this = Arc::clone(this);
        feature.call = Some(Arc::new(move |request| Box::pin(f(Arc::clone(&this), request))));
        self.stream_feature(feature);
    }

    // Behaviour.

    /// Answers requests with this payload. Each key has one owner.
    ///
    /// # Errors
    /// Another module owns the key.
    pub fn iq<M, F, Fut>(&mut self, route: Iq, this: &Arc<M>, f: F) -> Result<(), StartError>
    where
        M: Module,
        F: Fn(Arc<M>, IqRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = IqResult> + Send + 'static,
    {
        let this = Arc::clone(this);
        let entry = IqEntry {
            module: self.info.name,
            call: Arc::new(move |request| Box::pin(f(Arc::clone(&this), request))),
        };
        self.state.iq.add(route, entry)
    }

    /// A callback that may wait; it holds back only the sender of the stanza.
    pub fn gate<M, F>(&mut self, side: Side, gate: Gate, kinds: Kinds, this: &Arc<M>, f: F)
    where
        M: Module,
        F: for<'e> Fn(&'e M, &'e mut Event) -> Hooked<'e> + Send + Sync + 'static,
    {
        let call: GateCall = Arc::new(GateOf { this: Arc::clone(this), f });
        let entry = Entry::new(&self.info, kinds, call);
        self.state.points.add_gate((side, gate), entry);
    }

    /// A callback for stanzas to the host's own address (RFC 6120 §10.5.2), which may take them over, and may wait; it
    /// holds back only the sender. The event has no account.
    pub fn host_gate<M, F>(&mut self, kinds: Kinds, this: &Arc<M>, f: F)
    where
        M: Module,
        F: for<'e> Fn(&'e M, &'e mut Event) -> Hooked<'e> + Send + Sync + 'static,
    {
        let call: GateCall = Arc::new(GateOf { this: Arc::clone(this), f });
        self.state.points.add_host(Entry::new(&self.info, kinds, call));
    }

    /// The same for stanzas to addresses of the host that are no account: for answers by which nobody can tell them from
    /// accounts (RFC 6120 §13.11).
    pub fn missing_gate<M, F>(&mut self, kinds: Kinds, this: &Arc<M>, f: F)
    where
        M: Module,
        F: for<'e> Fn(&'e M, &'e mut Event) -> Hooked<'e> + Send + Sync + 'static,
    {
        let call: GateCall = Arc::new(GateOf { this: Arc::clone(this), f });
        self.state.points.add_missing(Entry::new(&self.info, kinds, call));
    }

    /// A callback under the account's arrival lock: it never waits.
    pub fn step<M, F>(&mut self, side: Side, step: Step, kinds: Kinds, this: &Arc<M>, f: F)
    where
        M: Module,
        F: Fn(&M, &mut Event) -> HookResult + Send + Sync + 'static,
    {
        let this = Arc::clone(this);
        let call: StepCall = Arc::new(move |event: &mut Event| f(&this, event));
        let entry = Entry::new(&self.info, kinds, call);
        self.state.points.add_step((side, step), entry);
    }

    /// A callback in the task of the session that is written to: it never waits.
    pub fn exit<M, F>(&mut self, exit: Exit, kinds: Kinds, this: &Arc<M>, f: F)
    where
        M: Module,
        F: Fn(&M, &mut Event) -> HookResult + Send + Sync + 'static,
    {
        let this = Arc::clone(this);
        let call: StepCall = Arc::new(move |event: &mut Event| f(&this, event));
        let entry = Entry::new(&self.info, kinds, call);
        self.state.points.add_exit(exit, entry);
    }

    /// For a service module: takes every stanza for its domain that the IQ table does not take.
    ///
    /// # Errors
    /// Another module took them.
    pub fn addresses<M, F, Fut>(&mut self, this: &Arc<M>, f: F) -> Result<(), StartError>
    where
        M: Module,
        F: Fn(Arc<M>, Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Custody> + Send + 'static,
    {
        if let Some(owner) = &self.state.addresses {
            let (other, name) = (owner.module, self.info.name);
            return Err(StartError::new(format!("{other} and {name} both want all addresses of one host")));
        }
        let this = Arc::clone(this);
        let module = self.info.name;
        self.state.addresses =
            Some(AddressOwner { module, call: Arc::new(move |event| Box::pin(f(Arc::clone(&this), event))) });
        Ok(())
    }

    /// Told when something of this kind happened.
    pub fn notice<M, F, Fut>(&mut self, kind: NoticeKind, this: &Arc<M>, f: F)
    where
        M: Module,
        F: Fn(Arc<M>, Notice) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let this = Arc::clone(this);
        let module = self.info.name;
        let call = move |notice| -> crate::BoxFuture<'static, ()> { Box::pin(f(Arc::clone(&this), notice)) };
        self.state.notices.push(NoticeEntry { module, kind, call: Arc::new(call) });
    }

    /// Work that is done before the first connection is taken; the server waits for it.
    pub fn prepare<M, F, Fut>(&mut self, name: &'static str, this: &Arc<M>, f: F)
    where
        M: Module,
        F: FnOnce(Arc<M>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let this = Arc::clone(this);
        let run = move |_, _| -> crate::BoxFuture<'static, ()> { Box::pin(f(this)) };
        self.preparations.push(Job { module: self.info.name, name, run: Box::new(run) });
    }

    /// Work that repeats until the server stops; supervised.
    pub fn task<M, F, Fut>(&mut self, name: &'static str, every: Every, this: &Arc<M>, f: F)
    where
        M: Module,
        F: Fn(Arc<M>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let this = Arc::clone(this);
        let module = self.info.name;
        let run = move |shutdown, shared: Arc<Shared>| -> crate::BoxFuture<'static, ()> {
            let work = move || f(Arc::clone(&this));
            Box::pin(crate::tasks::repeat(every, shutdown, work, move || shared.panicked(module)))
        };
        self.jobs.push(Job { module, name, run: Box::new(run) });
    }

    /// Work that starts with the server and ends when it is told to (listeners).
    pub fn run<M, F, Fut>(&mut self, name: &'static str, this: &Arc<M>, f: F)
    where
        M: Module,
        F: FnOnce(Arc<M>, Shutdown) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let this = Arc::clone(this);
        let run = move |shutdown, _| -> crate::BoxFuture<'static, ()> { Box::pin(f(this, shutdown)) };
        self.jobs.push(Job { module: self.info.name, name, run: Box::new(run) });
    }

    // Other modules.

    /// Gives the other modules of this host (and the core) a service.
    ///
    /// # Errors
    /// There is one of this type already.
    pub fn provide<S: ?Sized + Send + Sync + 'static>(&mut self, service: Arc<S>) -> Result<(), StartError> {
        if self.state.services.add(service) {
            return Ok(());
        }
        let what = std::any::type_name::<S>();
        Err(StartError::new(format!("{}: another module provides {what} on this host", self.info.name)))
    }

    /// A handle to a service, bound after all modules have started; the start fails if nobody provides it.
    pub fn service<S: ?Sized + Send + Sync + 'static>(&mut self) -> ServiceHandle<S> {
        let handle = ServiceHandle::new();
        let (bound, module) = (handle.clone(), self.info.name);
        self.binds.push(Box::new(move |state| {
            bound.bind(&state.services);
            let what = std::any::type_name::<S>();
            bound
                .get()
                .map(drop)
                .ok_or_else(|| StartError::new(format!("{module} needs {what}: no module provides it")))
        }));
        handle
    }

    /// As [`Registrar::service`], but its absence is fine.
    pub fn optional_service<S: ?Sized + Send + Sync + 'static>(&mut self) -> ServiceHandle<S> {
        let handle = ServiceHandle::new();
        let bound = handle.clone();
        self.binds.push(Box::new(move |state| {
            bound.bind(&state.services);
            Ok(())
        }));
        handle
    }

    /// How long a graceful stop may take.
    pub fn drain_time(&self) -> Duration {
        self.shared.config().limits.drain_time.0
    }
}

/// A gate callback with its module.
struct GateOf<M, F> {
    this: Arc<M>,
    f: F,
}

impl<M, F> CallGate for GateOf<M, F>
where
    M: Module,
    F: for<'e> Fn(&'e M, &'e mut Event) -> Hooked<'e> + Send + Sync,
{
    fn call<'a>(&'a self, event: &'a mut Event) -> Hooked<'a> {
        (self.f)(&self.this, event)
    }
}

/// A place for state on each session.
#[derive(Debug)]
pub struct SessionSlot<T>(SlotKey<T>);

impl<T> Clone for SessionSlot<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SessionSlot<T> {}

impl<T: Send + Sync + 'static> SessionSlot<T> {
    /// The state if it was made already.
    pub fn peek<'a>(&self, session: &'a Session) -> Option<&'a T> {
        self.0.peek(session.slots())
    }

    /// The state, made at the first use.
    pub fn get<'a>(&self, session: &'a Session) -> &'a T
    where
        T: Default,
    {
        self.0.get_or_make(session.slots(), T::default)
    }
}

/// A place for state on each account in use.
#[derive(Debug)]
pub struct AccountSlot<T>(SlotKey<T>);

impl<T> Clone for AccountSlot<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for AccountSlot<T> {}

impl<T: Send + Sync + 'static> AccountSlot<T> {
    /// The state if it is loaded.
    pub fn peek<'a>(&self, account: &'a Account) -> Option<&'a T> {
        self.0.peek(account.slots())
    }

    /// The state, loaded at the first use; concurrent callers wait for the same load.
    ///
    /// # Errors
    /// What the load returned; the next call tries again.
    pub async fn load<'a, E>(
        &self,
        account: &'a Account,
        load: impl Future<Output = Result<T, E>>,
    ) -> Result<&'a T, E> {
        self.0.load(account.slots(), load).await
    }

    /// The state, made at the first use.
    pub fn get<'a>(&self, account: &'a Account) -> &'a T
    where
        T: Default,
    {
        self.0.get_or_make(account.slots(), T::default)
    }
}
