//! The engine under test.

use bytes::Bytes;
use tempfile::TempDir;

use crate::{Batch, EngineKind, Faults, KeyRange, Order, Partition, Store, StoreError, StoreOptions, Ticket};

/// A folder, an engine, and the faults of the store opened last.
pub(crate) struct Subject {
    pub(crate) options: StoreOptions,
    pub(crate) faults: Faults,
    _dir: TempDir,
}

impl Subject {
    pub(crate) fn new(engine: EngineKind) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = StoreOptions::new(engine, dir.path().join("store"));
        options.cache_bytes = 8 << 20;
        let faults = options.faults.clone();
        Self { options, faults, _dir: dir }
    }

    pub(crate) async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<Store, StoreError> {
        Store::open(self.options.clone()).await
    }
}

/// Makes a module per engine with a test per function, each given a fresh [`Subject`].
macro_rules! on_every_engine {
    ($($test:ident),* $(,)?) => {
        crate::tests::subject::on_engine!(sled, Sled, $($test),*);
        crate::tests::subject::on_engine!(fjall, Fjall, $($test),*);
        crate::tests::subject::on_engine!(memory, Memory, $($test),*);
    };
}

/// The same for what only makes sense when rows survive.
macro_rules! on_persistent_engines {
    ($($test:ident),* $(,)?) => {
        crate::tests::subject::on_engine!(sled, Sled, $($test),*);
        crate::tests::subject::on_engine!(fjall, Fjall, $($test),*);
    };
}

macro_rules! on_engine {
    ($module:ident, $engine:ident, $($test:ident),*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(crate::tests::subject::Subject::new(crate::EngineKind::$engine)).await;
                }
            )*
        }
    };
}

pub(crate) use {on_engine, on_every_engine, on_persistent_engines};

pub(crate) const MAIN: Partition = Partition::Main;

/// A batch of `Main` from `key=value` (put), `-key` (delete) and `key?value`, `key?` (expect).
pub(crate) fn batch(words: &str) -> Batch {
    batch_in(MAIN, words)
}

pub(crate) fn batch_in(partition: Partition, words: &str) -> Batch {
    let mut batch = Batch::new(partition);
    for word in words.split_whitespace() {
        if let Some((key, value)) = word.split_once('=') {
            batch.put(key.to_owned(), value.to_owned());
        } else if let Some(key) = word.strip_prefix('-') {
            batch.delete(key.to_owned());
        } else if let Some((key, value)) = word.split_once('?') {
            batch.expect(key.to_owned(), (!value.is_empty()).then(|| value.to_owned()));
        } else {
            panic!("{word} is no change");
        }
    }
    batch
}

/// Applies a batch and waits until it is on disk.
pub(crate) async fn settle(store: &Store, words: &str) -> Ticket {
    let ticket = store.apply(batch(words)).unwrap();
    ticket.durable().await.unwrap();
    ticket
}

pub(crate) async fn get(store: &Store, key: &str) -> Option<String> {
    store.get(&MAIN, key.as_bytes()).await.unwrap().map(text)
}

/// The rows of a range as `key=value`, space separated.
pub(crate) async fn rows(store: &Store, partition: Partition, order: Order, limit: usize) -> String {
    show(store.range(&partition, KeyRange::all(), order, limit).await.unwrap())
}

pub(crate) fn show(rows: Vec<(Bytes, Bytes)>) -> String {
    let rows: Vec<String> =
        rows.into_iter().map(|(key, value)| format!("{}={}", text(key), text(value))).collect();
    rows.join(" ")
}

pub(crate) fn text(bytes: Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
