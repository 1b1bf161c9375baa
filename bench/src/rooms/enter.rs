//! Entering a room in which everybody sees everybody: who comes gets the presence of all, and all get one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Fallible;
use crate::plan::{figure, settle};
use crate::process::cpu_us;
use crate::rooms::crowd::{Crowd, Room, Seen, entry, exit};

/// The last of the crowd: they are in no room but this.
pub(crate) const OUTSIDERS: usize = 10;

/// Fills the room, and then lets the outsiders come, one after the other, and go, until it was long enough.
pub(crate) async fn measure(crowd: &mut Crowd, occupants: usize, time: Duration) -> Fallible {
    let room = fill(crowd, occupants).await?;
    let outsiders = crowd.len() - OUTSIDERS..crowd.len();
    let (mut waits, mut cpu, mut presences) = (Vec::new(), 0, 0);
    let started = Instant::now();
    while started.elapsed() < time || waits.is_empty() {
        let heard = Arc::clone(&crowd.heard);
        let (cpu_before, before) = (cpu_us(crowd.pid)?, heard.presences.now());
        let mut wanted = before;
        for (count, member) in outsiders.clone().enumerate() {
            let there = u64::try_from(occupants + count)?;
            let (own, begun) = (heard.own.now(), Instant::now());
            crowd.say(member, &entry(&room.jid, member)).await?;
            heard.wait(&heard.own, own + 1).await?;
            waits.push(begun.elapsed());
            wanted += there * 2 + 1;
            heard.wait(&heard.presences, wanted).await?;
        }
        cpu += cpu_us(crowd.pid)? - cpu_before;
        presences += wanted - before;
        for (count, member) in outsiders.clone().enumerate() {
            wanted += u64::try_from(occupants + OUTSIDERS - count)?;
            crowd.say(member, &exit(&room.jid, member)).await?;
            heard.wait(&heard.presences, wanted).await?;
        }
        if heard.presences.now() != wanted {
            return Err(format!("{} presences instead of {wanted}", heard.presences.now()).into());
        }
    }
    waits.sort_unstable();
    let part = |percent: usize| waits.get((waits.len() - 1) * percent / 100).map_or(0, Duration::as_micros);
    println!("join_us {} {} {} {}", part(50), part(99), part(100), waits.len());
    figure("join_cpu_us", cpu / u64::try_from(waits.len())?);
    each("join", cpu, presences);
    Ok(())
}

/// With N of them N² presences go out, one's own included.
async fn fill(crowd: &mut Crowd, occupants: usize) -> Fallible<Room> {
    let mut room = Room::new("seen");
    let heard = Arc::clone(&crowd.heard);
    let (cpu, before, started) = (cpu_us(crowd.pid)?, heard.presences.now(), Instant::now());
    crowd.create(&room, Seen::Everybody).await?;
    crowd.enter(&mut room, occupants).await?;
    let wanted = u64::try_from(occupants * occupants)?;
    heard.wait(&heard.presences, before + wanted).await?;
    figure("fill_ms", u64::try_from(started.elapsed().as_millis())?);
    settle(crowd.pid).await?;
    each("fill", cpu_us(crowd.pid)? - cpu, wanted);
    Ok(room)
}

fn each(name: &str, cpu_us: u64, presences: u64) {
    let thousandths = cpu_us * 1000 / presences.max(1);
    println!("{name}_presence_cpu_us {}.{:03}", thousandths / 1000, thousandths % 1000);
}
