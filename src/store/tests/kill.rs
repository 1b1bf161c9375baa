//! Kills a writing process at random points, again and again on the same store, and looks at what is left.
//!
//! The child opens the store, checks it, then writes batches and reports each one that became durable; the parent
//! kills it with SIGKILL after a random number of reports, or while it opens. It never closes cleanly. What each
//! batch holds follows from the seed, the partition and the batch's number, so the content of a partition must be
//! exactly that after some batch L: nothing half-written, nothing out of order, and L no less than what was reported.
//! Besides, a month's batch names the last batch of `Main` applied before it, which must be there too.
//!
//! `WAXWING_KILL_CYCLES` (default 100 per engine) and `WAXWING_KILL_SEED` steer it.

#![expect(clippy::indexing_slicing, reason = "a test program; it fails if an index is wrong")]

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, io};

use bytes::Bytes;
use waxwing_store::{Batch, EngineKind, KeyRange, Order, Partition, Store, StoreOptions, Ticket};

const PARTITIONS: [Partition; 3] = [Partition::Main, Partition::Month(202_610), Partition::Month(202_611)];

/// Batches whose rows stand at a time: each batch deletes those of the one so far before it.
const WINDOW: u64 = 20;

/// Batches a child has on the way at a time.
const IN_FLIGHT: usize = 24;

type Outcome<T> = Result<T, String>;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().collect();
    let outcome = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "child", engine, dir, seed, main, old, new] => child(engine, dir, seed, [main, old, new]),
        _ => torture_both(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("FAILED: {problem}");
            ExitCode::FAILURE
        }
    }
}

// ---------------------------------------------------------------------------------------------------- the parent

/// Side by side: most of the time is spent waiting for the disk.
fn torture_both() -> Outcome<()> {
    std::thread::scope(|scope| {
        let engines =
            [EngineKind::Sled, EngineKind::Fjall].map(|engine| scope.spawn(move || torture(engine)));
        engines.into_iter().try_for_each(|engine| engine.join().map_err(|_| "a thread panicked")?)
    })
}

#[derive(Default)]
struct Tally {
    killed_writing: u32,
    killed_opening: u32,
    reports: u64,
    durable: [u64; 3],
}

fn torture(engine: EngineKind) -> Outcome<()> {
    let cycles = number("WAXWING_KILL_CYCLES")?.unwrap_or(100);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| e.to_string())?;
    let seed = number("WAXWING_KILL_SEED")?.unwrap_or(now.as_secs());
    println!("{engine}: {cycles} kills, seed {seed}");
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let started = Instant::now();
    let mut random = Random(seed);
    let mut tally = Tally::default();
    while u64::from(tally.killed_writing) < cycles {
        cycle(engine, dir.path(), seed, &mut random, &mut tally)
            .map_err(|problem| format!("{engine}, seed {seed}, kill {}: {problem}", tally.killed_writing))?;
    }
    // The last kill is looked at as well.
    look_only(engine, dir.path(), seed, &tally)?;
    births(engine, seed, &mut random, cycles.div_ceil(2))?;
    let Tally { killed_writing, killed_opening, reports, durable } = tally;
    println!(
        "{engine}: killed {killed_writing} times while writing and {killed_opening} times while opening; \
         {reports} batches reported durable, all there, none half-written; last {durable:?}; {:.1} s",
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Kills a store while it is being created, over and over in new folders.
fn births(engine: EngineKind, seed: u64, random: &mut Random, count: u64) -> Outcome<()> {
    let mut begun = 0;
    for birth in 0..count {
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mut tally = Tally::default();
        let mut child = spawn(engine, dir.path(), seed, &tally.durable)?;
        let out = child.stdout.take().ok_or("the child has no output")?;
        // Long enough for a part of the children to have created all three databases.
        spin(Duration::from_micros(random.below(150_000)));
        kill(&mut child)?;
        take_reports(BufReader::new(out).lines(), &mut tally)?;
        begun += u64::from(tally.reports > 0);
        look_only(engine, dir.path(), seed, &tally)
            .map_err(|problem| format!("{engine}, seed {seed}, birth {birth}: {problem}"))?;
    }
    println!(
        "{engine}: killed {count} times in a new folder, {begun} of them after a first batch was durable"
    );
    Ok(())
}

fn cycle(engine: EngineKind, dir: &Path, seed: u64, random: &mut Random, tally: &mut Tally) -> Outcome<()> {
    let mut child = spawn(engine, dir, seed, &tally.durable)?;
    let out = child.stdout.take().ok_or("the child has no output")?;
    let mut lines = BufReader::new(out).lines();
    if random.below(8) == 0 {
        spin(Duration::from_micros(random.below(40_000)));
        kill(&mut child)?;
        tally.killed_opening += 1;
        // It may have been quicker than we were.
        return take_reports(lines, tally).map(|_| ());
    }
    expect_ready(lines.next())?;
    for _ in 0..random.below(60) {
        let line = lines.next().ok_or("the child ended by itself")?.map_err(|e| e.to_string())?;
        note(&line, tally)?;
    }
    // Somewhere inside a group, not always just after a report.
    spin(Duration::from_micros(random.below(3_000)));
    kill(&mut child)?;
    tally.killed_writing += 1;
    take_reports(lines, tally)
}

/// What the child had reported before it died counts, read or not.
fn take_reports(lines: impl Iterator<Item = io::Result<String>>, tally: &mut Tally) -> Outcome<()> {
    for line in lines {
        note(&line.map_err(|e| e.to_string())?, tally)?;
    }
    Ok(())
}

fn note(line: &str, tally: &mut Tally) -> Outcome<()> {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["durable", partition, index] => {
            let partition: usize = partition.parse().map_err(|_| line.to_owned())?;
            let durable = tally.durable.get_mut(partition).ok_or(line)?;
            *durable = index.parse().map_err(|_| line.to_owned())?;
            tally.reports += 1;
            Ok(())
        }
        ["ready"] => Ok(()),
        _ => Err(format!("the child said: {line}")),
    }
}

