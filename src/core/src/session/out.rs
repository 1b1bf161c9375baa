//! The way out: from mailbox and log to the stream, counted, and what the client says of it.

use bytes::Bytes;
use waxwing_store::{StoreError, Ticket};
use waxwing_xmpp::Stanza;

use super::Session;
use crate::acks::{Handled, TooHigh};
use crate::mailbox::{self, Delivery, Logged};
use crate::router::Passes;
use crate::{Custody, Outbound};

/// The next thing to write.
#[derive(Debug)]
pub enum Next {
    /// A stanza; it counts as written.
    Stanza(Stanza),
    /// Bytes of the stream itself.
    Raw(Bytes),
    /// Call [`Session::read_rows`] first.
    Rows,
    /// Nothing.
    Nothing,
}

impl Session {
    /// Takes the next thing to write; its connection calls this. While the client owes acknowledgements for as much as
    /// the mailbox may hold, there is nothing.
    pub fn next(&self) -> Next {
        if self.is_window_full() {
            return Next::Nothing;
        }
        loop {
            let delivery = match self.mailbox.next() {
                mailbox::Next::Nothing => return Next::Nothing,
                mailbox::Next::Rows => return Next::Rows,
                mailbox::Next::Item(Outbound::Raw(bytes)) => return Next::Raw(bytes),
                mailbox::Next::Item(Outbound::Stanza(delivery)) => delivery,
            };
            if let Some(stanza) = self.leaves(delivery) {
                return Next::Stanza(stanza);
            }
        }
    }

    /// Whether there is something to write, or rows to read.
    pub fn has_next(&self) -> bool {
        !self.mailbox.is_empty() && !self.is_window_full()
    }

    fn is_window_full(&self) -> bool {
        let stream = self.stream.lock();
        stream.acking && stream.unacked_bytes >= self.host().limits().mailbox_bytes_max.0
    }

    /// Passes the callbacks of the way out. None: it is held back, or put back behind what was.
    fn leaves(&self, mut delivery: Delivery) -> Option<Stanza> {
        let stanza = delivery.stanza.take()?;
        if delivery.released {
            return Some(self.written(delivery, stanza));
        }
        let (passes, stanza) = self.host().router().outgoing(self.me.upgrade()?, stanza);
        let mut stream = self.stream.lock();
        match passes {
            Passes::Held if stream.held_bytes < HELD_BYTES_MAX => {
                stream.hold(Delivery { stanza: Some(stanza), ..delivery });
                None
            }
            // What waited goes first: order is kept.
            _ if !stream.held.is_empty() => {
                let held = stream.release();
                drop(stream);
                let this = Delivery { stanza: Some(stanza), released: true, ..delivery };
                self.mailbox.put_front(held.chain(Some(this)).collect::<Vec<_>>());
                None
            }
            _ => {
                drop(stream);
                Some(self.written(delivery, stanza))
            }
        }
    }

    fn written(&self, delivery: Delivery, stanza: Stanza) -> Stanza {
        let mut stream = self.stream.lock();
        if stream.acking || delivery.logged.is_some() || delivery.sole {
            let kept = delivery.logged.is_none().then(|| stanza.clone());
            stream.sent(Delivery { stanza: kept, ..delivery });
        }
        drop(stream);
        self.touch();
        stanza
    }

