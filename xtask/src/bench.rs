//! Waxwing beside other servers and beside the floor, measured on this machine in one run.
//!
//! The servers run on core 0 and the load on core 1; all have the same certificate, demand TLS, store hashed passwords
//! and limit nothing. They are up at the same time and measured in turn, each workload on each server, round after
//! round: what disturbs the machine disturbs them all. The figures go to `docs/performance.md` and, for machines,
//! `docs/performance.json`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::archive;
use crate::needs;
use crate::network;
use crate::options::Options;
use crate::performance::{self, Samples};
use crate::rooms;
use crate::run;
use crate::subject::Server;

/// The peers of the comparison keep no archive either.
pub(crate) const NO_ARCHIVE: &str = "\
[host.\"localhost\".modules.mam]
enabled = false
[host.\"localhost\".modules.offline]
enabled = false
";

/// As few iterations as RFC 7677 allows: the accounts are only to be there.
const CROWDED: &str = "\
[host.\"localhost\".modules.mam]
enabled = false
[host.\"localhost\".modules.offline]
enabled = false
[host.\"localhost\".modules.accounts]
iterations = 4096
";

const FJALL: &str = "[storage]\nengine = \"fjall\"\n";

/// For the host, whose section is the last.
const PROSODY_ARCHIVE: &str = "\
modules_enabled = { \"mam\" }
default_archive_policy = true
archive_expires_after = \"never\"
";

/// For the list of modules, which is the last entry.
const EJABBERD_ARCHIVE: &str = "  mod_mam: {default: always, db_type: mnesia}\n";

/// A server and what is measured of it.
struct Subject {
    /// Under this name its figures are kept; up to the first dash it is the server's.
    name: &'static str,
    more: &'static str,
    workloads: &'static [&'static str],
}

const LEAN: &[&str] = &["register", "login", "chat", "presence", "roster"];
const ARCHIVE: &[&str] = &["bare", "page"];

/// One after the other: what is up at the same time.
const GROUPS: &[&[Subject]] = &[
    &[
        Subject { name: "waxwing", more: NO_ARCHIVE, workloads: LEAN },
        Subject { name: "prosody", more: "", workloads: LEAN },
        Subject { name: "ejabberd", more: "", workloads: LEAN },
        Subject { name: "floor", more: "", workloads: &["login", "chat"] },
    ],
    &[
        Subject { name: "waxwing-sled", more: "", workloads: ARCHIVE },
        Subject { name: "waxwing-fjall", more: FJALL, workloads: ARCHIVE },
        Subject { name: "prosody-archive", more: PROSODY_ARCHIVE, workloads: ARCHIVE },
        Subject { name: "ejabberd-archive", more: EJABBERD_ARCHIVE, workloads: ARCHIVE },
    ],
];

/// Measured once: they take their time, and noise is small beside what they count.
const ONCE: [&str; 2] = ["start", "idle"];

/// What only Waxwing is asked for: many accounts, and many sessions without sockets.
const ALONE: [&str; 2] = ["crowd", "inmemory"];

/// A Waxwing with so many accounts.
const CROWD: &str = "100000";
const CROWD_QUICK: &str = "2000";

impl Subject {
    fn server(&self) -> &'static str {
        self.name.split('-').next().unwrap_or(self.name)
    }

    fn is_lean(&self) -> bool {
        self.name == self.server()
    }
}

/// Measures all servers and writes the pages.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    if options.archive || options.federation {
        needs::programs(&[("taskset", "util-linux")])?;
    }
    if options.archive {
        return archive::run(options);
    }
    if options.federation {
        return network::run(options);
    }
    if options.rooms {
        return rooms::run(options);
    }
    if let Some(log) = &options.from {
        let text = fs::read_to_string(log).map_err(|error| format!("{log}: {error}"))?;
        let mut samples = Samples::default();
        text.lines().for_each(|line| samples.read(line));
        return publish(&samples, options).map(|()| true);
    }
    needs::programs(&[("taskset", "util-linux")])?;
    let known = [LEAN, ARCHIVE, &ONCE, &ALONE].concat();
    if let Some(name) = options.only.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("no workload is called '{name}'; there are {}", known.join(", ")));
    }
    let mut bench = Bench { options, samples: Samples::default(), well: true };
    bench.conditions()?;
    for group in GROUPS {
        bench.group(group)?;
    }
    if bench.wants("crowd") {
        bench.crowd()?;
    }
    if bench.wants("inmemory") {
        bench.inmemory();
    }
    bench.conditions()?;
    publish(&bench.samples, options)?;
    Ok(bench.well)
}

