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

/// `crowd SECONDS SMALL MIDDLE [LARGE] | make ROOMS | first ROOMS`
pub(crate) async fn run(words: &[&str], target: &Arc<Target>, pid: u32) -> Fallible {
    match words {
        ["crowd", seconds, sizes @ ..] => {
            let sizes = sizes.iter().map(|size| size.parse()).collect::<Result<Vec<usize>, _>>()?;
            crowd(target, pid, &sizes, Duration::from_secs(seconds.parse()?)).await
        }
        ["make", rooms] => many::make(target, pid, rooms.parse()?).await,
        ["first", rooms] => many::first(target, pid, rooms.parse()?).await,
        _ => Err(crate::USAGE.into()),
    }
}

/// All that is measured of rooms with people in them: so many in each.
async fn crowd(target: &Arc<Target>, pid: u32, sizes: &[usize], time: Duration) -> Fallible {
    let (Some(middle), Some(sessions)) = (sizes.get(1), sizes.last()) else {
        return Err(crate::USAGE.into());
    };
    let mut crowd = Crowd::gather(target, pid, sessions + enter::OUTSIDERS).await?;
    let largest = largest(&mut crowd, sizes).await?;
    let mut rooms = Vec::new();
    for (name, occupants) in NAMES.iter().zip(sizes).take(sizes.len() - 1) {
        let mut room = Room::new(name);
        crowd.create(&room, Seen::Moderators).await?;
        crowd.enter(&mut room, *occupants).await?;
        rooms.push(room);
    }
    rooms.push(largest);
    for (name, room) in NAMES.iter().zip(&rooms) {
        figure(&format!("{name}_occupants"), u64::try_from(room.occupants)?);
        for in_flight in [1, 10] {
            speak::measure(&mut crowd, room, name, in_flight, time).await?;
        }
    }
    if let Some(room) = rooms.get(1) {
        storm::measure(&mut crowd, room, target, time).await?;
    }
    enter::measure(&mut crowd, *middle, time).await
}

/// The largest room, and what an occupant takes of memory: the sessions are all there before.
async fn largest(crowd: &mut Crowd, sizes: &[usize]) -> Fallible<Room> {
    settle(crowd.pid).await?;
    let before = memory_kib(crowd.pid)?;
    let mut room = Room::new("largest");
    crowd.create(&room, Seen::Moderators).await?;
    for (name, occupants) in NAMES.iter().zip(sizes).skip(1) {
        crowd.enter(&mut room, *occupants).await?;
        settle(crowd.pid).await?;
        let bytes = memory_kib(crowd.pid)?.saturating_sub(before) * 1024;
        figure(&format!("{name}_occupant_bytes"), bytes / u64::try_from(*occupants)?);
    }
    Ok(room)
}

/// The rooms by size.
const NAMES: [&str; 3] = ["small", "middle", "large"];
