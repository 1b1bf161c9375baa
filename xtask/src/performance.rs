//! The page of `cargo xtask bench`: what was measured, its medians and how far the rounds lie apart.

use std::collections::BTreeMap;

/// All that was measured: by server and figure, the values of each round.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// Whose figures come now.
    subject: String,
    rounds: BTreeMap<(String, String), Vec<Vec<f64>>>,
    /// When, on what and of what.
    conditions: BTreeMap<String, String>,
}

/// The line that says under which condition all is measured; a later one of the same name holds.
pub(crate) fn condition(name: &str, value: &str) -> String {
    format!("condition {name}: {value}")
}

/// The line that says whose figures follow.
pub(crate) fn heading(subject: &str, workload: &str, round: usize) -> String {
    format!("measuring {subject}: {workload}, round {round}")
}

impl Samples {
    /// Takes a heading, or a figure: `NAME VALUE…`. Other lines are of no interest.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some((subject, _)) = line.strip_prefix("measuring ").and_then(|rest| rest.split_once(": ")) {
            subject.clone_into(&mut self.subject);
        } else if let Some((name, value)) =
            line.strip_prefix("condition ").and_then(|rest| rest.split_once(": "))
        {
            self.conditions.insert(name.to_owned(), value.to_owned());
        } else if let Some((name, values)) = line.split_once(' ') {
            let values: Result<Vec<f64>, _> = values.split(' ').map(str::parse).collect();
            if let Ok(values) = values.map_err(drop)
                && !self.subject.is_empty()
            {
                self.rounds.entry((self.subject.clone(), name.to_owned())).or_default().push(values);
            }
        }
    }

    /// One value of a figure, of all rounds, sorted.
    fn sorted(&self, subject: &str, name: &str, part: usize) -> Vec<f64> {
        let rounds = self.rounds.get(&(subject.to_owned(), name.to_owned()));
        let values = rounds.into_iter().flatten().filter_map(|values| values.get(part).copied());
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        values
    }

    fn median(&self, subject: &str, name: &str, part: usize) -> Option<f64> {
        let values = self.sorted(subject, name, part);
        let upper = values.get(values.len() / 2).copied()?;
        let lower = values.get((values.len() - 1) / 2).copied()?;
        Some(f64::midpoint(lower, upper))
    }

    /// The median, and the least and the most if there was more than one round.
    fn cell(&self, subject: &str, name: &str, part: usize, unit: f64) -> String {
        let Some(median) = self.median(subject, name, part) else { return "–".to_owned() };
        let values = self.sorted(subject, name, part);
        let median = number(median / unit);
        match (values.first(), values.last()) {
            (Some(least), Some(most)) if values.len() > 1 => {
                format!("{median} ({}–{})", number(least / unit), number(most / unit))
            }
            _ => median,
        }
    }

    /// Numbers at the end of the names of figures that begin so.
    fn steps(&self, before: &str) -> Vec<u64> {
        let names = self.rounds.keys().filter_map(|(_, name)| name.strip_prefix(before));
        let mut steps: Vec<u64> = names.filter_map(|digits| digits.parse().ok()).collect();
        steps.sort_unstable();
        steps.dedup();
        steps
    }
}

