//! How fast each engine commits and reads.
//!
//! `cargo bench -p waxwing-store` prints rows per second and the time from submitting a batch to its two stages.

use std::time::{Duration, Instant};

use waxwing_store::{Batch, EngineKind, KeyRange, Order, Partition, Store, StoreError, StoreOptions, Ticket};

const VALUE: [u8; 500] = [b'x'; 500];

fn main() -> Result<(), StoreError> {
    // `cargo test --benches` only wants to know that it runs.
    let rounds = if std::env::args().any(|arg| arg == "--bench") { 2_000 } else { 20 };
    println!("{rounds} rounds, values of {} bytes, times in microseconds", VALUE.len());
    println!(
        "{:7} {:24} {:>9} {:>9} {:>9} {:>9} {:>10}",
        "engine", "work", "applied", "p50", "p99", "max", "rows/s"
    );
    for engine in [EngineKind::Sled, EngineKind::Fjall, EngineKind::Memory] {
        let runtime = tokio::runtime::Runtime::new().map_err(|_| StoreError::Closed)?;
        runtime.block_on(bench(engine, rounds))?;
    }
    Ok(())
}

async fn bench(engine: EngineKind, rounds: u64) -> Result<(), StoreError> {
    let dir = tempfile::tempdir().map_err(|_| StoreError::Closed)?;
    let store = Store::open(StoreOptions::new(engine, dir.path().join("store"))).await?;
    for rows in [1, 10, 100] {
        alone(&store, rounds / rows.min(10), rows).await?;
    }
    crowd(&store, rounds, 64).await?;
    expecting(&store, rounds).await?;
    reading(&store, rounds).await?;
    store.close().await;
    Ok(())
}

/// One batch at a time, each durable before the next.
async fn alone(store: &Store, rounds: u64, rows: u64) -> Result<(), StoreError> {
    let mut times = Times::start(store.engine(), format!("{rows} rows, one by one"), rounds * rows);
    for round in 0..rounds {
        let started = Instant::now();
        let ticket = store.apply(batch(b'a', round, rows))?;
        times.applied(&ticket, started).await?;
        ticket.durable().await?;
        times.durable.push(started.elapsed());
    }
    times.print();
    Ok(())
}

/// Many senders, one row each: what group commit is for.
async fn crowd(store: &Store, rounds: u64, senders: u64) -> Result<(), StoreError> {
    let each = (rounds / senders).max(4);
    let mut times = Times::start(store.engine(), format!("1 row, {senders} senders"), each * senders);
    let send = |sender: u64| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut durable = Vec::new();
            for round in 0..each {
                let started = Instant::now();
                store.apply(batch(b'b', sender << 32 | round, 1))?.durable().await?;
                durable.push(started.elapsed());
            }
            Ok::<_, StoreError>(durable)
        })
    };
    let tasks: Vec<_> = (0..senders).map(send).collect();
    for task in tasks {
        times.durable.extend(task.await.map_err(|_| StoreError::Closed)??);
    }
    times.print();
    Ok(())
}

/// A batch that expects a value the engine has to be asked for.
async fn expecting(store: &Store, rounds: u64) -> Result<(), StoreError> {
    let mut times = Times::start(store.engine(), "1 row, expecting".to_owned(), rounds);
    for round in 0..rounds {
        let mut batch = Batch::new(Partition::Main);
        batch.expect(key(b'a', round % 100, 0), Some(&VALUE[..]));
        batch.put(key(b'a', round % 100, 0), &VALUE[..]);
        let started = Instant::now();
        let ticket = store.apply(batch)?;
        times.applied(&ticket, started).await?;
        ticket.durable().await?;
        times.durable.push(started.elapsed());
    }
    times.print();
    Ok(())
}

async fn reading(store: &Store, rounds: u64) -> Result<(), StoreError> {
    let mut times = Times::start(store.engine(), "read one row".to_owned(), rounds);
    for round in 0..rounds {
        let started = Instant::now();
        store.get(&Partition::Main, &key(b'a', round % 200, 0)).await?;
        times.durable.push(started.elapsed());
    }
    times.print();
    let mut times = Times::start(store.engine(), "read 50 rows backwards".to_owned(), rounds * 50);
    for round in 0..rounds {
        let started = Instant::now();
        let range = KeyRange::prefix(b"a").before(key(b'a', 60 + round % 100, 0));
        store.range(&Partition::Main, range, Order::Reverse, 50).await?;
        times.durable.push(started.elapsed());
    }
    times.print();
    Ok(())
}

fn batch(table: u8, round: u64, rows: u64) -> Batch {
    let mut batch = Batch::new(Partition::Main);
    for row in 0..rows {
        batch.put(key(table, round, row), &VALUE[..]);
    }
    batch
}

fn key(table: u8, round: u64, row: u64) -> Vec<u8> {
    [&[table][..], &round.to_be_bytes(), &row.to_be_bytes()].concat()
}

struct Times {
    engine: EngineKind,
    work: String,
    rows: u64,
    started: Instant,
    applied: Vec<Duration>,
    durable: Vec<Duration>,
}

impl Times {
    fn start(engine: EngineKind, work: String, rows: u64) -> Self {
        Self { engine, work, rows, started: Instant::now(), applied: Vec::new(), durable: Vec::new() }
    }

    async fn applied(&mut self, ticket: &Ticket, started: Instant) -> Result<(), StoreError> {
        ticket.applied().await?;
        self.applied.push(started.elapsed());
        Ok(())
    }

    fn print(mut self) {
        let per_second = 1_000_000 * u128::from(self.rows) / self.started.elapsed().as_micros().max(1);
        self.applied.sort_unstable();
        self.durable.sort_unstable();
        let at = |times: &[Duration], percent: usize| {
            let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(index).map_or(String::new(), |time| time.as_micros().to_string())
        };
        let (engine, work) = (self.engine.name(), &self.work);
        let (applied, p50, p99) = (at(&self.applied, 50), at(&self.durable, 50), at(&self.durable, 99));
        let max = at(&self.durable, 100);
        println!("{engine:7} {work:24} {applied:>9} {p50:>9} {p99:>9} {max:>9} {per_second:>10}");
    }
}
