//! The binary as an operator meets it: first run, commands, reload, drain, kill -9, bad configs.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::as_conversions,
    reason = "tests"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

#[path = "process/loss.rs"]
mod loss;

/// A server on a port of its own; killed when dropped.
struct Waxwing {
    child: Child,
    port: u16,
    dir: TempDir,
}

impl Waxwing {
    fn start(config: &str) -> Self {
        let dir = TempDir::new().unwrap();
        Self::start_in(dir, config)
    }

    fn start_in(dir: TempDir, config: &str) -> Self {
        Self::spawn(dir, config, command)
    }

    fn spawn(dir: TempDir, config: &str, command: impl Fn(&Path) -> Command) -> Self {
        let port = free_port();
        let file = dir.path().join("waxwing.toml");
        std::fs::write(&file, config.replace("PORT", &port.to_string())).unwrap();
        let child = command(dir.path()).arg("serve").stderr(Stdio::null()).spawn().unwrap();
        let mut server = Self { child, port, dir };
        server.wait_until_open();
        server
    }

    fn wait_until_open(&mut self) {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "the server does not listen");
            assert_eq!(self.child.try_wait().unwrap(), None, "the server has ended");
            std::thread::yield_now();
        }
        let commands = self.dir.path().join("data/admin.sock");
        assert!(
            UnixStream::connect(commands).is_ok(),
            "it listens for clients before it listens for commands"
        );
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// A stream opened for localhost, without TLS.
    fn connect(&self) -> Wire {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut wire = Wire { stream, seen: String::new() };
        wire.send(HEADER);
        wire.until("</stream:features>");
        wire
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        run(self.dir.path(), arguments, input)
    }

    /// An account on localhost, with the password of all.
    fn add(&self, name: &str) {
        let added =
            self.run(&["account", "add", &format!("{name}@localhost"), "--password-stdin"], "r0m30\n");
        assert!(added.status.success(), "{}", text(&added));
    }
}