    /// Reads the rows of the log that stand in front.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn read_rows(&self) -> Result<(), StoreError> {
        let rows = self.mailbox.rows(ROWS_MAX);
        let read = match self.host().log() {
            Some(log) => log.read(self, &rows).await?,
            None => vec![None; rows.len()],
        };
        let gone = self.mailbox.fill(read);
        self.settle(gone);
        Ok(())
    }

    /// What was held back is written next, in order.
    pub fn release_held(&self) {
        let held: Vec<Delivery> = self.stream.lock().release().collect();
        if !held.is_empty() {
            self.mailbox.put_front(held);
        }
    }

    /// The system's kernel has taken all that was written: without acknowledgements this is what there is to know.
    pub fn flushed(&self) {
        let mut stream = self.stream.lock();
        if stream.acking || stream.unacked.is_empty() {
            return;
        }
        let taken = stream.acked_all();
        drop(stream);
        self.settle(taken);
    }

    /// The client has handled `h` stanzas of ours (XEP-0198 §4).
    ///
    /// # Errors
    /// It was not sent so many: the stream must end (§6).
    pub fn acked(&self, h: u32) -> Result<(), TooHigh> {
        let was_full = self.is_window_full();
        let acked = self.stream.lock().acked(h)?;
        if was_full {
            self.mailbox.wake();
        }
        if !acked.is_empty() {
            self.settle(acked);
            self.touch();
        }
        Ok(())
    }

    /// The account is no longer owed what this session's client has.
    pub(super) fn settle(&self, acked: Vec<Delivery>) {
        let rows: Vec<Logged> = acked.into_iter().filter_map(|delivery| delivery.logged).collect();
        if let (false, Some(log)) = (rows.is_empty(), self.host().log()) {
            log.acked(&self.account, self.id, &rows);
        }
    }

    /// How many stanzas were written to the client in all.
    pub fn written_count(&self) -> u32 {
        self.stream.lock().unacked.count()
    }

    /// How many stanzas the client has acknowledged.
    pub fn acked_count(&self) -> u32 {
        self.stream.lock().unacked.acked()
    }

    /// Turns acknowledgements on: both counters begin at zero. `key` names the stream in rows of the log.
    /// False: they are on already.
    pub fn begin_acks(&self, resumable: bool, key: u64) -> bool {
        let mut stream = self.stream.lock();
        if stream.acking {
            return false;
        }
        // What was written before is out of the client's count; the kernel has it.
        let before = stream.acked_all();
        stream.unacked.begin();
        stream.handled = Handled::default();
        stream.noted = 0;
        (stream.acking, stream.resumable, stream.key) = (true, resumable, key);
        drop(stream);
        self.settle(before);
        true
    }

    /// Whether the client acknowledges.
    pub fn is_acking(&self) -> bool {
        self.stream.lock().acking
    }

    /// Whether its client may come back after the connection is gone.
    pub fn is_resumable(&self) -> bool {
        self.stream.lock().resumable
    }

    /// It cannot be resumed any more: its client has ended the stream.
    pub fn not_resumable(&self) {
        self.stream.lock().resumable = false;
    }

    /// A row of the log is about to tell how many stanzas the stream has brought, with the one that is on its way now:
    /// the name of the stream, and the number. None if it cannot be resumed.
    pub fn note_inbound(&self) -> Option<(u64, u32)> {
        let mut stream = self.stream.lock();
        (stream.acking && stream.resumable).then(|| {
            stream.noted = stream.handled.received().wrapping_add(1);
            (stream.key, stream.noted)
        })
    }

    /// How many stanzas the stream has brought, if no row tells of the last of them yet; then one has to be written,
    /// and given to [`Session::hold_handled`]. None if the stream cannot be resumed anyway.
    pub fn unnoted(&self) -> Option<u32> {
        let mut stream = self.stream.lock();
        let received = stream.handled.received();
        if !stream.resumable || stream.noted == received {
            return None;
        }
        stream.noted = received;
        Some(received)
    }

    /// The last stanza counts as handled only when this write is on disk.
    pub fn hold_handled(&self, ticket: Ticket) {
        self.stream.lock().handled.hold(ticket);
    }

    /// Its name in rows of the log; none without acknowledgements.
    pub fn stream_key(&self) -> Option<u64> {
        let stream = self.stream.lock();
        stream.acking.then_some(stream.key)
    }

    /// Takes the custody of a stanza that came.
    pub fn take_custody(&self, custody: Custody) {
        let mut stream = self.stream.lock();
        if stream.acking {
            stream.handled.take(custody);
        }
    }

    /// How many stanzas of the client are on disk, all before them included; and how many came.
    ///
    /// # Errors
    /// A write failed: the stream must end, the stanza is never counted.
    pub fn handled(&self) -> Result<(u32, u32), StoreError> {
        let mut stream = self.stream.lock();
        let count = stream.handled.advance()?;
        Ok((count, stream.handled.received()))
    }

    /// How many stanzas of the client were on disk when that was last looked at.
    pub fn handled_count(&self) -> u32 {
        self.stream.lock().handled.count()
    }

    /// What the oldest stanza that is not on disk waits for.
    pub fn unhandled(&self) -> Option<Custody> {
        self.stream.lock().handled.next()
    }

    /// How many stanzas wait for the disk.
    pub fn unhandled_count(&self) -> usize {
        self.stream.lock().handled.waiting()
    }

    /// How many stanzas the client has not acknowledged.
    pub fn unacked_count(&self) -> usize {
        self.stream.lock().unacked.len()
    }

    /// The messages of the log that the client has not acknowledged or not even got.
    pub fn unacked_rows(&self) -> Vec<Logged> {
        let mut rows: Vec<Logged> =
            self.stream.lock().unacked.iter().filter_map(|delivery| delivery.logged).collect();
        rows.extend(self.mailbox.deliveries().into_iter().filter_map(|delivery| delivery.logged));
        rows
    }
}

/// So many rows are read at once.
const ROWS_MAX: usize = 64;
/// When more is held back than this, it is written.
const HELD_BYTES_MAX: usize = 256 << 10;
