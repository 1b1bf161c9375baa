//! What waits to be written to one session: bounded in bytes, and nobody ever awaits it but its owner.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use waxwing_xml::{Attribute, Text};
use waxwing_xmpp::{Kind, PresenceType, Stanza};

/// One thing to be written to a session.
#[derive(Debug, Clone)]
pub enum Outbound {
    /// A stanza for the session's client.
    Stanza(Delivery),
    /// Bytes of the stream itself (nonzas), already framed.
    Raw(Bytes),
}

/// A stanza on its way to one session.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The stanza; none: it is read from the account's log when its turn comes.
    pub stanza: Option<Stanza>,
    /// Its place in the account's log, if it has one.
    pub logged: Option<Logged>,
    /// Whether no other session got it: if this one closes first, it is routed anew. To a component: whether it bounces
    /// then.
    pub sole: bool,
    /// It has waited for the client's attention, or was written before: it is not held back again.
    pub released: bool,
}

/// A row of the account's log, as one session gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Logged {
    /// Its position.
    pub position: u64,
    /// In which shape.
    pub shape: Shape,
    /// Whether it comes late and says so.
    pub late: bool,
}

/// The shape in which a session gets a message of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Shape {
    /// As it is.
    Original,
    /// A copy of what another session of the account has sent.
    CopyOfSent,
    /// A copy of what another session of the account got.
    CopyOfReceived,
}

impl Delivery {
    /// A stanza for this session alone, or for several.
    pub fn new(stanza: Stanza, sole: bool) -> Self {
        Self { stanza: Some(stanza), logged: None, sole, released: false }
    }

    /// A row of the log that is read when its turn comes.
    pub fn row(logged: Logged) -> Self {
        Self { stanza: None, logged: Some(logged), sole: false, released: false }
    }

    /// What it counts for against the limits: about the bytes it will take on the wire.
    pub fn weight(&self) -> usize {
        self.stanza.as_ref().map_or(ROW, |stanza| OVERHEAD + head_bytes(stanza) + stanza.children.byte_len())
    }

    /// Leaves the bytes to the log, if they are there.
    pub(crate) fn slim(&mut self) {
        if self.logged.is_some() {
            self.stanza = None;
        }
    }

    /// Whether `newer` says all that this one does: availability of the same entity for the same address.
    pub(crate) fn is_outdated_by(&self, newer: &Stanza) -> bool {
        let availability =
            |kind| matches!(kind, Kind::Presence(PresenceType::Available | PresenceType::Unavailable));
        self.stanza.as_ref().is_some_and(|older| {
            availability(older.kind) && availability(newer.kind) && older.from == newer.from
        })
    }
}

impl Outbound {
    fn weight(&self) -> usize {
        match self {
            Self::Stanza(delivery) => delivery.weight(),
            Self::Raw(bytes) => bytes.len(),
        }
    }
}

/// The mailbox of one session.
#[derive(Debug)]
pub struct Mailbox {
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Debug)]
struct Queue {
    items: VecDeque<Outbound>,
    bytes: usize,
    bytes_max: usize,
    closed: bool,
    /// Nobody reads it for now: bytes that lie in the log are left there, old presence makes room for new.
    asleep: bool,
}

/// The mailbox took nothing: it is full or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// What the owner finds.
#[derive(Debug)]
pub(crate) enum Next {
    Item(Outbound),
    /// Rows of the log have to be read first.
    Rows,
    Nothing,
}

impl Mailbox {
    /// A mailbox that holds at most `bytes_max`.
    pub fn new(bytes_max: usize) -> Self {
        let queue = Queue { items: VecDeque::new(), bytes: 0, bytes_max, closed: false, asleep: false };
        Self { queue: Mutex::new(queue), wake: Notify::new() }
    }