/// A port that no other test of this process has, nor a client: below those that the kernel gives to clients.
fn free_port() -> u16 {
    static LAST: AtomicU16 = AtomicU16::new(20_000);
    loop {
        let port = LAST.fetch_add(1, Ordering::Relaxed);
        assert!(port < 32_000, "no port is free");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Drop for Waxwing {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

struct Wire {
    stream: TcpStream,
    seen: String,
}

impl Wire {
    fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// Reads until `what` came; returns all up to there.
    fn until(&mut self, what: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = self.seen.find(what) {
                let rest = self.seen.split_off(at + what.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let count = self
                .stream
                .read(&mut buffer)
                .unwrap_or_else(|error| panic!("{what}: {error}; {}", self.seen));
            assert!(count > 0, "the stream ended before {what}: {}", self.seen);
            self.seen.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
    }

    /// Logs in with PLAIN and binds.
    fn login(&mut self, name: &str, password: &str) {
        self.send(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>",
            plain(name, password)
        ));
        self.until("<success");
        self.send(HEADER);
        self.until("</stream:features>");
        self.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
        self.until("</iq>");
    }
}

fn plain(name: &str, password: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = format!("\0{name}\0{password}").into_bytes();
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let digit = char::from(DIGITS[(word >> (18 - 6 * index) & 63) as usize]);
            out.push(if index > chunk.len() { '=' } else { digit });
        }
    }
    out
}

fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxwing"));
    command.arg("--config").arg(dir.join("waxwing.toml")).arg("--data-dir").arg(dir.join("data"));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn run(dir: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = command(dir);
    child.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>";

const CONFIG: &str = "
[listen]
c2s = ['127.0.0.1:PORT']
c2s_tls = []
s2s = []
s2s_tls = []
component = []
http = []
https = []
[host.localhost]
registration = 'open'
allow_plaintext = true
";

#[test]
fn accounts_are_managed_while_the_server_runs_and_while_it_does_not() {
    let mut server = Waxwing::start(CONFIG);
    server.add("juliet");
    server.connect().login("juliet", "r0m30");
    let again = server.run(&["account", "add", "juliet@localhost", "--password-stdin"], "other\n");
    assert!(!again.status.success() && !text(&again).is_empty());
    let set = ["account", "retention", "juliet@localhost", "--keep-for", "30 days", "--messages-max", "100"];
    let set = server.run(&set, "");
    assert!(text(&set).contains("kept for: 30 days\nmessages: 100\n"), "{}", text(&set));
    let federation = server.run(&["s2s", "list"], "");
    assert!(text(&federation).contains("talks to no others"), "{}", text(&federation));
    server.signal(Signal::TERM);
    assert!(server.child.wait().unwrap().success());

    let kept = server.run(&["account", "retention", "juliet@localhost"], "");
    assert!(text(&kept).contains("kept for: 30 days\nmessages: 100\n"), "{}", text(&kept));
    let log = server.run(&["account", "log", "juliet@localhost"], "");
    assert!(text(&log).contains("0 messages in the archive"), "{}", text(&log));
    let listed = server.run(&["account", "list", "localhost"], "");
    assert_eq!(String::from_utf8_lossy(&listed.stdout).trim(), "juliet@localhost", "{}", text(&listed));
    let removed = server.run(&["account", "remove", "juliet@localhost"], "");
    assert!(removed.status.success(), "{}", text(&removed));
    let listed = server.run(&["account", "list", "localhost"], "");
    assert_eq!(String::from_utf8_lossy(&listed.stdout).trim(), "", "{}", text(&listed));
}

#[test]
fn sigterm_says_system_shutdown_to_everybody_and_ends_well() {
    let mut server = Waxwing::start(CONFIG);
    server.add("juliet");
    let (mut juliet, mut stranger) = (server.connect(), server.connect());
    juliet.login("juliet", "r0m30");
    server.signal(Signal::TERM);
    for wire in [&mut juliet, &mut stranger] {
        let end = wire.until("</stream:stream>");
        assert!(end.contains("<system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"), "{end}");
    }
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn sighup_reads_the_config_again_and_a_bad_one_changes_nothing() {
    let server = Waxwing::start(CONFIG);
    let offers = |server: &Waxwing| {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut wire = Wire { stream, seen: String::new() };
        wire.send(HEADER);
        wire.until("</stream:features>").contains("http://jabber.org/features/iq-register")
    };
    assert!(offers(&server));
    let port = server.port.to_string();
    let file = server.dir.path().join("waxwing.toml");
    let change = |config: &str| std::fs::write(&file, config.replace("PORT", &port)).unwrap();
    change("[host.localhost]\nregistratoin = 'closed'\n");
    server.signal(Signal::HUP);
    // It has a moment to make the mistake.
    let deadline = Instant::now() + Duration::from_secs(1);
    while Instant::now() < deadline {
        assert!(offers(&server), "the bad config was taken");
    }
    change(&CONFIG.replace("'open'", "'closed'"));
    server.signal(Signal::HUP);
    let deadline = Instant::now() + Duration::from_secs(60);
    while offers(&server) {
        assert!(Instant::now() < deadline, "the new config was not taken");
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    for engine in ["sled", "fjall"] {
        let config = format!("{CONFIG}[storage]\nengine = '{engine}'\n");
        let server = Waxwing::start(&config);
        server.add("juliet");
        let mut juliet = server.connect();
        juliet.login("juliet", "r0m30");
        for number in 0..20 {
            juliet.send(&format!(
                "<iq type='set' id='r{number}'><query xmlns='jabber:iq:roster'><item jid='friend{number}@example.org'/></query></iq>"
            ));
            juliet.until(&format!("id='r{number}'"));
        }
        server.signal(Signal::KILL);
        let (dir, _) = dismantle(server);
        let server = Waxwing::start_in(dir, &config);
        let mut juliet = server.connect();
        juliet.login("juliet", "r0m30");
        juliet.send("<iq type='get' id='all'><query xmlns='jabber:iq:roster'/></iq>");
        let roster = juliet.until("</iq>");
        for number in 0..20 {
            assert!(
                roster.contains(&format!("friend{number}@example.org")),
                "{engine}: {number} is lost: {roster}"
            );
        }
    }
}

const ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";

/// A session with stream management and presence; its id.
fn managed(server: &Waxwing, name: &str) -> (Wire, String) {
    let mut wire = server.connect();
    wire.login(name, "r0m30");
    wire.send(ENABLE);
    let enabled = wire.until("/>");
    let id = enabled.split("id='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    wire.send("<presence/>");
    wire.until("<presence");
    wire.until("<r xmlns='urn:xmpp:sm:3'/>");
    (wire, id)
}

/// XEP-0198 §5: sessions outlive the process, stopped in order or killed while nothing was written to them.
#[test]
fn xep0198_5_a_session_is_resumed_after_a_restart_and_a_kill() {
    for (engine, signal) in
        [("sled", Signal::TERM), ("sled", Signal::KILL), ("fjall", Signal::TERM), ("fjall", Signal::KILL)]
    {
        let config = format!("{CONFIG}[storage]\nengine = '{engine}'\n");
        let server = Waxwing::start(&config);
        for name in ["romeo", "juliet"] {
            server.add(name);
        }
        let (mut juliet, id) = managed(&server, "juliet");
        let (mut romeo, _) = managed(&server, "romeo");
        romeo.send("<message to='juliet@localhost' type='chat'><body>before</body></message><r xmlns='urn:xmpp:sm:3'/>");
        juliet.until("</message>");
        romeo.until("<a xmlns='urn:xmpp:sm:3' h='2'/>");
        // Presence and one message have come, of which only the first is acknowledged.
        juliet.send("<a xmlns='urn:xmpp:sm:3' h='1'/>");
        std::thread::park_timeout(Duration::from_millis(500));
        server.signal(signal);
        if signal == Signal::TERM {
            juliet.until("<system-shutdown ");
        }
        let (dir, _) = dismantle(server);
        let server = Waxwing::start_in(dir, &config);
        // Somebody else comes first: the session that sleeps gets what he writes.
        let mut romeo = server.connect();
        romeo.login("romeo", "r0m30");
        romeo.send("<message to='juliet@localhost' type='chat'><body>meanwhile</body></message>");
        romeo.send("<iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
        romeo.until("id='p'");
        let mut juliet = server.connect();
        juliet.send(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>",
            plain("juliet", "r0m30")
        ));
        juliet.until("<success");
        juliet.send(HEADER);
        juliet.until("</stream:features>");
        juliet.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='1'/>"));
        let resumed = juliet.until("/>");
        assert!(
            resumed.contains("<resumed ") && resumed.contains(" h='1'"),
            "{engine} {signal:?}: {resumed}"
        );
        for body in ["before", "meanwhile"] {
            let message = juliet.until("</message>");
            assert!(message.contains(&format!("<body>{body}</body>")), "{engine} {signal:?}: {message}");
        }
    }
}

/// Takes the folder out of a server that has ended.
fn dismantle(mut server: Waxwing) -> (TempDir, std::process::ExitStatus) {
    let status = server.child.wait().unwrap();
    (std::mem::replace(&mut server.dir, TempDir::new().unwrap()), status)
}

#[test]
fn an_export_moves_accounts_from_one_engine_to_the_other() {
    let from = TempDir::new().unwrap();
    std::fs::write(from.path().join("waxwing.toml"), CONFIG.replace("PORT", "0")).unwrap();
    run(from.path(), &["account", "add", "juliet@localhost", "--password-stdin"], "r0m30\n");
    let file = from.path().join("backup");
    let exported = run(from.path(), &["store", "export", file.to_str().unwrap()], "");
    assert!(exported.status.success(), "{}", text(&exported));

    let config = format!("{CONFIG}[storage]\nengine = 'fjall'\n");
    let to = TempDir::new().unwrap();
    std::fs::write(to.path().join("waxwing.toml"), config.replace("PORT", "0")).unwrap();
    let imported = run(to.path(), &["store", "import", file.to_str().unwrap()], "");
    assert!(imported.status.success(), "{}", text(&imported));
    let server = Waxwing::start_in(to, &config);
    server.connect().login("juliet", "r0m30");
}

#[test]
fn a_bad_config_says_where_and_what_to_do() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("waxwing.toml"), "[host.localhost]\nadmin = []\n").unwrap();
    for arguments in [vec!["serve"], vec!["check"], vec!["account", "list", "localhost"]] {
        let output = run(dir.path(), &arguments, "");
        assert!(!output.status.success());
        let text = text(&output);
        assert!(
            text.contains("waxwing.toml, line 2: there is no key \"admin\" here: did you mean \"admins\"?"),
            "{text}"
        );
    }
}

#[test]
fn check_names_findings_and_how_to_mend_them() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("waxwing.toml"), CONFIG.replace("127.0.0.1:PORT", "0.0.0.0:5222"))
        .unwrap();
    let output = run(dir.path(), &["check"], "");
    let text = text(&output);
    assert!(!output.status.success() && text.contains("take allow_plaintext out"), "{text}");
    assert!(text.contains("chmod 700"), "{text}");
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let server = Waxwing::start(CONFIG);
    let output = run(server.dir.path(), &["serve"], "");
    assert!(!output.status.success() && !text(&output).is_empty());
    server.connect();
}

#[test]
fn the_order_of_hooks_is_as_it_was() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("waxwing.toml"), "[host.localhost]\n").unwrap();
    let output = run(dir.path(), &["modules", "--hooks", "localhost"], "");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hooks.txt");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        lines,
        std::fs::read_to_string(golden).unwrap(),
        "if this is meant, write the new order to tests/hooks.txt"
    );
}

