//! The first login that a server accepts: tries from before its start.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Fallible;
use crate::workload::Stage;

const WAIT_MAX: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(1);

/// Prints `accepted` when a login was; whoever starts the server measures the time. The account is `first0`.
pub(super) async fn run(stage: &Stage) -> Fallible {
    let began = Instant::now();
    println!("trying");
    loop {
        match stage.target.login("first0", "bench").await {
            Ok(_) => {
                println!("accepted");
                return Ok(());
            }
            Err(error) if began.elapsed() > WAIT_MAX => return Err(error),
            Err(_) => sleep(PAUSE).await,
        }
    }
}
