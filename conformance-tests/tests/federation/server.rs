//! The servers that talk to each other.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::dns::Dns;

/// Which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Waxwing,
    Prosody,
    Ejabberd,
}

/// Who signs certificates.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.not_after = rcgen::date_time_ymd(2049, 1, 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate") }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate and its key in PEM.
    pub(crate) fn certificate(&self, domain: &str, not_after: i32) -> (String, String) {
        self.certificate_of(&[domain.to_owned()], not_after)
    }

    /// The same, for several domains.
    pub(crate) fn certificate_of(&self, domains: &[String], not_after: i32) -> (String, String) {
        let mut params = CertificateParams::new(domains).expect("domain names");
        params.not_after = rcgen::date_time_ymd(not_after, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let made = params.signed_by(&key, &self.issuer).expect("a certificate");
        (format!("{}{}", made.pem(), self.pem()), key.serialize_pem())
    }
}

/// How a server federates.
pub(crate) struct Plan<'a> {
    pub(crate) kind: Kind,
    pub(crate) domain: &'a str,
    /// What it shows.
    pub(crate) certificate: (String, String),
    /// Whom it trusts, in PEM.
    pub(crate) trusted: String,
    /// A valid certificate or nothing.
    pub(crate) strict: bool,
    /// TLS comes first (XEP-0368).
    pub(crate) direct_tls: bool,
    /// More lines of config.
    pub(crate) more: &'a str,
}

/// A running server; it ends with this.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) domain: String,
    pub(crate) c2s: u16,
    pub(crate) s2s: u16,
    component: u16,
    /// Where it is found.
    listens: [u16; 2],
    command: Command,
    child: Child,
    dir: TempDir,
}

impl Server {
    /// Starts it and tells the name server where it is.
    pub(crate) fn start(plan: &Plan<'_>, dns: &Dns) -> Self {
        Self::start_with(plan, dns, &[])
    }

    /// The same, with certificates for more domains.
    pub(crate) fn start_with(plan: &Plan<'_>, dns: &Dns, more: &[(&str, (String, String))]) -> Self {
        let dir = TempDir::new().expect("the system's temporary folder is ours to use");
        let [c2s, s2s, s2s_tls, component] = [free_port(), free_port(), free_port(), free_port()];
        // ejabberd asks the system for addresses, which knows this name and no other of ours.
        if plan.direct_tls {
            dns.service(&format!("_xmpps-server._tcp.{}", plan.domain), s2s_tls, "localhost");
        } else {
            dns.service(&format!("_xmpp-server._tcp.{}", plan.domain), s2s, "localhost");
        }
        let path = dir.path();
        let certs = path.join("certs");
        fs::create_dir_all(&certs).expect("the folder is ours");
        fs::create_dir_all(path.join("data")).expect("the folder is ours");
        let (certificate, key) = &plan.certificate;
        let all = more.iter().map(|(domain, pair)| (*domain, pair)).chain([(plan.domain, &plan.certificate)]);
        for (domain, (certificate, key)) in all {
            write(&certs.join(format!("{domain}.crt")), certificate);
            write(&certs.join(format!("{domain}.key")), key);
        }
        write(&certs.join("all.pem"), &format!("{key}{certificate}"));
        write(&path.join("ca.crt"), &plan.trusted);
        let ports = Ports { c2s, s2s, s2s_tls, component, dns: dns.address.port() };
        let mut command = match plan.kind {
            Kind::Waxwing => waxwing(plan, path, &ports),
            Kind::Prosody => prosody(plan, path, &ports),
            Kind::Ejabberd => ejabberd(plan, path, &ports),
        };
        let output = fs::File::create(path.join("output")).expect("the folder is ours");
        let complaints = output.try_clone().expect("a descriptor");
        command.stdin(Stdio::null()).stdout(output).stderr(complaints);
        let child = command.spawn().unwrap_or_else(|error| panic!("{:?} does not start: {error}", plan.kind));
        let listens = [c2s, if plan.direct_tls { s2s_tls } else { s2s }];
        let domain = plan.domain.to_owned();
        let mut server = Self { kind: plan.kind, domain, c2s, s2s, component, listens, command, child, dir };
        server.wait();
        server
    }

    fn wait(&mut self) {
        for port in self.listens {
            self.wait_for(port);
        }
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is our child");
    }

