//! Export and import: from any engine to any other, and what a damaged file does.

use std::fs;

use bytes::Bytes;

use super::subject::{MAIN, Subject, batch_in, settle};
use super::tables::{Counter, Notes, note};
use crate::{Batch, Copied, EngineKind, Kind, OwnerRow, Partition, Store, StoreError};

const ENGINES: [EngineKind; 3] = [EngineKind::Sled, EngineKind::Fjall, EngineKind::Memory];

/// Something of everything: tables, names, months, empty and large values.
async fn fill(store: &Store) {
    let notes = store.table::<Notes>().unwrap();
    let anna = store.numbers().create(Kind::Account, "anna@example.org").await.unwrap().account();
    for n in 0..500 {
        notes.put(anna, &("day".into(), n), &note(&"x".repeat(usize::try_from(n).unwrap()))).unwrap();
    }
    notes.month(202_610).put(anna, &("old".into(), 1), &note("first")).unwrap();
    notes.month(202_611).put(anna, &("new".into(), 1), &note("second")).unwrap();
    let mut batch = Batch::new(MAIN);
    batch.put("zz-empty", Bytes::new());
    batch.put("zz-large", Bytes::from(vec![7; 300_000]));
    store.apply(batch).unwrap().durable().await.unwrap();
}

async fn exported(store: &Store) -> (Vec<u8>, Copied) {
    let mut out = Vec::new();
    let copied = store.export(&mut out).await.unwrap();
    (out, copied)
}

#[tokio::test]
async fn every_engine_imports_every_engines_export() {
    for from in ENGINES {
        let source = Subject::new(from);
        let store = source.open().await;
        fill(&store).await;
        let (export, copied) = exported(&store).await;
        assert_eq!(copied.partitions, 3);
        assert!(copied.rows > 500);
        store.close().await;
        for to in ENGINES {
            let target = Subject::new(to);
            let store = target.open().await;
            assert_eq!(store.import(&export[..]).await.unwrap(), copied, "{from} to {to}");
            let used = async |store: &Store| {
                let notes = store.table::<Notes>().unwrap();
                let anna = store.numbers().lookup(Kind::Account, "anna@example.org").await.unwrap().unwrap();
                let first = notes.month(202_610).get(anna.account(), &("old".into(), 1)).await.unwrap();
                assert_eq!(first, Some(note("first")));
                anna
            };
            let anna = used(&store).await;
            let (again, _) = exported(&store).await;
            assert!(again == export, "{from} to {to}: the export of the import differs");
            // The store's books were read anew: numbers and tables go on behind the imported ones.
            assert!(store.numbers().create(Kind::Account, "bernd@example.org").await.unwrap() > anna);
            store.table::<Counter>().unwrap().put((), &(), &1).unwrap().durable().await.unwrap();
            if to != EngineKind::Memory {
                store.close().await;
                used(&target.open().await).await;
            }
        }
    }
}

#[tokio::test]
async fn a_damaged_export_is_refused_with_the_place() {
    let store = Subject::new(EngineKind::Memory).open().await;
    fill(&store).await;
    let (export, _) = exported(&store).await;
    let refused = async |file: &[u8]| {
        let target = Subject::new(EngineKind::Memory).open().await;
        match target.import(file).await {
            Err(StoreError::BadExport { offset, block, problem }) => (offset, block, problem),
            other => panic!("{other:?}"),
        }
    };
    // Any single byte. The place is the beginning of the block it stands in, so never behind it.
    let length = export.len();
    for position in (0..200).chain((200..length).step_by(length / 97)).chain(length - 40..length) {
        let mut damaged = export.clone();
        damaged[position] ^= 0x10;
        let (offset, block, problem) = refused(&damaged).await;
        assert!(offset <= u64::try_from(position).unwrap(), "{position}: {offset} {block} {problem}");
    }
    for cut in [0, 5, 23, 24, 100, length / 2, length - 1] {
        let (offset, _, problem) = refused(&export[..cut]).await;
        assert!(offset <= u64::try_from(cut).unwrap() && problem.contains("short"), "{cut}: {problem}");
    }
    let (offset, _, problem) = refused(&[&export[..], b"x"].concat()).await;
    assert_eq!((offset, problem), (u64::try_from(length).unwrap(), "something follows the end"));
    // A whole block left out.
    let first_rows = 23 + 13;
    let rows_length = u32::from_be_bytes(export[first_rows + 1..first_rows + 5].try_into().unwrap());
    let behind = first_rows + 9 + usize::try_from(rows_length).unwrap();
    let (_, _, problem) = refused(&[&export[..first_rows], &export[behind..]].concat()).await;
    assert_eq!(problem, "blocks are missing");
}

#[tokio::test]
async fn an_import_that_failed_leaves_no_usable_store() {
    let store = Store::memory();
    fill(&store).await;
    let (export, _) = exported(&store).await;
    for engine in [EngineKind::Sled, EngineKind::Fjall] {
        let target = Subject::new(engine);
        let store = target.open().await;
        assert!(store.import(&export[..export.len() - 30]).await.is_err());
        store.close().await;
        let refused = target.try_open().await.unwrap_err();
        assert!(matches!(refused, StoreError::HalfImported), "{refused}");
        // As the message says.
        fs::remove_dir_all(&target.options.dir).unwrap();
        let store = target.open().await;
        store.import(&export[..]).await.unwrap();
        let again = store.import(&export[..]).await;
        assert!(matches!(again, Err(StoreError::NotEmpty)), "{again:?}");
        store.close().await;
        target.open().await.close().await;
    }
}

#[tokio::test]
async fn an_empty_store_exports_and_imports() {
    let (export, copied) = exported(&Store::memory()).await;
    assert_eq!((copied.partitions, copied.rows), (1, 0));
    let store = Store::memory();
    store.import(&export[..]).await.unwrap();
    settle(&store, "a=1").await;
    let used = store.import(&export[..]).await;
    assert!(matches!(used, Err(StoreError::NotEmpty)));
    let month = Store::memory();
    month.apply(batch_in(Partition::Month(202_611), "a=1")).unwrap();
    assert!(matches!(month.import(&export[..]).await, Err(StoreError::NotEmpty)));
}

#[tokio::test]
async fn an_owners_rows_are_listed_over_all_tables_and_months() {
    let store = Store::memory();
    fill(&store).await;
    let notes = store.table::<Notes>().unwrap();
    let anna = store.numbers().lookup(Kind::Account, "anna@example.org").await.unwrap().unwrap().account();
    let bernd = store.numbers().create(Kind::Account, "bernd@example.org").await.unwrap().account();
    notes.put(bernd, &("his".into(), 1), &note("own")).unwrap();
    let mut pages = store.owner_rows(anna).await.unwrap();
    let mut rows: Vec<OwnerRow> = Vec::new();
    loop {
        let page = pages.next(100).await.unwrap();
        if page.is_empty() {
            break;
        }
        rows.extend(page);
    }
    assert_eq!(rows.len(), 502);
    assert!(rows.iter().all(|row| row.table == "notes.notes"));
    let keys: Vec<(String, u32)> = rows.iter().map(|row| crate::key::decode(&row.key).unwrap()).collect();
    assert_eq!(keys[499..], [("day".into(), 499), ("old".into(), 1), ("new".into(), 1)]);
    assert_eq!(rows[501].partition, Partition::Month(202_611));
}
