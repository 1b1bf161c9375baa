//! Typed tables, owners, names and numbers, on memory.

use serde::{Deserialize, Serialize};

use crate::{
    AccountNumber, ApplyError, Batch, CreateError, HostNumber, KeyRange, Kind, Order, Partition, Raw,
    RowError, Scope, Span, Store, StoreError, Table,
};

/// The example of `Table`.
pub(crate) struct Notes;

#[derive(Debug, PartialEq, Clone, Serialize, Deserialize)]
pub(crate) struct Note {
    text: String,
}

impl Table for Notes {
    const NAME: &'static str = "notes.notes";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = (String, u32);
    type Value = Note;
}

struct Settings;

impl Table for Settings {
    const NAME: &'static str = "settings.settings";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Host;
    type Key = String;
    type Value = Raw;
}

pub(crate) struct Counter;

impl Table for Counter {
    const NAME: &'static str = "counter.counter";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Server;
    type Key = ();
    type Value = u64;
}

pub(crate) fn note(text: &str) -> Note {
    Note { text: text.to_owned() }
}

const ANNA: AccountNumber = AccountNumber(7);
const BERND: AccountNumber = AccountNumber(8);

#[tokio::test]
async fn a_table_knows_its_raw_keys_whoever_owns_the_row() {
    let store = Store::memory();
    let (notes, settings) = (store.table::<Notes>().unwrap(), store.table::<Settings>().unwrap());
    let counter = store.table::<Counter>().unwrap();
    let host = HostNumber(3);
    for account in [ANNA, BERND] {
        notes.put(account, &("monday".into(), 1), &note("bread")).unwrap();
    }
    settings.put(host, &"colour".into(), &Raw("red".into())).unwrap();
    counter.put((), &(), &1).unwrap();
    let all = KeyRange::all();
    let rows = store.range(&Partition::Main, all, Order::Forward, 100).await.unwrap();
    let count = |owns: &dyn Fn(&[u8]) -> bool| rows.iter().filter(|(key, _)| owns(key)).count();
    assert_eq!(count(&|key| notes.owns(key)), 2);
    assert_eq!(count(&|key| settings.owns(key)), 1);
    assert_eq!(count(&|key| counter.owns(key)), 1);
    assert!(!notes.owns(b"") && !notes.owns(&[0x30, 0, 0]));
}

#[tokio::test]
async fn rows_come_back_in_key_order_and_only_the_owners() {
    let store = Store::memory();
    let notes = store.table::<Notes>().unwrap();
    let mut batch = Batch::new(Partition::Main);
    for (day, number) in [("tuesday", 1), ("monday", 2), ("monday", 1)] {
        notes.put_into(&mut batch, ANNA, &(day.into(), number), &note(day)).unwrap();
    }
    notes.put_into(&mut batch, BERND, &("monday".into(), 3), &note("his")).unwrap();
    store.apply(batch).unwrap().durable().await.unwrap();

    let keys = |rows: Vec<((String, u32), Note)>| rows.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let all = notes.range(ANNA, Span::all(), Order::Forward, 10).await.unwrap();
    assert_eq!(keys(all), [("monday".into(), 1), ("monday".into(), 2), ("tuesday".into(), 1)]);
    let monday = notes.range(ANNA, Span::prefix(("monday",)), Order::Reverse, 10).await.unwrap();
    assert_eq!(keys(monday), [("monday".into(), 2), ("monday".into(), 1)]);
    let none = notes.range(ANNA, Span::prefix(("mon",)), Order::Forward, 10).await.unwrap();
    assert_eq!(keys(none), []);
    let later = Span::all().after(("monday", 1u32));
    let later = notes.range(ANNA, later, Order::Forward, 1).await.unwrap();
    assert_eq!(keys(later), [("monday".into(), 2)]);
    let earlier = Span::all().before(("monday", 2u32));
    assert_eq!(keys(notes.range(ANNA, earlier, Order::Reverse, 9).await.unwrap()), [("monday".into(), 1)]);
    let between = Span::between(("monday", 2u32)..("tuesday", 1u32));
    assert_eq!(keys(notes.range(ANNA, between, Order::Forward, 9).await.unwrap()), [("monday".into(), 2)]);
}