    /// Once more, on what it has left.
    pub(crate) fn start_again(&mut self) {
        self.child = self.command.spawn().expect("it did before");
        self.wait();
    }

    fn wait_for(&mut self, port: u16) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = self.child.try_wait().expect("it is our child").is_some();
            assert!(!ended && Instant::now() < deadline, "{:?} did not start: {}", self.kind, self.output());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it has said so far.
    pub(crate) fn output(&self) -> String {
        let mut text = String::new();
        for name in ["output", "ejabberd.log"] {
            if let Ok(mut file) = fs::File::open(self.dir.path().join(name)) {
                file.read_to_string(&mut text).ok();
            }
        }
        text
    }

    /// A component that is connected (XEP-0114).
    pub(crate) fn component(&self, name: &str, secret: &str) -> Client {
        use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
        let stream = TcpStream::connect(("127.0.0.1", self.component)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time above zero");
        let mut client = Client { stream, seen: String::new(), jid: name.to_owned() };
        client.send(&format!(
            "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='{name}'>"
        ));
        let header = client.until("<stream:stream ") + &client.until(">");
        let id = header.split(" id='").nth(1).and_then(|id| id.split('\'').next()).expect("an id");
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{id}{secret}").as_bytes());
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        client.send(&format!("<handshake>{hash}</handshake>"));
        client.until("<handshake");
        client.until(">");
        client
    }

    /// What a command of Waxwing says.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(waxwing_binary());
        command.arg("--config").arg(self.dir.path().join("waxwing.toml"));
        command.arg("--data-dir").arg(self.dir.path().join("data")).args(arguments);
        let output = command.output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// A client that is logged in.
    pub(crate) fn login(&self, name: &str) -> Client {
        Client::login(self, &self.domain, name)
    }

    /// The same; the account is made first.
    pub(crate) fn client(&self, name: &str) -> Client {
        self.client_at(&self.domain, name)
    }

    /// The same, at another host of the server.
    pub(crate) fn client_at(&self, domain: &str, name: &str) -> Client {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            // A port may be open before the host is up.
            match Client::register(self, domain, name) {
                Ok(()) => break,
                Err(reason) => {
                    assert!(Instant::now() < deadline, "{:?}: {reason}; {}", self.kind, self.output())
                }
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let mut client = Client::login(self, domain, name);
        client.until("<presence");
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            eprintln!("--- {:?} {}:\n{}", self.kind, self.domain, self.output());
        }
    }
}

struct Ports {
    c2s: u16,
    s2s: u16,
    s2s_tls: u16,
    component: u16,
    dns: u16,
}

fn waxwing(plan: &Plan<'_>, dir: &Path, ports: &Ports) -> Command {
    let Ports { c2s, s2s, s2s_tls, component, dns } = ports;
    let text = format!(
        r#"
[listen]
c2s = ["127.0.0.1:{c2s}"]
c2s_tls = []
s2s = ["127.0.0.1:{s2s}"]
s2s_tls = ["127.0.0.1:{s2s_tls}"]
component = ["127.0.0.1:{component}"]
http = []
https = []
[log]
level = "info,waxwing_s2s=debug,waxwing_joined=debug"
[dns]
servers = ["127.0.0.1:{dns}"]
[tls]
certificates = "{dir}/certs"
[s2s]
trusted_ca = "{dir}/ca.crt"
require_certificate = {strict}
[limits]
exempt = ["127.0.0.0/8"]
login_time_max = "10 s"
[host."{domain}"]
registration = "open"
allow_plaintext = true
{more}
"#,
        dir = dir.display(),
        strict = plan.strict,
        domain = plan.domain,
        more = plan.more,
    );
    let config = dir.join("waxwing.toml");
    write(&config, &text);
    let mut command = Command::new(waxwing_binary());
    command.arg("serve").arg("--config").arg(config).arg("--data-dir").arg(dir.join("data"));
    command
}

/// The binary to test: `WAXWING_BIN`, or what `cargo build --release` (or a debug build) left.
fn waxwing_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("WAXWING_BIN") {
        return PathBuf::from(path);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    ["release", "debug"]
        .iter()
        .map(|profile| target.join(profile).join("waxwing"))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no waxwing in {}: build it, or set WAXWING_BIN", target.display()))
}

fn prosody(plan: &Plan<'_>, dir: &Path, ports: &Ports) -> Command {
    let Ports { c2s, s2s, s2s_tls, dns, .. } = ports;
    let text = format!(
        r#"
run_as_root = true
daemonize = false
pidfile = "{dir}/prosody.pid"
data_path = "{dir}/data"
certificates = "{dir}/certs"
log = {{ {{ levels = {{ min = "debug" }}, to = "console" }} }}
interfaces = {{ "127.0.0.1" }}
local_interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {c2s} }}
c2s_direct_tls_ports = {{}}
s2s_ports = {{ {s2s} }}
s2s_direct_tls_ports = {{ {s2s_tls} }}
modules_enabled = {{
    "roster", "saslauth", "tls", "disco", "blocklist", "vcard", "version", "time", "ping", "register", "s2s",
    "dialback", "offline",
}}
allow_registration = true
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
s2s_require_encryption = true
s2s_secure_auth = {strict}
unbound = {{
    resolvconf = false; hoststxt = false; forward = {{ "127.0.0.1@{dns}" }};
    options = {{ ["do-not-query-localhost:"] = "no"; ["edns-buffer-size:"] = "512" }};
}}
ssl = {{
    key = "{dir}/certs/{domain}.key", certificate = "{dir}/certs/{domain}.crt", cafile = "{dir}/ca.crt", capath = "/none",
}}
s2s_direct_tls_ssl = ssl
VirtualHost "{domain}"
{more}
"#,
        dir = dir.display(),
        strict = plan.strict,
        domain = plan.domain,
        more = plan.more,
    );
    let config = dir.join("prosody.cfg.lua");
    write(&config, &text);
    let mut command = Command::new("prosody");
    command.arg("--config").arg(config).arg("-F");
    command
}

