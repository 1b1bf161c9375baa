//! `waxwing check`: looks at what the server would meet, and says how to mend each finding.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use waxwing_core::Config;
use waxwing_stream::tls::{Certificates, Settings};

use crate::cli::{Source, print, style};

/// What was found out about one thing.
struct Finding {
    level: Level,
    what: String,
    mend: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Good,
    Warning,
    Bad,
}

impl Finding {
    fn good(what: impl Into<String>) -> Self {
        Self { level: Level::Good, what: what.into(), mend: None }
    }

    fn warning(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { level: Level::Warning, what: what.into(), mend: Some(mend.into()) }
    }

    fn bad(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { level: Level::Bad, what: what.into(), mend: Some(mend.into()) }
    }
}

/// Prints all findings; fails if one keeps the server from working.
pub(crate) async fn check(source: &Source) -> Result<(), String> {
    let config = source.load()?;
    let mut findings = vec![Finding::good("the config is well-formed and every key is known")];
    findings.push(hosts(&config));
    findings.push(data_dir(&config.data_dir));
    findings.extend(certificates(&config));
    findings.extend(plaintext(&config));
    findings.extend(dns(&config).await);
    print(&findings.iter().flat_map(lines).collect::<Vec<_>>())?;
    match findings.iter().filter(|finding| finding.level == Level::Bad).count() {
        0 => Ok(()),
        1 => Err("one finding keeps the server from working".to_owned()),
        count => Err(format!("{count} findings keep the server from working")),
    }
}

fn lines(finding: &Finding) -> Vec<String> {
    use anstyle::{AnsiColor, Style};
    let (mark, colour) = match finding.level {
        Level::Good => ("good", AnsiColor::Green),
        Level::Warning => ("mind", AnsiColor::Yellow),
        Level::Bad => ("BAD ", AnsiColor::Red),
    };
    let style = style(Style::new().bold().fg_color(Some(colour.into())));
    let mut lines = vec![format!("{style}{mark}{style:#} {}", finding.what)];
    lines.extend(finding.mend.iter().map(|mend| format!("     → {mend}")));
    lines
}

fn hosts(config: &Config) -> Finding {
    if config.host.is_empty() {
        return Finding::bad("the config has no host", "add a line such as [host.\"example.org\"]");
    }
    let names: Vec<&str> = config.host.keys().map(String::as_str).collect();
    Finding::good(format!("hosts: {}", names.join(", ")))
}

fn data_dir(dir: &Path) -> Finding {
    let shown = dir.display();
    let Ok(metadata) = std::fs::metadata(dir) else {
        return Finding::good(format!("the data folder {shown} does not exist yet; the server makes it"));
    };
    let mode = metadata.permissions().mode();
    if !metadata.is_dir() {
        return Finding::bad(format!("{shown} is no folder"), "name another with data_dir");
    }
    if mode & 0o077 != 0 {
        let what = format!("others may read the data folder {shown} (mode {:o})", mode & 0o777);
        return Finding::warning(what, format!("chmod 700 {shown}"));
    }
    match tempfile_in(dir) {
        Ok(()) => Finding::good(format!("the data folder {shown} is private and can be written")),
        Err(error) => Finding::bad(
            format!("the data folder {shown} cannot be written: {error}"),
            format!(
                "run this check as the user that runs the server, or chown the folder: chown -R USER {shown}"
            ),
        ),
    }
}

fn tempfile_in(dir: &Path) -> std::io::Result<()> {
    let probe = dir.join(".waxwing-check");
    std::fs::write(&probe, b"")?;
    std::fs::remove_file(probe)
}

fn certificates(config: &Config) -> Vec<Finding> {
    let folder = config.tls.certificates.as_path();
    let (found, problems) = Certificates::load(&[folder], Settings::default());
    let mut findings: Vec<Finding> = problems
        .iter()
        .filter(|_| folder.exists())
        .map(|problem| Finding::bad(problem.to_string(), "mend or remove the file"))
        .collect();
    for host in config.host.keys() {
        findings.push(certificate(host, folder, &found));
    }
    findings
}

fn certificate(host: &str, folder: &Path, found: &Certificates) -> Finding {
    let served = found.choose(Some(host), None).filter(|_| found.covers(host));
    let Some(served) = served else {
        if host == "localhost" {
            return Finding::good("localhost gets a certificate signed by itself");
        }
        let what = format!("there is no certificate for {host} in {}", folder.display());
        let mend = format!(
            "put {host}.crt and {host}.key there (a chain and its key, PEM), from your certificate authority"
        );
        return Finding::warning(what, mend);
    };
    let seconds = served.identity().not_after.saturating_sub(waxwing_core::Clock::System.now().0 / 1_000_000);
    let days = seconds.div_euclid(86_400);
    match days {
        ..0 => Finding::bad(
            format!("the certificate for {host} has expired"),
            "renew it; the server reads it again by itself",
        ),
        0..14 => Finding::warning(format!("the certificate for {host} expires in {days} days"), "renew it"),
        _ => Finding::good(format!("the certificate for {host} is good for {days} more days")),
    }
}

fn plaintext(config: &Config) -> Vec<Finding> {
    let loopback = config.listen.c2s.iter().all(|address| address.ip().is_loopback());
    let open = config.host.iter().filter(|(_, host)| host.allow_plaintext && !loopback);
    open.map(|(name, _)| {
        let what = format!("{name} lets clients log in without TLS, and listens beyond loopback");
        Finding::bad(what, "take allow_plaintext out, or listen on 127.0.0.1 only")
    })
    .collect()
}

async fn dns(config: &Config) -> Vec<Finding> {
    let names: Vec<&String> = config.host.keys().filter(|name| !name.ends_with("localhost")).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let resolver = match resolver(config) {
        Ok(resolver) => resolver,
        Err(error) => {
            let mend = "set dns.servers, e.g. [\"9.9.9.9:53\"]";
            return vec![Finding::warning(format!("no name server can be asked: {error}"), mend)];
        }
    };
    let mut findings = Vec::new();
    for name in names {
        findings.push(lookup(&resolver, name).await);
    }
    findings
}

fn resolver(config: &Config) -> Result<TokioResolver, hickory_resolver::net::NetError> {
    if config.dns.servers.is_empty() {
        return TokioResolver::builder_tokio()?.build();
    }
    let servers = config.dns.servers.iter().map(|address| {
        let mut server = NameServerConfig::udp_and_tcp(address.ip());
        for connection in &mut server.connections {
            connection.port = address.port();
        }
        server
    });
    let servers = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
    TokioResolver::builder_with_config(servers, TokioRuntimeProvider::default()).build()
}

/// Clients find a server by SRV, else by the address of the domain itself (RFC 6120 §3.2).
async fn lookup(resolver: &TokioResolver, host: &str) -> Finding {
    let srv = resolver.srv_lookup(format!("_xmpp-client._tcp.{host}.")).await;
    if srv.is_ok() {
        return Finding::good(format!("{host} is found by its SRV record"));
    }
    match resolver.lookup_ip(format!("{host}.")).await {
        Ok(_) => Finding::good(format!(
            "{host} is found by its address; it has no SRV record, and needs none on port 5222"
        )),
        Err(error) => Finding::warning(
            format!("clients will not find {host}: {error}"),
            format!(
                "add an address record for {host}, or _xmpp-client._tcp.{host} SRV 0 5 5222 and the machine's name"
            ),
        ),
    }
}
