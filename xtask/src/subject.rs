//! A server under test: Waxwing, Prosody, ejabberd or the floor of the bench, on loopback, in a temporary folder.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::needs;
use crate::run;

/// How long a server may take to greet its first client.
const START_SECONDS: u64 = 60;

/// So long it may take to stop.
const STOP_SECONDS: u64 = 10;

/// A running server. It ends, and its folder goes, when this is dropped.
pub(crate) struct Server {
    child: Child,
    name: String,
    program: PathBuf,
    before: Vec<String>,
    folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) port_tls: u16,
    pub(crate) port_component: u16,
}

/// Where a server under test listens.
#[derive(Clone, Copy)]
struct Ports {
    c2s: u16,
    tls: u16,
    component: u16,
}

/// The external component that each of them lets in.
pub(crate) const COMPONENT: &str = "echo.localhost";
/// One that Waxwing lets act for the accounts (XEP-0356).
pub(crate) const PRIVILEGED: &str = "privileged.localhost";
/// What both prove to know.
pub(crate) const COMPONENT_SECRET: &str = "the secret of the component";

impl Server {
    /// Starts the server of this name for the domain `localhost`, with open registration, TLS demanded and no
    /// limits on rates; `before` are words to put before its command line, such as `taskset -c 0`, and `more` is text
    /// to put behind its configuration.
    pub(crate) fn start(name: &str, before: &[&str], more: &str) -> Result<Self, String> {
        let program = match name {
            "waxwing" => run::waxwing()?,
            "prosody" => needs::programs(&[("prosody", "prosody")]).map(|()| PathBuf::from("prosody"))?,
            "ejabberd" => needs::programs(&[("ejabberdctl", "ejabberd")]).map(|()| PathBuf::from("erl"))?,
            "floor" => run::load()?,
            other => return Err(format!("no server '{other}' is known here")),
        };
        let folder = temporary_folder()?;
        let made = Self::start_in(&folder, name, program, before, more);
        if made.is_err() {
            remove(&folder);
        }
        made
    }

    fn start_in(
        folder: &Path,
        name: &str,
        program: PathBuf,
        before: &[&str],
        more: &str,
    ) -> Result<Self, String> {
        certificates(folder)?;
        let ports = Ports { c2s: free_port()?, tls: free_port()?, component: free_port()? };
        let before: Vec<String> = before.iter().map(|word| (*word).to_owned()).collect();
        let child = spawn(folder, name, &program, &before, ports, more)?;
        let folder = folder.to_path_buf();
        let Ports { c2s: port, tls: port_tls, component: port_component } = ports;
        let name = name.to_owned();
        let mut server = Self { child, name, program, before, folder, port, port_tls, port_component };
        server.wait()?;
        println!("{} runs as process {} on ports {port} and {port_tls}", server.name, server.pid());
        Ok(server)
    }

    /// Stops it as an operator does and starts it again on the same data; how long that start took.
    pub(crate) fn restart(&mut self, more: &str) -> Result<Duration, String> {
        self.stop();
        let started = Instant::now();
        self.start_again(more)?;
        self.wait()?;
        Ok(started.elapsed())
    }

    /// Starts it on the same data after it was stopped, and does not wait until it greets.
    pub(crate) fn start_again(&mut self, more: &str) -> Result<(), String> {
        let ports = Ports { c2s: self.port, tls: self.port_tls, component: self.port_component };
        self.child = spawn(&self.folder, &self.name, &self.program, &self.before, ports, more)?;
        Ok(())
    }

    /// Bytes on disk of all it has stored.
    pub(crate) fn stored(&self) -> Result<u64, String> {
        let said =
            run::output(Command::new("du").args(["-s", "--block-size=1"]).arg(self.folder.join("data")))?;
        let bytes = said.split_whitespace().next().and_then(|bytes| bytes.parse().ok());
        bytes.ok_or_else(|| format!("du said: {said}"))
    }

    /// One counter of a running Waxwing.
    pub(crate) fn metric(&self, name: &str) -> Result<String, String> {
        let mut command = Command::new(&self.program);
        command.arg("metrics").arg("--config").arg(self.folder.join("waxwing.toml"));
        let said = run::output(command.arg("--data-dir").arg(self.folder.join("data")))?;
        let value = said.lines().find_map(|line| line.strip_prefix(name));
        value.map(|value| value.trim().to_owned()).ok_or_else(|| format!("no {name} among the metrics"))
    }