fn expect_ready(line: Option<io::Result<String>>) -> Outcome<()> {
    match line {
        Some(Ok(line)) if line == "ready" => Ok(()),
        other => Err(format!("the child did not find the store in order: {other:?}")),
    }
}

fn look_only(engine: EngineKind, dir: &Path, seed: u64, tally: &Tally) -> Outcome<()> {
    let mut child = spawn(engine, dir, seed, &tally.durable)?;
    let out = child.stdout.take().ok_or("the child has no output")?;
    expect_ready(BufReader::new(out).lines().next())?;
    kill(&mut child)
}

fn spawn(engine: EngineKind, dir: &Path, seed: u64, durable: &[u64; 3]) -> Outcome<Child> {
    let exe = env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(exe);
    command.args(["child", engine.name()]).arg(dir).arg(seed.to_string());
    command.args(durable.map(|index| index.to_string())).stdout(Stdio::piped()).stdin(Stdio::null());
    command.spawn().map_err(|e| e.to_string())
}

fn kill(child: &mut Child) -> Outcome<()> {
    child.kill().map_err(|e| e.to_string())?;
    child.wait().map_err(|e| e.to_string())?;
    Ok(())
}

/// Passes time more exactly than sleeping does.
fn spin(time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time {
        std::thread::yield_now();
    }
}

fn number(name: &str) -> Outcome<Option<u64>> {
    match env::var(name) {
        Ok(text) => text.parse().map(Some).map_err(|_| format!("{name} is no number: {text}")),
        Err(_) => Ok(None),
    }
}

// ----------------------------------------------------------------------------------------------------- the child

fn child(engine: &str, dir: &str, seed: &str, durable: [&str; 3]) -> Outcome<()> {
    let engine: EngineKind = engine.parse().map_err(|e| format!("{e}"))?;
    let seed: u64 = seed.parse().map_err(|_| "bad seed")?;
    let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let store = Store::open(StoreOptions::new(engine, PathBuf::from(dir).join("store")));
        let store = store.await.map_err(|e| e.to_string())?;
        let mut last = [0; 3];
        for ((last, partition), durable) in last.iter_mut().zip(0..).zip(durable) {
            let durable: u64 = durable.parse().map_err(|_| "bad number")?;
            *last = look(&store, seed, partition, durable).await?;
        }
        check_reliance(&store, last[0]).await?;
        say("ready")?;
        write(&store, seed, last).await
    })
}

/// Checks one partition and gives the number of its last batch.
async fn look(store: &Store, seed: u64, partition: usize, durable: u64) -> Outcome<u64> {
    let name = PARTITIONS[partition];
    let rows =
        store.range(&name, KeyRange::all(), Order::Forward, usize::MAX).await.map_err(|e| e.to_string())?;
    let mut found: BTreeMap<Bytes, Bytes> = rows.into_iter().collect();
    let last =
        found.remove(&b"last"[..]).map_or(Some(0), |row| Some(u64::from_be_bytes(row[..].try_into().ok()?)));
    let last = last.ok_or("the last row is damaged")?;
    found.remove(&b"relies"[..]);
    if last < durable {
        return Err(format!("{name}: batch {durable} was reported durable, the last there is {last}"));
    }
    let mut expected = BTreeMap::new();
    for index in (last.saturating_sub(WINDOW) + 1).max(1)..=last {
        expected.extend(content(seed, partition, index));
    }
    if found == expected {
        return Ok(last);
    }
    let missing = expected.keys().filter(|key| found.get(*key) != expected.get(*key)).count();
    let extra = found.keys().filter(|key| !expected.contains_key(*key)).count();
    Err(format!(
        "{name}: after batch {last}, {missing} rows are missing or wrong and {extra} should not be there"
    ))
}

