//! What people say in a room, and what a copy of it costs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Fallible;
use crate::plan::figure;
use crate::process::cpu_us;
use crate::rooms::crowd::{Crowd, Room};
use crate::rooms::ear::message;

/// What was said until it was enough; all of it has arrived at all.
pub(crate) struct Said {
    pub(crate) messages: u64,
    pub(crate) copies: u64,
    pub(crate) cpu_us: u64,
    elapsed: Duration,
}

/// Some speak in turn for a while, never more than `in_flight` messages on their way.
pub(crate) async fn measure(
    crowd: &mut Crowd,
    room: &Room,
    name: &str,
    in_flight: u64,
    time: Duration,
) -> Fallible {
    // Not counted: whatever the server does only once.
    speak(crowd, room, in_flight, lasting(time / 10)).await?;
    let said = speak(crowd, room, in_flight, lasting(time)).await?;
    said.tell(&format!("{name}_{in_flight}"))
}

fn lasting(time: Duration) -> impl Fn() -> bool {
    let started = Instant::now();
    move || started.elapsed() < time
}

pub(crate) async fn speak(
    crowd: &mut Crowd,
    room: &Room,
    in_flight: u64,
    goes_on: impl Fn() -> bool,
) -> Fallible<Said> {
    let (xml, heard, each) = (message(&room.jid), Arc::clone(&crowd.heard), u64::try_from(room.occupants)?);
    let (cpu_before, started, before) = (cpu_us(crowd.pid)?, Instant::now(), heard.messages.now());
    let mut messages = 0;
    while goes_on() {
        for speaker in 0..SPEAKERS {
            crowd.say(speaker, &xml).await?;
            messages += 1;
            if messages >= in_flight {
                heard.wait(&heard.messages, before + (messages + 1 - in_flight) * each).await?;
            }
        }
    }
    heard.wait(&heard.messages, before + messages * each).await?;
    let copies = heard.messages.now() - before;
    if copies != messages * each {
        return Err(format!("{messages} messages to {each} occupants came {copies} times").into());
    }
    Ok(Said { messages, copies, cpu_us: cpu_us(crowd.pid)? - cpu_before, elapsed: started.elapsed() })
}

impl Said {
    pub(crate) fn tell(&self, name: &str) -> Fallible {
        let milliseconds = u64::try_from(self.elapsed.as_millis())?.max(1);
        let thousandths = self.cpu_us * 1000 / self.copies.max(1);
        println!("{name}_copy_cpu_us {}.{:03}", thousandths / 1000, thousandths % 1000);
        figure(&format!("{name}_messages"), self.messages);
        let tenths = self.messages * 10_000 / milliseconds;
        println!("{name}_messages_per_second {}.{}", tenths / 10, tenths % 10);
        figure(&format!("{name}_copies_per_second"), self.copies * 1000 / milliseconds);
        Ok(())
    }
}

/// So many speak, one after the other.
const SPEAKERS: usize = 8;
