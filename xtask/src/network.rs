//! Federation with a simulated network of small servers, measured on this machine.

use std::collections::BTreeMap;

use crate::bench::{conditions, title, write};
use crate::needs;
use crate::options::Options;
use crate::run;

/// What was measured of one server: names, and one value or several.
pub(crate) type Figures = BTreeMap<String, Vec<String>>;

/// Measures all servers and writes the pages.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    if let Some(log) = &options.from {
        let text = std::fs::read_to_string(log).map_err(|error| format!("{log}: {error}"))?;
        return publish(&columns_of(&text, announced), options.quick).map(|()| true);
    }
    needs::programs(&[("taskset", "util-linux"), ("setpriv", "util-linux")])?;
    let (domains, seconds) = if options.quick { ("200", "3") } else { ("1000", "6") };
    let mut subjects = vec!["waxwing".to_owned()];
    subjects.extend(options.peers.iter().filter(|name| *name != "waxwing").cloned());
    let (mut columns, mut well) = (Vec::new(), true);
    for subject in &subjects {
        let program = program(subject)?;
        let mut figures = Figures::new();
        for part in ["streams", "hostile"] {
            // What was measured until then is worth a page, and has dashes where something is missing.
            if let Err(why) = measure(&[subject, &program, part, domains, seconds], &mut figures) {
                println!("{why}");
                well = false;
            }
        }
        columns.push((title(subject), figures));
    }
    publish(&columns, options.quick)?;
    Ok(well)
}

fn publish(columns: &[(String, Figures)], quick: bool) -> Result<(), String> {
    let mut conditions = conditions(quick)?;
    if columns
        .iter()
        .any(|(_, figures)| MOODS.iter().any(|(mood, _)| !figures.contains_key(&format!("{mood}_memory"))))
    {
        conditions.push(("missing", "rows of dashes were not measured: the run was ended before".to_owned()));
    }
    let page = page(columns, &conditions);
    println!("\n{page}");
    write("docs/federation.json", &json(columns, &conditions))?;
    write("docs/federation.md", &page)
}

/// From what a run has printed: `subject` finds the name of a server in the lines that begin with it.
pub(crate) fn columns_of(log: &str, subject: impl Fn(&str) -> Option<&str>) -> Vec<(String, Figures)> {
    let mut columns: Vec<(String, Figures)> = Vec::new();
    for line in log.lines() {
        if let Some(subject) = subject(line) {
            let title = title(subject);
            if columns.last().is_none_or(|(last, _)| *last != title) {
                columns.push((title, Figures::new()));
            }
        } else if let Some((_, figures)) = columns.last_mut() {
            figures.extend(figure(line));
        }
    }
    columns
}

/// Each call of the load generator is announced, and names the server.
fn announced(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("> ")?.split_once(" federation ")?.1;
    rest.split(' ').next()
}

/// What to start for a server of this name.
fn program(subject: &str) -> Result<String, String> {
    let unbound = format!("/usr/lib/{}-linux-gnu/lua/5.4/lunbound.so", std::env::consts::ARCH);
    match subject {
        "waxwing" => Ok(run::waxwing()?.display().to_string()),
        "prosody" => {
            needs::programs(&[("prosody", "prosody"), (unbound.as_str(), "lua-unbound")])?;
            Ok("prosody".to_owned())
        }
        other => Err(format!("'{other}' is not measured in a network")),
    }
}

/// The load generator has core 1; it starts the server on core 0 and ends with this process.
fn measure(words: &[&str], figures: &mut Figures) -> Result<(), String> {
    let mut command = run::with_descriptors();
    command.args(["setpriv", "--pdeathsig", "KILL", "taskset", "-c", "1"]);
    command.arg(run::release_binary("waxwing-load")?).arg("federation").args(words);
    let well = run::watched(&mut command, |line| figures.extend(figure(line)));
    if well { Ok(()) } else { Err(format!("the network around {words:?} failed")) }
}

/// `NAME VALUE…`, all values numbers; or `NAME_failed` and why.
pub(crate) fn figure(line: &str) -> Option<(String, Vec<String>)> {
    let (name, values) = line.split_once(' ')?;
    let numbers: Vec<String> = values.split(' ').map(str::to_owned).collect();
    let well = numbers.iter().all(|value| value.parse::<f64>().is_ok());
    if well {
        return Some((name.to_owned(), numbers));
    }
    name.ends_with("_failed").then(|| (name.to_owned(), vec![values.to_owned()]))
}

