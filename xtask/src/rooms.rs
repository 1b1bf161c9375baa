//! Rooms in Waxwing and in other servers, measured on this machine in one run.

use std::time::Duration;

use crate::bench::{NO_ARCHIVE, conditions, title, write};
use crate::network::{Figures, columns_of, figure, json, row, value};
use crate::options::Options;
use crate::run;
use crate::subject::Server;

/// Sizes of a run.
struct Plan {
    /// Occupants of the small room, the middle one and the large one.
    sizes: [u32; 3],
    /// How long each figure is measured.
    seconds: u32,
    /// One of so many of the empty rooms in [`share`].
    part: u32,
}

const FULL: Plan = Plan { sizes: [100, 1000, 5000], seconds: 5, part: 1 };
const QUICK: Plan = Plan { sizes: [100, 200, 1000], seconds: 2, part: 20 };

/// What a server has to do: how many rooms, by size, and how many that are empty.
struct Share {
    sizes: usize,
    empty: u32,
}

/// Measures all servers and writes the pages.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    if let Some(log) = &options.from {
        let text = std::fs::read_to_string(log).map_err(|error| format!("{log}: {error}"))?;
        return publish(&columns_of(&text, started), options.quick).map(|()| true);
    }
    let plan = if options.quick { QUICK } else { FULL };
    let mut subjects = vec!["waxwing".to_owned()];
    subjects.extend(options.peers.iter().filter(|name| *name != "waxwing").cloned());
    let (mut columns, mut well) = (Vec::new(), true);
    for subject in &subjects {
        let mut figures = Figures::new();
        for part in [crowd, many] {
            // What was measured until then is worth a page, and has dashes where something is missing.
            if let Err(why) = part(subject, &plan, &mut figures) {
                println!("{subject}: {why}");
                well = false;
            }
        }
        columns.push((title(subject), figures));
    }
    publish(&columns, options.quick)?;
    Ok(well)
}

fn publish(columns: &[(String, Figures)], quick: bool) -> Result<(), String> {
    let conditions = conditions(quick)?;
    let page = page(columns, &conditions);
    println!("\n{page}");
    write("docs/rooms.json", &json(columns, &conditions))?;
    write("docs/rooms.md", &page)
}

/// The name of the server that a line of a run says has started.
fn started(line: &str) -> Option<&str> {
    line.split_once(" runs as process ").map(|(name, _)| name)
}

/// Rooms with people in them.
fn crowd(subject: &str, plan: &Plan, figures: &mut Figures) -> Result<(), String> {
    let server = start(subject)?;
    let mut words = vec!["crowd".to_owned(), plan.seconds.to_string()];
    words.extend(plan.sizes.iter().take(share(subject).sizes).map(u32::to_string));
    load(&server, &words.iter().map(String::as_str).collect::<Vec<_>>(), figures)
}

/// Rooms without anybody, and a start with them.
fn many(subject: &str, plan: &Plan, figures: &mut Figures) -> Result<(), String> {
    let rooms = (share(subject).empty / plan.part).to_string();
    let mut server = start(subject)?;
    load(&server, &["make", &rooms], figures)?;
    let greeted = server.restart(&more(subject))?;
    load(&server, &["first", &rooms], figures)?;
    for (name, value) in derived(figures, greeted) {
        println!("{name} {value}");
        figures.insert(name.to_owned(), vec![value.to_string()]);
    }
    Ok(())
}

