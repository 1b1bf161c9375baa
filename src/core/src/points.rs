//! The points on a stanza's way, and the tables that the hot path walks.

use std::fmt;
use std::sync::Arc;

use crate::event::{Event, HookResult, Hooked, Kinds};
use crate::module::ModuleInfo;

/// Which end of the way: the same message passes both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// A local client sent it, before routing.
    Sent,
    /// It is for a local account, before delivery.
    Received,
}

/// Phases in which a callback may wait (for the store, say); they hold back this sender only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gate {
    /// May it pass? Fails closed: a panic here bounces the stanza.
    Check,
    /// The only phase meant to change the stanza.
    Rewrite,
    /// Takes the whole stanza over (subscriptions, presence broadcast).
    Handle,
}

/// Phases under the account's arrival lock (but `Notify`): never wait; the order here is the order of the account's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Says what is kept of it, and keeps it. Fails closed. Not called for what bounces.
    Record,
    /// Gives copies to other sessions (carbons); knows from the plan who gets the original.
    Copy,
    /// Tells somebody who may not be there (push); the plan says who got it. The lock is free again.
    Notify,
}

/// Phases in the task of the session that the stanza is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Exit {
    /// May hold it back for later (`Flow::Handled` then), until something goes out that is not held back.
    Hold,
}

/// A gate callback with its module; a trait, because the answer may borrow both.
pub(crate) trait CallGate: Send + Sync {
    fn call<'a>(&'a self, event: &'a mut Event) -> Hooked<'a>;
}

pub(crate) type GateCall = Arc<dyn CallGate>;
pub(crate) type StepCall = Arc<dyn Fn(&mut Event) -> HookResult + Send + Sync>;

/// One registered callback.
#[derive(Clone)]
pub(crate) struct Entry<C> {
    pub(crate) module: &'static str,
    pub(crate) after: &'static [&'static str],
    pub(crate) kinds: Kinds,
    pub(crate) call: C,
}

impl<C> Entry<C> {
    pub(crate) fn new(info: &ModuleInfo, kinds: Kinds, call: C) -> Self {
        Self { module: info.name, after: info.after, kinds, call }
    }
}

impl<C> fmt::Debug for Entry<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.module)
    }
}

/// All callbacks of one host, by point.
#[derive(Debug, Default)]
pub(crate) struct Points {
    gates: Table<(Side, Gate), GateCall>,
    /// For the host's own address.
    host: Vec<Entry<GateCall>>,
    /// For addresses of the host that are no account.
    missing: Vec<Entry<GateCall>>,
    steps: Table<(Side, Step), StepCall>,
    exits: Table<Exit, StepCall>,
}

/// The callbacks of each point.
type Table<K, C> = Vec<(K, Vec<Entry<C>>)>;

impl Points {
    pub(crate) fn add_gate(&mut self, at: (Side, Gate), entry: Entry<GateCall>) {
        add(&mut self.gates, at, entry);
    }

    pub(crate) fn add_host(&mut self, entry: Entry<GateCall>) {
        self.host.push(entry);
    }

    pub(crate) fn add_missing(&mut self, entry: Entry<GateCall>) {
        self.missing.push(entry);
    }

    pub(crate) fn add_step(&mut self, at: (Side, Step), entry: Entry<StepCall>) {
        add(&mut self.steps, at, entry);
    }

    pub(crate) fn add_exit(&mut self, at: Exit, entry: Entry<StepCall>) {
        add(&mut self.exits, at, entry);
    }

    pub(crate) fn gate(&self, side: Side, gate: Gate) -> &[Entry<GateCall>] {
        at(&self.gates, (side, gate))
    }

    pub(crate) fn host(&self) -> &[Entry<GateCall>] {
        &self.host
    }

    pub(crate) fn missing(&self) -> &[Entry<GateCall>] {
        &self.missing
    }

