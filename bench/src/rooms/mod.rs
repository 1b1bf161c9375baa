//! Rooms (XEP-0045): what it costs to speak in one, to enter one, to be in one, and to have many of them.
//!
//! All clients are in this process, logged in over STARTTLS. They parse nothing: what they hear is counted by a few words
//! that are looked for, and what has not come ends the run.

mod crowd;
mod ear;
mod enter;
mod many;
mod speak;
mod storm;

use std::sync::Arc;
use std::time::Duration;

use crate::Fallible;
use crate::client::Target;
use crate::plan::{figure, settle};
use crate::process::memory_kib;
use crate::rooms::crowd::{Crowd, Room, Seen};

/// `crowd SESSIONS SECONDS | make ROOMS | first ROOMS`
pub(crate) async fn run(words: &[&str], target: &Arc<Target>, pid: u32) -> Fallible {
    match words {
        ["crowd", sessions, seconds] => {
            crowd(target, pid, sessions.parse()?, Duration::from_secs(seconds.parse()?)).await
        }
        ["make", rooms] => many::make(target, pid, rooms.parse()?).await,
        ["first", rooms] => many::first(target, pid, rooms.parse()?).await,
        _ => Err(crate::USAGE.into()),
    }
}

/// All that is measured of rooms with people in them; `sessions` are in the largest, a fifth of them in the middle one.
async fn crowd(target: &Arc<Target>, pid: u32, sessions: usize, time: Duration) -> Fallible {
    let mut crowd = Crowd::gather(target, pid, sessions + enter::OUTSIDERS).await?;
    let mut rooms = Vec::new();
    let large = large(&mut crowd, sessions).await?;
    for (name, occupants) in [("small", SMALL), ("middle", sessions / MIDDLE)] {
        let mut room = Room::new(name);
        crowd.create(&room, Seen::Moderators).await?;
        crowd.enter(&mut room, occupants).await?;
        rooms.push((name, room));
    }
    rooms.push(("large", large));
    for (name, room) in &rooms {
        for in_flight in [1, 10] {
            speak::measure(&mut crowd, room, name, in_flight, time).await?;
        }
    }
    enter::measure(&mut crowd, sessions / MIDDLE, time).await?;
    let middle = rooms.iter().find(|(name, _)| *name == "middle").ok_or("no room for the storm")?;
    storm::measure(&mut crowd, &middle.1, target, time).await
}

/// The large room, and what an occupant takes of memory: the sessions are all there before.
async fn large(crowd: &mut Crowd, sessions: usize) -> Fallible<Room> {
    settle(crowd.pid).await?;
    let before = memory_kib(crowd.pid)?;
    let mut room = Room::new("large");
    crowd.create(&room, Seen::Moderators).await?;
    for (name, occupants) in [("middle", sessions / MIDDLE), ("large", sessions)] {
        crowd.enter(&mut room, occupants).await?;
        settle(crowd.pid).await?;
        let bytes = memory_kib(crowd.pid)?.saturating_sub(before) * 1024;
        figure(&format!("{name}_occupants"), u64::try_from(occupants)?);
        figure(&format!("{name}_occupant_bytes"), bytes / u64::try_from(occupants)?);
    }
    figure("small_occupants", u64::try_from(SMALL)?);
    Ok(room)
}

const SMALL: usize = 100;
/// The middle room has a fifth of the large one.
const MIDDLE: usize = 5;
