//! Waxwing beside other servers, measured on this machine in one run.
//!
//! The server runs on core 0 and the load on core 1; all servers have the same certificate, demand TLS, store
//! hashed passwords, keep no archive and limit nothing. The figures go to `docs/performance.md` and, for machines,
//! `docs/performance.json`.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::archive;
use crate::needs;
use crate::network;
use crate::options::Options;
use crate::rooms;
use crate::run;
use crate::subject::Server;

/// What one server showed: names and values as the load generator prints them.
type Figures = BTreeMap<String, String>;

/// The peers of the comparison keep no archive either.
pub(crate) const NO_ARCHIVE: &str = "\
[host.\"localhost\".modules.mam]
enabled = false
[host.\"localhost\".modules.offline]
enabled = false
";

/// More sessions than this are never opened.
const SESSIONS_MAX: u64 = 10_000;

/// Measures all servers and writes the pages.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    needs::programs(&[("taskset", "util-linux")])?;
    if options.archive {
        return archive::run(options);
    }
    if options.federation {
        return network::run(options);
    }
    if options.rooms {
        return rooms::run(options);
    }
    let load = run::release_binary("waxwing-load")?;
    let mut subjects = vec!["waxwing".to_owned()];
    subjects.extend(options.peers.iter().filter(|name| *name != "waxwing").cloned());
    let mut columns = Vec::new();
    for subject in &subjects {
        let more = if subject == "waxwing" { NO_ARCHIVE } else { "" };
        let server = Server::start(subject, &["taskset", "-c", "0"], more)?;
        let mut command = run::with_descriptors();
        command.args(["taskset", "-c", "1"]).arg(&load);
        command.arg(server.port.to_string()).arg(server.authority()).arg(server.pid().to_string());
        command.arg(sessions_max()?.to_string());
        if options.quick {
            command.arg("quick");
        }
        let mut figures = Figures::new();
        let well = run::watched(&mut command, |line| {
            if let Some((name, value)) = figure(line) {
                figures.insert(name, value);
            }
        });
        if !well {
            return Err(format!("the load on {subject} failed"));
        }
        columns.push((title(subject), figures));
    }
    let conditions = conditions(options.quick)?;
    let table = table(&columns);
    println!("\n{table}");
    write("docs/performance.json", &json(&columns, &conditions))?;
    write("docs/performance.md", &page(&table, &conditions))?;
    Ok(true)
}

/// `NAME VALUE` as it is; `idle SESSIONS KIB BYTES` under a name that sorts and reads well.
fn figure(line: &str) -> Option<(String, String)> {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["idle", sessions, kib, each] => Some((format!("idle_{sessions:0>6}"), format!("{kib} {each}"))),
        [name, value] if value.parse::<f64>().is_ok() => Some(((*name).to_owned(), (*value).to_owned())),
        _ => None,
    }
}

/// Each session costs both sides a descriptor; both keep some for other uses.
fn sessions_max() -> Result<u64, String> {
    let limit = run::output(Command::new("sh").args(["-c", "ulimit -Hn"]))?;
    let limit = limit.trim().parse().unwrap_or(u64::MAX);
    Ok(SESSIONS_MAX.min(limit.saturating_sub(200)))
}

pub(crate) fn title(subject: &str) -> String {
    if subject == "waxwing" {
        return "Waxwing".to_owned();
    }
    let version = run::output(Command::new("dpkg-query").args(["-W", "-f", "${Version}", subject]));
    format!("{subject} {}", version.unwrap_or_default().trim())
}

/// When, on what and of what: one entry a line.
pub(crate) fn conditions(quick: bool) -> Result<Vec<(&'static str, String)>, String> {
    let date = run::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    let commit =
        run::output(Command::new("git").current_dir(run::root()).args(["rev-parse", "--short=12", "HEAD"]))?;
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut entries = vec![
        ("date", date.trim().to_owned()),
        ("commit", commit.trim().to_owned()),
        ("processor", model.trim_matches([' ', '\t', ':']).to_owned()),
        ("load average at the end", load.split(' ').next().unwrap_or_default().to_owned()),
    ];
    if quick {
        entries.push(("note", "a quick run: short and with few sessions".to_owned()));
    }
    Ok(entries)
}

/// The table, a row for each figure and a column for each server.
fn table(columns: &[(String, Figures)]) -> String {
    let mut text = String::from("| |");
    for (title, _) in columns {
        text += &format!(" {title} |");
    }
    text += "\n|---|";
    text += &"---:|".repeat(columns.len());
    text.push('\n');
    let mut rows: Vec<(String, String, usize)> = Vec::new();
    for (name, words) in ROWS {
        rows.push(((*words).to_owned(), (*name).to_owned(), 0));
    }
    let idle = columns.first().into_iter().flat_map(|(_, figures)| figures.keys());
    for (at, name) in idle.filter(|name| name.starts_with("idle_")).enumerate() {
        let sessions = name.trim_start_matches("idle_").trim_start_matches('0');
        let at = 1 + at * 2;
        rows.insert(at, (format!("resident memory with {sessions} idle sessions, KiB"), name.clone(), 0));
        rows.insert(at + 1, (format!("… for each of {sessions} idle sessions, bytes"), name.clone(), 1));
    }
    for (words, name, part) in rows {
        text += &format!("| {words} |");
        for (_, figures) in columns {
            let value = figures.get(&name).and_then(|value| value.split(' ').nth(part)).unwrap_or("–");
            text += &format!(" {value} |");
        }
        text.push('\n');
    }
    text
}

