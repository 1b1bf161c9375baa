//! The load generator of `cargo xtask bench`.
//!
//! It measures one running server from outside: the CPU time of its processes from `/proc/PID/stat`, their
//! resident memory from `/proc/PID/status`, and nothing the server says about itself. Every figure is one line
//! `NAME VALUE` on standard output. It parses no XML: it looks for the few words it waits for.

mod client;
mod plan;
mod process;
mod scram;

use std::process::ExitCode;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::client::Target;
use crate::plan::Plan;

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

/// `waxwing-load PORT CA-FILE PID SESSIONS-MAX [quick]`.
async fn run() -> Fallible {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, authority, pid, sessions_max, rest @ ..] = words.as_slice() else {
        return Err("usage: waxwing-load PORT CA-FILE PID SESSIONS-MAX [quick]".into());
    };
    let target = Arc::new(Target::new(port.parse()?, tls(authority)?)?);
    let plan = if rest.first().is_some_and(|word| word == "quick") { Plan::QUICK } else { Plan::FULL };
    plan.at_most(sessions_max.parse()?).run(&target, pid.parse()?).await
}

/// TLS that trusts the one authority and never resumes a session: every login pays for its handshake.
fn tls(authority: &str) -> Fallible<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority)?)?;
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}