fn page(columns: &[(String, Figures)], conditions: &[(&'static str, String)]) -> String {
    let mut text = String::from(
        "# Federation\n\nWritten by `cargo xtask bench federation`; figures of other machines differ, the proportion should \
         not.\n\n## Many small servers\n\n",
    );
    text += &streams(columns);
    text += "\n## Servers that mean no good\n";
    for (title, figures) in columns {
        text += &format!("\n### {title}\n\n{}", moods(figures));
    }
    text += "\n## Conditions\n\n";
    for (name, value) in conditions {
        text += &format!("- {name}: {value}\n");
    }
    text += METHOD;
    text
}

/// A row for each figure and a column for each server.
fn streams(columns: &[(String, Figures)]) -> String {
    let mut text = String::from("| |");
    for (title, _) in columns {
        text += &format!(" {title} |");
    }
    text += &format!("\n|---|{}\n", "---:|".repeat(columns.len()));
    for (proof, proven) in [("external", "proven by certificate"), ("dialback", "proven by dialback")] {
        for (way, direction) in [("out", "to another domain"), ("in", "from another domain")] {
            for (what, words) in OF_A_STREAM {
                let name = format!("{proof}_{way}_{what}");
                text += &row(&format!("a stream {direction}, {proven}: {words}"), &name, columns);
            }
        }
    }
    for (name, words) in OF_STANZAS {
        text += &row(words, name, columns);
    }
    text
}

pub(crate) fn row(words: &str, name: &str, columns: &[(String, Figures)]) -> String {
    let values = columns.iter().map(|(_, figures)| value(figures, name, 0));
    format!("| {words} | {} |\n", values.collect::<Vec<_>>().join(" | "))
}

pub(crate) fn value<'a>(figures: &'a Figures, name: &str, part: usize) -> &'a str {
    figures.get(name).and_then(|values| values.get(part)).map_or("–", String::as_str)
}

/// A row for each kind of evil.
fn moods(figures: &Figures) -> String {
    let mut text = String::from(
        "| what they do | domains | memory before, KiB | peak | after | CPU, ms | local p50, ms | p99 | out p50 | p99 | in p50 \
         | p99 | new out, worst | new in, worst | lost |\n",
    );
    text += &format!("|---|{}\n", "---:|".repeat(14));
    for (mood, words) in MOODS {
        text += &match figures.get(&format!("{mood}_failed")) {
            Some(why) => format!("| {words} | failed: {} |{}\n", why.join(" "), " |".repeat(13)),
            None => format!("| {words} | {} |\n", mood_row(figures, mood).join(" | ")),
        };
    }
    text
}

fn mood_row(figures: &Figures, mood: &str) -> Vec<String> {
    let get = |what: &str, part| value(figures, &format!("{mood}_{what}"), part).to_owned();
    let mut cells =
        vec![get("domains", 0), get("memory", 0), get("memory", 1), get("memory", 2), get("cpu_ms", 0)];
    for what in ["local", "out", "in"] {
        cells.extend([milliseconds(&get(what, 0)), milliseconds(&get(what, 1))]);
    }
    cells.extend(["fresh_out", "fresh_in"].map(|what| milliseconds(&get(what, 2))));
    let all = ["local", "out", "in", "fresh_out", "fresh_in"];
    let lost: Vec<u64> = all.iter().filter_map(|what| get(what, 4).parse().ok()).collect();
    cells.push(if lost.is_empty() { "–".to_owned() } else { lost.iter().sum::<u64>().to_string() });
    cells
}

/// Of microseconds, with one digit behind the point.
fn milliseconds(microseconds: &str) -> String {
    microseconds.parse::<f64>().map_or_else(|_| "–".to_owned(), |value| format!("{:.1}", value / 1000.0))
}

