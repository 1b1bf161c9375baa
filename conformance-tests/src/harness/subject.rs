//! The server under test, started once for the whole test process.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::component::SECRET;

/// The hosts of a subject.
pub(crate) const HOSTS: [&str; 3] = ["localhost", "second.localhost", "archive.localhost"];

/// Which server is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Waxwing,
    Prosody,
    Ejabberd,
}

/// A running server with the hosts `localhost`, `second.localhost`, where a session that was cut can be resumed for
/// one second only (where that cannot be set by host, the server has to heed the client's 'max'), and
/// `archive.localhost`, where messages are archived, copied and pushed: an archived message is not bounced, which
/// many other tests wait for. Rooms are at `conference.` before the first and the last of them. Components of
/// [`super::component`] may connect.
pub(crate) struct Subject {
    /// The port for STARTTLS.
    pub(crate) c2s: u16,
    /// The port for direct TLS.
    pub(crate) c2s_tls: u16,
    /// The port for components.
    pub(crate) component: u16,
    /// The authority that signed the subject's certificate.
    pub(crate) roots: Arc<RootCertStore>,
    /// The certificate it was given, for tls-server-end-point.
    pub(crate) certificate: Vec<u8>,
    /// Closed by the kernel when this process ends, however it ends: the guard then stops the server.
    _leash: ChildStdin,
}

impl Subject {
    /// The subject that `WAXWING_SUBJECT` names (waxwing, prosody or ejabberd); the first call starts it.
    pub(crate) fn get() -> &'static Self {
        // A failure is kept, so that the other tests do not try again.
        static SUBJECT: OnceLock<Option<Subject>> = OnceLock::new();
        let subject = SUBJECT.get_or_init(|| catch_unwind(|| Self::start(Kind::from_env())).ok());
        subject.as_ref().expect("the subject starts; the first test that failed says why it did not")
    }

    fn start(kind: Kind) -> Self {
        // An error here means another part of the process chose the provider already, which is as good.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let named = tempfile::Builder::new().prefix("waxwing-conformance-").tempdir();
        let folder = named.expect("the system's temporary folder is ours to use");
        let dir = folder.path().to_owned();
        let (roots, certificate) = make_certificates(&dir);
        let ports = [free_port(), free_port(), free_port()];
        let mut child = match kind {
            Kind::Waxwing => waxwing(&dir, ports),
            Kind::Prosody => prosody(&dir, ports),
            Kind::Ejabberd => ejabberd(&dir, ports),
        };
        // From now on the guard removes the folder.
        drop(folder.keep());
        let leash = child.stdin.take().expect("stdin is a pipe");
        let [c2s, c2s_tls, component] = ports;
        let roots = Arc::new(roots);
        wait_until(&mut child, &dir, || greets(c2s) && shakes_hands(c2s_tls, &roots));
        Self { c2s, c2s_tls, component, roots, certificate, _leash: leash }
    }
}

impl Kind {
    fn from_env() -> Self {
        match std::env::var("WAXWING_SUBJECT").as_deref() {
            Err(_) | Ok("waxwing") => Self::Waxwing,
            Ok("prosody") => Self::Prosody,
            Ok("ejabberd") => Self::Ejabberd,
            Ok(other) => panic!("WAXWING_SUBJECT is {other:?}; it can be waxwing, prosody or ejabberd"),
        }
    }
}

