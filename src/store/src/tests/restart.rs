//! What a restart keeps: rows, table numbers, names, deletions half done; and which folders it refuses.

use std::fs;

use super::subject::{MAIN, Subject, batch_in, get, on_persistent_engines, rows, settle};
use super::tables::{Counter, Notes, note};
use crate::engine::EngineKind;
use crate::format::{self, FORMAT, Migration};
use crate::partitions::Partitions;
use crate::{AccountNumber, Batch, Kind, Order, Partition, Span, Store, StoreError};

on_persistent_engines!(
    rows_survive_a_restart,
    table_numbers_are_stable,
    numbers_are_never_used_again,
    an_interrupted_deletion_goes_on,
    stragglers_of_a_deleted_account_go_at_the_next_start,
    a_half_written_snapshot_does_not_stop_the_start,
    a_month_half_dropped_is_swept,
    a_newer_format_is_refused,
    an_older_format_is_migrated,
    an_interrupted_migration_runs_again,
    unknown_folders_are_refused,
    another_engine_is_refused,
    a_damaged_database_says_how_to_recover,
    a_second_opener_is_refused,
);

async fn rows_survive_a_restart(subject: Subject) {
    let store = subject.open().await;
    settle(&store, "a=1 b=2").await;
    settle(&store, "-a c=3").await;
    store.apply(batch_in(Partition::Month(202_611), "a=9")).unwrap();
    store.close().await;
    let store = subject.open().await;
    assert_eq!(rows(&store, MAIN, Order::Forward, 9).await, "b=2 c=3");
    assert_eq!(rows(&store, Partition::Month(202_611), Order::Forward, 9).await, "a=9");
    assert_eq!(store.months().await.unwrap(), [202_611]);
    store.close().await;
}

async fn table_numbers_are_stable(subject: Subject) {
    let store = subject.open().await;
    store.table::<Counter>().unwrap();
    let notes = store.table::<Notes>().unwrap();
    notes.put(AccountNumber(1), &("a".into(), 1), &note("x")).unwrap();
    store.close().await;
    let store = subject.open().await;
    // In the other order.
    let notes = store.table::<Notes>().unwrap();
    let counter = store.table::<Counter>().unwrap();
    counter.put((), &(), &1).unwrap();
    assert_eq!(notes.get(AccountNumber(1), &("a".into(), 1)).await.unwrap(), Some(note("x")));
    store.close().await;
}

async fn numbers_are_never_used_again(subject: Subject) {
    let mut last = 0;
    for round in 0..4 {
        let store = subject.open().await;
        for n in 0..70 {
            let number = store.numbers().create(Kind::Room, &format!("{round}-{n}@rooms")).await.unwrap();
            assert!(number.0 > last, "{} after {last}", number.0);
            last = number.0;
        }
        store.close().await;
    }
}

async fn an_interrupted_deletion_goes_on(subject: Subject) {
    let store = subject.open().await;
    let notes = store.table::<Notes>().unwrap();
    let anna = store.numbers().create(Kind::Account, "anna@example.org").await.unwrap().account();
    for n in 0..700 {
        notes.put(anna, &("day".into(), n), &note("x")).unwrap();
        notes.month(202_601).put(anna, &("day".into(), n), &note("x")).unwrap();
    }
    notes.put(AccountNumber(anna.0 + 1), &("day".into(), 0), &note("kept")).unwrap();
    // The name goes, and the process with it before the first row does.
    store.numbers().unlink(Kind::Account, "anna@example.org").await.unwrap();
    store.close().await;

    let store = subject.open().await;
    let notes = store.table::<Notes>().unwrap();
    // The deletion runs in the background and ends with its note removed.
    while !store.numbers().deletions().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    for notes in [&notes, &notes.month(202_601)] {
        assert!(notes.range(anna, Span::all(), Order::Forward, 9).await.unwrap().is_empty());
    }
    assert!(notes.get(AccountNumber(anna.0 + 1), &("day".into(), 0)).await.unwrap().is_some());
    store.close().await;
}