fn ejabberd(plan: &Plan<'_>, dir: &Path, ports: &Ports) -> Command {
    let Ports { c2s, s2s, s2s_tls, dns, .. } = ports;
    let text = format!(
        r#"
hosts: ["{domain}"]
loglevel: debug
certfiles: ["{dir}/certs/all.pem"]
ca_file: "{dir}/ca.crt"
s2s_cafile: "{dir}/ca.crt"
s2s_use_starttls: {starttls}
listen:
  - {{port: {c2s}, ip: "127.0.0.1", module: ejabberd_c2s, starttls: true, access: all, shaper: none}}
  - {{port: {s2s}, ip: "127.0.0.1", module: ejabberd_s2s_in}}
  - {{port: {s2s_tls}, ip: "127.0.0.1", module: ejabberd_s2s_in, tls: true}}
registration_timeout: infinity
auth_method: internal
auth_password_format: scram
access_rules:
  register: {{allow: all}}
modules:
  mod_roster: {{}}
  mod_disco: {{}}
  mod_blocking: {{}}
  mod_privacy: {{}}
  mod_vcard: {{}}
  mod_version: {{}}
  mod_time: {{}}
  mod_ping: {{}}
  mod_register: {{access: register, ip_access: all, password_strength: 0}}
  mod_offline: {{}}
{dialback}
{more}
"#,
        dir = dir.display(),
        domain = plan.domain,
        starttls = if plan.strict { "required" } else { "optional" },
        dialback = if plan.strict { "" } else { "  mod_s2s_dialback: {}" },
        more = plan.more,
    );
    let config = dir.join("ejabberd.yml");
    write(&config, &text);
    let inetrc = dir.join("inetrc");
    // Without the system's files, which would take the place of this.
    let text =
        "{resolv_conf, \"\"}.\n{hosts_file, \"\"}.\n{lookup, [dns]}.\n{nameserver, {127,0,0,1}, PORT}.\n";
    write(&inetrc, &text.replace("PORT", &dns.to_string()));
    let mut command = Command::new("erl");
    let spool = format!("\"{}/spool\"", dir.display());
    // Without a node name: no name service is needed, and none stays behind.
    command.args(["-mnesia", "dir", &spool, "-s", "ejabberd", "-noinput"]);
    command.env("HOME", dir).env("ERL_LIBS", "/usr/lib/x86_64-linux-gnu").env("ERL_INETRC", inetrc);
    command.env("EJABBERD_CONFIG_PATH", config).env("EJABBERD_LOG_PATH", dir.join("ejabberd.log"));
    command.env("ERL_CRASH_DUMP_BYTES", "0");
    command
}