const ROWS: &[(&str, &str)] = &[
    ("memory_start_kib", "resident memory after start, KiB"),
    ("memory_after_kib", "resident memory after they have gone, KiB"),
    ("login_cpu_us", "CPU for a login with STARTTLS and SCRAM-SHA-1, µs"),
    ("registration_cpu_us", "CPU for a registration with STARTTLS, µs"),
    ("chat_1_cpu_us", "CPU for a chat message, 50 pairs with 1 in flight, µs"),
    ("chat_10_cpu_us", "CPU for a chat message, 50 pairs with 10 in flight, µs"),
    ("chat_1_messages_per_second", "messages a second, 50 pairs with 1 in flight"),
    ("chat_10_messages_per_second", "messages a second, 50 pairs with 10 in flight"),
];

fn page(table: &str, conditions: &[(&'static str, String)]) -> String {
    let mut text = String::from(
        "# Performance\n\nWritten by `cargo xtask bench`; figures of other machines differ, the proportion should not.\n\n",
    );
    text += table;
    text.push('\n');
    for (name, value) in conditions {
        text += &format!("- {name}: {value}\n");
    }
    text += "\n\
## How it is measured

Each server runs alone, pinned to core 0, the load generator (`bench/`) pinned to core 1, over loopback. All have the same
ECDSA P-256 certificate, demand TLS, store hashed passwords, keep no archive and limit nothing; the configurations are in
`xtask/src/subject.rs`. Prosody and ejabberd are Debian's packages as they come.

- **CPU** is user and system time of the server's processes (`/proc/PID/stat`), divided by what was done. That is the
  figure to compare: messages a second also depend on the load generator, which has one core too.
- **Chat message**: from full JID to full JID over STARTTLS, both ends on this server. With 1 in flight every message costs
  each side a read and a write; with 10 the server may serve several at once.
- **Memory** is resident memory (`VmRSS`). Idle sessions are logged in over STARTTLS and have sent presence: the first
  thousand belong to a thousand accounts, further ones are further resources of the same accounts. What a session costs is
  the difference to the memory before the first of them, divided by their number.
- **Login** is TCP, STARTTLS with a full handshake, SCRAM-SHA-1, resource binding and the end of the stream.

Rooms are measured on a page of their own: [rooms.md](rooms.md).
";
    text
}

fn json(columns: &[(String, Figures)], conditions: &[(&'static str, String)]) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = String::from("{\n");
    for (name, value) in conditions {
        text += &format!("  {}: {},\n", quote(name), quote(value));
    }
    text += "  \"servers\": {\n";
    let servers: Vec<String> = columns
        .iter()
        .map(|(title, figures)| {
            let lines: Vec<String> = figures
                .iter()
                .map(|(name, value)| format!("      {}: [{}]", quote(name), value.replace(' ', ", ")))
                .collect();
            format!("    {}: {{\n{}\n    }}", quote(title), lines.join(",\n"))
        })
        .collect();
    text += &servers.join(",\n");
    text += "\n  }\n}\n";
    text
}

pub(crate) fn write(name: &str, text: &str) -> Result<(), String> {
    fs::write(run::root().join(name), text).map_err(|error| format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_rows() {
        let mut figures = Figures::new();
        for line in
            ["memory_start_kib 9000", "idle 1000 20000 11264", "idle 10000 99 12", "> taskset -c 1", "ready"]
        {
            figures.extend(figure(line));
        }
        assert_eq!(figures.len(), 3);
        let text = table(&[("Waxwing".to_owned(), figures)]);
        let first = text.find("| resident memory with 1000 idle sessions, KiB | 20000 |").unwrap();
        assert!(first < text.find("| … for each of 10000 idle sessions, bytes | 12 |").unwrap());
        assert!(text.contains("| CPU for a login with STARTTLS and SCRAM-SHA-1, µs | – |"));
    }

    #[test]
    fn json_is_quoted() {
        let figures = Figures::from([("idle_001000".to_owned(), "1 2".to_owned())]);
        let text = json(&[("a \"b\"".to_owned(), figures)], &[("date", "x".to_owned())]);
        assert!(text.contains("\"a \\\"b\\\"\": {\n      \"idle_001000\": [1, 2]\n    }"), "{text}");
    }
}
