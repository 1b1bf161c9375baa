//! Writes that fail: tickets say so, reads go back to the truth, the store's books are written again.

use std::path::PathBuf;

use super::subject::{
    MAIN, Subject, batch, batch_in, get, on_every_engine, on_persistent_engines, rows, settle,
};
use super::tables::{Counter, Notes, note};
use crate::partitions::Partitions;
use crate::{AccountNumber, EngineError, EngineKind, Kind, Order, Partition};

mod every {
    use super::*;

    on_every_engine!(
        a_failed_write_is_told_and_taken_back,
        what_was_built_on_a_failed_write_fails_with_it,
        a_failed_month_leaves_main_alone,
    );
}

mod persistent {
    use super::*;

    on_persistent_engines!(the_books_are_written_again_after_a_failure);
}

async fn a_failed_write_is_told_and_taken_back(subject: Subject) {
    let store = subject.open().await;
    settle(&store, "a=1").await;
    subject.faults.hold();
    let lost = store.apply(batch("a=2 b=2")).unwrap();
    assert_eq!(rows(&store, MAIN, Order::Forward, 9).await, "a=2 b=2");
    subject.faults.fail_writes(1);
    subject.faults.release();
    assert!(lost.durable().await.is_err());
    assert!(!lost.is_durable());
    assert_eq!(rows(&store, MAIN, Order::Forward, 9).await, "a=1");
    settle(&store, "a?1 a=3").await;
    assert_eq!(get(&store, "a").await.as_deref(), Some("3"));
}

async fn what_was_built_on_a_failed_write_fails_with_it(subject: Subject) {
    let store = subject.open().await;
    settle(&store, "a=1").await;
    subject.faults.hold();
    let lost = store.apply(batch("a=2")).unwrap();
    let built_on_it = store.apply(batch("a?2 b=2")).unwrap();
    built_on_it.applied().await.unwrap();
    let elsewhere = store.apply(batch_in(Partition::Month(202_611), "c=1")).unwrap();
    subject.faults.fail_writes(1);
    subject.faults.release();
    assert!(lost.durable().await.is_err());
    assert!(built_on_it.durable().await.is_err());
    assert!(elsewhere.durable().await.is_err(), "other partitions rely on Main");
    let refused = store.apply(batch("a?2 b=2")).unwrap();
    assert!(refused.applied().await.is_err());
    assert_eq!(rows(&store, MAIN, Order::Forward, 9).await, "a=1");
    assert_eq!(rows(&store, Partition::Month(202_611), Order::Forward, 9).await, "");
}

async fn a_failed_month_leaves_main_alone(subject: Subject) {
    let store = subject.open().await;
    let month = Partition::Month(202_611);
    store.apply(batch_in(month, "a=1")).unwrap().durable().await.unwrap();
    subject.faults.hold();
    // The writer may have taken a first group before it was held; this one it has not.
    let lost = store.apply(batch_in(month, "a=2")).unwrap();
    subject.faults.fail_writes(1);
    subject.faults.release();
    assert!(lost.durable().await.is_err());
    settle(&store, "m=1").await;
    assert_eq!(rows(&store, month, Order::Forward, 9).await, "a=1");
    assert_eq!(get(&store, "m").await.as_deref(), Some("1"));
}

async fn the_books_are_written_again_after_a_failure(subject: Subject) {
    let store = subject.open().await;
    subject.faults.hold();
    // The catalog's row and the reservation of numbers are lost with this write, their numbers are in use.
    let notes = store.table::<Notes>().unwrap();
    let mut lost = crate::Batch::new(MAIN);
    let number = store.numbers().create_in(&mut lost, Kind::Account, "anna@example.org").unwrap();
    let lost = store.apply(lost).unwrap();
    lost.applied().await.unwrap();
    subject.faults.fail_writes(1);
    subject.faults.release();
    assert!(lost.durable().await.is_err());

    let month = notes.month(202_611);
    month.put(number.account(), &("day".into(), 1), &note("kept")).unwrap().durable().await.unwrap();
    store.close().await;
    drop((store, notes, month));

    let store = subject.open().await;
    // Another table first: it must not be given the number that the other's rows carry.
    let counter = store.table::<Counter>().unwrap();
    counter.put((), &(), &1).unwrap().durable().await.unwrap();
    let notes = store.table::<Notes>().unwrap();
    let kept = notes.month(202_611).get(number.account(), &("day".into(), 1)).await.unwrap();
    assert_eq!(kept, Some(note("kept")));
    let next = store.numbers().create(Kind::Account, "anna@example.org").await.unwrap();
    assert!(next.account() > number.account() && number.account() > AccountNumber(0));
}

#[test]
fn an_engine_that_panics_fails_its_call_only() {
    let partitions = Partitions::new(EngineKind::Memory, PathBuf::new(), 0);
    let panicked = partitions.with(MAIN, "write", |_| -> Result<(), EngineError> { panic!("disk on fire") });
    let panicked = panicked.unwrap_err().to_string();
    assert_eq!(panicked, "the storage engine failed to write main: it panicked: disk on fire");
    assert!(partitions.with(MAIN, "sync", |engine| engine.sync()).is_ok());
}
