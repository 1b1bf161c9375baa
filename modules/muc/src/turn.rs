//! One turn of a room: what it needs to know from outside while it deals with one stanza, and what comes of it.
//!
//! A room itself does no I/O and has no clock: it is given a turn, changes its state, and leaves in the turn what is to be
//! sent and written, in order. Whoever gave the turn sees to that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use waxwing_core::prelude::*;
use waxwing_xmpp::Timestamp;

use crate::affiliation::Affiliation;
use crate::audience::Recipients;
use crate::config::Config;

/// What a room asks of the world.
pub(crate) trait World {
    /// A name that nobody can guess.
    fn id(&self) -> Text;
    /// Puts a message into the room's archive.
    ///
    /// # Errors
    /// If it is not accepted: then nobody gets the message.
    fn keep(&self, stanza: &Stanza) -> Result<Kept, StanzaError>;
}

/// Where a message is in the archive.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// Its id on the wire.
    pub(crate) id: Text,
    /// The write behind it.
    pub(crate) ticket: Option<Ticket>,
}

/// A stanza on its way out of the room.
#[derive(Debug, Clone)]
pub(crate) enum Outgoing {
    /// To the address in its head.
    One(Stanza),
    /// To each of these addresses: the children are shared, the head gets another `to` for each.
    Many { stanza: Stanza, to: Recipients },
}

/// A row that has to be written as the room says now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    /// Settings and subject.
    Room,
    /// A line of the affiliation lists.
    Affiliate(BareJid),
    /// Where a client is in the room.
    Occupant(Jid),
    /// Somebody waits for the admins.
    Request(BareJid),
    /// The vCard.
    Card,
    /// The hats that there are.
    Hats,
    /// The hats that somebody wears.
    Wearer(BareJid),
}

/// One turn.
pub(crate) struct Turn<'a> {
    pub(crate) world: &'a dyn World,
    pub(crate) config: &'a Config,
    /// They own every room.
    pub(crate) admins: &'a [BareJid],
    pub(crate) now: Timestamp,
    /// Whoever sends this is free of rates.
    pub(crate) exempt: bool,
    pub(crate) out: VecDeque<Outgoing>,
    pub(crate) rows: BTreeSet<Row>,
    pub(crate) tickets: Vec<Ticket>,
    /// Who may read of a change to this affiliation; as long as nobody in the room is another than before.
    pub(crate) readers: BTreeMap<Affiliation, Recipients>,
    /// The room has come to its end.
    pub(crate) over: bool,
    /// Somebody has asked for what it changes, and is answered.
    pub(crate) asked: bool,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(
        world: &'a dyn World,
        config: &'a Config,
        admins: &'a [BareJid],
        now: Timestamp,
    ) -> Self {
        Self {
            world,
            config,
            admins,
            now,
            exempt: false,
            out: VecDeque::new(),
            rows: BTreeSet::new(),
            readers: BTreeMap::new(),
            tickets: Vec::new(),
            over: false,
            asked: false,
        }
    }

    /// Sends a stanza to the address in its head.
    pub(crate) fn send(&mut self, stanza: Stanza) {
        self.out.push_back(Outgoing::One(stanza));
    }

    /// Sends a stanza to each of these addresses.
    pub(crate) fn send_all(&mut self, stanza: Stanza, to: impl Into<Recipients>) {
        let to = to.into();
        if !to.is_empty() {
            self.out.push_back(Outgoing::Many { stanza, to });
        }
    }

    /// Has a row written at the end of the turn.
    pub(crate) fn write(&mut self, row: Row) {
        self.rows.insert(row);
    }

    /// Whether it changes what outlives a visit, or is answered: nobody hears of it before it is on disk.
    pub(crate) fn lasts(&self) -> bool {
        self.asked || self.rows.iter().any(|row| !matches!(row, Row::Occupant(_)))
    }

    /// Whether somebody is an admin of the service.
    pub(crate) fn is_admin(&self, jid: &BareJid) -> bool {
        self.admins.contains(jid)
    }
}