/// A client in the clear, on loopback.
pub(crate) struct Client {
    stream: TcpStream,
    seen: String,
    pub(crate) jid: String,
}

impl Client {
    fn connect(server: &Server, domain: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(("127.0.0.1", server.c2s)).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).map_err(|error| error.to_string())?;
        let mut client = Self { stream, seen: String::new(), jid: String::new() };
        client.open(domain)?;
        Ok(client)
    }

    fn open(&mut self, domain: &str) -> Result<(), String> {
        self.try_send(&format!(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
             to='{domain}' version='1.0'>"
        ))?;
        self.try_until("</stream:features>").map(drop)
    }

    fn register(server: &Server, domain: &str, name: &str) -> Result<(), String> {
        let mut client = Self::connect(server, domain)?;
        client.try_send(&format!(
            "<iq type='set' id='reg' to='{domain}'><query xmlns='jabber:iq:register'><username>{name}</username>\
             <password>pencil</password></query></iq>"
        ))?;
        let answer = client.try_until_any(&["/>", "</iq>"])?;
        if answer.contains("type='error'") || answer.contains("type=\"error\"") {
            return Err(answer);
        }
        Ok(())
    }

    fn login(server: &Server, domain: &str, name: &str) -> Self {
        use base64::Engine;
        let mut client = Self::connect(server, domain).expect("it answers");
        let plain = base64::engine::general_purpose::STANDARD.encode(format!("\0{name}\0pencil"));
        client.send(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"
        ));
        client.until("<success");
        client.until(">");
        client.open(domain).expect("it answers");
        client.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>");
        client.until("</iq>");
        client.jid = format!("{name}@{domain}");
        // Who has asked for the roster is told of subscriptions.
        client.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>");
        client.until("jabber:iq:roster");
        client.send("<presence/>");
        client
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.try_send(text).expect("the connection is open");
    }

    fn try_send(&mut self, text: &str) -> Result<(), String> {
        self.stream.write_all(text.as_bytes()).map_err(|error| error.to_string())
    }

    /// Reads until `what` came; returns all up to there.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str) -> String {
        self.until_any(&[what])
    }

    /// The same, for whichever comes first.
    #[track_caller]
    pub(crate) fn until_any(&mut self, all: &[&str]) -> String {
        self.try_until_any(all).unwrap_or_else(|reason| panic!("{}: {reason}", self.jid))
    }

    /// Reads until the server has closed the connection: the session has ended by then, not yet at its last words.
    #[track_caller]
    pub(crate) fn until_closed(&mut self) {
        let why = self.try_until("\0").expect_err("no character of XML");
        assert!(why.starts_with("the stream ended"), "{why}");
    }

    fn try_until(&mut self, what: &str) -> Result<String, String> {
        self.try_until_any(&[what])
    }

    fn try_until_any(&mut self, all: &[&str]) -> Result<String, String> {
        let mut buffer = [0; 4096];
        loop {
            let end = all.iter().filter_map(|what| self.seen.find(what).map(|at| at + what.len())).min();
            if let Some(end) = end {
                let rest = self.seen.split_off(end);
                return Ok(std::mem::replace(&mut self.seen, rest));
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(format!("the stream ended before {all:?}: {}", self.seen)),
                Ok(count) => {
                    self.seen.push_str(&String::from_utf8_lossy(buffer.get(..count).unwrap_or_default()))
                }
                Err(error) => return Err(format!("{all:?}: {error}: {}", self.seen)),
            }
        }
    }

    /// Asks, and gives the answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, to: &str, id: &str, query: &str) -> String {
        self.send(&format!("<iq type='get' id='{id}' to='{to}'>{query}</iq>"));
        loop {
            let head = self.until("<iq ");
            drop(head);
            let element = self.until(">");
            if element.contains(id) {
                let rest = if element.ends_with("/>") { String::new() } else { self.until("</iq>") };
                return format!("{element}{rest}").replace('"', "'");
            }
        }
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Below the ports that the kernel gives to clients, so that nobody takes it before the server does.
fn free_port() -> u16 {
    static LAST: AtomicU16 = AtomicU16::new(24_000);
    loop {
        let port = LAST.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
