//! Many rooms that nobody is in.

use std::sync::Arc;
use std::time::Instant;

use crate::Fallible;
use crate::client::Target;
use crate::plan::{all, figure, settle};
use crate::process::{cpu_us, memory_kib};
use crate::rooms::crowd::{Crowd, SERVICE, configuration, entry, exit, field};

/// Makes persistent rooms, leaves them, and tells what they take of memory.
pub(crate) async fn make(target: &Arc<Target>, pid: u32, rooms: usize) -> Fallible {
    settle(pid).await?;
    figure("many_start_kib", memory_kib(pid)?);
    let clients = all((0..CREATORS.min(rooms)).map(|number| {
        let target = Arc::clone(target);
        async move {
            let user = format!("creator{number}");
            target.register(&user).await?;
            let mut client = target.login(&user, "bench").await?;
            client.available().await?;
            Ok(client)
        }
    }));
    let mut crowd = Crowd::of(clients.await?, pid);
    settle(pid).await?;
    figure("many_rooms", u64::try_from(rooms)?);
    let (memory, cpu, started) = (memory_kib(pid)?, cpu_us(pid)?, Instant::now());
    create(&mut crowd, rooms).await?;
    figure("many_seconds", started.elapsed().as_secs());
    settle(pid).await?;
    let count = u64::try_from(rooms)?;
    figure("many_room_cpu_us", (cpu_us(pid)? - cpu) / count);
    figure("many_memory_before_kib", memory);
    let after = memory_kib(pid)?;
    figure("many_memory_after_kib", after);
    figure("many_room_bytes", after.saturating_sub(memory) * 1024 / count);
    Ok(())
}

/// Each room is entered, configured and left by one of the creators.
async fn create(crowd: &mut Crowd, rooms: usize) -> Fallible {
    let heard = Arc::clone(&crowd.heard);
    let persistent = field("persistentroom", "1");
    let (own, results) = (heard.own.now(), heard.results.now());
    let mut made = 0;
    for number in 0..rooms {
        let room = name(number);
        let steps = [entry(&room, 0), configuration(&room, &persistent), exit(&room, 0)].concat();
        crowd.say(number % crowd.len(), &steps).await?;
        made += 1;
        if made >= IN_FLIGHT {
            // Everyone is told of the own entry and of the own exit.
            heard.wait(&heard.own, own + 2 * (made + 1 - IN_FLIGHT)).await?;
        }
    }
    heard.wait(&heard.own, own + 2 * made).await?;
    heard.wait(&heard.results, results + made).await
}

/// After a start: the first login, and whether a room is there.
pub(crate) async fn first(target: &Arc<Target>, pid: u32, rooms: usize) -> Fallible {
    let started = Instant::now();
    let mut client = target.login("creator0", "bench").await?;
    figure("first_login_us", u64::try_from(started.elapsed().as_micros())?);
    client.available().await?;
    let started = Instant::now();
    let Some(last) = rooms.checked_sub(1) else { return Err("there is no room".into()) };
    client.send(&entry(&name(last), 0)).await?;
    let heard = client.wait_for(&["code='110'", "type='error'"]).await?;
    let heard = heard + &client.wait_for(&["</presence>"]).await?;
    if heard.contains("'201'") || heard.contains("type='error'") {
        return Err(format!("a room has been lost: {heard}").into());
    }
    figure("first_entry_us", u64::try_from(started.elapsed().as_micros())?);
    settle(pid).await?;
    figure("first_memory_kib", memory_kib(pid)?);
    Ok(())
}

fn name(number: usize) -> String {
    format!("room{number}@{SERVICE}")
}

/// Who makes the rooms, in turn: a hundred thousand are then as many for each as a server may allow.
const CREATORS: usize = 500;
/// Rooms that are being made at the same time.
const IN_FLIGHT: u64 = 200;
