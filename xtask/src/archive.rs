//! The archive with a million messages, in one account and in ten thousand, measured on this machine.

use std::time::Duration;

use crate::bench::{NO_ARCHIVE, conditions, write};
use crate::options::Options;
use crate::run;
use crate::subject::Server;

/// Name, value: as the load generator prints them and as they are seen from here.
type Figures = Vec<(String, String)>;

/// Measures both and writes the page.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let (messages, accounts) = if options.quick { (20_000, 200) } else { (1_000_000, 10_000) };
    let without = without(messages / 10)?;
    let one = with(messages, 1)?;
    let many = with(messages, accounts)?;
    let text = page(&[("no archive", without), ("1 account", one), (&format!("{accounts} accounts"), many)]);
    let mut text = format!("{text}\n- messages: {messages}\n");
    for (name, value) in conditions(options.quick)? {
        text += &format!("- {name}: {value}\n");
    }
    println!("\n{text}");
    if !options.quick {
        write("docs/archive.md", &text)?;
    }
    Ok(true)
}

/// A tenth of the messages with no archive, for the price of storing.
fn without(messages: u64) -> Result<Figures, String> {
    let server = Server::start("waxwing", &["taskset", "-c", "0"], NO_ARCHIVE)?;
    Ok(load(&server, &["fill", "1", &messages.to_string()])?.0)
}

fn with(messages: u64, accounts: u64) -> Result<Figures, String> {
    let mut server = Server::start("waxwing", &["taskset", "-c", "0"], "")?;
    let (accounts, each, messages) = (accounts.to_string(), messages / accounts, messages.to_string());
    let (mut figures, half) = load(&server, &["fill", &accounts, &messages])?;
    figures.extend(load(&server, &["read", &accounts, &messages, &half])?.0);
    let took = server.restart("")?;
    let rows = messages.parse::<u64>().unwrap_or(1) * 2;
    figures.push(("disk_bytes".to_owned(), (server.stored()? / rows).to_string()));
    figures.push(("start_ms".to_owned(), took.as_millis().to_string()));
    // What a start reads, it has read by then.
    std::thread::sleep(Duration::from_secs(5));
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let resident = line.split_whitespace().next().unwrap_or("0").to_owned();
    figures.push(("start_memory_kib".to_owned(), resident));
    figures.extend(load(&server, &["chat", &accounts, &messages, "alone", "60"])?.0);
    let half_of_each = format!("[host.\"localhost\".modules.log]\nmessages_max = {}\n", each / 2);
    server.restart(&half_of_each)?;
    figures.extend(load(&server, &["chat", &accounts, &messages, "retention", "240"])?.0);
    figures.push(("retention_rows".to_owned(), server.metric("log_expired_total{host=\"localhost\"}")?));
    Ok(figures)
}

/// Runs one step; gives its figures and the time it said was the half.
fn load(server: &Server, step: &[&str]) -> Result<(Figures, String), String> {
    let binary = run::release_binary("waxwing-load")?;
    let mut command = run::with_descriptors();
    command.args(["taskset", "-c", "1"]).arg(&binary);
    command.arg(server.port.to_string()).arg(server.authority()).arg(server.pid().to_string()).args(step);
    let (mut figures, mut half) = (Figures::new(), String::new());
    let well = run::watched(&mut command, |line| match line.split_once(' ') {
        Some(("half", stamp)) => stamp.clone_into(&mut half),
        Some((name, value)) if value.parse::<f64>().is_ok() => {
            figures.push((name.to_owned(), value.to_owned()));
        }
        _ => {}
    });
    if well { Ok((figures, half)) } else { Err(format!("the step {step:?} failed")) }
}

const ROWS: &[(&str, &str)] = &[
    ("fill_cpu_us", "CPU for a message, stored for both sides, µs"),
    ("fill_seconds", "seconds to write them all"),
    ("disk_bytes", "disk for a stored message, bytes"),
    ("page_newest_cpu_us", "CPU for the newest page, µs"),
    ("page_newest_median_us", "… until it is there, median, µs"),
    ("page_newest_p99_us", "… until it is there, p99, µs"),
    ("page_time_cpu_us", "CPU for a page in the middle by time, µs"),
    ("page_time_median_us", "… until it is there, median, µs"),
    ("page_time_p99_us", "… until it is there, p99, µs"),
    ("page_contact_cpu_us", "CPU for the newest page of a contact, µs"),
    ("page_contact_median_us", "… until it is there, median, µs"),
    ("page_contact_p99_us", "… until it is there, p99, µs"),
    ("page_id_cpu_us", "CPU for a page in the middle by id, µs"),
    ("page_id_median_us", "… until it is there, median, µs"),
    ("page_id_p99_us", "… until it is there, p99, µs"),
    ("fill_memory_kib", "resident memory after writing, KiB"),
    ("start_ms", "start until it greets, ms"),
    ("start_memory_kib", "resident memory after start, KiB"),
    ("alone_chat_cpu_us", "CPU for a chat message beside it, µs"),
    ("alone_messages_per_second", "messages a second"),
    ("retention_chat_cpu_us", "CPU for a chat message while the older half goes, µs"),
    ("retention_messages_per_second", "messages a second while the older half goes"),
    ("retention_count_before", "messages of the first account before that"),
    ("retention_count_after", "messages of the first account after 240 s of it"),
    ("retention_rows", "rows that have gone by then, of all accounts"),
];

fn page(columns: &[(&str, Figures)]) -> String {
    let mut text = String::from(
        "# The archive\n\nWritten by `cargo xtask bench archive`: all authors write to fifty contacts in turn, and both sides keep \
         what was said. The server has core 0, the load core 1; a page has 50 messages.\n\n| |",
    );
    for (title, _) in columns {
        text += &format!(" {title} |");
    }
    text += "\n|---|";
    text += &"---:|".repeat(columns.len());
    text.push('\n');
    for (name, words) in ROWS {
        text += &format!("| {words} |");
        for (_, figures) in columns {
            let value = figures.iter().find(|(known, _)| known == name).map_or("–", |(_, value)| value);
            text += &format!(" {value} |");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_a_dash() {
        let text = page(&[("1 account", vec![("start_ms".to_owned(), "42".to_owned())])]);
        assert!(text.contains("| start until it greets, ms | 42 |"), "{text}");
        assert!(text.contains("| messages a second | – |"));
    }
}
