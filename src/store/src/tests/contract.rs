//! The contract, clause by clause.

use std::ops::Bound;

use bytes::Bytes;

use super::subject::{MAIN, Subject, batch, batch_in, get, on_every_engine, rows, settle, show};
use crate::{ApplyError, Batch, KeyRange, Order, Partition, StoreError};

on_every_engine!(
    a_batch_is_applied_first_and_durable_later,
    reads_see_unwritten_batches,
    pages_merge_unwritten_batches,
    ranges_keep_their_bounds,
    expected_values_hold_or_nothing_is_applied,
    applied_does_not_wait_for_the_disk,
    batches_of_the_same_keys_keep_their_order,
    of_racing_batches_one_wins,
    partitions_are_apart,
    a_dropped_month_is_gone_and_may_come_again,
    many_months_are_read_though_few_stay_open,
    too_much_waiting_is_overload,
    impossible_keys_and_months_are_refused,
    close_writes_all_and_refuses_more,
    large_values_come_back,
);

async fn a_batch_is_applied_first_and_durable_later(subject: Subject) {
    let store = subject.open().await;
    subject.faults.hold();
    let ticket = store.apply(batch("a=1")).unwrap();
    assert!(ticket.is_applied(), "nothing is expected, so nothing is waited for");
    ticket.applied().await.unwrap();
    assert!(!ticket.is_durable());
    assert!(ticket.outcome().is_none());
    subject.faults.release();
    ticket.durable().await.unwrap();
    assert!(ticket.is_durable());
    assert_eq!(get(&store, "a").await.as_deref(), Some("1"));
}

async fn reads_see_unwritten_batches(subject: Subject) {
    let store = subject.open().await;
    settle(&store, "a=1 b=1").await;
    subject.faults.hold();
    store.apply(batch("-a b=2 c=1")).unwrap();
    let last = store.apply(batch("b=3 -c c=4")).unwrap();
    let read = async || (get(&store, "a").await, get(&store, "b").await, get(&store, "c").await);
    let expected = (None, Some("3".to_owned()), Some("4".to_owned()));
    assert_eq!(read().await, expected);
    subject.faults.release();
    last.durable().await.unwrap();
    assert_eq!(read().await, expected);
}

async fn pages_merge_unwritten_batches(subject: Subject) {
    let store = subject.open().await;
    settle(&store, "a=1 b=1 c=1 d=1 e=1").await;
    subject.faults.hold();
    let last = store.apply(batch("-a bb=2 -c d=2 f=2 -g")).unwrap();
    for _ in ["from the overlay", "from the engine"] {
        assert_eq!(rows(&store, MAIN, Order::Forward, 9).await, "b=1 bb=2 d=2 e=1 f=2");
        assert_eq!(rows(&store, MAIN, Order::Reverse, 9).await, "f=2 e=1 d=2 bb=2 b=1");
        assert_eq!(rows(&store, MAIN, Order::Forward, 2).await, "b=1 bb=2");
        assert_eq!(rows(&store, MAIN, Order::Reverse, 3).await, "f=2 e=1 d=2");
        assert_eq!(rows(&store, MAIN, Order::Forward, 0).await, "");
        subject.faults.release();
        last.durable().await.unwrap();
    }
}

async fn ranges_keep_their_bounds(subject: Subject) {
    let store = subject.open().await;
    settle(&store, "a=1 ab=1 b=1 ba=1 c=1").await;
    let range = async |range: KeyRange| show(store.range(&MAIN, range, Order::Forward, 9).await.unwrap());
    let key = |key: &str| Bytes::copy_from_slice(key.as_bytes());
    use Bound::{Excluded, Included, Unbounded};
    assert_eq!(range(KeyRange::prefix(b"a")).await, "a=1 ab=1");
    assert_eq!(range(KeyRange::prefix(b"")).await, "a=1 ab=1 b=1 ba=1 c=1");
    assert_eq!(range(KeyRange::prefix(b"\xff")).await, "");
    assert_eq!(range(KeyRange::prefix(b"b").after("b")).await, "ba=1");
    assert_eq!(range(KeyRange::prefix(b"b").before("ba")).await, "b=1");
    assert_eq!(range(KeyRange::between(Included(key("ab")), Excluded(key("ba")))).await, "ab=1 b=1");
    assert_eq!(range(KeyRange::between(Excluded(key("ab")), Included(key("ba")))).await, "b=1 ba=1");
    assert_eq!(range(KeyRange::between(Excluded(key("b")), Unbounded)).await, "ba=1 c=1");
    // Void ranges, on which a map would panic.
    assert_eq!(range(KeyRange::between(Included(key("c")), Included(key("a")))).await, "");
    assert_eq!(range(KeyRange::between(Excluded(key("b")), Excluded(key("b")))).await, "");
}