#[tokio::test]
async fn owners_of_another_scope_are_refused() {
    let store = Store::memory();
    let notes = store.table::<Notes>().unwrap();
    let settings = store.table::<Settings>().unwrap();
    let counter = store.table::<Counter>().unwrap();
    settings.put(HostNumber(1), &"a".into(), &Raw("x".into())).unwrap();
    counter.put((), &(), &5).unwrap();
    assert_eq!(settings.get(HostNumber(1), &"a".into()).await.unwrap(), Some(Raw("x".into())));
    assert_eq!(settings.get(HostNumber(2), &"a".into()).await.unwrap(), None);
    assert_eq!(counter.get((), &()).await.unwrap(), Some(5));
    let wrong = notes.get(HostNumber(1), &("a".into(), 1)).await;
    assert!(matches!(wrong, Err(StoreError::WrongOwner { scope: Scope::Account, .. })), "{wrong:?}");
    let wrong = settings.get((), &"a".into()).await;
    assert!(matches!(wrong, Err(StoreError::WrongOwner { .. })), "{wrong:?}");
    let mut month = Batch::new(Partition::Month(202_611));
    let wrong = counter.put_into(&mut month, (), &(), &6);
    assert!(matches!(wrong, Err(StoreError::WrongPartition { .. })), "{wrong:?}");
    counter.month(202_611).put_into(&mut month, (), &(), &6).unwrap();
    store.apply(month).unwrap().durable().await.unwrap();
    assert_eq!(counter.get((), &()).await.unwrap(), Some(5));
    assert_eq!(counter.month(202_611).get((), &()).await.unwrap(), Some(6));
}