/// Runs a command that ends with this process: the shell around it waits for its own stdin to close, which the
/// kernel does even when the test process is killed, then ends the command and removes the folder.
fn leashed(dir: &Path, program: &str, args: &[&str]) -> Command {
    const GUARD: &str = r#"dir=$1; shift; exec 3<&0
        "$@" </dev/null 3<&- >"$dir/output" 2>&1 & server=$!
        (wait_for=$server; while kill -0 "$wait_for" 2>/dev/null; do sleep 1; done; : >"$dir/ended") 3<&- </dev/null & watcher=$!
        cat <&3 >/dev/null
        kill "$watcher" 2>/dev/null; wait "$watcher" 2>/dev/null
        kill "$server" 2>/dev/null
        for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$server" 2>/dev/null || break; sleep 0.2; done
        kill -9 "$server" 2>/dev/null
        [ -n "$WAXWING_KEEP" ] || rm -rf "$dir""#;
    let mut command = Command::new("setsid");
    command.args(["sh", "-c", GUARD, "guard"]).arg(dir).arg(program).args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn waxwing(dir: &Path, [c2s, c2s_tls, component]: [u16; 3]) -> Child {
    let config = dir.join("waxwing.toml");
    let certs = dir.join("certs");
    let text = format!(
        r#"
[listen]
c2s = ["127.0.0.1:{c2s}"]
c2s_tls = ["127.0.0.1:{c2s_tls}"]
s2s = []
s2s_tls = []
component = ["127.0.0.1:{component}"]
http = []
https = []
[tls]
certificates = "{certs}"
[limits]
exempt = ["127.0.0.0/8", "::1/128"]
login_time_max = "10 s"
[host."localhost"]
registration = "open"
admins = ["admin@localhost"]
modules.mam.enabled = false
modules.push.enabled = false
[host."second.localhost"]
registration = "open"
modules.mam.enabled = false
[host."archive.localhost"]
registration = "open"
[modules.component]
mailbox_bytes_max = "1 MiB"
[modules.component.domains."gateway.localhost"]
secret = "{SECRET}"
[modules.component.domains."privileged.localhost"]
secret = "{SECRET}"
[modules.component.domains."privileged.localhost".privileges]
roster = "both"
message = "outgoing"
presence = "roster"
iq = {{ "urn:example:asked" = "set" }}
[modules.component.domains."reader.localhost"]
secret = "{SECRET}"
[modules.component.domains."reader.localhost".privileges]
roster = "get"
presence = "managed_entity"
[modules.component.domains."manager.second.localhost"]
secret = "{SECRET}"
[modules.component.domains."manager.second.localhost".privileges]
iq = {{ "urn:example:delegated" = "both" }}
[modules.component.domains."manager.second.localhost".delegations]
"urn:example:delegated" = []
"urn:example:filtered" = ["node"]
"urn:xmpp:delegation:2:bare:disco#info:*" = []
"urn:xmpp:delegation:2:bare:disco#items:*" = []
"#,
        certs = certs.display()
    );
    write(&config, &text);
    let data = dir.join("data");
    let args = ["serve", "--config", &text_of(&config), "--data-dir", &text_of(&data)];
    leashed(dir, &text_of(&waxwing_binary()), &args).spawn().expect("setsid and sh are installed")
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

fn prosody(dir: &Path, [c2s, c2s_tls, component]: [u16; 3]) -> Child {
    let config = dir.join("prosody.cfg.lua");
    let text = format!(
        r#"
run_as_root = true
daemonize = false
pidfile = "{dir}/prosody.pid"
data_path = "{dir}/data"
certificates = "{dir}/certs"
log = {{ {{ levels = {{ min = "warn" }}, to = "console" }} }}
interfaces = {{ "127.0.0.1" }}
local_interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {c2s} }}
c2s_direct_tls_ports = {{ {c2s_tls} }}
s2s_ports = {{}}
component_ports = {{ {component} }}
component_interfaces = {{ "127.0.0.1" }}
modules_enabled = {{
    "roster", "saslauth", "tls", "disco", "private", "blocklist", "vcard", "version", "time", "ping", "register",
    "lastactivity", "uptime", "server_contact_info", "offline", "smacks", "csi", "csi_simple",
}}
modules_disabled = {{ "s2s" }}
allow_registration = true
ssl = {{ key = "{dir}/certs/localhost.key", certificate = "{dir}/certs/localhost.crt" }}
c2s_direct_tls_ssl = ssl
c2s_timeout = 10
contact_info = {{ admin = {{ "xmpp:admin@localhost" }} }}
VirtualHost "localhost"
VirtualHost "second.localhost"
    smacks_hibernation_time = 1
VirtualHost "archive.localhost"
    modules_enabled = {{ "mam", "carbons", "cloud_notify" }}
Component "gateway.localhost"
    component_secret = "{SECRET}"
Component "privileged.localhost"
    component_secret = "{SECRET}"
Component "reader.localhost"
    component_secret = "{SECRET}"
Component "manager.second.localhost"
    component_secret = "{SECRET}"
Component "conference.localhost" "muc"
    allow_unaffiliated_register = true
    modules_enabled = {{ "vcard_muc" }}
Component "conference.archive.localhost" "muc"
    modules_enabled = {{ "muc_mam", "muc_moderation" }}
"#,
        dir = dir.display()
    );
    write(&config, &text);
    fs::create_dir_all(dir.join("data")).expect("the folder is ours");
    leashed(dir, "prosody", &["--config", &text_of(&config), "-F"])
        .spawn()
        .expect("setsid and sh are installed")
}

