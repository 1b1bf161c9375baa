//! What leaves a room, in order. Whoever put something in sends a few copies; what is more the room's own task sends, so
//! that nobody's connection is held up by what others are to get.
//!
//! What a change causes that has to be on disk first waits behind a [`Gate`], and so does all that comes after it: the order
//! in which things happened stays.
//!
//! A client whose mailbox is half full gets a lane of its own: what is for it waits there, and for nobody else. It is a
//! joiner who reads while the presence of all others comes in.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use waxwing_core::prelude::*;
use waxwing_core::{Origin, Promise, Router};

use crate::turn::Outgoing;

/// The stanzas of one room that wait to be routed.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    /// There is room again.
    drained: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    /// Copies for clients that have to read first.
    lanes: HashMap<Jid, Lane>,
    /// Copies in all items together, lanes aside.
    waiting: usize,
    /// Somebody sends.
    busy: bool,
}

#[derive(Debug)]
struct Item {
    outgoing: Outgoing,
    /// Tells who caused a message to somebody alone what it waits for.
    receipt: Option<Promise>,
    gate: Option<Gate>,
}

/// What stands before the stanzas of a turn: they leave when it is open, and never if what they tell of was not kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<OnceLock<bool>>);

impl Gate {
    fn is_shut(&self) -> bool {
        self.0.get().is_none()
    }
}

#[derive(Debug)]
struct Lane {
    copies: VecDeque<Item>,
    /// When something has gone from here last.
    moved: Instant,
}

/// How long a lane waits for its client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Without a move.
    pub(crate) time: Duration,
    /// With so many copies in it.
    pub(crate) copies: usize,
}

/// What comes next.
enum Step {
    /// From the queue.
    Copy(Stanza),
    /// From the lane of its addressee.
    Late(Stanza),
    /// All that is left waits for clients.
    Wait,
    /// Nothing is left, or a gate is shut: whoever opens it goes on.
    Done,
}

impl Outbox {
    /// Puts stanzas in. Under the lock of the room, so that their order is that of what happened in it.
    ///
    /// Returns how many copies they are, and the custody of those of them that are for somebody alone.
    pub(crate) fn push(&self, items: VecDeque<Outgoing>, gate: Option<&Gate>) -> (usize, Custody) {
        let copies = items.iter().map(Outgoing::copies).sum();
        let mut custody = Custody::memory();
        let mut queue = self.queue.lock();
        queue.waiting += copies;
        for outgoing in items {
            let receipt = outgoing.is_alone().then(|| {
                let (receipt, later) = Custody::later();
                custody.join(later);
                receipt
            });
            queue.items.push_back(Item { outgoing, receipt, gate: gate.cloned() });
        }
        (copies, custody)
    }

    /// Waits while more than `max` copies wait: who makes work waits for it.
    pub(crate) async fn has_room(&self, max: usize) {
        loop {
            let drained = self.drained.notified();
            let (waiting, moves) = {
                let queue = self.queue.lock();
                (queue.waiting, queue.busy || queue.is_shut())
            };
            // Where nobody is at work the next one is whoever asks here.
            if waiting <= max || !moves {
                return;
            }
            drained.await;
        }
    }

    /// Opens a gate; or, if nothing is to be told, takes away what stands behind it. The first word holds.
    pub(crate) fn open(&self, gate: &Gate, tells: bool) {
        if gate.0.set(tells).is_err() {
            return;
        }
        if !tells {
            let mut queue = self.queue.lock();
            let stays = |item: &Item| item.gate.as_ref().is_none_or(|other| !Arc::ptr_eq(&other.0, &gate.0));
            queue.items.retain(stays);
            queue.waiting = queue.items.iter().map(|item| item.outgoing.copies()).sum();
        }
        self.drained.notify_waiters();
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        let queue = self.queue.lock();
        queue.items.is_empty() && queue.lanes.is_empty()
    }

    /// Routes up to `max` copies, unless somebody else is at it. True: there is more, and somebody has to go on.
    pub(crate) async fn drain(&self, router: &Router, max: usize, patience: Patience) -> bool {
        let mut left = max;
        // Again: who put something in meanwhile found somebody at work.
        while let Some(_sending) = self.begin() {
            loop {
                if left == 0 {
                    return true;
                }
                left -= 1;
                match self.next(router, patience) {
                    Step::Copy(stanza) => self.advance(route(router, stanza).await),
                    Step::Late(stanza) => {
                        self.advance_lane(&stanza.to.clone(), route(router, stanza).await, patience)
                    }
                    Step::Wait => return true,
                    Step::Done => break,
                }
            }
        }
        false
    }

    /// Routes all that waits, unless somebody else is at it.
    pub(crate) async fn deliver(&self, router: &Router, patience: Patience) {
        while self.drain(router, AT_ONCE, patience).await {
            let idle = !self.queue.lock().may_go();
            match idle {
                // Clients are to read.
                true => tokio::time::sleep(PAUSE).await,
                false => tokio::task::yield_now().await,
            }
        }
    }