async fn expected_values_hold_or_nothing_is_applied(subject: Subject) {
    let store = subject.open().await;
    settle(&store, "a=1").await;
    let cases = [
        ("a?1 b? b=1", true),
        ("a?2 c=1", false),
        ("a? c=1", false),
        ("b? c=1", false),
        ("a?1 b?2 c=1", false),
        ("a?1 b?1 -a b=2", true),
        ("a? b?2 b=3", true),
    ];
    // Once against the engine's values, once against unwritten ones.
    for held in [false, true] {
        settle(&store, "a=1 -b -c").await;
        if held {
            subject.faults.hold();
            store.apply(batch("a=1 -b -c")).unwrap();
        }
        for (words, holds) in cases {
            let ticket = store.apply(batch(words)).unwrap();
            match ticket.applied().await {
                Ok(()) => assert!(holds, "{words}"),
                Err(ApplyError::Conflict) => assert!(!holds, "{words}"),
                Err(ApplyError::Store(error)) => panic!("{words}: {error}"),
            }
        }
        assert_eq!(rows(&store, MAIN, Order::Forward, 9).await, "b=3");
        subject.faults.release();
    }
    let refused = store.apply(batch("b?2 b=4")).unwrap();
    assert!(matches!(refused.durable().await, Err(StoreError::NotApplied)));
}

async fn applied_does_not_wait_for_the_disk(subject: Subject) {
    let store = subject.open().await;
    settle(&store, "a=1").await;
    subject.faults.hold();
    // The value stands in the engine only; the writer does not move.
    let ticket = store.apply(batch("a?1 a=2")).unwrap();
    ticket.applied().await.unwrap();
    let next = store.apply(batch("a?2 z? z=1")).unwrap();
    next.applied().await.unwrap();
    assert!(!ticket.is_durable() && !next.is_durable());
    assert_eq!(rows(&store, MAIN, Order::Forward, 9).await, "a=2 z=1");
    subject.faults.release();
    next.durable().await.unwrap();
    assert!(ticket.is_durable());
}

async fn batches_of_the_same_keys_keep_their_order(subject: Subject) {
    let store = subject.open().await;
    for round in 0..50 {
        let old = get(&store, "a").await.unwrap_or_default();
        // The first has to ask the engine; the others, asked nothing, must not overtake it on the same keys.
        let first = store.apply(batch(&format!("a?{old} a=x{round} b=x{round}"))).unwrap();
        let free = store.apply(batch(&format!("other=y{round}"))).unwrap();
        let second = store.apply(batch(&format!("b=y{round}"))).unwrap();
        let third = store.apply(batch(&format!("b?y{round} a=z{round}"))).unwrap();
        third.applied().await.unwrap();
        for ticket in [&first, &free, &second] {
            ticket.applied().await.unwrap();
        }
        let expected = format!("a=z{round} b=y{round} other=y{round}");
        assert_eq!(rows(&store, MAIN, Order::Forward, 9).await, expected);
        third.durable().await.unwrap();
        second.durable().await.unwrap();
        free.durable().await.unwrap();
        assert_eq!(rows(&store, MAIN, Order::Forward, 9).await, expected);
    }
}

async fn of_racing_batches_one_wins(subject: Subject) {
    let store = subject.open().await;
    settle(&store, "n=0").await;
    let racer = |name: usize| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut won = 0;
            for _ in 0..40 {
                let old: u32 = get(&store, "n").await.unwrap().parse().unwrap();
                let ticket = store.apply(batch(&format!("n?{old} n={} won{name}={old}", old + 1))).unwrap();
                won += u32::from(ticket.applied().await.is_ok());
            }
            won
        })
    };
    let racers: Vec<_> = (0..4).map(racer).collect();
    let mut won = 0;
    for racer in racers {
        won += racer.await.unwrap();
    }
    assert!(won >= 40, "{won}");
    assert_eq!(get(&store, "n").await, Some(won.to_string()));
}

async fn partitions_are_apart(subject: Subject) {
    let store = subject.open().await;
    let (old, new) = (Partition::Month(202_610), Partition::Month(202_611));
    assert!(store.months().await.unwrap().is_empty());
    assert_eq!(rows(&store, old, Order::Forward, 9).await, "");
    settle(&store, "a=main").await;
    store.apply(batch_in(old, "a=old")).unwrap().durable().await.unwrap();
    let new_ticket = store.apply(batch_in(new, "a?old a=new")).unwrap();
    assert!(matches!(new_ticket.applied().await, Err(ApplyError::Conflict)));
    store.apply(batch_in(new, "a? a=new")).unwrap().durable().await.unwrap();
    assert_eq!(rows(&store, MAIN, Order::Forward, 9).await, "a=main");
    assert_eq!(rows(&store, old, Order::Forward, 9).await, "a=old");
    assert_eq!(rows(&store, new, Order::Forward, 9).await, "a=new");
    assert_eq!(store.months().await.unwrap(), [202_610, 202_611]);
}