/// A command of at most so many open descriptors.
fn with_descriptors(dir: &Path, count: u32) -> Command {
    let (plain, mut shell) = (command(dir), Command::new("sh"));
    shell.arg("-c").arg(format!("ulimit -n {count}; exec \"$0\" \"$@\"")).arg(plain.get_program());
    shell.args(plain.get_args()).stdin(Stdio::null()).stdout(Stdio::null());
    shell
}

#[test]
fn without_descriptors_only_new_connections_wait() {
    let server = Waxwing::spawn(TempDir::new().unwrap(), CONFIG, |dir| with_descriptors(dir, 64));
    server.add("juliet");
    let mut juliet = server.connect();
    juliet.login("juliet", "r0m30");
    let crowd: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(("127.0.0.1", server.port)).unwrap()).collect();
    for number in 0..20 {
        juliet.send(&format!(
            "<iq type='get' id='p{number}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
        ));
        juliet.until(&format!("id='p{number}'"));
    }
    drop(crowd);
    server.connect();
}

/// Memory of its own: what of it is program text depends on the build.
#[test]
fn a_server_that_has_just_started_is_small() {
    let server = Waxwing::start(CONFIG);
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kib: u64 = line.split_whitespace().next().unwrap().parse().unwrap();
    assert!(kib < 16 << 10, "{kib} KiB are resident: huge pages, or buffers that nobody needs yet?");
}

#[test]
fn metrics_are_told_by_the_running_server_only() {
    let mut server = Waxwing::start(CONFIG);
    let metrics = server.run(&["metrics"], "");
    assert!(text(&metrics).contains("# TYPE core_stanzas_sent counter"), "{}", text(&metrics));
    server.signal(Signal::TERM);
    server.child.wait().unwrap();
    let metrics = server.run(&["metrics"], "");
    assert!(!metrics.status.success() && text(&metrics).contains("--data-dir"), "{}", text(&metrics));
}

#[test]
fn help_and_completions_are_there() {
    let dir = TempDir::new().unwrap();
    for arguments in [vec!["--help"], vec!["account", "--help"], vec!["completions", "bash"], vec!["modules"]]
    {
        let output = run(dir.path(), &arguments, "");
        assert!(output.status.success() && output.stdout.len() > 200, "{arguments:?}: {}", text(&output));
    }
}