fn publish(samples: &Samples, options: &Options) -> Result<(), String> {
    let page = performance::page(samples);
    println!("\n{page}");
    if options.quick || !options.only.is_empty() {
        println!("A run of a part is not written to docs/.");
        return Ok(());
    }
    write("docs/performance.json", &performance::json(samples))?;
    write("docs/performance.md", &page)
}

struct Bench<'a> {
    options: &'a Options,
    samples: Samples,
    well: bool,
}

impl Bench<'_> {
    fn wants(&self, workload: &str) -> bool {
        self.options.only.is_empty() || self.options.only.iter().any(|name| name == workload)
    }

    /// Prints a line that `--from` can read, and takes it.
    fn say(&mut self, line: &str) {
        println!("{line}");
        self.samples.read(line);
    }

    fn conditions(&mut self) -> Result<(), String> {
        for (name, value) in conditions(self.options.quick)? {
            self.say(&performance::condition(name, &value));
        }
        let limit = run::output(Command::new("sh").args(["-c", "ulimit -Hn"]))?;
        self.say(&performance::condition("descriptors of a process", limit.trim()));
        Ok(())
    }

    /// All servers of a group, from their starts to their ends.
    fn group(&mut self, group: &[Subject]) -> Result<(), String> {
        let wanted = |bench: &Self, subject: &Subject| {
            let named = bench.options.peers.iter().any(|peer| peer == subject.server());
            let own = subject.server() == "waxwing" || subject.server() == "floor";
            (named || own)
                && (subject.workloads.iter().any(|workload| bench.wants(workload))
                    || subject.is_lean() && ONCE.iter().any(|workload| bench.wants(workload)))
        };
        let mut servers = Vec::new();
        for subject in group.iter().filter(|subject| wanted(self, subject)) {
            servers.push((subject, Server::start(subject.server(), &["taskset", "-c", "0"], subject.more)?));
        }
        if self.wants("start") {
            for (subject, server) in servers.iter_mut().filter(|(subject, _)| subject.is_lean()) {
                self.start(subject, server, "start_empty");
                self.measure(subject, server, "memory", 0, &[]);
            }
        }
        let rounds = if self.options.quick { 2 } else { 3 };
        let workloads = group.first().map_or(LEAN, |subject| subject.workloads);
        for workload in workloads.iter().filter(|workload| self.wants(workload)).copied().collect::<Vec<_>>()
        {
            for round in 0..rounds {
                for (subject, server) in
                    servers.iter().filter(|(subject, _)| subject.workloads.contains(&workload))
                {
                    self.measure(subject, server, workload, round, &[]);
                }
            }
        }
        for (subject, server) in servers.iter_mut().filter(|(subject, _)| subject.is_lean()) {
            if self.wants("idle") {
                let steps = idle_steps(subject.server(), self.options.quick)?;
                self.measure(subject, server, "idle", 0, &steps);
            }
        }
        Ok(())
    }

    /// Start and login of a Waxwing with many accounts.
    fn crowd(&mut self) -> Result<(), String> {
        let subject = Subject { name: "waxwing-crowd", more: CROWDED, workloads: &["login"] };
        let mut server = Server::start(subject.server(), &["taskset", "-c", "0"], subject.more)?;
        let accounts = if self.options.quick { CROWD_QUICK } else { CROWD };
        self.measure(&subject, &server, "crowd", 0, &[accounts.to_owned()]);
        self.start(&subject, &mut server, "start_crowd");
        for round in 0..3 {
            self.measure(&subject, &server, "login", round, &[]);
        }
        Ok(())
    }

    /// Sessions in the memory of one process, by hundreds and by the million.
    fn inmemory(&mut self) {
        self.say(&performance::heading("waxwing", "inmemory", 0));
        let mut command =
            run::cargo(&["bench", "--locked", "--package", "waxwing", "--bench", "sessions", "--"]);
        command.args(if self.options.quick { &["100", "10000"][..] } else { &["100", "50000", "1000000"] });
        let samples = &mut self.samples;
        if !run::watched(&mut command, |line| samples.read(line)) {
            self.fail("sessions in memory failed");
        }
    }

    /// Runs one workload on one server. What fails is told, and the others go on: its rows have dashes.
    fn measure(
        &mut self,
        subject: &Subject,
        server: &Server,
        workload: &str,
        round: usize,
        numbers: &[String],
    ) {
        self.say(&performance::heading(subject.name, workload, round));
        let samples = &mut self.samples;
        let done = work(subject, server, workload, round, self.options.quick)
            .map(|mut command| run::watched(command.args(numbers), |line| samples.read(line)));
        match done {
            Ok(true) => {}
            Ok(false) => self.fail(&format!("{workload} on {} failed", subject.name)),
            Err(why) => self.fail(&why),
        }
    }

    /// From the start of the server to its first accepted login.
    fn start(&mut self, subject: &Subject, server: &mut Server, name: &str) {
        self.say(&performance::heading(subject.name, "start", 0));
        match first_login(subject, server, self.options.quick) {
            Ok(milliseconds) => self.say(&format!("{name} {milliseconds}")),
            Err(why) => self.fail(&format!("the start of {}: {why}", subject.name)),
        }
    }

    fn fail(&mut self, why: &str) {
        println!("FAILED {why}");
        self.well = false;
    }
}