pub(crate) fn json(columns: &[(String, Figures)], conditions: &[(&'static str, String)]) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let lines: Vec<String> =
        conditions.iter().map(|(name, value)| format!("  {}: {}", quote(name), quote(value))).collect();
    let servers: Vec<String> = columns
        .iter()
        .map(|(title, figures)| {
            let lines: Vec<String> = figures
                .iter()
                .map(|(name, values)| match values.as_slice() {
                    [why] if name.ends_with("_failed") => format!("      {}: {}", quote(name), quote(why)),
                    values => format!("      {}: [{}]", quote(name), values.join(", ")),
                })
                .collect();
            format!("    {}: {{\n{}\n    }}", quote(title), lines.join(",\n"))
        })
        .collect();
    format!("{{\n{},\n  \"servers\": {{\n{}\n  }}\n}}\n", lines.join(",\n"), servers.join(",\n"))
}

const OF_A_STREAM: &[(&str, &str)] = &[
    ("kib_each", "memory, KiB"),
    ("cpu_ms_each", "CPU to open it, ms"),
    ("per_second", "opened in a second"),
];

const OF_STANZAS: &[(&str, &str)] = &[
    ("stanza_out_cpu_us", "CPU for a message to users of all domains, µs"),
    ("stanza_out_per_second", "… messages a second"),
    ("stanza_out_count", "… messages counted, none lost, in order for each pair"),
    ("stanza_in_cpu_us", "CPU for a message from users of all domains, µs"),
    ("stanza_in_per_second", "… messages a second"),
    ("stanza_in_count", "… messages counted, none lost, in order for each pair"),
];

const MOODS: &[(&str, &str)] = &[
    ("calm", "nothing: to compare"),
    ("silent", "accept, and never answer"),
    ("drip", "answer one byte a second"),
    ("features", "features without end"),
    ("chatter", "elements without end, inside TLS, before any proof"),
    ("blank", "white space without end, inside TLS, before any proof"),
    ("junk", "stanzas without end, after the proof, on our stream"),
    ("stalled", "read nothing after the proof; 5,000 messages of 1 KiB at a time wait"),
    ("stalledall", "the same; 25 messages at a time wait for each"),
    ("flood", "stanzas for nobody, as fast as they are taken, on streams of theirs"),
    ("spaces", "white space without end, before any proof, on streams of theirs"),
    ("proofs", "ask to be proven by dialback, and never confirm it"),
    ("mute", "DNS: no answer"),
    ("alias", "DNS: aliases (CNAME) without end"),
    ("loop", "DNS: an alias of itself"),
    ("refer", "DNS: referrals to others"),
    ("many", "DNS: 600 SRV records"),
    ("addresses", "DNS: 3,500 addresses that refuse"),
];

const METHOD: &str = "
## How it is measured

Everything but the server under test is one process (`bench/src/federation`): the remote servers, each with an address of
its own (127.1.0.0/16), a certificate made for the run and a port; their name server; and eight local users, over STARTTLS.
The server runs on core 0, the rest on core 1. Its TLS is verified, theirs is, and what arrives is counted at the other
end: a stanza that is lost, doubled or out of order for its pair of users ends the run.

- **Memory** is resident memory (`VmRSS`) when the server has come to rest. What a stream costs is told by the last three
  quarters of the domains: the first quarter fills what the server had allocated at its start. The server is started
  anew for each row, so that no direction inherits from the other. A stream that came by dialback includes what is left of
  asking the authoritative server.
- **CPU** is user and system time (`/proc/PID/stat`), divided by the number. Opening a stream includes finding the other
  server (SRV, A, AAAA), TCP, TLS with a full handshake, the proof, and one message; 50 are being opened at a time.
- **Messages** are some 150 bytes, to or from all domains in turn, 200 on their way. Waxwing writes each message for another
  server to disk before it goes and deletes it afterwards; Prosody keeps them in memory.
- **Limits** that would measure only themselves are lifted: in Waxwing the rates of clients at 127.0.0.1
  (`limits.exempt`); Prosody has none by default. Neither keeps an archive.
- **Servers that mean no good**: local users write to each of their domains every two seconds, while others write to each
  other, to a domain that means well, and are written to from there, one message after the other: *p50* and *p99* are how
  long these take. *New* is how long it takes until the first message arrives at a domain that was not talked to yet,
  or from there (dialback included); the worst of up to five. *Lost* came not within ten seconds. *Peak* is `VmHWM` while it lasts,
  *after* is six seconds later. Patience is shortened so that the end is seen: in Waxwing `connect_time_max` 4 s,
  `queue_time_max` 5 s, `login_time_max` and `write_time_max` 4 s; in Prosody `s2s_timeout` 4 s.
- The remote servers share one core, the hostile ones with the lowest priority: delays below a few milliseconds are
  theirs as much as the server's. *Flood* and white space on streams of theirs are sent by ten domains: more of them would
  measure only how a core is shared among those who all may use it.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_figures() {
        assert_eq!(figure("stanza_out_cpu_us 20.1").unwrap().1, ["20.1"]);
        assert_eq!(figure("calm_local 1 2 3 4 0").unwrap().1.len(), 5);
        assert_eq!(figure("calm_failed no stream").unwrap().1, ["no stream"]);
        assert!(figure("> sh -c x").is_none() && figure("ready").is_none());
    }

    #[test]
    fn a_log_becomes_columns() {
        let log = "building\n> sh setpriv load federation waxwing bin streams 1 2\nstanza_in_cpu_us 20.1\n\
                   > sh setpriv load federation waxwing bin hostile 1 2\ncalm_memory 1 2 3\nrc 0 x\n\
                   > sh setpriv load federation other other streams 1 2\nstanza_in_cpu_us 30.1\n";
        let columns = columns_of(log, announced);
        let [(first, figures), (_, others)] = columns.as_slice() else { panic!("{columns:?}") };
        assert_eq!((first.as_str(), figures.len(), others.len()), ("Waxwing", 2, 1));
    }

    #[test]
    fn a_mood_is_a_row() {
        let lines = [
            "calm_domains 0",
            "calm_memory 1 2 3",
            "calm_local 1500 2000 3000 9 1",
            "drip_failed it \"fell\"",
        ];
        let figures: Figures = lines.iter().filter_map(|line| figure(line)).collect();
        let text = moods(&figures);
        let calm = "| nothing: to compare | 0 | 1 | 2 | 3 | – | 1.5 | 2.0 | – | – | – | – | – | – | 1 |";
        assert!(text.contains(calm), "{text}");
        assert!(text.contains("| answer one byte a second | failed: it \"fell\" |"), "{text}");
        let text = json(&[("a".to_owned(), figures)], &[("date", "x".to_owned())]);
        assert!(
            text.contains("\"calm_memory\": [1, 2, 3]") && text.contains("\"it \\\"fell\\\"\""),
            "{text}"
        );
    }
}
