//! Random schedules against a map: every read agrees, whatever is written or still waits, restarts included.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::subject::Subject;
use crate::{Batch, EngineKind, KeyRange, Order, Partition, Store};

#[derive(Debug, Clone)]
enum Step {
    Apply { partition: Partition, changes: Vec<(u8, Option<u8>)>, expected: Option<(u8, Option<u8>)> },
    Get(Partition, u8),
    Range { partition: Partition, from: u8, to: u8, order: Order, limit: usize },
    Hold,
    Release,
    Settle,
    DropMonth,
    Reopen,
}

type Rows = BTreeMap<u8, u8>;

struct Model {
    rows: BTreeMap<Partition, Rows>,
}

const MONTH: u32 = 202_611;

fn partition() -> impl Strategy<Value = Partition> {
    prop_oneof![2 => Just(Partition::Main), 1 => Just(Partition::Month(MONTH))]
}

fn value() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![3 => (0..4_u8).prop_map(Some), 1 => Just(None)]
}

fn step() -> impl Strategy<Value = Step> {
    let key = 1..12_u8;
    let order = prop_oneof![Just(Order::Forward), Just(Order::Reverse)];
    prop_oneof![
        10 => (partition(), vec((key.clone(), value()), 1..5), proptest::option::of((key.clone(), value())))
            .prop_map(|(partition, changes, expected)| Step::Apply { partition, changes, expected }),
        4 => (partition(), key.clone()).prop_map(|(partition, key)| Step::Get(partition, key)),
        6 => (partition(), key.clone(), key, order, 0..6_usize)
            .prop_map(|(partition, from, to, order, limit)| Step::Range { partition, from, to, order, limit }),
        2 => Just(Step::Hold),
        2 => Just(Step::Release),
        1 => Just(Step::Settle),
        1 => Just(Step::DropMonth),
        1 => Just(Step::Reopen),
    ]
}

impl Model {
    fn of(&mut self, partition: Partition) -> &mut Rows {
        self.rows.entry(partition).or_default()
    }

    async fn run(&mut self, subject: &Subject, store: &mut Store, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Apply { partition, changes, expected } => {
                let mut batch = Batch::new(partition);
                let mut holds = true;
                if let Some((key, value)) = expected {
                    batch.expect(vec![key], value.map(|value| vec![value]));
                    holds = self.of(partition).get(&key).copied() == value;
                }
                for (key, value) in changes {
                    match value {
                        Some(value) => batch.put(vec![key], vec![value]),
                        None => batch.delete(vec![key]),
                    };
                    if holds {
                        match value {
                            Some(value) => self.of(partition).insert(key, value),
                            None => self.of(partition).remove(&key),
                        };
                    }
                }
                let applied = store.apply(batch).unwrap().applied().await;
                prop_assert_eq!(applied.is_ok(), holds);
            }
            Step::Get(partition, key) => {
                let found = store.get(&partition, &[key]).await.unwrap();
                prop_assert_eq!(found.map(|value| value[0]), self.of(partition).get(&key).copied());
            }
            Step::Range { partition, from, to, order, limit } => {
                let range = KeyRange::between(
                    std::ops::Bound::Included(Bytes::from(vec![from])),
                    std::ops::Bound::Excluded(Bytes::from(vec![to])),
                );
                let found = store.range(&partition, range, order, limit).await.unwrap();
                let found: Vec<_> = found.iter().map(|(key, value)| (key[0], value[0])).collect();
                let mut rows: Vec<_> = self.of(partition).iter().map(|(key, value)| (*key, *value)).collect();
                rows.retain(|(key, _)| (from..to).contains(key));
                if order == Order::Reverse {
                    rows.reverse();
                }
                rows.truncate(limit);
                prop_assert_eq!(found, rows);
            }
            Step::Hold => subject.faults.hold(),
            Step::Release => subject.faults.release(),
            Step::Settle => {
                subject.faults.release();
                store.apply(Batch::new(Partition::Main)).unwrap().durable().await.unwrap();
            }
            Step::DropMonth => {
                subject.faults.release();
                store.drop_month(MONTH).await.unwrap();
                self.rows.remove(&Partition::Month(MONTH));
            }
            Step::Reopen => {
                store.close().await;
                if subject.options.engine == EngineKind::Memory {
                    self.rows.clear();
                }
                *store = subject.open().await;
            }
        }
        Ok(())
    }
}

fn agrees_with_a_map(engine: EngineKind, cases: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in vec(step(), 1..60))| {
        runtime.block_on(async {
            let subject = Subject::new(engine);
            let mut store = subject.open().await;
            let mut model = Model { rows: BTreeMap::new() };
            for step in steps {
                model.run(&subject, &mut store, step).await?;
            }
            for partition in [Partition::Main, Partition::Month(MONTH)] {
                let rows = store.range(&partition, KeyRange::all(), Order::Forward, 99).await.unwrap();
                let rows: Vec<_> = rows.iter().map(|(key, value)| (key[0], value[0])).collect();
                prop_assert_eq!(rows, model.of(partition).clone().into_iter().collect::<Vec<_>>());
            }
            store.close().await;
            Ok(())
        })?;
    });
}

#[test]
fn sled_agrees_with_a_map() {
    agrees_with_a_map(EngineKind::Sled, 32);
}

#[test]
fn fjall_agrees_with_a_map() {
    agrees_with_a_map(EngineKind::Fjall, 32);
}

#[test]
fn memory_agrees_with_a_map() {
    agrees_with_a_map(EngineKind::Memory, 256);
}
