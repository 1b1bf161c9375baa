//! One account's roster in memory: loaded once, changed under a short lock, written in the order of the changes.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use waxwing_core::prelude::*;

use crate::item::{item, query};
use crate::table::{ContactRow, Item, Versions};
use crate::{RosterConfig, RosterError, State};

/// One account's roster.
#[derive(Debug)]
pub struct Roster(pub(crate) Mutex<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    /// Everybody known: items, requests, and who was removed lately.
    contacts: HashMap<BareJid, ContactRow>,
    pub(crate) versions: Versions,
    /// The write that the newest change waits for.
    pub(crate) last: Option<Ticket>,
    /// Resources that asked for the roster (§2.2). Kept here, and not looked up among the account's sessions, because
    /// no lock of the account may be taken under the roster's: others ask the roster under theirs.
    interested: Vec<Weak<Session>>,
}

/// What a change does to the rows.
pub(crate) struct Delta {
    pub(crate) jid: BareJid,
    pub(crate) row: ContactRow,
    pub(crate) versions: Versions,
    /// Whether clients are told.
    pub(crate) visible: bool,
    /// Removed contacts that are forgotten now.
    pub(crate) forgotten: Vec<BareJid>,
}

/// What a roster get is answered with.
pub(crate) struct Answer {
    /// None: the empty result of §2.6.3.
    pub(crate) query: Option<Tree>,
    /// The version that the client has then; what changed since comes as pushes.
    pub(crate) since: u64,
    pub(crate) durable: Option<Ticket>,
}

impl Roster {
    pub(crate) fn new(rows: Vec<(String, ContactRow)>, versions: Versions) -> Self {
        let contacts = rows.into_iter().filter_map(|(jid, row)| Some((BareJid::parse(&jid).ok()?, row)));
        Self(Mutex::new(Inner { contacts: contacts.collect(), versions, last: None, interested: Vec::new() }))
    }

    /// The subscription state with a contact.
    pub fn state(&self, contact: &BareJid) -> State {
        self.0.lock().contacts.get(contact).map(ContactRow::state).unwrap_or_default()
    }

    /// The roster item of a contact.
    pub fn item(&self, contact: &BareJid) -> Option<Item> {
        self.0.lock().contacts.get(contact)?.item.clone()
    }

    /// All contacts whose state is as wanted, in no order.
    pub fn contacts(&self, wanted: impl Fn(State) -> bool) -> Vec<BareJid> {
        let inner = self.0.lock();
        inner.contacts.iter().filter(|(_, row)| wanted(row.state())).map(|(jid, _)| jid.clone()).collect()
    }

    /// The groups that are in use, with their contacts: for modules that allow a whole group.
    pub fn in_group(&self, group: &str) -> Vec<BareJid> {
        let inner = self.0.lock();
        let has = |row: &ContactRow| {
            row.item.as_ref().is_some_and(|item| item.groups.iter().any(|name| name == group))
        };
        inner.contacts.iter().filter(|(_, row)| has(row)).map(|(jid, _)| jid.clone()).collect()
    }

    /// Subscription requests that wait for an answer, each as it came.
    pub fn requests(&self) -> Vec<Stanza> {
        let inner = self.0.lock();
        inner.contacts.values().filter_map(|row| Stanza::parse(row.request.as_deref()?)).collect()
    }

    /// §2.1.4, §2.6.3
    pub(crate) fn answer(&self, ver: Option<&str>) -> Answer {
        let inner = self.0.lock();
        let (versions, durable) = (inner.versions, inner.last.clone());
        if let Some(since) = ver.and_then(|ver| versions.known(ver)) {
            let items = inner.contacts.values().filter(|row| row.item.is_some()).count();
            // §2.6.3: pushes only where they are less than the whole.
            if since == versions.version || inner.changed(since).len() < items {
                return Answer { query: None, since, durable };
            }
        }
        let mut items: Vec<(&BareJid, &ContactRow)> =
            inner.contacts.iter().filter(|(_, row)| row.item.is_some()).collect();
        items.sort_by_key(|(jid, _)| *jid);
        let start = query(&versions.ver(versions.version));
        let query = items.into_iter().fold(start, |query, (jid, row)| query.with_child(item(jid, row)));
        Answer { query: Some(query), since: versions.version, durable }
    }
}

