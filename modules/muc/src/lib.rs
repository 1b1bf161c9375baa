//! Multi-User Chat: rooms, on a domain of their own.
//!
//! Spec: [XEP-0045](https://xmpp.org/extensions/xep-0045.html); those beside it stand in the files that implement them.
//!
//! A [`room::Room`] is a state machine without I/O: it is given a [`turn::Turn`] with what it has to know, changes its
//! state, and leaves there what is to be sent and written. One short lock per room orders all that happens in it; what
//! leaves it does so in that order, past the lock ([`outbox`]). What lasts is written under the lock ([`persist`]), and
//! nothing is confirmed before it is on disk. Rooms are loaded when somebody first needs them ([`rooms`]).

mod admin;
mod admins;
mod affiliation;
mod archive;
mod audience;
mod avatar;
mod change;
mod commands;
mod config;
mod config_form;
mod disco;
mod enter;
mod ghosts;
mod handle;
mod hats;
mod history;
mod in_use;
mod invite;
mod iq;
mod item;
mod leave;
mod loads;
mod mention;
mod message;
mod moderation;
mod names;
mod nick;
mod occupant;
mod outbox;
mod owner;
mod pace;
mod persist;
mod presence;
mod privilege;
mod rate;
mod registration;
mod relay;
mod rename;
mod role;
mod room;
mod rooms;
mod service;
mod settings;
mod slow;
mod subject;
mod table;
mod turn;
mod versions;
mod voice;
mod world;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use waxwing_core::metrics::{Counter, Gauge};
use waxwing_core::prelude::*;
use waxwing_core::tasks::Workers;
use waxwing_core::{Accounts, BoxFuture, Phase, Shutdown};
use waxwing_log::Log;

pub use config::{Config, Create, Defaults};
use in_use::InUse;
use loads::Loads;

/// The rooms of one service.
pub struct Muc {
    host: HostRef,
    config: Mutex<Arc<Config>>,
    log: ServiceHandle<Log>,
    index: TableRef<table::Index>,
    creators: TableRef<table::Creators>,
    rooms_table: TableRef<table::Rooms>,
    affiliates: TableRef<table::Affiliates>,
    occupants: TableRef<table::Occupants>,
    requests: TableRef<table::Requests>,
    cards: TableRef<table::Cards>,
    hats: TableRef<table::HatRows>,
    wearers: TableRef<table::Wearers>,
    rooms: Mutex<InUse>,
    /// Names of rooms that have ended and may still be in the index.
    ending: Mutex<HashMap<String, Ticket>>,
    /// Names whose rooms are being loaded or made.
    loads: Loads,
    /// Rooms on disk.
    count: AtomicUsize,
    admins: Mutex<admins::Admins>,
    /// Makes occupant ids (XEP-0421).
    key: [u8; 32],
    /// What leaves busy rooms.
    workers: Workers,
    me: OnceLock<Weak<Self>>,
    metrics: Metrics,
}

struct Metrics {
    messages: Counter,
    copies: Counter,
    refused: Counter,
    ghosts: Counter,
    created: Counter,
    in_use: Gauge,
}

impl fmt::Debug for Muc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Muc({})", self.host.domain())
    }
}

impl Module for Muc {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("muc", "Rooms for many people")
        .specs(&[
            Spec::xep(45, "1.35.5"),
            Spec::xep(77, "2.4").partial("registration with rooms"),
            Spec::xep(122, "1.0.2").partial("numbers in the configuration of rooms"),
            Spec::xep(153, "1.1.1").partial("hashes of the avatars of rooms"),
            Spec::xep(249, "1.2").partial("beside mediated invitations"),
            Spec::xep(313, "1.1.3").partial("archives of rooms"),
            Spec::xep(317, "0.3.1"),
            Spec::xep(410, "1.1.0").partial("the optimization, §3.3"),
            Spec::xep(421, "1.0.1"),
            Spec::xep(424, "0.4.2").partial("tombstones in archives of rooms"),
            Spec::xep(425, "0.3.0"),
            Spec::xep(452, "0.2.1"),
            Spec::xep(463, "0.3.0"),
            Spec::xep(486, "0.1.0"),
            Spec::xep(500, "0.1.0"),
        ])
        .service("conference")
        .requires(&["log"]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let host = Arc::clone(reg.host()?);
        let this = Arc::new(Self {
            log: reg.service(),
            index: reg.table()?,
            creators: reg.table()?,
            rooms_table: reg.table()?,
            affiliates: reg.table()?,
            occupants: reg.table()?,
            requests: reg.table()?,
            cards: reg.table()?,
            hats: reg.table()?,
            wearers: reg.table()?,
            rooms: Mutex::default(),
            ending: Mutex::default(),
            loads: Loads::default(),
            count: AtomicUsize::new(0),
            admins: Mutex::default(),
            key: host.secret().derive("muc.occupant-id"),
            workers: Workers::default(),
            me: OnceLock::new(),
            metrics: Metrics::new(reg),
            config: Mutex::new(Arc::new(config)),
            host,
        });
        // It is new.
        this.me.set(Arc::downgrade(&this)).ok();
        let accounts: Arc<dyn Accounts> = Arc::<Self>::clone(&this);
        reg.provide(accounts)?;
        #[cfg(test)]
        reg.provide(Arc::clone(&this))?;
        this.declare_service(reg);
        reg.addresses(&this, Self::take)?;
        reg.task("tombstones", Every::hours(1), &this, Self::clear_tombstones);
        reg.task("rooms", Every::minutes(1), &this, Self::sweep);
        reg.task("ghosts", Every::minutes(1), &this, Self::look_for_ghosts);
        reg.task("leftovers", Every::seconds(1), &this, Self::drain_all);
        reg.run("count", &this, |this, _| async move {
            Arc::clone(&this).count_rooms().await;
            this.clear_tombstones().await;
        });
        reg.run("presence", &this, Self::stopping);
        Ok(this)
    }

    fn reload(&self, config: Config) -> Reload {
        *self.config.lock() = Arc::new(config);
        Reload::Applied
    }
}

impl Muc {
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.lock())
    }

    /// When all connections are gone.
    async fn stopping(self: Arc<Self>, mut shutdown: Shutdown) {
        shutdown.reached(Phase::Stopping).await;
        self.workers.stop();
        self.save_presence();
    }
}

impl Metrics {
    fn new(reg: &mut Registrar<'_>) -> Self {
        Self {
            messages: reg.counter("messages", "Messages to all occupants of a room."),
            copies: reg.counter("copies", "Copies of messages and presence that left rooms."),
            refused: reg.counter("refused", "Stanzas that rooms refused."),
            ghosts: reg
                .counter("ghosts", "Occupants that were removed because they were not there any more."),
            created: reg.counter("created", "Rooms that were made."),
            in_use: reg.gauge("in_use", "Rooms in memory."),
        }
    }
}

/// To the log a room is an account: its archive hangs on the room's number.
impl Accounts for Muc {
    fn find<'a>(&'a self, local: &'a str) -> BoxFuture<'a, Result<Option<AccountNumber>, StoreError>> {
        Box::pin(async move {
            let row = self.index.get(self.host.number(), &local.to_owned()).await?;
            Ok(row.and_then(|row| row.number).map(AccountNumber))
        })
    }
}

#[cfg(test)]
mod tests;