#[tokio::test]
async fn concurrent_updates_of_one_row_lose_none() {
    let store = Store::memory();
    let counter = store.table::<Counter>().unwrap();
    let add = async |n: u64| {
        for _ in 0..n {
            let add_one = |old: Option<u64>| Ok::<_, StoreError>(Some(old.unwrap_or(0) + 1));
            counter.update((), &(), add_one).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(add(50), add(50), add(50));
    assert_eq!(counter.get((), &()).await.unwrap(), Some(150));
    let stopped = counter.update((), &(), |_| Err(StoreError::Closed)).await;
    assert!(matches!(stopped, Err(StoreError::Closed)));
    assert_eq!(counter.get((), &()).await.unwrap(), Some(150));
    counter.update((), &(), |_| Ok::<_, StoreError>(None)).await.unwrap();
    assert_eq!(counter.get((), &()).await.unwrap(), None);
}

#[tokio::test]
async fn expected_rows_hold_or_nothing_is_applied() {
    let store = Store::memory();
    let notes = store.table::<Notes>().unwrap();
    let key = ("monday".to_owned(), 1);
    let change = |old: Option<Note>, new: &str| {
        let mut batch = Batch::new(Partition::Main);
        notes.expect_in(&mut batch, ANNA, &key, old.as_ref()).unwrap();
        notes.put_into(&mut batch, ANNA, &key, &note(new)).unwrap();
        store.apply(batch).unwrap()
    };
    assert!(change(None, "one").applied().await.is_ok());
    let second = change(None, "two");
    assert!(matches!(second.applied().await, Err(ApplyError::Conflict)));
    assert!(matches!(second.durable().await, Err(StoreError::NotApplied)));
    assert!(!second.is_durable());
    assert_eq!(notes.get(ANNA, &key).await.unwrap(), Some(note("one")));
    assert!(change(Some(note("one")), "two").applied().await.is_ok());
}

/// The same table, a release later: the row got a field.
struct NotesTwo;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct NoteTwo {
    text: String,
    read: bool,
}

impl Table for NotesTwo {
    const NAME: &'static str = "notes.notes";
    const VERSION: u16 = 2;
    const SCOPE: Scope = Scope::Account;
    type Key = (String, u32);
    type Value = NoteTwo;

    fn upgrade(version: u8, old: &[u8]) -> Option<NoteTwo> {
        let note: Note = (version == 1).then(|| postcard::from_bytes(old).ok())??;
        Some(NoteTwo { text: note.text, read: false })
    }
}

#[tokio::test]
async fn rows_of_an_older_table_version_are_upgraded_and_a_newer_one_is_refused() {
    let store = Store::memory();
    let key = ("monday".to_owned(), 1);
    let old = store.table::<Notes>().unwrap();
    old.put(ANNA, &key, &note("bread")).unwrap();
    let new = store.table::<NotesTwo>().unwrap();
    let expected = NoteTwo { text: "bread".into(), read: false };
    assert_eq!(new.get(ANNA, &key).await.unwrap(), Some(expected));
    new.put(ANNA, &key, &NoteTwo { text: "milk".into(), read: true }).unwrap();
    let refused = old.get(ANNA, &key).await;
    assert!(matches!(refused, Err(StoreError::Row { problem: RowError::Version(2), .. })), "{refused:?}");
    let refused = store.table::<Notes>().map(|_| ());
    assert!(matches!(refused, Err(StoreError::NewerTable { found: 2, known: 1, .. })), "{refused:?}");
}

#[tokio::test]
async fn damaged_and_encrypted_rows_are_named_as_such() {
    let store = Store::memory();
    let counter = store.table::<Counter>().unwrap();
    counter.put((), &(), &1).unwrap();
    let rows = store.range(&Partition::Main, KeyRange::all(), Order::Reverse, 1).await.unwrap();
    let key = rows[0].0.clone();
    type IsExpected = fn(&RowError) -> bool;
    let cases: [(&[u8], IsExpected); 4] = [
        (&[1], |e| *e == RowError::Short),
        (&[1, 9, 5], |e| *e == RowError::KeyId(9)),
        (&[7, 0, 5], |e| *e == RowError::Version(7)),
        (&[1, 0, 5, 5], |e| matches!(e, RowError::Value(_))),
    ];
    for (row, is_expected) in cases {
        let mut batch = Batch::new(Partition::Main);
        batch.put(key.clone(), row.to_vec());
        store.apply(batch).unwrap();
        match counter.get((), &()).await {
            Err(StoreError::Row { table: "counter.counter", problem }) => {
                assert!(is_expected(&problem), "{problem}")
            }
            other => panic!("{row:?} gave {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_name_registered_anew_never_meets_its_predecessors_rows() {
    let store = Store::memory();
    let notes = store.table::<Notes>().unwrap();
    let numbers = store.numbers();
    let first = numbers.create(Kind::Account, "anna@example.org").await.unwrap();
    let taken = numbers.create(Kind::Account, "anna@example.org").await;
    assert!(matches!(taken, Err(CreateError::Taken)));
    // The same name as a room is another name.
    let room = numbers.create(Kind::Room, "anna@example.org").await.unwrap();
    for number in 0..600 {
        notes.put(first.account(), &("day".into(), number), &note("secret")).unwrap();
    }
    notes.put(room.account(), &("day".into(), 0), &note("kept")).unwrap();
    notes.month(202_601).put(first.account(), &("day".into(), 0), &note("secret")).unwrap();

    assert_eq!(numbers.unlink(Kind::Account, "anna@example.org").await.unwrap(), Some(first));
    assert_eq!(numbers.unlink(Kind::Account, "anna@example.org").await.unwrap(), None);
    let second = numbers.create(Kind::Account, "anna@example.org").await.unwrap();
    assert!(second > room && room > first);
    assert!(notes.range(second.account(), Span::all(), Order::Forward, 9).await.unwrap().is_empty());
    assert_eq!(numbers.deletions().await.unwrap(), [first.account()]);

    numbers.sweep(first.account()).await.unwrap();
    assert!(notes.range(first.account(), Span::all(), Order::Forward, 9).await.unwrap().is_empty());
    let archive = notes.month(202_601);
    assert!(archive.range(first.account(), Span::all(), Order::Forward, 9).await.unwrap().is_empty());
    assert_eq!(notes.range(room.account(), Span::all(), Order::Forward, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn creation_is_atomic_with_other_rows() {
    let store = Store::memory();
    let settings = store.table::<Notes>().unwrap();
    let create = async || {
        let mut batch = Batch::new(Partition::Main);
        let number = store.numbers().create_in(&mut batch, Kind::Account, "anna@example.org").unwrap();
        settings.put_into(&mut batch, number.account(), &("key".into(), 0), &note("verifier")).unwrap();
        (number, store.apply(batch).unwrap().applied().await)
    };
    let (first, created) = create().await;
    assert!(created.is_ok());
    let (second, refused) = create().await;
    assert!(matches!(refused, Err(ApplyError::Conflict)));
    assert!(settings.get(first.account(), &("key".into(), 0)).await.unwrap().is_some());
    assert!(settings.get(second.account(), &("key".into(), 0)).await.unwrap().is_none());
    assert_eq!(store.numbers().lookup(Kind::Account, "anna@example.org").await.unwrap(), Some(first));
}

#[tokio::test]
async fn names_are_listed_by_prefix_page_by_page() {
    let store = Store::memory();
    let numbers = store.numbers();
    for name in ["b@x", "a@y", "a@x", "ab@x"] {
        numbers.create(Kind::Account, name).await.unwrap();
    }
    assert_eq!(
        numbers.ensure(Kind::Host, "x").await.unwrap(),
        numbers.ensure(Kind::Host, "x").await.unwrap()
    );
    let names = async |prefix, after, limit| {
        let list = numbers.list(Kind::Account, prefix, after, limit).await.unwrap();
        list.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(names("", None, 9).await, ["a@x", "a@y", "ab@x", "b@x"]);
    assert_eq!(names("a", None, 2).await, ["a@x", "a@y"]);
    assert_eq!(names("a", Some("a@y"), 2).await, ["ab@x"]);
    assert_eq!(names("b", Some("a@y"), 2).await, ["b@x"]);
    assert!(names("c", None, 2).await.is_empty());
}