    /// Puts something in and wakes the owner. Where there is little room, what lies in the log is left there.
    ///
    /// # Errors
    /// The mailbox is full or closed. One item larger than the limit passes when it is
    /// the only one.
    pub fn push(&self, mut item: Outbound) -> Result<(), Refused> {
        {
            let mut queue = self.queue.lock();
            if let Outbound::Stanza(delivery) = &mut item {
                if queue.asleep || queue.bytes.saturating_add(delivery.weight()) > queue.bytes_max / 2 {
                    delivery.slim();
                }
                if let (true, Some(stanza)) = (queue.asleep, &delivery.stanza) {
                    queue.forget_outdated(stanza);
                }
            }
            let weight = item.weight();
            let full = !queue.items.is_empty() && queue.bytes.saturating_add(weight) > queue.bytes_max;
            if queue.closed || full {
                return Err(Refused);
            }
            queue.bytes = queue.bytes.saturating_add(weight);
            queue.items.push_back(item);
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Takes the next item; the owner only.
    pub(crate) fn next(&self) -> Next {
        let mut queue = self.queue.lock();
        match queue.items.front() {
            None => Next::Nothing,
            Some(Outbound::Stanza(Delivery { stanza: None, .. })) => Next::Rows,
            Some(_) => match queue.items.pop_front() {
                Some(item) => {
                    queue.bytes = queue.bytes.saturating_sub(item.weight());
                    Next::Item(item)
                }
                None => Next::Nothing,
            },
        }
    }

    /// Takes the next stanza of a mailbox that gets nothing but stanzas, as that of a component does; the owner only.
    pub fn pop(&self) -> Option<Delivery> {
        let mut queue = self.queue.lock();
        let item = queue.items.pop_front()?;
        queue.bytes = queue.bytes.saturating_sub(item.weight());
        match item {
            Outbound::Stanza(delivery) => Some(delivery),
            Outbound::Raw(_) => None,
        }
    }

    /// The rows that stand in front, up to `max`, and are to be read before [`Mailbox::next`] goes on.
    pub(crate) fn rows(&self, max: usize) -> Vec<Logged> {
        let queue = self.queue.lock();
        let row = |item: &Outbound| match item {
            Outbound::Stanza(Delivery { stanza: None, logged, .. }) => *logged,
            _ => None,
        };
        queue.items.iter().map_while(row).take(max).collect()
    }

    /// Puts what was read for [`Mailbox::rows`] into its place; what is gone from the log is taken out and given back.
    pub(crate) fn fill(&self, rows: Vec<Option<Stanza>>) -> Vec<Delivery> {
        let mut queue = self.queue.lock();
        let mut gone = Vec::new();
        let mut filled = Vec::new();
        for row in rows {
            let Some(Outbound::Stanza(mut delivery)) = queue.items.pop_front() else { break };
            queue.bytes = queue.bytes.saturating_sub(delivery.weight());
            match row {
                Some(stanza) => {
                    delivery.stanza = Some(stanza);
                    filled.push(Outbound::Stanza(delivery));
                }
                None => gone.push(delivery),
            }
        }
        queue.put_front(filled);
        gone
    }

    /// Puts items in front of all others; the owner only. They had been in before: no limit holds.
    pub(crate) fn put_front(&self, items: impl IntoIterator<Item = Delivery>) {
        let items = items.into_iter().map(Outbound::Stanza).collect();
        self.queue.lock().put_front(items);
        self.wake.notify_one();
    }

    /// Nobody reads it any more for a while, and it holds at most `bytes_max`.
    pub(crate) fn sleep(&self, bytes_max: usize) {
        let mut queue = self.queue.lock();
        queue.asleep = true;
        queue.bytes_max = bytes_max;
        // Nonzas belong to the stream that has ended.
        queue.items.retain(|item| matches!(item, Outbound::Stanza(_)));
        for item in &mut queue.items {
            if let Outbound::Stanza(delivery) = item {
                delivery.slim();
            }
        }
        queue.bytes = queue.items.iter().map(Outbound::weight).sum();
    }

    /// It is read again.
    pub(crate) fn awake(&self, bytes_max: usize) {
        let mut queue = self.queue.lock();
        queue.asleep = false;
        queue.bytes_max = bytes_max;
    }

    /// What waits, for a record of the session.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        let queue = self.queue.lock();
        let delivery = |item: &Outbound| match item {
            Outbound::Stanza(delivery) => Some(delivery.clone()),
            Outbound::Raw(_) => None,
        };
        queue.items.iter().filter_map(delivery).collect()
    }

    /// Closes the mailbox and takes what was never written.
    pub fn close(&self) -> Vec<Delivery> {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue.bytes = 0;
        let stanza = |item| match item {
            Outbound::Stanza(delivery) => Some(delivery),
            Outbound::Raw(_) => None,
        };
        std::mem::take(&mut queue.items).into_iter().filter_map(stanza).collect()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.lock().items.is_empty()
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.queue.lock().bytes
    }

    /// Whether more than half of what it holds waits to be read by a client that is there.
    pub fn is_narrow(&self) -> bool {
        let queue = self.queue.lock();
        !queue.asleep && !queue.closed && queue.bytes > queue.bytes_max / 2
    }

    /// Resolves when something was put in since the last time; the owner only. Cancel-safe.
    pub async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Wakes the owner without putting something in.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

impl Queue {
    fn put_front(&mut self, mut items: Vec<Outbound>) {
        self.bytes = self.bytes.saturating_add(items.iter().map(Outbound::weight).sum());
        while let Some(item) = items.pop() {
            self.items.push_front(item);
        }
    }

    fn forget_outdated(&mut self, newer: &Stanza) {
        if !matches!(newer.kind, Kind::Presence(_)) {
            return;
        }
        let outdated = |item: &Outbound| match item {
            Outbound::Stanza(older) => older.is_outdated_by(newer),
            Outbound::Raw(_) => false,
        };
        if let Some(index) = self.items.iter().position(outdated)
            && let Some(item) = self.items.remove(index)
        {
            self.bytes = self.bytes.saturating_sub(item.weight());
        }
    }
}

/// What the sender makes as long as it likes beside the children: attributes other than the addresses.
fn head_bytes(stanza: &Stanza) -> usize {
    let text = |text: &Option<Text>| text.as_ref().map_or(0, |text| text.as_str().len());
    let attribute = |attribute: &Attribute| {
        attribute.namespace.as_str().len() + attribute.name.as_str().len() + attribute.value.as_str().len()
    };
    let extra: usize = stanza.extra.iter().flat_map(|extra| extra.iter()).map(attribute).sum();
    text(&stanza.id) + text(&stanza.lang) + extra
}

/// Addresses of usual length and bookkeeping of a stanza, about.
const OVERHEAD: usize = 200;
/// A row that lies in the log, about.
const ROW: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(xml: &str) -> usize {
        Delivery::new(Stanza::parse(xml).unwrap(), true).weight()
    }

    #[test]
    fn attributes_weigh_as_children_do() {
        let long = "x".repeat(5000);
        let plain = weight("<message/>");
        for heavy in [
            format!("<message id='{long}'/>"),
            format!("<message xml:lang='{long}'/>"),
            format!("<message other='{long}'/>"),
            format!("<message xmlns:a='urn:a' a:b='{long}'/>"),
            format!("<message><body>{long}</body></message>"),
        ] {
            assert!(weight(&heavy) >= plain + 5000);
        }
    }
}
