//! The load generator of `cargo xtask bench`.
//!
//! It measures one running server from outside: the CPU time of its processes from `/proc/PID/stat`, their
//! resident memory from `/proc/PID/status`, and nothing the server says about itself. Every figure is one line
//! `NAME VALUE…` on standard output. It parses no XML: it looks for the few words it waits for.

mod archive;
mod client;
mod federation;
mod floor;
mod meter;
mod plan;
mod process;
mod rooms;
mod scram;
mod workload;

use std::process::ExitCode;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::archive::Archive;
use crate::client::Target;

/// Whatever goes wrong ends the run.
type Fallible<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

const USAGE: &str = "\
usage: waxwing-load work WORKLOAD SUBJECT ROUND PORT PORT-TLS CA-FILE PID full|quick [NUMBER]...
       waxwing-load floor PORT PORT-TLS CERTIFICATE KEY
       waxwing-load PORT CA-FILE PID fill ACCOUNTS MESSAGES
       waxwing-load PORT CA-FILE PID read ACCOUNTS MESSAGES HALF
       waxwing-load PORT CA-FILE PID chat ACCOUNTS MESSAGES NAME SECONDS
       waxwing-load PORT CA-FILE PID rooms crowd SECONDS SMALL MIDDLE [LARGE]
       waxwing-load PORT CA-FILE PID rooms make|first ROOMS
       waxwing-load federation SUBJECT PROGRAM streams DOMAINS SECONDS
       waxwing-load federation SUBJECT PROGRAM hostile DOMAINS SECONDS [MOOD]...";

async fn run() -> Fallible {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["federation", rest @ ..] = words.as_slice() {
        return federation::run(rest).await;
    }
    if let ["work", rest @ ..] = words.as_slice() {
        return workload::run(rest).await;
    }
    if let ["floor", port, port_tls, certificate, key] = words.as_slice() {
        return floor::serve(port.parse()?, port_tls.parse()?, certificate, key).await;
    }
    let [port, authority, pid, rest @ ..] = words.as_slice() else { return Err(USAGE.into()) };
    let target = Arc::new(Target::new("localhost", port.parse()?, tls(authority)?)?);
    let pid = pid.parse()?;
    let archive = |accounts: &str, messages: &str| {
        Fallible::Ok(Archive { accounts: accounts.parse()?, messages: messages.parse()? })
    };
    match rest {
        ["fill", accounts, messages] => archive(accounts, messages)?.fill(&target, pid).await,
        ["read", accounts, messages, half] => archive(accounts, messages)?.read(&target, pid, half).await,
        ["chat", accounts, messages, name, seconds] => {
            let time = std::time::Duration::from_secs(seconds.parse()?);
            archive(accounts, messages)?.chat(&target, pid, name, time).await
        }
        ["rooms", rest @ ..] => rooms::run(rest, &target, pid).await,
        _ => Err(USAGE.into()),
    }
}

/// TLS that trusts the one authority and never resumes a session: every login pays for its handshake.
fn tls(authority: &str) -> Fallible<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority)?)?;
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}