fn ejabberd(dir: &Path, ports: [u16; 3]) -> Child {
    let config = dir.join("ejabberd.yml");
    write(&config, &ejabberd_config(dir, ports));
    let spool = format!("\"{}/spool\"", dir.display());
    // Run without a node name, so that no name service is needed or left behind.
    leashed(dir, "erl", &["-mnesia", "dir", &spool, "-s", "ejabberd", "-noinput"])
        .env("HOME", dir)
        .env("ERL_LIBS", "/usr/lib/x86_64-linux-gnu")
        .env("EJABBERD_CONFIG_PATH", &config)
        .env("EJABBERD_LOG_PATH", dir.join("ejabberd.log"))
        .env("ERL_CRASH_DUMP_BYTES", "0")
        .spawn()
        .expect("setsid and sh are installed")
}

fn ejabberd_config(dir: &Path, [c2s, c2s_tls, component]: [u16; 3]) -> String {
    format!(
        r#"
hosts: [localhost, second.localhost, archive.localhost]
loglevel: warning
certfiles: ["{dir}/certs/localhost.pem"]
ca_file: "{dir}/ca.crt"
listen:
  - {{port: {c2s}, ip: "127.0.0.1", module: ejabberd_c2s, starttls: true, starttls_required: true, access: all, shaper: none, max_stanza_size: 262144}}
  - {{port: {c2s_tls}, ip: "127.0.0.1", module: ejabberd_c2s, tls: true, access: all, shaper: none, max_stanza_size: 262144}}
  - port: {component}
    ip: "127.0.0.1"
    module: ejabberd_service
    global_routes: false
    hosts:
      gateway.localhost: {{password: "{SECRET}"}}
      privileged.localhost: {{password: "{SECRET}"}}
      reader.localhost: {{password: "{SECRET}"}}
      manager.second.localhost: {{password: "{SECRET}"}}
registration_timeout: infinity
negotiation_timeout: 10
auth_method: internal
auth_password_format: scram
acl:
  privileged: {{server: privileged.localhost}}
  reader: {{server: reader.localhost}}
  manager: {{server: manager.second.localhost}}
access_rules:
  register: {{allow: all}}
  privileged: {{allow: privileged}}
  reader: {{allow: reader}}
  watchers: [{{allow: privileged}}, {{allow: reader}}]
  manager: {{allow: manager}}
modules:
  mod_roster: {{versioning: true}}
  mod_disco: {{server_info: [{{modules: all, name: "admin-addresses", urls: ["xmpp:admin@localhost"]}}]}}
  mod_private: {{}}
  mod_blocking: {{}}
  mod_privacy: {{}}
  mod_vcard: {{}}
  mod_version: {{}}
  mod_time: {{}}
  mod_ping: {{}}
  mod_register: {{access: register, ip_access: all, password_strength: 0}}
  mod_last: {{}}
  mod_caps: {{}}
  mod_offline: {{}}
  mod_client_state: {{}}
{hosts}"#,
        dir = dir.display(),
        hosts = EJABBERD_HOSTS.replace("DIR", &text_of(dir)),
    )
}