    pub(crate) fn step(&self, side: Side, step: Step) -> &[Entry<StepCall>] {
        at(&self.steps, (side, step))
    }

    pub(crate) fn exit(&self, exit: Exit) -> &[Entry<StepCall>] {
        at(&self.exits, exit)
    }

    /// Puts each point's callbacks in order: `after`, then module name.
    ///
    /// # Errors
    /// The modules of a cycle.
    pub(crate) fn sort(&mut self) -> Result<(), String> {
        for (_, entries) in &mut self.gates {
            sort(entries)?;
        }
        sort(&mut self.host)?;
        sort(&mut self.missing)?;
        for (_, entries) in self.steps.iter_mut() {
            sort(entries)?;
        }
        for (_, entries) in &mut self.exits {
            sort(entries)?;
        }
        self.gates.sort_by_key(|(at, _)| *at);
        self.steps.sort_by_key(|(at, _)| *at);
        self.exits.sort_by_key(|(at, _)| *at);
        Ok(())
    }

    /// What `waxwing modules --hooks` prints: one line a point, callbacks in order.
    pub(crate) fn describe(&self) -> Vec<String> {
        let gates =
            self.gates.iter().map(|((side, gate), entries)| line(&format!("{side:?} {gate:?}"), entries));
        let steps =
            self.steps.iter().map(|((side, step), entries)| line(&format!("{side:?} {step:?}"), entries));
        let exits = self.exits.iter().map(|(exit, entries)| line(&format!("Outgoing {exit:?}"), entries));
        let host = (!self.host.is_empty()).then(|| line("Host Handle", &self.host));
        let missing = (!self.missing.is_empty()).then(|| line("Missing Handle", &self.missing));
        gates.chain(host).chain(missing).chain(steps).chain(exits).collect()
    }
}

fn add<K: PartialEq, C>(table: &mut Table<K, C>, at: K, entry: Entry<C>) {
    match table.iter_mut().find(|(key, _)| *key == at) {
        Some((_, entries)) => entries.push(entry),
        None => table.push((at, vec![entry])),
    }
}

fn at<K: PartialEq, C>(table: &[(K, Vec<Entry<C>>)], at: K) -> &[Entry<C>] {
    table.iter().find(|(key, _)| *key == at).map_or(&[], |(_, entries)| entries)
}

fn line<C>(point: &str, entries: &[Entry<C>]) -> String {
    let names: Vec<String> =
        entries.iter().map(|entry| format!("{} ({})", entry.module, entry.kinds)).collect();
    format!("{point}: {}", names.join(" → "))
}

/// Stable order: a module comes after those it names; otherwise by name.
fn sort<C>(entries: &mut Vec<Entry<C>>) -> Result<(), String> {
    entries.sort_by_key(|entry| entry.module);
    let mut rest = std::mem::take(entries);
    while !rest.is_empty() {
        let free = rest.iter().position(|entry| {
            !rest.iter().any(|other| other.module != entry.module && entry.after.contains(&other.module))
        });
        match free {
            Some(index) => entries.push(rest.remove(index)),
            None => return Err(rest.iter().map(|entry| entry.module).collect::<Vec<_>>().join(" → ")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(module: &'static str, after: &'static [&'static str]) -> Entry<()> {
        Entry { module, after, kinds: Kinds::ALL, call: () }
    }

    #[test]
    fn callbacks_stand_in_the_order_of_after_then_name() {
        let mut entries = vec![entry("carbons", &["mam"]), entry("blocking", &[]), entry("mam", &[])];
        sort(&mut entries).unwrap();
        assert_eq!(
            entries.iter().map(|entry| entry.module).collect::<Vec<_>>(),
            ["blocking", "mam", "carbons"]
        );
    }

    #[test]
    fn a_cycle_is_named() {
        let mut entries = vec![entry("a", &["b"]), entry("b", &["a"])];
        assert_eq!(sort(&mut entries), Err("a → b".to_owned()));
    }
}
