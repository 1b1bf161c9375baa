//! Counting words in what comes, without a look at the rest of it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memchr::memmem;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::Fallible;

/// What a crowd has heard, all its clients together.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Messages of the bench.
    pub(crate) messages: Count,
    pub(crate) presences: Count,
    /// Presence of one's own (XEP-0045 §7.2.2): one is in, or out.
    pub(crate) own: Count,
    pub(crate) results: Count,
    /// The first error, or that a connection was closed.
    trouble: OnceLock<String>,
}

/// How often something has come.
#[derive(Debug, Default)]
pub(crate) struct Count {
    now: AtomicU64,
    wanted: AtomicU64,
    reached: Notify,
}

impl Heard {
    pub(crate) fn trouble(&self, what: String) {
        self.trouble.get_or_init(|| what);
        for count in [&self.messages, &self.presences, &self.own, &self.results] {
            count.reached.notify_one();
        }
    }

    /// Waits until something has come so often since the start.
    pub(crate) async fn wait(&self, count: &Count, wanted: u64) -> Fallible {
        count.wanted.store(wanted, Ordering::Relaxed);
        let mut before = count.now();
        loop {
            if let Some(trouble) = self.trouble.get() {
                return Err(trouble.as_str().into());
            }
            if count.now() >= wanted {
                return Ok(());
            }
            // As long as more comes there is hope.
            let in_time = timeout(PATIENCE, count.reached.notified()).await;
            if in_time.is_err() && count.now() == before {
                return Err(format!("{before} instead of {wanted} have come, {self:?}").into());
            }
            before = count.now();
        }
    }
}

impl Count {
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    fn add(&self, more: u64) {
        let now = self.now.fetch_add(more, Ordering::Relaxed) + more;
        if more > 0 && now >= self.wanted.load(Ordering::Relaxed) {
            self.reached.notify_one();
        }
    }
}

/// Hears one connection: words are found also where they come in pieces.
pub(crate) struct Ear {
    /// The end of what was heard before, and room for more.
    bytes: Vec<u8>,
}

impl Ear {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; KEPT + CHUNK] }
    }

    /// Where to put what comes.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.bytes.get_mut(KEPT..).unwrap_or_default()
    }

    /// So many bytes have come.
    pub(crate) fn hear(&mut self, length: usize, heard: &Heard) {
        let count = |word: &[u8]| {
            let bytes = self.bytes.get(KEPT + 1 - word.len()..KEPT + length).unwrap_or_default();
            u64::try_from(memmem::find_iter(bytes, word).count()).unwrap_or(0)
        };
        heard.messages.add(count(MESSAGE));
        heard.presences.add(count(PRESENCE));
        heard.own.add(count(OWN));
        heard.results.add(count(RESULT));
        if count(ERROR) > 0 {
            let said = self.bytes.get(..KEPT + length).unwrap_or_default();
            heard.trouble(String::from_utf8_lossy(said).into_owned());
        }
        self.bytes.copy_within(length..length + KEPT, 0);
    }
}

/// A message as people write them, to a room.
pub(crate) fn message(room: &str) -> String {
    format!(
        "<message to='{room}' type='groupchat' id='c0ffee42'><body>The quick brown fox jumps over the lazy dog, and \
         then it has a rest.</body></message>"
    )
}

// All three servers write attributes with these quotes.
const MESSAGE: &[u8] = b"then it has a rest.";
const PRESENCE: &[u8] = b"<presence";
const OWN: &[u8] = b"code='110'";
const RESULT: &[u8] = b"type='result'";
const ERROR: &[u8] = b"type='error'";
/// As long as the longest word without its last letter.
const KEPT: usize = MESSAGE.len() - 1;
const CHUNK: usize = 4096;
/// Silence after which nothing is waited for any more.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(pieces: &[&[u8]]) -> Heard {
        let (mut ear, heard) = (Ear::new(), Heard::default());
        for piece in pieces {
            ear.room()[..piece.len()].copy_from_slice(piece);
            ear.hear(piece.len(), &heard);
        }
        heard
    }

    #[test]
    fn words_are_counted_once_however_they_come() {
        let said = format!(
            "<presence from='a'><status code='110'/></presence><presence/>{}<iq type='result'/>",
            message("r@x")
        );
        let letters: Vec<&[u8]> = said.as_bytes().chunks(1).collect();
        let halves: Vec<&[u8]> = said.as_bytes().chunks(60).collect();
        for pieces in [letters, halves, vec![said.as_bytes()]] {
            let heard = hear(&pieces);
            let counts = [&heard.messages, &heard.presences, &heard.own, &heard.results].map(Count::now);
            assert_eq!(counts, [1, 2, 1, 1]);
            assert!(heard.trouble.get().is_none());
        }
    }

    #[tokio::test]
    async fn an_error_ends_the_waiting() {
        let heard = hear(&[b"<presence type='error'>"]);
        assert!(heard.wait(&heard.presences, 1).await.is_err());
        let heard = hear(&[b"<presence>"]);
        heard.wait(&heard.presences, 1).await.unwrap();
    }
}
