//! The server under test, with a name server of ours to ask and an authority of ours to trust.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::Fallible;
use crate::federation::authority::Authority;
use crate::federation::network::HERE;

/// Where it will listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) c2s: u16,
    pub(crate) s2s: u16,
}

impl Ports {
    pub(crate) fn free() -> Fallible<Self> {
        Ok(Self { c2s: free_port(Ipv4Addr::LOCALHOST)?, s2s: free_port(Ipv4Addr::LOCALHOST)? })
    }

    pub(crate) fn servers(self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.s2s).into()
    }
}

/// Below the ports that the kernel gives to clients, of which thousands are about to come.
pub(crate) fn free_port(address: Ipv4Addr) -> Fallible<u16> {
    static LAST: AtomicU16 = AtomicU16::new(21_000);
    loop {
        let port = LAST.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((address, port)).is_ok() {
            return Ok(port);
        }
        if port > 31_000 {
            return Err("loopback has no free port".into());
        }
    }
}

/// Which server, and how patient it is to be.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    /// A remote server is given up after seconds, so that the end is seen.
    pub(crate) hasty: bool,
}

/// It runs; it ends, and its folder goes, with this. It also ends when the load generator is killed.
pub(crate) struct Subject {
    child: Child,
    folder: TempDir,
    pub(crate) pid: u32,
}

impl Subject {
    pub(crate) async fn start(
        kind: &Kind,
        ports: Ports,
        dns: SocketAddr,
        authority: &Authority,
    ) -> Fallible<Self> {
        let folder = TempDir::new()?;
        let path = folder.path();
        fs::create_dir_all(path.join("certs"))?;
        fs::create_dir_all(path.join("data"))?;
        let shown = authority.sign(HERE)?;
        fs::write(path.join(format!("certs/{HERE}.crt")), shown.chain)?;
        fs::write(path.join(format!("certs/{HERE}.key")), shown.key)?;
        fs::write(path.join("ca.crt"), authority.pem())?;
        // It has a core for itself.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "taskset", "-c", "0"]).arg(&kind.program);
        configure(&mut command, kind, path, ports, dns)?;
        let output = fs::File::create(path.join("output"))?;
        command.stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
        let child = command.spawn()?;
        let mut subject = Self { pid: child.id(), child, folder };
        subject.wait(ports).await?;
        Ok(subject)
    }

    async fn wait(&mut self, ports: Ports) -> Fallible {
        let deadline = Instant::now() + START_TIME_MAX;
        for port in [ports.c2s, ports.s2s] {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
                if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                    return Err(format!("the server did not start: {}", self.output()).into());
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// The end of what it has said.
    pub(crate) fn output(&self) -> String {
        let said = fs::read(self.folder.path().join("output")).unwrap_or_default();
        String::from_utf8_lossy(said.get(said.len().saturating_sub(2000)..).unwrap_or_default()).into_owned()
    }

    /// Its peak of resident memory since the last such call, in KiB.
    pub(crate) fn peak_kib(&self) -> Fallible<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        // proc_pid_clear_refs(5): 5 begins a new peak.
        fs::write(format!("/proc/{}/clear_refs", self.pid), "5")?;
        Ok(line.and_then(|line| line.split_whitespace().next()).unwrap_or("0").parse()?)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // Both fail only when it has ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn configure(command: &mut Command, kind: &Kind, folder: &Path, ports: Ports, dns: SocketAddr) -> Fallible {
    let (template, hasty, file) = match kind.name.as_str() {
        "waxwing" => (WAXWING, WAXWING_HASTY, "waxwing.toml"),
        "prosody" => (PROSODY, PROSODY_HASTY, "prosody.cfg.lua"),
        other => return Err(format!("no server '{other}' is known here").into()),
    };
    let text = template.replace("HASTE", if kind.hasty { hasty } else { "" });
    let text = text.replace("DIR", &folder.display().to_string()).replace("HERE", HERE);
    let text = text.replace("C2S", &ports.c2s.to_string()).replace("S2S", &ports.s2s.to_string());
    let config = folder.join(file);
    fs::write(&config, text.replace("DNS", &dns.port().to_string()))?;
    if kind.name == "waxwing" {
        command.arg("serve").arg("--config").arg(config).arg("--data-dir").arg(folder.join("data"));
    } else {
        command.arg("-F").arg("--config").arg(config);
    }
    Ok(())
}

const START_TIME_MAX: Duration = Duration::from_secs(30);

// Both: TLS demanded, any certificate will do if dialback says so, hashed passwords, open registration, no archive. The
// rates of Waxwing for one address, and for clients, are lifted for 127.0.0.1, where the clients come from; Prosody has
// none by default.

const WAXWING: &str = r#"
[listen]
c2s = ["127.0.0.1:C2S"]
c2s_tls = []
s2s = ["127.0.0.1:S2S"]
s2s_tls = []
component = []
http = []
https = []
[log]
level = "error"
[dns]
servers = ["127.0.0.1:DNS"]
[tls]
certificates = "DIR/certs"
[s2s]
trusted_ca = "DIR/ca.crt"
[limits]
exempt = ["127.0.0.1/32"]
HASTE
[host."HERE"]
registration = "open"
[host."HERE".modules.mam]
enabled = false
[host."HERE".modules.offline]
enabled = false
"#;

const WAXWING_HASTY: &str = r#"
login_time_max = "4 s"
write_time_max = "4 s"
[modules.s2s]
connect_time_max = "4 s"
queue_time_max = "5 s"
"#;

const PROSODY: &str = r#"
run_as_root = true
daemonize = false
pidfile = "DIR/prosody.pid"
data_path = "DIR/data"
certificates = "DIR/certs"
log = { { levels = { min = "error" }, to = "console" } }
interfaces = { "127.0.0.1" }
local_interfaces = { "127.0.0.1" }
c2s_ports = { C2S }
c2s_direct_tls_ports = {}
s2s_ports = { S2S }
s2s_direct_tls_ports = {}
c2s_require_encryption = true
s2s_require_encryption = true
s2s_secure_auth = false
authentication = "internal_hashed"
allow_registration = true
modules_enabled = {
    "roster", "saslauth", "tls", "disco", "register", "private", "blocklist", "vcard", "version", "time", "ping", "s2s",
    "dialback",
}
modules_disabled = { "offline" }
unbound = {
    resolvconf = false; hoststxt = false; forward = { "127.0.0.1@DNS" };
    options = { ["do-not-query-localhost:"] = "no"; ["edns-buffer-size:"] = "512" };
}
ssl = { key = "DIR/certs/HERE.key", certificate = "DIR/certs/HERE.crt", cafile = "DIR/ca.crt", capath = "/none" }
HASTE
VirtualHost "HERE"
"#;

const PROSODY_HASTY: &str = "s2s_timeout = 4";