    /// The process that was started; it may have children.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The certificate authority its clients must trust.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("certs/dev-ca.crt")
    }

    /// An authority that did not sign its certificate.
    pub(crate) fn other_authority(&self) -> PathBuf {
        self.folder.join("other/dev-ca.crt")
    }

    /// Until it greets.
    pub(crate) fn wait(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS);
        loop {
            if greets(self.port) {
                return Ok(());
            }
            let ended = self.child.try_wait().is_ok_and(|status| status.is_some());
            if ended || Instant::now() > deadline {
                let said = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(format!("{} did not start; it said:\n{said}", self.name));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Server {
    pub(crate) fn stop(&mut self) {
        // The polite way first: it is what an operator does.
        let deadline = Instant::now() + Duration::from_secs(STOP_SECONDS);
        let mut asked = false;
        while self.child.try_wait().is_ok_and(|status| status.is_none()) && Instant::now() < deadline {
            if !asked {
                asked = Command::new("kill").arg(self.pid().to_string()).status().is_ok();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // Both fail only when the process has ended, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        remove(&self.folder);
    }
}

fn spawn(
    folder: &Path,
    name: &str,
    program: &Path,
    before: &[String],
    ports: Ports,
    more: &str,
) -> Result<Child, String> {
    let mut command = run::with_descriptors();
    command.args(before).arg(program);
    configure(&mut command, name, folder, ports, more)?;
    let log = File::create(folder.join("log")).map_err(|error| error.to_string())?;
    let complaints = log.try_clone().map_err(|error| error.to_string())?;
    command.stdin(Stdio::null()).stdout(log).stderr(complaints);
    command.spawn().map_err(|error| format!("{name} does not start: {error}"))
}

fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && folder.exists()
    {
        println!("{} stays behind: {error}", folder.display());
    }
}

fn temporary_folder() -> Result<PathBuf, String> {
    let base = std::env::temp_dir();
    for number in 0..1000 {
        let folder = base.join(format!("waxwing-xtask-{}-{number}", std::process::id()));
        if fs::create_dir(&folder).is_ok() {
            return Ok(folder);
        }
    }
    Err(format!("no folder can be made in {}", base.display()))
}

fn certificates(folder: &Path) -> Result<(), String> {
    needs::programs(&[("openssl", "openssl")])?;
    for name in ["certs", "other"] {
        let mut command = Command::new(run::root().join("certs/make-dev-ca"));
        run::output(command.arg("-o").arg(folder.join(name)).arg("localhost"))?;
    }
    Ok(())
}

/// A port nobody listens on now. Somebody may before our server does; then its start fails and says so.
fn free_port() -> Result<u16, String> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|error| format!("loopback has no free port: {error}"))
}

/// Whether the port answers a stream header with features: a port may be open before its host is up.
fn greets(port: u16) -> bool {
    let Ok(mut socket) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let header = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                  xmlns:stream='http://etherx.jabber.org/streams'>";
    let sent = socket
        .set_read_timeout(Some(Duration::from_secs(1)))
        .and_then(|()| socket.write_all(header.as_bytes()));
    let (mut reply, mut buffer) = (Vec::new(), [0; 4096]);
    while sent.is_ok() && !String::from_utf8_lossy(&reply).contains("features>") {
        match socket.read(&mut buffer) {
            Ok(count @ 1..) => reply.extend(buffer.iter().take(count)),
            _ => return false,
        }
    }
    sent.is_ok()
}

/// Writes the configuration and puts the command line together.
fn configure(
    command: &mut Command,
    name: &str,
    folder: &Path,
    ports: Ports,
    more: &str,
) -> Result<(), String> {
    if name == "floor" {
        command.args(["floor", &ports.c2s.to_string(), &ports.tls.to_string()]);
        command.args(["crt", "key"].map(|end| folder.join("certs/localhost").with_extension(end)));
        return Ok(());
    }
    let (template, file) = match name {
        "waxwing" => (WAXWING, "waxwing.toml"),
        "prosody" => (PROSODY, "prosody.cfg.lua"),
        _ => (EJABBERD, "ejabberd.yml"),
    };
    let text = template.replace("DIR", &folder.display().to_string());
    let text = text.replace("PORT_COMPONENT", &ports.component.to_string()).replace("COMPONENT", COMPONENT);
    let text = text.replace("PRIVILEGED", PRIVILEGED);
    let text = text.replace("SECRET", COMPONENT_SECRET).replace("PORT_TLS", &ports.tls.to_string());
    let mut text = text.replace("PORT", &ports.c2s.to_string());
    text += more;
    let config = folder.join(file);
    fs::write(&config, text).map_err(|error| format!("{}: {error}", config.display()))?;
    fs::create_dir_all(folder.join("data")).map_err(|error| error.to_string())?;
    match name {
        "waxwing" => {
            command.arg("serve").arg("--config").arg(config).arg("--data-dir").arg(folder.join("data"));
        }
        "prosody" => {
            command.arg("-F").arg("--config").arg(config);
        }
        _ => {
            let pem = fs::read(folder.join("certs/localhost.key")).and_then(|mut key| {
                key.extend(fs::read(folder.join("certs/localhost.crt"))?);
                fs::write(folder.join("certs/localhost.pem"), key)
            });
            pem.map_err(|error| error.to_string())?;
            // Without a node name: no name service is needed, and none stays behind.
            let spool = format!("\"{}/spool\"", folder.display());
            command.args(["-mnesia", "dir", &spool, "-s", "ejabberd", "-noinput"]);
            command.env("HOME", folder).env("ERL_LIBS", "/usr/lib/x86_64-linux-gnu");
            command.env("EJABBERD_CONFIG_PATH", config).env("EJABBERD_LOG_PATH", folder.join("ejabberd.log"));
            command.env("ERL_CRASH_DUMP_BYTES", "0");
        }
    }
    Ok(())
}

// The three say the same: TLS demanded, hashed passwords, open registration and no limit on rates. The peers keep no
// archive; Waxwing does unless `more` says otherwise.

const WAXWING: &str = r#"
[listen]
c2s = ["127.0.0.1:PORT"]
c2s_tls = ["127.0.0.1:PORT_TLS"]
s2s = []
s2s_tls = []
component = ["127.0.0.1:PORT_COMPONENT"]
http = []
https = []
[tls]
certificates = "DIR/certs"
[limits]
exempt = ["127.0.0.0/8"]
[modules.component.domains."COMPONENT"]
secret = "SECRET"
[modules.component.domains."PRIVILEGED"]
secret = "SECRET"
[modules.component.domains."PRIVILEGED".privileges]
roster = "both"
message = "outgoing"
presence = "managed_entity"
iq = { "urn:xmpp:ping" = "get" }
[host."localhost"]
registration = "open"
"#;

const PROSODY: &str = r#"
run_as_root = true
daemonize = false
pidfile = "DIR/prosody.pid"
data_path = "DIR/data"
certificates = "DIR/certs"
log = { { levels = { min = "warn" }, to = "console" } }
interfaces = { "127.0.0.1" }
local_interfaces = { "127.0.0.1" }
c2s_ports = { PORT }
c2s_direct_tls_ports = { PORT_TLS }
s2s_ports = {}
component_ports = { PORT_COMPONENT }
c2s_direct_tls_ssl = { certificate = "DIR/certs/localhost.crt", key = "DIR/certs/localhost.key" }
c2s_require_encryption = true
authentication = "internal_hashed"
allow_registration = true
modules_enabled = {
    "roster", "saslauth", "tls", "disco", "register", "private", "blocklist", "vcard", "version", "time", "ping",
    "lastactivity",
}
modules_disabled = { "s2s", "offline" }
Component "COMPONENT"
    component_secret = "SECRET"
VirtualHost "localhost"
"#;

const EJABBERD: &str = r#"
hosts: [localhost]
loglevel: warning
certfiles: ["DIR/certs/localhost.pem"]
ca_file: "DIR/certs/dev-ca.crt"
listen:
  - {port: PORT, ip: "127.0.0.1", module: ejabberd_c2s, starttls: true, starttls_required: true, access: all, shaper: none, backlog: 1024}
  - {port: PORT_TLS, ip: "127.0.0.1", module: ejabberd_c2s, tls: true, access: all, shaper: none, backlog: 1024}
  - port: PORT_COMPONENT
    ip: "127.0.0.1"
    module: ejabberd_service
    hosts: {"COMPONENT": {password: "SECRET"}}
registration_timeout: infinity
auth_method: internal
auth_password_format: scram
access_rules:
  register: {allow: all}
modules:
  mod_roster: {versioning: true}
  mod_disco: {}
  mod_private: {}
  mod_blocking: {}
  mod_privacy: {}
  mod_vcard: {}
  mod_version: {}
  mod_time: {}
  mod_ping: {}
  mod_register: {access: register, ip_access: all, password_strength: 0}
  mod_last: {}
  mod_caps: {}
"#;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn verifies(authority: &Path, certificate: &Path, name: &str) -> bool {
        let mut command = Command::new("openssl");
        command
            .args(["verify", "-x509_strict", "-verify_hostname", name, "-CAfile"])
            .arg(authority)
            .arg(certificate);
        run::output(&mut command).is_ok()
    }

    #[test]
    fn the_development_authority_signs_for_its_names_only() {
        let folder = temporary_folder().unwrap();
        certificates(&folder).unwrap();
        let (ours, other) = (folder.join("certs"), folder.join("other"));
        let certificate = ours.join("localhost.crt");
        assert!(verifies(&ours.join("dev-ca.crt"), &certificate, "localhost"));
        assert!(!verifies(&ours.join("dev-ca.crt"), &certificate, "example.org"));
        assert!(!verifies(&other.join("dev-ca.crt"), &certificate, "localhost"));
        for key in ["dev-ca.key", "localhost.key"] {
            let mode = fs::metadata(ours.join(key)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{key} can be read by others");
        }
        let mut refused = Command::new(run::root().join("certs/make-dev-ca"));
        assert!(run::output(refused.arg("-o").arg(&ours).arg("../escape")).is_err());
        remove(&folder);
    }

    #[test]
    fn a_port_without_a_server_greets_nobody() {
        assert!(!greets(free_port().unwrap()));
    }
}