/// What differs from host to host.
const EJABBERD_HOSTS: &str = r#"
append_host_config:
  localhost:
    modules:
      mod_stream_mgmt: {resend_on_timeout: true}
      mod_privilege:
        roster: {both: privileged, get: reader}
        message: {outgoing: privileged}
        presence: {managed_entity: watchers, roster: privileged}
      mod_muc: {default_room_options: {moderated: false, allow_user_invites: true, enable_hats: true}}
      mod_muc_log: {outdir: "DIR/rooms", access_log: all}
  second.localhost:
    modules:
      mod_stream_mgmt: {resend_on_timeout: true, resume_timeout: 1}
      mod_delegation:
        namespaces:
          "urn:example:delegated": {access: manager}
          "urn:example:filtered": {access: manager, filtering: [node]}
  archive.localhost:
    modules:
      mod_mam: {default: always}
      mod_carboncopy: {}
      mod_push: {include_sender: true, include_body: true}
      mod_muc: {default_room_options: {moderated: false, allow_user_invites: true, enable_hats: true, mam: true}}
"#;

/// A test authority and one certificate for all hosts, in all the forms the subjects read.
fn make_certificates(dir: &Path) -> (RootCertStore, Vec<u8>) {
    let mut ca = CertificateParams::default();
    ca.not_after = rcgen::date_time_ymd(2049, 1, 1);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "Conformance Test CA");
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().expect("a key")).expect("a certificate");
    let names = HOSTS.map(str::to_owned).to_vec();
    let key = KeyPair::generate().expect("a key");
    let mut cert = CertificateParams::new(names).expect("domain names");
    // ejabberd's certificate check dies of rcgen's default, the year 4096.
    cert.not_after = rcgen::date_time_ymd(2049, 1, 1);
    let cert = cert.signed_by(&key, &ca).expect("a certificate");
    let certs = dir.join("certs");
    fs::create_dir_all(&certs).expect("the folder is ours");
    write(&dir.join("ca.crt"), &ca.pem());
    let chain = format!("{}{}", cert.pem(), ca.pem());
    for host in HOSTS {
        write(&certs.join(format!("{host}.crt")), &chain);
        write(&certs.join(format!("{host}.key")), &key.serialize_pem());
    }
    write(&certs.join("localhost.pem"), &format!("{}{chain}", key.serialize_pem()));
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).expect("a certificate");
    (roots, cert.der().to_vec())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

fn wait_until(guard: &mut Child, dir: &Path, ready: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !ready() {
        let ended = dir.join("ended").exists() || guard.try_wait().expect("it is our child").is_some();
        if ended || Instant::now() > deadline {
            let mut output = String::new();
            if let Ok(mut file) = fs::File::open(dir.join("output")) {
                file.read_to_string(&mut output).expect("the output is text");
            }
            panic!("the subject did not start; it said:\n{output}");
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Whether the port for STARTTLS answers a stream header with features: ports may be open before hosts are up.
fn greets(port: u16) -> bool {
    let Ok(mut socket) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let header = b"<stream:stream to='second.localhost' version='1.0' xmlns='jabber:client' \
                   xmlns:stream='http://etherx.jabber.org/streams'>";
    socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a time above zero");
    let mut reply = Vec::new();
    let mut buffer = [0; 4096];
    if socket.write_all(header).is_err() {
        return false;
    }
    while let Ok(n @ 1..) = socket.read(&mut buffer) {
        reply.extend_from_slice(buffer.get(..n).unwrap_or_default());
        if String::from_utf8_lossy(&reply).contains("features>") {
            return true;
        }
    }
    false
}

/// Whether the port for direct TLS does a handshake.
fn shakes_hands(port: u16, roots: &Arc<RootCertStore>) -> bool {
    let Ok(mut socket) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a time above zero");
    let config = ClientConfig::builder().with_root_certificates(roots.clone()).with_no_client_auth();
    let name = "localhost".try_into().expect("a domain name");
    let mut session = ClientConnection::new(Arc::new(config), name).expect("a valid configuration");
    while session.is_handshaking() {
        if session.complete_io(&mut socket).is_err() {
            return false;
        }
    }
    true
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
}

fn text_of(path: &Path) -> String {
    path.to_str().expect("the temporary folder has a name in UTF-8").to_owned()
}