    fn begin(&self) -> Option<Sending<'_>> {
        let mut queue = self.queue.lock();
        let waits = queue.may_go() || !queue.lanes.is_empty();
        (waits && !std::mem::replace(&mut queue.busy, true)).then(|| Sending { outbox: self })
    }

    fn next(&self, router: &Router, patience: Patience) -> Step {
        if let Some(copy) = self.queue.lock().copy_for_all() {
            return Step::Copy(copy);
        }
        if let Some(late) = self.late(router, patience) {
            return Step::Late(late);
        }
        loop {
            let Some(stanza) = self.queue.lock().front() else { break };
            if !self.has_to_wait(router, &stanza) {
                return Step::Copy(stanza);
            }
            self.set_aside(stanza);
        }
        if self.queue.lock().lanes.is_empty() { Step::Done } else { Step::Wait }
    }

    /// The next copy of a lane whose client has read, or takes too long.
    fn late(&self, router: &Router, patience: Patience) -> Option<Stanza> {
        let queue = self.queue.lock();
        let now = Instant::now();
        let due = |lane: &Lane| {
            now.duration_since(lane.moved) >= patience.time || lane.copies.len() > patience.copies
        };
        let ready = queue.lanes.iter().find(|(to, lane)| due(lane) || !is_narrow(router, to));
        ready.and_then(|(_, lane)| lane.copies.front()).and_then(|item| item.outgoing.next())
    }

    /// What was set aside for a client comes before what is new.
    fn has_to_wait(&self, router: &Router, stanza: &Stanza) -> bool {
        let Some(to) = &stanza.to else { return false };
        let queue = self.queue.lock();
        if !queue.lanes.is_empty() && queue.lanes.contains_key(to) {
            return true;
        }
        // What goes to all is little for each; what goes to one may be everything.
        let one = queue.items.front().is_some_and(|item| matches!(item.outgoing, Outgoing::One(_)));
        drop(queue);
        one && is_narrow(router, to)
    }

    fn set_aside(&self, stanza: Stanza) {
        let mut queue = self.queue.lock();
        let receipt = queue.step();
        let Some(to) = stanza.to.clone() else { return };
        let lane =
            queue.lanes.entry(to).or_insert_with(|| Lane { copies: VecDeque::new(), moved: Instant::now() });
        lane.copies.push_back(Item { outgoing: Outgoing::One(stanza), receipt, gate: None });
        drop(queue);
        self.drained.notify_waiters();
    }

    /// It has gone.
    fn advance(&self, custody: Custody) {
        let receipt = self.queue.lock().step();
        hand_over(receipt, custody);
        self.drained.notify_waiters();
    }

    fn advance_lane(&self, to: &Option<Jid>, custody: Custody, patience: Patience) {
        let Some(to) = to else { return };
        let mut queue = self.queue.lock();
        let Some(lane) = queue.lanes.get_mut(to) else { return };
        // Who took too long gets the rest of it at once.
        if lane.moved.elapsed() < patience.time {
            lane.moved = Instant::now();
        }
        let gone = lane.copies.pop_front();
        if lane.copies.is_empty() {
            queue.lanes.remove(to);
        }
        drop(queue);
        hand_over(gone.and_then(|item| item.receipt), custody);
    }
}

impl Queue {
    /// What may leave next.
    fn front(&self) -> Option<Stanza> {
        let item = self.items.front()?;
        if item.is_held() { None } else { item.outgoing.next() }
    }

    /// The next copy of what goes to many, where nobody has to read first: most of what leaves a room.
    fn copy_for_all(&self) -> Option<Stanza> {
        let item = self.items.front().filter(|_| self.lanes.is_empty())?;
        let many = matches!(item.outgoing, Outgoing::Many { .. });
        if many && !item.is_held() { item.outgoing.next() } else { None }
    }

    /// Whether something is left that no gate holds.
    fn may_go(&self) -> bool {
        self.items.front().is_some_and(|item| !item.is_held())
    }

    fn is_shut(&self) -> bool {
        self.items.front().is_some_and(Item::is_held)
    }

    /// Goes on to the next copy.
    fn step(&mut self) -> Option<Promise> {
        self.waiting = self.waiting.saturating_sub(1);
        let last = self.items.front_mut().is_some_and(|item| item.outgoing.is_last());
        if last { self.items.pop_front().and_then(|item| item.receipt) } else { None }
    }
}

impl Item {
    fn is_held(&self) -> bool {
        self.gate.as_ref().is_some_and(Gate::is_shut)
    }
}

/// Somebody routes stanzas of the outbox. From its end on, in the middle or not, it may be another.
struct Sending<'a> {
    outbox: &'a Outbox,
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.outbox.queue.lock().busy = false;
        self.outbox.drained.notify_waiters();
    }
}

async fn route(router: &Router, stanza: Stanza) -> Custody {
    router.route(stanza, Origin::Server, Custody::memory()).await
}

fn hand_over(receipt: Option<Promise>, custody: Custody) {
    if let Some(receipt) = receipt {
        receipt.keep(custody);
    }
}

/// Whether a client of this server has much to read.
fn is_narrow(router: &Router, to: &Jid) -> bool {
    let (Some(local), Some(resource)) = (to.local(), to.resource()) else { return false };
    let account = router.host(to.domain()).and_then(|host| host.known(local));
    let session = account.and_then(|account| account.session(resource));
    session.is_some_and(|session| session.mailbox().is_narrow())
}

impl Outgoing {
    fn copies(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many { to, .. } => to.len(),
        }
    }

    /// A message for somebody alone: it may be kept for him.
    fn is_alone(&self) -> bool {
        let Self::One(stanza) = self else { return false };
        matches!(stanza.kind, Kind::Message(MessageType::Normal | MessageType::Chat))
    }

    fn next(&self) -> Option<Stanza> {
        match self {
            Self::One(stanza) => Some(stanza.clone()),
            Self::Many { stanza, to } => to.current().map(|to| stanza.clone().to(to)),
        }
    }

    /// Goes on to the next copy; true: there is none.
    fn is_last(&mut self) -> bool {
        match self {
            Self::One(_) => true,
            Self::Many { to, .. } => {
                to.advance();
                to.is_empty()
            }
        }
    }
}

/// So many copies a sender routes himself.
pub(crate) const AT_ONCE: usize = 64;
/// So often clients with much to read are looked at.
const PAUSE: Duration = Duration::from_millis(10);