async fn a_dropped_month_is_gone_and_may_come_again(subject: Subject) {
    let store = subject.open().await;
    let month = Partition::Month(202_610);
    store.apply(batch_in(month, "a=1 b=1")).unwrap().durable().await.unwrap();
    let before = store.apply(batch_in(month, "c=1")).unwrap();
    store.drop_month(202_610).await.unwrap();
    before.durable().await.unwrap();
    assert_eq!(rows(&store, month, Order::Forward, 9).await, "");
    assert!(store.months().await.unwrap().is_empty());
    store.drop_month(202_610).await.unwrap();
    store.apply(batch_in(month, "a? a=2")).unwrap().durable().await.unwrap();
    assert_eq!(rows(&store, month, Order::Forward, 9).await, "a=2");
}

async fn many_months_are_read_though_few_stay_open(subject: Subject) {
    let store = subject.open().await;
    let months: Vec<u32> = (202_601..=202_606).collect();
    for month in &months {
        let words = format!("a={month}");
        store.apply(batch_in(Partition::Month(*month), &words)).unwrap().durable().await.unwrap();
    }
    for month in months.iter().chain(months.iter().rev()) {
        let month = Partition::Month(*month);
        let expected = format!("a={}", month.to_string().trim_start_matches("month-"));
        assert_eq!(rows(&store, month, Order::Forward, 9).await, expected);
    }
    assert_eq!(store.months().await.unwrap(), months);
}

async fn too_much_waiting_is_overload(mut subject: Subject) {
    subject.options.queue_bytes_max = 10_000;
    let store = subject.open().await;
    subject.faults.hold();
    let mut tickets = Vec::new();
    let refused = loop {
        let mut batch = Batch::new(MAIN);
        batch.put(format!("{:04}", tickets.len()), vec![0; 1_000]);
        match store.apply(batch) {
            Ok(ticket) => tickets.push(ticket),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Overloaded { max: 10_000, .. }), "{refused}");
    assert!((8..=10).contains(&tickets.len()), "{}", tickets.len());
    subject.faults.release();
    for ticket in &tickets {
        ticket.durable().await.unwrap();
    }
    settle(&store, "a=1").await;
}

async fn impossible_keys_and_months_are_refused(subject: Subject) {
    let store = subject.open().await;
    for month in [0, 202_600, 202_613, 1_000_001] {
        let refused = store.apply(batch_in(Partition::Month(month), "a=1")).map(|_| ());
        assert!(matches!(refused, Err(StoreError::BadMonth(_))), "{refused:?}");
        assert!(store.get(&Partition::Month(month), b"a").await.is_err());
        assert!(store.drop_month(month).await.is_err());
    }
    let put = |key: Vec<u8>| {
        let mut batch = Batch::new(MAIN);
        batch.put(key, "value");
        store.apply(batch)
    };
    assert!(matches!(put(Vec::new()), Err(StoreError::BadSize { what: "key", bytes: 0, .. })));
    assert!(matches!(put(vec![1; crate::KEY_BYTES_MAX + 1]), Err(StoreError::BadSize { .. })));
    put(vec![1; crate::KEY_BYTES_MAX]).unwrap().durable().await.unwrap();
    put(vec![0]).unwrap().durable().await.unwrap();
}

async fn close_writes_all_and_refuses_more(subject: Subject) {
    let store = subject.open().await;
    subject.faults.hold();
    let tickets: Vec<_> = (0..20).map(|n| store.apply(batch(&format!("k{n}=1 n? ")))).collect();
    store.close().await;
    for ticket in tickets {
        assert!(ticket.unwrap().is_durable());
    }
    assert!(matches!(store.apply(batch("a=1")), Err(StoreError::Closed)));
    assert!(matches!(store.get(&MAIN, b"k1").await, Err(StoreError::Closed)));
    assert!(matches!(store.drop_month(202_611).await, Err(StoreError::Closed)));
    store.close().await;
}

async fn large_values_come_back(subject: Subject) {
    let store = subject.open().await;
    let value: Bytes = (0..3_000_000_u32).flat_map(u32::to_le_bytes).take(3_000_000).collect();
    let mut large = Batch::new(MAIN);
    large.put("large", value.clone()).put("small", "1");
    store.apply(large).unwrap().durable().await.unwrap();
    assert_eq!(store.get(&MAIN, b"large").await.unwrap(), Some(value.clone()));
    let mut month = Batch::new(Partition::Month(202_611));
    for n in 0..20 {
        month.put(format!("{n:02}"), value.slice(..200_000));
    }
    store.apply(month).unwrap().durable().await.unwrap();
    let rows = store.range(&Partition::Month(202_611), KeyRange::all(), Order::Reverse, 99).await.unwrap();
    assert_eq!(rows.len(), 20);
    assert!(rows.iter().all(|(_, row)| *row == value.slice(..200_000)));
}
