//! The way out: what was written, and what of it the kernel has not taken.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use waxwing_core::Delivery;
use waxwing_stream::transport::Connection;
use waxwing_xmpp::Stanza;

/// A connection that knows which stanzas still lie in it.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) connection: Connection,
    unsent: Unsent,
}

/// Stanzas that bounce, by where they lie in all that was ever written.
#[derive(Debug, Default)]
struct Unsent {
    written: u64,
    stanzas: VecDeque<(Range<u64>, Stanza)>,
}

impl Wire {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, unsent: Unsent::default() }
    }

    /// Writes something that is no stanza.
    pub(crate) fn say<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let out = self.connection.output();
        let before = out.len();
        let said = write(out);
        self.unsent.wrote(out.len().saturating_sub(before), None);
        said
    }

    /// Writes a stanza; one that does not bounce is nothing to be taken back.
    pub(crate) fn stanza(&mut self, delivery: Delivery) {
        let Some(stanza) = delivery.stanza else { return };
        let out = self.connection.output();
        let before = out.len();
        stanza.write(out, None);
        self.unsent.wrote(out.len().saturating_sub(before), delivery.sole.then_some(stanza));
    }

    /// As [`Connection::try_flush`].
    pub(crate) fn try_flush(&mut self) -> io::Result<bool> {
        let drained = self.connection.try_flush();
        self.unsent.left(self.connection.pending_bytes());
        drained
    }

    /// Takes back the stanzas of which the kernel has not taken every byte. Nothing more of them is written, but for the
    /// rest of one that has begun: without it what follows could not be read.
    pub(crate) fn take_back(&mut self) -> Vec<Stanza> {
        let bytes = self.unsent.cut(self.connection.pending_bytes());
        let out = self.connection.output();
        out.truncate(out.len().saturating_sub(bytes));
        std::mem::take(&mut self.unsent.stanzas).into_iter().map(|(_, stanza)| stanza).collect()
    }
}

impl Unsent {
    fn wrote(&mut self, bytes: usize, stanza: Option<Stanza>) {
        let begin = self.written;
        self.written = begin.saturating_add(count(bytes));
        self.stanzas.extend(stanza.map(|stanza| (begin..self.written, stanza)));
    }

    /// So many bytes of all that was written have not left yet.
    fn left(&mut self, pending: usize) {
        let sent = self.sent(pending);
        while self.stanzas.front().is_some_and(|(range, _)| range.end <= sent) {
            self.stanzas.pop_front();
        }
    }

    fn sent(&self, pending: usize) -> u64 {
        self.written.saturating_sub(count(pending))
    }

    /// How many bytes are to be cut off, so that only what has begun goes out.
    fn cut(&mut self, pending: usize) -> usize {
        self.left(pending);
        let sent = self.sent(pending);
        let keep = match self.stanzas.front() {
            Some((range, _)) if range.start < sent => range.end,
            Some((range, _)) => range.start,
            None => return 0,
        };
        let bytes = self.written.saturating_sub(keep);
        self.written = keep;
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsent() -> Unsent {
        let stanza = |id: &str| Stanza::parse(&format!("<message id='{id}'/>"));
        let mut unsent = Unsent::default();
        unsent.wrote(12, None);
        unsent.wrote(20, stanza("1"));
        unsent.wrote(1, None);
        unsent.wrote(20, stanza("2"));
        unsent
    }

    #[test]
    fn a_stanza_is_sent_with_its_last_byte() {
        let mut unsent = unsent();
        let mut left = |pending| {
            unsent.left(pending);
            unsent.stanzas.len()
        };
        assert_eq!([left(53), left(22), left(21), left(1), left(0)], [2, 2, 1, 1, 0]);
    }

    #[test]
    fn what_has_begun_is_ended_and_nothing_behind_it_goes_out() {
        // (bytes that wait, bytes to cut off, stanzas that are taken back)
        for (pending, bytes, stanzas) in [
            (53, 41, 2),
            (41, 41, 2),
            (40, 21, 2),
            (22, 21, 2),
            (21, 20, 1),
            (20, 20, 1),
            (19, 0, 1),
            (0, 0, 0),
        ] {
            let mut unsent = unsent();
            assert_eq!((unsent.cut(pending), unsent.stanzas.len()), (bytes, stanzas), "{pending}");
        }
    }
}