impl Inner {
    /// The pushes for all that changed since a version, in the order of the changes (§2.6.3).
    pub(crate) fn pushes(&self, since: u64) -> Vec<Tree> {
        let push = |(jid, row): (&BareJid, &ContactRow)| {
            query(&self.versions.ver(row.version)).with_child(item(jid, row))
        };
        self.changed(since).into_iter().map(push).collect()
    }

    fn changed(&self, since: u64) -> Vec<(&BareJid, &ContactRow)> {
        let mut changed: Vec<_> = self.contacts.iter().filter(|(_, row)| row.version > since).collect();
        changed.sort_by_key(|(_, row)| row.version);
        changed
    }

    pub(crate) fn interested(&mut self) -> Vec<SessionRef> {
        self.interested.retain(|session| session.strong_count() > 0);
        self.interested.iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn add_interested(&mut self, session: &SessionRef) {
        if !self.interested().contains(session) {
            self.interested.push(Arc::downgrade(session));
        }
    }

    pub(crate) fn row(&self, jid: &BareJid) -> ContactRow {
        self.contacts.get(jid).cloned().unwrap_or_default()
    }

    /// What becomes of the rows when a contact's row becomes this one; None: nothing changes.
    pub(crate) fn delta(
        &self,
        jid: &BareJid,
        mut row: ContactRow,
        config: &RosterConfig,
        epoch: impl FnOnce() -> u64,
    ) -> Result<Option<Delta>, RosterError> {
        let old = self.row(jid);
        if old == row {
            return Ok(None);
        }
        self.check(&old, &row, config)?;
        let mut versions = self.versions;
        // §2.6.3: what is not pushed makes no version.
        let visible = old.item != row.item;
        if visible {
            if versions.epoch == 0 {
                versions.epoch = epoch().max(1);
            }
            versions.version = versions.version.saturating_add(1);
            row.version = versions.version;
        }
        let forgotten =
            if row.is_removed() && visible { self.forget(jid, &mut versions) } else { Vec::new() };
        Ok(Some(Delta { jid: jid.clone(), row, versions, visible, forgotten }))
    }

    fn check(&self, old: &ContactRow, new: &ContactRow, config: &RosterConfig) -> Result<(), RosterError> {
        let count = |has: fn(&ContactRow) -> bool| self.contacts.values().filter(|row| has(row)).count();
        let grows = |has: fn(&ContactRow) -> bool| !has(old) && has(new);
        let has_item = |row: &ContactRow| row.item.is_some();
        let has_request = |row: &ContactRow| row.request.is_some();
        if grows(has_item) && count(has_item) >= config.items_max {
            return Err(RosterError::Full);
        }
        if grows(has_request) && count(has_request) >= config.requests_max {
            return Err(RosterError::Full);
        }
        Ok(())
    }

    /// Keeps the memory of removed contacts bounded: the oldest go, and with them all older versions.
    fn forget(&self, new: &BareJid, versions: &mut Versions) -> Vec<BareJid> {
        let mut removed: Vec<_> =
            self.contacts.iter().filter(|(jid, row)| row.is_removed() && *jid != new).collect();
        let surplus = (removed.len() + 1).saturating_sub(REMOVED_MAX);
        removed.sort_by_key(|(_, row)| row.version);
        let oldest = removed.into_iter().take(surplus);
        let forget = |(jid, row): (&BareJid, &ContactRow)| {
            versions.floor = versions.floor.max(row.version);
            jid.clone()
        };
        oldest.map(forget).collect()
    }

    /// Takes a change that was handed to the store.
    pub(crate) fn take(&mut self, delta: &Delta, ticket: Ticket) {
        for jid in &delta.forgotten {
            self.contacts.remove(jid);
        }
        if delta.row == ContactRow::default() {
            self.contacts.remove(&delta.jid);
        } else {
            self.contacts.insert(delta.jid.clone(), delta.row.clone());
        }
        self.versions = delta.versions;
        self.last = Some(ticket);
    }
}

/// Removed contacts that are remembered for clients with an older version.
const REMOVED_MAX: usize = 200;
