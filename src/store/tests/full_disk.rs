//! A disk that takes no more: tickets fail, reads go back to the truth, and what was durable stays.
//!
//! A child process runs under a limit on the size of files (`ulimit -f`, set by `sh`), which makes writes fail as a
//! full disk does. It writes until a ticket fails, then checks from the inside; the parent opens the store without
//! the limit and checks from the outside.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use waxwing_store::{Batch, EngineKind, KeyRange, Order, Partition, Store, StoreError, StoreOptions};

type Outcome<T> = Result<T, String>;

/// The largest file, in blocks of 512 bytes: more than the engine needs to start, less than it wants in the end.
fn file_blocks(engine: EngineKind) -> u64 {
    match engine {
        // Its journal takes 64 MiB from the start, and a new one before it grows: only one huge batch gets beyond.
        EngineKind::Fjall => 140_000,
        _ => 6_000,
    }
}

/// Bytes of a value. Fjall's hundredth batch is the huge one.
fn value_bytes(engine: EngineKind, index: u64) -> usize {
    if engine == EngineKind::Fjall && index == 100 { 8 << 20 } else { 480 }
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().collect();
    let outcome = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "child", engine, dir] => run(child(engine, dir)),
        _ => [EngineKind::Sled, EngineKind::Fjall].into_iter().try_for_each(parent),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("FAILED: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(work: impl Future<Output = Outcome<()>>) -> Outcome<()> {
    tokio::runtime::Runtime::new().map_err(|e| e.to_string())?.block_on(work)
}

fn parent(engine: EngineKind) -> Outcome<()> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let exe = env::current_exe().map_err(|e| e.to_string())?;
    let mut child = Command::new("sh");
    // A process is told of the limit by a signal that would end it, unless it is ignored.
    child.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", file_blocks(engine)));
    child.arg(exe).args(["child", engine.name()]).arg(dir.path()).stdout(Stdio::piped());
    let mut child = child.spawn().map_err(|e| e.to_string())?;
    let mut out = String::new();
    child.stdout.take().ok_or("no output")?.read_to_string(&mut out).map_err(|e| e.to_string())?;
    let status = child.wait().map_err(|e| e.to_string())?;
    let durable = BufReader::new(out.as_bytes()).lines().map_while(Result::ok).last();
    let durable = durable.and_then(|line| line.strip_prefix("durable ")?.parse().ok());
    let durable: u64 =
        durable.ok_or_else(|| format!("{engine}: the child said {out:?} and ended with {status}"))?;
    if !status.success() {
        return Err(format!("{engine}: the child ended with {status}"));
    }
    run(async {
        let store = open(engine, dir.path()).await.map_err(|e| e.to_string())?;
        let last = whole(&store).await?;
        println!("{engine}: {durable} batches durable before the disk was full, {last} there afterwards");
        if last < durable {
            return Err(format!("{engine}: {durable} were reported durable"));
        }
        let ticket = store.apply(batch(engine, last + 1)).map_err(|e| e.to_string())?;
        ticket.durable().await.map_err(|e| format!("{engine}: with room again: {e}"))?;
        store.close().await;
        Ok(())
    })
}

async fn child(engine: &str, dir: &str) -> Outcome<()> {
    let engine: EngineKind = engine.parse().map_err(|e| format!("{e}"))?;
    let store = open(engine, Path::new(dir)).await.map_err(|e| e.to_string())?;
    let mut durable = 0;
    let failed = loop {
        let ticket = store.apply(batch(engine, durable + 1)).map_err(|e| e.to_string())?;
        match ticket.durable().await {
            Ok(()) => durable += 1,
            Err(error) if ticket.is_durable() => return Err(format!("failed and durable: {error}")),
            Err(error) => break error,
        }
        if durable > 100_000 {
            return Err("the disk is never full".to_owned());
        }
    };
    eprintln!("{engine}: after {durable} batches: {failed}");
    // A store that cannot be read now says so; it must not answer wrongly, and it must go on answering.
    for _ in 0..3 {
        match whole(&store).await {
            Ok(last) if last < durable => return Err(format!("{last} readable of {durable} durable")),
            Ok(last) => eprintln!("{engine}: {last} batches readable"),
            Err(problem) if problem.starts_with("half") => return Err(problem),
            Err(problem) => eprintln!("{engine}: reading fails: {problem}"),
        }
        let ticket = store.apply(batch(engine, durable + 1)).map_err(|e| e.to_string())?;
        if ticket.durable().await.is_ok() {
            durable += 1;
        }
    }
    println!("durable {durable}");
    store.close().await;
    Ok(())
}

async fn open(engine: EngineKind, dir: &Path) -> Result<Store, StoreError> {
    let dir = dir.join("store");
    fs::create_dir_all(&dir).ok();
    Store::open(StoreOptions::new(engine, dir)).await
}

/// Ten rows that stand or fall together; not compressible, so that the disk fills.
fn batch(engine: EngineKind, index: u64) -> Batch {
    let mut batch = Batch::new(Partition::Main);
    for row in 0..10_u64 {
        let mut word = index << 8 | row;
        let value = std::iter::repeat_with(|| {
            word = word.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31) ^ 0x94d0_49bb_1331_11eb;
            word.to_be_bytes()
        });
        let value: Vec<u8> = value.flatten().take(value_bytes(engine, index)).collect();
        batch.put([&index.to_be_bytes()[..], &row.to_be_bytes()].concat(), value);
    }
    batch
}

/// The number of batches in the store, each of which must be whole, without a gap.
async fn whole(store: &Store) -> Outcome<u64> {
    let rows = store.range(&Partition::Main, KeyRange::all(), Order::Forward, usize::MAX).await;
    let rows = rows.map_err(|e| e.to_string())?;
    let count = u64::try_from(rows.len()).map_err(|e| e.to_string())?;
    for ((key, _), n) in rows.iter().zip(0_u64..) {
        let expected = [(n / 10 + 1).to_be_bytes(), (n % 10).to_be_bytes()].concat();
        if key[..] != expected {
            return Err(format!("half a batch at row {n} of {count}"));
        }
    }
    if count.is_multiple_of(10) {
        Ok(count / 10)
    } else {
        Err(format!("half a batch at the end, row {count}"))
    }
}