/// Three digits that say something.
fn number(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Whose figures are in the columns Waxwing, Prosody, ejabberd, floor.
type Columns = [&'static str; 4];
const LEAN: Columns = ["waxwing", "prosody", "ejabberd", "floor"];
const SLED: Columns = ["waxwing-sled", "prosody-archive", "ejabberd-archive", ""];
const CROWD: Columns = ["waxwing-crowd", "", "", ""];
const FJALL: Columns = ["waxwing-fjall", "prosody-archive", "ejabberd-archive", ""];

/// A line of the table.
struct Row {
    words: String,
    name: String,
    columns: Columns,
    /// Which of the figure's values, in which unit.
    part: usize,
    unit: f64,
    at_most: &'static str,
}

/// CPU for an operation, in microseconds.
const OPERATIONS: &[(&str, &str, Columns, &str)] = &[
    ("register", "registration, key derivation included", LEAN, "3,000"),
    ("login_sha1", "login, SCRAM-SHA-1, STARTTLS", LEAN, "450"),
    ("login_sha1", "… with 100,000 accounts", CROWD, ""),
    ("login_sha256", "login, SCRAM-SHA-256, STARTTLS", LEAN, ""),
    ("login_direct_sha1", "login, SCRAM-SHA-1, direct TLS", LEAN, ""),
    ("login_direct_sha256", "login, SCRAM-SHA-256, direct TLS", LEAN, ""),
    ("chat_1", "chat, full JID, 50 pairs, 1 in flight", LEAN, "2 × floor"),
    ("chat_10", "chat, full JID, 50 pairs, 10 in flight", LEAN, "4 × floor"),
    ("bare_1", "chat, bare JID, archived on both sides, 1 in flight, Waxwing on sled", SLED, "60"),
    ("bare_1", "… on fjall", FJALL, "40"),
    ("bare_10", "chat, bare JID, archived on both sides, 10 in flight, Waxwing on sled", SLED, ""),
    ("bare_10", "… on fjall", FJALL, ""),
    ("presence", "presence to 100 contacts, per delivered copy", LEAN, "5"),
    ("page", "archive page of 50, per result, Waxwing on sled", SLED, "4"),
    ("page", "… on fjall", FJALL, "4"),
    ("roster100", "roster of 100, per get", LEAN, ""),
    ("roster1000", "roster of 1,000, per get", LEAN, "150"),
];

/// The table and how it came to be.
pub(crate) fn page(samples: &Samples) -> String {
    let mut text = String::from(
        "# Performance\n\nWritten by `cargo xtask bench`; figures of other machines differ, the proportion should not. \
         Each cell is the median of the rounds, with the least and the most of them.\n\n\
         ## CPU of the server, µs for an operation\n\n",
    );
    let operations: Vec<Row> = OPERATIONS
        .iter()
        .map(|(name, words, columns, at_most)| Row {
            words: (*words).to_owned(),
            name: (*name).to_owned(),
            columns: *columns,
            part: 0,
            unit: 1.0,
            at_most,
        })
        .chain(samples.steps("chat_beside_").into_iter().map(beside))
        .chain(inmemory_chat(samples))
        .collect();
    text += &table(samples, &operations);
    text += "\n## Memory, start and the engine's share\n\n";
    text += &table(samples, &others(samples));
    text += "\n## Operations a second; p50 and p99 of their time, µs\n\n";
    text += &rates(samples, &operations);
    text.push('\n');
    for (name, value) in &samples.conditions {
        text += &format!("- {name}: {value}\n");
    }
    text + METHOD
}

fn beside(step: u64) -> Row {
    let words = format!("chat, full JID, 1 in flight, beside {step} idle sessions");
    let at_most = if step == 0 { "" } else { "1.2 × beside 0" };
    Row { words, name: format!("chat_beside_{step}"), columns: LEAN, part: 0, unit: 1.0, at_most }
}

/// Without sockets: messages between fifty pairs, and between all in turn, by the number of sessions.
fn inmemory_chat(samples: &Samples) -> Vec<Row> {
    let mut rows = Vec::new();
    let steps = samples.steps("inmemory_chat_");
    for (name, words) in [("inmemory_chat_", "50 pairs talk"), ("inmemory_chat_all_", "all talk in turn")] {
        for (index, step) in steps.iter().enumerate() {
            rows.push(Row {
                words: format!("in memory, no sockets: {words} among {step} sessions"),
                name: format!("{name}{step}"),
                columns: LEAN,
                part: 0,
                unit: 1.0,
                at_most: if index == 0 { "" } else { "1.2 × the first" },
            });
        }
    }
    rows
}

fn others(samples: &Samples) -> Vec<Row> {
    let row = |words: &str, name: &str, part, unit, at_most| Row {
        words: words.to_owned(),
        name: name.to_owned(),
        columns: LEAN,
        part,
        unit,
        at_most,
    };
    let mut rows = vec![row("memory at start, MiB", "memory_start", 0, 1024.0, "12")];
    for step in samples.steps("idle_") {
        let name = format!("idle_{step}");
        rows.push(row(&format!("memory with {step} idle sessions, MiB"), &name, 0, 1024.0, ""));
        rows.push(row(&format!("… for each of {step}, KiB"), &name, 1, 1024.0, "12"));
    }
    rows.push(row("memory after they have gone, MiB", "memory_after", 0, 1024.0, ""));
    rows.push(row("start to first accepted login, empty, ms", "start_empty", 0, 1.0, "100"));
    let crowd = row("start to first accepted login, 100,000 accounts, ms", "start_crowd", 0, 1.0, "200");
    rows.push(Row { columns: CROWD, ..crowd });
    for step in samples.steps("inmemory_") {
        let words = format!("in memory, no sockets: each of {step} sessions, KiB");
        rows.push(row(&words, &format!("inmemory_{step}"), 1, 1024.0, ""));
    }
    for (columns, engine) in [(SLED, "sled"), (FJALL, "fjall")] {
        let words = format!("the engine's share of the CPU for archived chat, {engine}, %");
        rows.push(Row { columns, ..row(&words, "bare_1_engine_percent", 0, 1.0, "") });
    }
    rows
}

fn table(samples: &Samples, rows: &[Row]) -> String {
    let mut text = String::from(
        "| | Waxwing | Prosody | ejabberd | floor | at most |\n|---|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let cells = row.columns.map(|subject| samples.cell(subject, &row.name, row.part, row.unit));
        text += &format!("| {} | {} | {} |\n", row.words, cells.join(" | "), row.at_most);
    }
    text
}

fn rates(samples: &Samples, rows: &[Row]) -> String {
    let mut text = String::from("| | Waxwing | Prosody | ejabberd | floor |\n|---|---:|---:|---:|---:|\n");
    for row in rows {
        let cells = row.columns.map(|subject| {
            let parts = [1, 2, 3].map(|part| samples.median(subject, &row.name, part));
            let [Some(rate), Some(p50), Some(p99)] = parts else { return "–".to_owned() };
            format!("{rate:.0}/s; {p50:.0}, {p99:.0}")
        });
        text += &format!("| {} | {} |\n", row.words, cells.join(" | "));
    }
    text
}

pub(crate) fn json(samples: &Samples) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut subjects: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((subject, name), rounds) in &samples.rounds {
        let rounds: Vec<String> = rounds.iter().map(|values| format!("{values:?}")).collect();
        let line = format!("      {}: [{}]", quote(name), rounds.join(", "));
        subjects.entry(subject).or_default().push(line);
    }
    let conditions =
        samples.conditions.iter().map(|(name, value)| format!("  {}: {},\n", quote(name), quote(value)));
    let servers: Vec<String> = subjects
        .iter()
        .map(|(subject, lines)| format!("    {}: {{\n{}\n    }}", quote(subject), lines.join(",\n")))
        .collect();
    format!("{{\n{}  \"servers\": {{\n{}\n  }}\n}}\n", conditions.collect::<String>(), servers.join(",\n"))
}

const METHOD: &str = "
## How it is measured

The servers are pinned to core 0, the load generator (`bench/`) to core 1, over loopback. All have the same ECDSA P-256
certificate, demand TLS, store hashed passwords and limit nothing; the configurations are in `xtask/src/subject.rs`. Prosody
and ejabberd are Debian's packages as they come, with their default stores. They are up at the same time, but only one
has work: each workload runs on each server in turn, and that in three rounds.

- **CPU** is user and system time of the server's processes (`/proc/PID/stat`), divided by what was done; what a server
  still does for it afterwards counts. That is the figure to compare: operations a second also depend on the load
  generator, which has one core too.
- **Floor** is a relay (`bench/src/floor.rs`): the same TLS library and certificate, one thread; it finds the end of a stanza
  with memchr and hands the bytes to a full JID. It checks nothing, stores nothing, and believes every login.
- **Chat** is over STARTTLS, both ends on this server. With 1 in flight every message costs each side a read and a write;
  with 10 the server may serve several at once. Its time is from the sender's write until the recipient has read it.
- **Archived** chat goes to the bare JID of somebody online and is kept in both archives; the other rows have no archive.
  Waxwing's archive is on disk before a stanza is acknowledged; Prosody appends to files, ejabberd to Mnesia, and neither
  waits for the disk. The engine's share is that of the threads of the store's writer and of sled or fjall.
- **Presence**: one user tells a hundred contacts, who are all online, and himself; the time is until the last has it.
- **Page**: the newest fifty of a thousand messages; **roster**: all items, each with a name and a group. The time is that
  of the whole answer.
- **Login** is TCP, a full TLS handshake, SCRAM, resource binding and the end of the stream; its time ends with the
  binding. Prosody and ejabberd store the keys of SCRAM-SHA-1 only. **Registration** has a connection of its own too.
- **Memory** is resident memory (`VmRSS`). Idle sessions are logged in over STARTTLS and have sent presence: the first
  thousand belong to a thousand accounts, further ones are further resources of the same accounts. What a session costs is
  the difference to the memory before the first of them, divided by their number. The largest number is what the limit of
  open descriptors (`ulimit -Hn`) leaves.
- **In memory** (`benches/sessions.rs`): no sockets, no TLS, no load generator; a message is scanned, routed and taken from the
  mailbox. Between all sessions in turn nothing is in the processor's caches.
- **100,000 accounts** have keys of 4,096 iterations instead of 10,000, to be made sooner.
- **Start** is from the start of the process until the first login has a bound resource; the client tries every
  millisecond.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Samples {
        let mut samples = Samples::default();
        for line in [
            "chat_1 99 1 1 1 1",
            "condition date: yesterday",
            "condition date: today",
            "condition note: a \"b\"",
            "measuring waxwing: chat, round 0",
            "> taskset -c 1",
            "chat_1 20.5 1000 10 90 4000",
            "measuring floor: chat, round 0",
            "chat_1 6 1000 10 90 4000",
            "measuring waxwing: chat, round 1",
            "chat_1 22 1100 11 91 4100",
            "chat_1 120 900 12 92 4200",
            "idle_10000 204800 14336",
            "idle_900 20480 15000",
            "FAILED chat on prosody failed",
        ] {
            samples.read(line);
        }
        samples
    }

    #[test]
    fn a_cell_is_the_median_and_the_spread() {
        let text = page(&samples());
        let row = "| chat, full JID, 50 pairs, 1 in flight | 22.0 (20.5–120) | – | – | 6.00 | 2 × floor |";
        assert!(text.contains(row), "{text}");
        let row = "| chat, full JID, 50 pairs, 1 in flight | 1000/s; 11, 91 | – | – | 1000/s; 10, 90 |";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("- date: today"), "{text}");
    }

    #[test]
    fn two_rounds_have_their_middle() {
        let mut samples = Samples::default();
        for line in ["measuring floor: chat, round 0", "chat_1 2", "chat_1 3"] {
            samples.read(line);
        }
        assert_eq!(samples.median("floor", "chat_1", 0), Some(2.5));
        assert_eq!(samples.median("floor", "chat_10", 0), None);
    }

    #[test]
    fn steps_are_sorted_by_number() {
        assert_eq!(samples().steps("idle_"), [900, 10_000]);
        let text = page(&samples());
        assert!(text.contains("| … for each of 10000, KiB | 14.0 | – | – | – | 12 |"), "{text}");
    }

    #[test]
    fn json_has_every_round() {
        let text = json(&samples());
        assert!(text.contains("\"note\": \"a \\\"b\\\"\""), "{text}");
        assert!(text.contains("\"chat_1\": [[20.5, 1000.0, 10.0, 90.0, 4000.0], [22.0, "), "{text}");
        assert!(text.contains("\"floor\": {\n      \"chat_1\": [[6.0, "), "{text}");
    }
}