async fn stragglers_of_a_deleted_account_go_at_the_next_start(subject: Subject) {
    let store = subject.open().await;
    let notes = store.table::<Notes>().unwrap();
    let (anna, key) = (AccountNumber(77), ("day".to_owned(), 1));
    let gone = async |store: &Store| {
        while store.table::<Notes>().unwrap().get(anna, &key).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    notes.put(anna, &key, &note("x")).unwrap();
    store.numbers().delete_account_rows(anna).unwrap().durable().await.unwrap();
    // In the background, without anyone waiting for it.
    gone(&store).await;
    notes.put(anna, &key, &note("late")).unwrap().durable().await.unwrap();
    store.close().await;
    let store = subject.open().await;
    gone(&store).await;
    store.close().await;
}

async fn a_half_written_snapshot_does_not_stop_the_start(subject: Subject) {
    let store = subject.open().await;
    settle(&store, "a=1").await;
    store.close().await;
    // What a kill may leave of sled's snapshots; another engine must not mind a stray file either.
    for name in ["snap.0000000000000FFF.generating", "snap.0000000000000FFF.in___motion"] {
        fs::write(subject.options.dir.join("main").join(name), b"half").unwrap();
    }
    let store = subject.open().await;
    assert_eq!(get(&store, "a").await.as_deref(), Some("1"));
    settle(&store, "a=2").await;
    store.close().await;
    assert_eq!(get(&subject.open().await, "a").await.as_deref(), Some("2"));
}

async fn a_month_half_dropped_is_swept(subject: Subject) {
    let store = subject.open().await;
    store.apply(batch_in(Partition::Month(202_601), "a=1")).unwrap().durable().await.unwrap();
    store.close().await;
    let dir = &subject.options.dir;
    fs::rename(dir.join("month-202601"), dir.join("dropped-month-202601")).unwrap();
    let store = subject.open().await;
    assert!(store.months().await.unwrap().is_empty());
    assert!(!dir.join("dropped-month-202601").exists());
    store.close().await;
}

async fn a_newer_format_is_refused(subject: Subject) {
    let store = subject.open().await;
    settle(&store, "a=1").await;
    store.close().await;
    let file = subject.options.dir.join("FORMAT");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(" 1 ", " 2 ")).unwrap();
    let refused = subject.try_open().await.unwrap_err();
    assert!(matches!(refused, StoreError::NewerFormat { found: 2, known: 1, .. }), "{refused}");
    assert!(refused.to_string().contains("has format 2, this release knows formats up to 1"), "{refused}");
    fs::write(&file, text).unwrap();
    assert_eq!(get(&subject.open().await, "a").await.as_deref(), Some("1"));
}

/// A pretended format 0, in which values had no mark at the end.
const FROM_ZERO: &[Migration] = &[Migration { from: 0, run: add_mark }];

fn add_mark(partitions: &Partitions) -> Result<(), StoreError> {
    format::rewrite(partitions, &mut |key, value| {
        let new = (!value.ends_with(b"!")).then(|| [value, b"!"].concat().into());
        Ok(new.map(|new| (bytes::Bytes::copy_from_slice(key), Some(new))))
    })
}

async fn make_format_zero(subject: &Subject) {
    let store = subject.open().await;
    let mut batch = Batch::new(MAIN);
    for n in 0..1_000 {
        batch.put(format!("k{n:04}"), "v");
    }
    store.apply(batch).unwrap();
    store.apply(batch_in(Partition::Month(202_601), "a=v b=v")).unwrap();
    store.close().await;
    let text = format!("waxwing-store 0 {}\n", subject.options.engine);
    fs::write(subject.options.dir.join("FORMAT"), text).unwrap();
}

fn migrate(subject: &Subject, migrations: &'static [Migration]) -> Result<(), StoreError> {
    let partitions = Partitions::new(subject.options.engine, subject.options.dir.clone(), 1 << 20);
    let result = format::prepare(&subject.options.dir, &partitions, migrations);
    partitions.close();
    result
}

