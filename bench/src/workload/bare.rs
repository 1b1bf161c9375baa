//! Chat to the bare JID, kept in the archives of both sides (XEP-0313).

use crate::Fallible;
use crate::meter::thousandths;
use crate::process::cpu_us_of_threads;
use crate::workload::Stage;
use crate::workload::chat::{To, measure, pairs};

/// The threads of the embedded engines and of the store's writer; all others are called after tokio or the program.
fn is_engine(thread: &str) -> bool {
    !thread.starts_with("tokio") && !thread.starts_with("waxwing")
}

pub(super) async fn run(stage: &Stage) -> Fallible {
    let mut pairs = pairs(stage).await?;
    for (name, in_flight) in [("bare_1", 1), ("bare_10", 10)] {
        let engine = || cpu_us_of_threads(stage.pid, is_engine);
        let before = (engine()?, cpu_us_of_threads(stage.pid, |_| true)?);
        pairs = measure(stage, pairs, To::BareJid, in_flight, name).await?;
        if stage.named_threads {
            // A thread that has ended takes its time with it.
            let all = cpu_us_of_threads(stage.pid, |_| true)?.saturating_sub(before.1);
            let percent = thousandths(engine()?.saturating_sub(before.0) * 100_000 / all.max(1));
            println!("{name}_engine_percent {percent}");
        }
    }
    Ok(())
}