/// What follows from a start with many rooms and what was measured before and after it.
fn derived(figures: &Figures, greeted: Duration) -> Vec<(&'static str, u64)> {
    let get = |name: &str| value(figures, name, 0).parse::<u64>().ok();
    let login = get("first_login_us").map(|login| greeted + Duration::from_micros(login));
    let start = login.and_then(|time| u64::try_from(time.as_millis()).ok());
    let each = match (get("first_memory_kib"), get("many_start_kib"), get("many_rooms")) {
        (Some(after), Some(before), Some(rooms @ 1..)) => Some(after.saturating_sub(before) * 1024 / rooms),
        _ => None,
    };
    let all = [("start_login_ms", start), ("started_room_bytes", each)];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn start(subject: &str) -> Result<Server, String> {
    Server::start(subject, &["taskset", "-c", "0"], &more(subject))
}

fn load(server: &Server, words: &[&str], figures: &mut Figures) -> Result<(), String> {
    let mut command = run::with_descriptors();
    command.args(["taskset", "-c", "1"]).arg(run::release_binary("waxwing-load")?);
    command.arg(server.port.to_string()).arg(server.authority()).arg(server.pid().to_string());
    command.arg("rooms").args(words);
    let well = run::watched(&mut command, |line| figures.extend(figure(line)));
    if well { Ok(()) } else { Err(format!("the load {words:?} failed")) }
}

fn page(columns: &[(String, Figures)], conditions: &[(&'static str, String)]) -> String {
    let mut text = String::from(
        "# Rooms\n\nWritten by `cargo xtask bench rooms`; figures of other machines differ, the proportion should not.\n\n| |",
    );
    for (title, _) in columns {
        text += &format!(" {title} |");
    }
    text += &format!("\n|---|{}\n", "---:|".repeat(columns.len()));
    let size = |name: &str| {
        let name = format!("{name}_occupants");
        let found = columns.iter().map(|(_, figures)| value(figures, &name, 0)).find(|size| *size != "–");
        found.unwrap_or("–").to_owned()
    };
    for in_flight in [1, 10] {
        for (what, words) in OF_MESSAGES {
            for name in ["small", "middle", "large"] {
                let words = format!("{} occupants, {in_flight} in flight: {words}", size(name));
                text += &row(&words, &format!("{name}_{in_flight}_{what}"), columns);
            }
        }
    }
    for name in ["middle", "large"] {
        let words = format!("memory of an occupant, of {}, bytes", size(name));
        text += &row(&words, &format!("{name}_occupant_bytes"), columns);
    }
    for (name, part, words) in ROWS {
        let cells = columns.iter().map(|(_, figures)| value(figures, name, *part));
        let words = words.replace("MIDDLE", &size("middle"));
        text += &format!("| {words} | {} |\n", cells.collect::<Vec<_>>().join(" | "));
    }
    for (part, words) in ["p50", "p99"].iter().enumerate() {
        let cells = factors(columns, part).join(" | ");
        text += &format!("| … {words} during it to {words} before it | {cells} |\n");
    }
    text.push('\n');
    for (name, value) in conditions {
        text += &format!("- {name}: {value}\n");
    }
    text + METHOD
}

/// How many times longer a chat beside a storm takes.
fn factors(columns: &[(String, Figures)], part: usize) -> Vec<String> {
    let get = |figures: &Figures, name: &str| value(figures, name, part).parse::<f64>().ok();
    let factor = |figures| Some(get(figures, "storm_chat_us")? / get(figures, "calm_chat_us")?.max(1.0));
    let cell = |factor: Option<f64>| factor.map_or("–".to_owned(), |factor| format!("{factor:.1}"));
    columns.iter().map(|(_, figures)| cell(factor(figures))).collect()
}

/// All of it for Waxwing; of the peers as much as takes minutes. [`METHOD`] says why.
fn share(subject: &str) -> Share {
    match subject {
        "waxwing" => Share { sizes: 3, empty: 100_000 },
        "prosody" => Share { sizes: 2, empty: 2000 },
        _ => Share { sizes: 3, empty: 10_000 },
    }
}

/// The configuration of rooms that each server gets.
fn more(subject: &str) -> String {
    match subject {
        "waxwing" => format!("{NO_ARCHIVE}{WAXWING}"),
        "prosody" => PROSODY.to_owned(),
        _ => EJABBERD.to_owned(),
    }
}

const OF_MESSAGES: &[(&str, &str)] = &[
    ("copy_cpu_us", "CPU for a copy of a message, µs"),
    ("messages_per_second", "messages a second"),
    ("copies_per_second", "copies a second"),
];

/// Name, which of its values, words.
const ROWS: &[(&str, usize, &str)] = &[
    ("fill_presence_cpu_us", 0, "MIDDLE enter one after the other: CPU for a presence, µs"),
    ("join_presence_cpu_us", 0, "one more enters a room of MIDDLE: CPU for a presence, µs"),
    ("join_cpu_us", 0, "… CPU in all, µs"),
    ("join_us", 0, "… until it is in, p50, µs"),
    ("join_us", 1, "… p99, µs"),
    ("many_rooms", 0, "persistent rooms that are empty: how many"),
    ("many_room_cpu_us", 0, "… CPU to make and leave one, µs"),
    ("many_room_bytes", 0, "… memory of one after that, bytes"),
    ("started_room_bytes", 0, "… memory of one after a restart, bytes"),
    ("start_login_ms", 0, "… from start to the first login, ms"),
    ("first_entry_us", 0, "… the first entry after that, µs"),
    ("calm_chat_us", 0, "chat of two, there and back: p50, µs"),
    ("calm_chat_us", 1, "… p99, µs"),
    ("storm_messages_per_second", 0, "a storm in a room of MIDDLE: messages a second"),
    ("storm_copy_cpu_us", 0, "… CPU for a copy, the chat beside it included, µs"),
    ("storm_chat_us", 0, "… chat of two beside it: p50, µs"),
    ("storm_chat_us", 1, "… chat of two beside it: p99, µs"),
];

// The three say the same: no archive, rooms that their creator has not changed show twenty messages of history, and no limit
// on occupants, rooms and rates.

const WAXWING: &str = r#"
[host."localhost".modules.muc]
occupants_max = 10000
rooms_max = 200000
rooms_per_user_max = 1000
entries = 1000000
[host."localhost".modules.muc.defaults]
max_users = 10000
logging = false
"#;

const PROSODY: &str = r#"
Component "conference.localhost" "muc"
    max_history_messages = 20
"#;

const EJABBERD: &str = r#"
  mod_muc:
    host: conference.localhost
    history_size: 20
    max_users: 10000
    max_users_presence: 10000
    max_user_conferences: 100000
    default_room_options: {max_users: 10000, logging: false, mam: false}
max_fsm_queue: 1000000
"#;

const METHOD: &str = "
## How it is measured

Each server runs alone, pinned to core 0, the load generator (`bench/src/rooms`) pinned to core 1, over loopback. All have the
same ECDSA P-256 certificate, demand TLS, store hashed passwords, keep no archive of rooms or accounts, and limit neither rates
nor the number of occupants and rooms; a room has twenty messages of history. The configurations are in `xtask/src/subject.rs`
and `xtask/src/rooms.rs`. Prosody and ejabberd are Debian's packages as they come. A message that has not arrived at every
occupant, or a presence that is missing, ends the run.

- **Occupants** are clients that are logged in over STARTTLS and have sent presence: a thousand accounts, further ones are
  further resources of the same accounts. All rooms are those of the same clients, and no client leaves: a message in the
  smallest room is sent while all others are idle.
- **CPU** is user and system time of the server's processes (`/proc/PID/stat`), divided by the number of copies, or of
  presences, that have arrived. Copies a second also depend on the load generator, which has one core too.
- **A message** is some 160 bytes; eight occupants speak in turn. With 1 in flight the next one is sent when all have got the
  last; with 10 the server may write several at once.
- **Rooms of messages** broadcast the presence of their creator alone (`muc#roomconfig_presencebroadcast`): to fill a room of
  5,000 would otherwise take 25 million presences. Prosody has no room of that size here: what it does for each who enters grows
  with those who are there, whosever presence is broadcast, and to fill it would take longer than all the rest.
- **The room that is entered** broadcasts the presence of all: who enters gets as many presences as there are occupants, and
  they get one each. *Until it is in* is the time until the own presence has come, after that of all others.
- **Memory** is resident memory (`VmRSS`). Of an occupant: what a room with so many takes, divided by their number; the sessions
  are all there before. Of an empty room: after it was made, configured and left, divided by their number; and after a
  restart, compared with a start without rooms. Waxwing forgets a room five minutes after its last use and loads it when it is
  used again; Prosody holds the last hundred (`muc_room_cache_size`); ejabberd loads all.
- **Empty rooms**: a hundred thousand in Waxwing, as many as `rooms_max` allows by default. Prosody writes its list of all
  persistent rooms anew for each, so that making them takes the square of their number; ejabberd has a process for each.
  They have as many as take about a minute. *First login* is from the start of the process to a bound resource: TLS,
  SCRAM-SHA-1 and all.
- **The storm**: eight occupants speak as fast as the room takes it, 160 messages on their way. Beside it two others, who are
  in no room, write to each other in turn, one message at a time, in a thread of the load generator that has priority
  over the one that reads the copies.
";

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "waxwing runs as process 7 on ports 1 and 2\n\n> sh taskset load\nmiddle_occupants 1000\n\
                       small_1_copy_cpu_us 1.5\nwaxwing runs as process 8 on ports 1 and 2\nmany_start_kib 1000\n\
                       calm_chat_us 100 200 300 9\nstorm_chat_us 200 500 600 9\nfirst_memory_kib 3000\nmany_rooms 1024\n\
                       first_login_us 2000\n";

    #[test]
    fn a_log_becomes_a_page() {
        let columns = columns_of(LOG, started);
        assert_eq!(columns.len(), 1);
        let text = page(&columns, &[("date", "x".to_owned())]);
        for line in [
            "| – occupants, 1 in flight: CPU for a copy of a message, µs | 1.5 |",
            "| one more enters a room of 1000: CPU for a presence, µs | – |",
            "| … chat of two beside it: p99, µs | 500 |",
            "| … p50 during it to p50 before it | 2.0 |",
            "| … p99 during it to p99 before it | 2.5 |",
            "- date: x",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn a_start_with_rooms_follows_from_its_parts() {
        let columns = columns_of(LOG, started);
        let found = derived(&columns[0].1, Duration::from_millis(40));
        assert_eq!(found, [("start_login_ms", 42), ("started_room_bytes", 2000)]);
        assert!(derived(&Figures::new(), Duration::ZERO).is_empty());
    }
}
