//! A storm of messages in a room, and two people beside it who chat.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Fallible;
use crate::client::{Client, Target};
use crate::rooms::crowd::{Crowd, Room};
use crate::rooms::speak::speak;

/// How long a message to the other and the answer take, before the storm and during it.
pub(crate) async fn measure(
    crowd: &mut Crowd,
    room: &Room,
    target: &Arc<Target>,
    time: Duration,
) -> Fallible {
    for user in ["anna", "bert"] {
        target.register(user).await?;
    }
    let calm = chat(target, Duration::ZERO, time)?;
    while !calm.is_finished() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tell("calm", &ended(calm)?);
    // Who chats comes first: the core of the load is busy with copies.
    let chat = chat(target, time / 5, time)?;
    let before = rustix::process::getpriority_process(None)?;
    rustix::process::setpriority_process(None, 19)?;
    let said = speak(crowd, room, IN_FLIGHT, || !chat.is_finished()).await;
    // Only who may do everything gets it back; what comes after measures no time of others.
    rustix::process::setpriority_process(None, before).ok();
    let said = said?;
    said.tell("storm")?;
    tell("storm", &ended(chat)?);
    Ok(())
}

/// Two log in, and after a moment chat with each other, in a thread of their own, for a while.
fn chat(
    target: &Arc<Target>,
    later: Duration,
    time: Duration,
) -> Fallible<JoinHandle<Fallible<Vec<Duration>>>> {
    let target = Arc::clone(target);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = async move {
        let mut anna = target.login("anna", "chat").await?;
        let mut bert = target.login("bert", "chat").await?;
        anna.available().await?;
        bert.available().await?;
        tokio::time::sleep(later).await;
        let (started, mut waits) = (Instant::now(), Vec::new());
        while started.elapsed() < time {
            let begun = Instant::now();
            pass(&mut anna, &mut bert).await?;
            pass(&mut bert, &mut anna).await?;
            waits.push(begun.elapsed());
        }
        Fallible::Ok(waits)
    };
    Ok(std::thread::spawn(move || runtime.block_on(work)))
}

/// One message; it has arrived.
async fn pass(from: &mut Client, to: &mut Client) -> Fallible {
    from.send(&format!("<message to='{}' type='chat' id='c0ffee42'><body>Hello</body></message>", to.jid))
        .await?;
    to.messages().await.map(drop)
}

fn ended(thread: JoinHandle<Fallible<Vec<Duration>>>) -> Fallible<Vec<Duration>> {
    thread.join().map_err(|_| "who chats has panicked")?
}

/// Median, 99th percentile and maximum in microseconds, and how many.
fn tell(name: &str, waits: &[Duration]) {
    let mut sorted = waits.to_vec();
    sorted.sort_unstable();
    let part = |percent: usize| {
        sorted.get(sorted.len().saturating_sub(1) * percent / 100).map_or(0, Duration::as_micros)
    };
    println!("{name}_chat_us {} {} {} {}", part(50), part(99), part(100), sorted.len());
}

/// Messages to the room that are on their way, of all speakers together.
const IN_FLIGHT: u64 = 160;