async fn assert_migrated(subject: &Subject) {
    let text = fs::read_to_string(subject.options.dir.join("FORMAT")).unwrap();
    assert_eq!(text, format!("waxwing-store {FORMAT} {}\n", subject.options.engine));
    let store = subject.open().await;
    let all = rows(&store, MAIN, Order::Forward, 9_999).await;
    assert_eq!(all.split(' ').count(), 1_000);
    assert!(all.split(' ').all(|row| row.ends_with("=v!")), "{all}");
    assert_eq!(rows(&store, Partition::Month(202_601), Order::Forward, 9).await, "a=v! b=v!");
    store.close().await;
}

async fn an_older_format_is_migrated(subject: Subject) {
    make_format_zero(&subject).await;
    let too_old = subject.try_open().await.unwrap_err();
    assert!(too_old.to_string().contains("older than this release can read"), "{too_old}");
    migrate(&subject, FROM_ZERO).unwrap();
    assert_migrated(&subject).await;
}

/// Does half of the work and stops, as a power cut would.
const HALF: &[Migration] = &[Migration { from: 0, run: add_mark_to_half }];

fn add_mark_to_half(partitions: &Partitions) -> Result<(), StoreError> {
    let mut left = 700;
    format::rewrite(partitions, &mut |key, value| {
        left -= 1;
        if left == 0 {
            return Err(StoreError::Closed);
        }
        Ok(Some((bytes::Bytes::copy_from_slice(key), Some([value, b"!"].concat().into()))))
    })
}

async fn an_interrupted_migration_runs_again(subject: Subject) {
    make_format_zero(&subject).await;
    assert!(migrate(&subject, HALF).is_err());
    migrate(&subject, FROM_ZERO).unwrap();
    assert_migrated(&subject).await;
}

async fn unknown_folders_are_refused(subject: Subject) {
    let store = subject.open().await;
    store.close().await;
    let file = subject.options.dir.join("FORMAT");
    for text in ["", "waxwing-store", "waxwing-store one sled", "something else 1"] {
        fs::write(&file, text).unwrap();
        let refused = subject.try_open().await.unwrap_err();
        assert!(matches!(refused, StoreError::BadFormatFile { .. }), "{refused}");
    }
    fs::remove_file(&file).unwrap();
    let refused = subject.try_open().await.unwrap_err();
    assert!(refused.to_string().contains("is missing beside a database"), "{refused}");
}

async fn another_engine_is_refused(mut subject: Subject) {
    subject.open().await.close().await;
    let was = subject.options.engine;
    subject.options.engine = if was == EngineKind::Sled { EngineKind::Fjall } else { EngineKind::Sled };
    let refused = subject.try_open().await.unwrap_err();
    assert!(matches!(refused, StoreError::OtherEngine { .. }), "{refused}");
    assert!(refused.to_string().contains(&format!("storage.engine = \"{was}\"")), "{refused}");
}

async fn a_damaged_database_says_how_to_recover(subject: Subject) {
    let store = subject.open().await;
    settle(&store, "a=1").await;
    store.close().await;
    let main = subject.options.dir.join("main");
    let damaged = match subject.options.engine {
        EngineKind::Sled => main.join("conf"),
        _ => main.join("version"),
    };
    assert!(damaged.exists());
    fs::write(&damaged, b"no such thing").unwrap();
    let refused = subject.try_open().await.unwrap_err();
    assert!(refused.to_string().contains("waxwing store import"), "{refused}");
}

async fn a_second_opener_is_refused(subject: Subject) {
    let store = subject.open().await;
    settle(&store, "a=1").await;
    let refused = subject.try_open().await.unwrap_err();
    assert!(matches!(refused, StoreError::Open { .. }), "{refused}");
    assert!(refused.to_string().contains("no other process"), "{refused}");
    store.close().await;
}
