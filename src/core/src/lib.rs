//! The server without any protocol feature: modules, hosts, router, sessions, delivery.
//!
//! Nothing here knows an XEP, a socket or a storage engine. A listener module (c2s, s2s, component) turns bytes
//! into stanzas and hands them to the [`Router`]; feature modules hang on the points that the [`Registrar`]
//! offers; the core decides the order, routes, delivers, bounces.

pub mod account;
pub mod acks;
pub mod clock;
pub mod command;
pub mod config;
pub mod custody;
pub mod delivery;
pub mod disco;
pub mod event;
pub mod external;
pub mod host;
pub mod iq;
pub mod mailbox;
pub mod metrics;
pub mod module;
pub mod notice;
pub mod points;
pub mod registrar;
pub mod request;
pub mod router;
pub mod secret;
pub mod server;
pub mod service;
pub mod session;
pub mod slots;
pub mod stream_feature;
pub mod tasks;

pub use account::{Account, AccountRef, ResourceConflict};
pub use clock::{Clock, Random};
pub use command::{Command, CommandCall, CommandError, CommandResult};
pub use config::{Config, ConfigError, HostConfig};
pub use custody::{Custody, Promise};
pub use delivery::{Outcome, Plan};
pub use disco::{DiscoAnswer, DiscoItem, DiscoNode, DiscoOn, DiscoQuery, Identity};
pub use event::{DropReason, Event, Flow, HookResult, Hooked, Keep, Kinds, Origin};
pub use external::{External, ExternalRef, Taken, granted};
pub use host::{Host, HostRef};
pub use iq::{Iq, IqRequest, IqResult, IqTo, Reply, store_failed};
pub use mailbox::{Delivery, Logged, Mailbox, Outbound, Shape};
pub use module::{HostKind, Module, ModuleDef, ModuleInfo, NoConfig, Reload, Scope, Spec, StartError};
pub use notice::{Notice, NoticeKind};
pub use points::{Exit, Gate, Side, Step};
pub use registrar::{AccountSlot, Registrar, SessionSlot};
pub use request::{Asked, RequestError};
pub use router::{Passes, Router};
pub use secret::HostSecret;
pub use server::{Server, Shared, StartOptions};
pub use service::{
    AccountLog, Accounts, Blocks, BoxFuture, Contacts, RemoteDelivery, Resumption, ServiceHandle,
};
pub use session::{CloseReason, Next, NotWoken, SavedDelivery, SavedSession, Session, SessionId, SessionRef};
pub use stream_feature::{Enable, Offered, Peer, StreamFeature, Trigger};
pub use tasks::{Every, Phase, Shutdown};

/// What nearly every module needs.
pub mod prelude {
    pub use crate::{
        Account, AccountRef, AccountSlot, Command, CommandCall, CommandError, CommandResult, Custody,
        DiscoOn, DropReason, Event, Every, Exit, Flow, Gate, HookResult, Hooked, Host, HostKind, HostRef, Iq,
        IqRequest, IqResult, IqTo, Keep, Kinds, Module, ModuleInfo, NoConfig, Notice, NoticeKind, Offered,
        Registrar, Reload, Reply, Scope, ServiceHandle, Session, SessionRef, SessionSlot, Side, Spec,
        StartError, Step, StreamFeature, store_failed,
    };
    pub use waxwing_store::{AccountNumber, Batch, Partition, Store, StoreError, Table, TableRef, Ticket};
    pub use waxwing_xml::{Child, Children, Text, Tree};
    pub use waxwing_xmpp::{
        BareJid, Condition, Domain, ErrorType, IqType, Jid, Kind, MessageType, PresenceType, Stanza,
        StanzaError, ns,
    };
}