/// Milliseconds from the start of a server that has been stopped to its first accepted login.
fn first_login(subject: &Subject, server: &mut Server, quick: bool) -> Result<u128, String> {
    let mut account = work(subject, server, "first", 0, quick)?;
    if !run::succeeds(&mut account) {
        return Err("no account could be made".to_owned());
    }
    server.stop();
    let mut command = work(subject, server, "start", 0, quick)?;
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut client = command.spawn().map_err(|error| error.to_string())?;
    let output = client.stdout.take().ok_or("its output is a pipe")?;
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let trying = lines.any(|line| line == "trying");
    let started = Instant::now();
    let begun = if trying { server.start_again(subject.more) } else { Err("nobody tries".to_owned()) };
    let accepted = begun.is_ok() && lines.any(|line| line == "accepted");
    let took = started.elapsed().as_millis();
    // Fails only when it has ended, which is what is wanted.
    drop(client.kill());
    client.wait().map_err(|error| error.to_string())?;
    begun?;
    server.wait()?;
    if accepted { Ok(took) } else { Err("no login was accepted".to_owned()) }
}

/// The load generator, which runs this workload on core 1.
fn work(
    subject: &Subject,
    server: &Server,
    workload: &str,
    round: usize,
    quick: bool,
) -> Result<Command, String> {
    let mut command = run::with_descriptors();
    command.args(["taskset", "-c", "1"]).arg(run::load()?);
    command.args(["work", workload, subject.name, &round.to_string()]);
    command.arg(server.port.to_string()).arg(server.port_tls.to_string());
    command.arg(server.authority()).arg(server.pid().to_string());
    command.arg(if quick { "quick" } else { "full" });
    Ok(command)
}

/// Each session costs both sides a descriptor; both keep some for other uses. The peers would need minutes for as many
/// as there may be.
fn idle_steps(server: &str, quick: bool) -> Result<Vec<String>, String> {
    /// More would measure the memory of this machine.
    const MOST: u64 = 60_000;
    let limit = run::output(Command::new("sh").args(["-c", "ulimit -Hn"]))?;
    let limit = limit.trim().parse().unwrap_or(u64::MAX).saturating_sub(500).min(MOST);
    let mut steps: Vec<u64> = if quick { vec![100, 1000] } else { vec![1000, 10_000] };
    if !quick && ["waxwing", "floor"].contains(&server) {
        steps.push(limit);
    }
    steps.retain(|step| *step <= limit);
    Ok(steps.iter().map(u64::to_string).collect())
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

pub(crate) fn write(name: &str, text: &str) -> Result<(), String> {
    fs::write(run::root().join(name), text).map_err(|error| format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_in_turn_is_known_to_each_group() {
        for group in GROUPS {
            let first = group.first().unwrap();
            for subject in *group {
                assert!(subject.workloads.iter().all(|workload| first.workloads.contains(workload)));
            }
        }
    }

    #[test]
    fn peers_are_not_asked_for_more_than_ten_thousand() {
        assert!(idle_steps("prosody", false).unwrap().len() <= 2);
        assert_eq!(idle_steps("waxwing", true).unwrap(), ["100", "1000"]);
    }
}