/// What a month's last batch was submitted after must be in `Main`.
async fn check_reliance(store: &Store, last_in_main: u64) -> Outcome<()> {
    for partition in &PARTITIONS[1..] {
        let row = store.get(partition, b"relies").await.map_err(|e| e.to_string())?;
        let relies = row.and_then(|row| Some(u64::from_be_bytes(row[..].try_into().ok()?))).unwrap_or(0);
        if relies > last_in_main {
            return Err(format!(
                "{partition} relies on batch {relies} of main, which ends with {last_in_main}"
            ));
        }
    }
    Ok(())
}

/// Writes until killed, reporting what became durable, in order.
async fn write(store: &Store, seed: u64, mut last: [u64; 3]) -> Outcome<()> {
    let mut random = Random(seed ^ last.iter().sum::<u64>());
    let mut in_flight: VecDeque<(usize, u64, Ticket)> = VecDeque::new();
    let mut applied_in_main = last[0];
    loop {
        let partition = usize::try_from(random.below(4).saturating_sub(1)).map_err(|e| e.to_string())?;
        last[partition] += 1;
        let index = last[partition];
        let main = in_flight.iter().filter(|(partition, _, ticket)| *partition == 0 && ticket.is_applied());
        applied_in_main = main.map(|(_, index, _)| *index).fold(applied_in_main, u64::max);
        let batch = batch(seed, partition, index, applied_in_main);
        let ticket = store.apply(batch).map_err(|e| e.to_string())?;
        in_flight.push_back((partition, index, ticket));
        while in_flight.len() > usize::try_from(random.below(24)).unwrap_or(IN_FLIGHT) {
            let Some((partition, index, ticket)) = in_flight.pop_front() else { break };
            ticket.applied().await.map_err(|e| format!("batch {index} of {partition}: {e}"))?;
            ticket.durable().await.map_err(|e| format!("batch {index} of {partition}: {e}"))?;
            if partition == 0 {
                applied_in_main = applied_in_main.max(index);
            }
            say(&format!("durable {partition} {index}"))?;
        }
    }
}

fn batch(seed: u64, partition: usize, index: u64, applied_in_main: u64) -> Batch {
    let mut batch = Batch::new(PARTITIONS[partition]);
    if index.is_multiple_of(3) {
        // Every third goes the long way, through the check of an expected value.
        let before = index - 1;
        batch.expect("last", Some(before.to_be_bytes().to_vec()));
    }
    batch.put("last", index.to_be_bytes().to_vec());
    if partition > 0 {
        batch.put("relies", applied_in_main.to_be_bytes().to_vec());
    }
    for (key, value) in content(seed, partition, index) {
        batch.put(key, value);
    }
    if index > WINDOW {
        for (key, _) in content(seed, partition, index - WINDOW) {
            batch.delete(key);
        }
    }
    batch
}

/// The rows of a batch: one to forty, mostly small, a few large enough to leave sled's log.
fn content(seed: u64, partition: usize, index: u64) -> Vec<(Bytes, Bytes)> {
    let mut random = Random(seed ^ (index << 8) ^ u64::try_from(partition).unwrap_or(0));
    let count = if random.below(10) == 0 { 40 } else { 1 + random.below(6) };
    let mut row = |n: u64| {
        // Spread over the key space, so that a batch touches several pages.
        let key = [b"r", &random.next().to_be_bytes()[..2], &index.to_be_bytes(), &n.to_be_bytes()].concat();
        let length = if random.below(500) == 0 { 600_000 } else { random.below(700) };
        let byte = random.next().to_be_bytes()[0];
        (Bytes::from(key), Bytes::from(vec![byte; usize::try_from(length).unwrap_or(0)]))
    };
    (0..count).map(&mut row).collect()
}

/// One line in one write: a kill leaves a whole line or none.
fn say(line: &str) -> Outcome<()> {
    let mut out = io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()).map_err(|e| e.to_string())
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
