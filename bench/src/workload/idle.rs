//! Memory of idle sessions, TLS and presence included, and whether their number makes messages dearer.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::Fallible;
use crate::plan::{all, figure, settle};
use crate::process::memory_kib;
use crate::workload::Stage;
use crate::workload::chat::{To, measure, pairs};

/// Prints `idle_SESSIONS KIB BYTES-EACH` and `chat_beside_SESSIONS` for each step.
pub(super) async fn run(stage: &Stage, steps: &[usize]) -> Fallible {
    let accounts = stage.sizes.accounts;
    stage.accounts("idle", 0..accounts).await?;
    let mut chatting = pairs(stage).await?;
    chatting = measure(stage, chatting, To::FullJid, 1, "chat_beside_0").await?;
    settle(stage.pid).await?;
    let before = memory_kib(stage.pid)?;
    let (mut readers, mut open) = (JoinSet::new(), 0);
    for wanted in steps.iter().copied() {
        let jobs = (open..wanted).map(|number| {
            let target = Arc::clone(&stage.target);
            async move {
                let (user, resource) = (number % accounts, number / accounts);
                let mut client = target.login(&format!("idle{user}"), &format!("r{resource}")).await?;
                client.available().await?;
                Ok(client)
            }
        });
        for client in all(jobs).await? {
            readers.spawn(client.idle());
        }
        open = wanted;
        // Presence of the other resources may still be under way.
        settle(stage.pid).await?;
        let now = memory_kib(stage.pid)?;
        let each = now.saturating_sub(before) * 1024 / u64::try_from(wanted)?.max(1);
        println!("idle_{wanted} {now} {each}");
        chatting = measure(stage, chatting, To::FullJid, 1, &format!("chat_beside_{wanted}")).await?;
    }
    if readers.try_join_next().is_some() {
        return Err("the server closed an idle session".into());
    }
    readers.shutdown().await;
    settle(stage.pid).await?;
    figure("memory_after", memory_kib(stage.pid)?);
    Ok(())
}
