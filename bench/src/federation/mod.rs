//! Federation: a simulated network of small servers on loopback, and one server under test in the midst of it.
//!
//! Everything but the server under test is in this process: the servers, each with an address, a certificate and a
//! parser of its own; their name server; and the users of the server under test, who write to them and are written to.
//! Whatever is counted is counted at the other end.

mod authority;
mod dns;
mod evil;
mod hostile;
mod line;
mod local;
mod network;
mod probe;
mod remote;
mod streams;
mod subject;
mod xml;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::Fallible;
use crate::federation::authority::Authority;
use crate::federation::local::Local;
use crate::federation::network::{Network, Proof};
use crate::federation::subject::{Kind, Ports, Subject};

/// `SUBJECT PROGRAM streams|hostile DOMAINS SECONDS [MOOD]…`
pub(crate) async fn run(words: &[&str]) -> Fallible {
    let [name, program, part, domains, seconds, moods @ ..] = words else { return Err(crate::USAGE.into()) };
    let hasty = *part == "hostile";
    let kind = Kind { name: (*name).to_owned(), program: PathBuf::from(program), hasty };
    let (domains, time) = (domains.parse()?, Duration::from_secs(seconds.parse()?));
    let work = async {
        match *part {
            "streams" => streams::run(&kind, domains, time).await,
            "hostile" => hostile::run(&kind, domains, time, moods).await,
            _ => Err(crate::USAGE.into()),
        }
    };
    timeout(RUN_TIME_MAX, work).await.map_err(|_| format!("not done within {RUN_TIME_MAX:?}"))?
}

/// One part with one server; the server under test ends with it.
const RUN_TIME_MAX: Duration = Duration::from_secs(20 * 60);

/// A network with a freshly started server under test and its users.
struct Stage {
    authority: Authority,
    network: Arc<Network>,
    subject: Subject,
    locals: Vec<Local>,
}

impl Stage {
    async fn set(kind: &Kind, domains: u32, proof: Proof) -> Fallible<Self> {
        let authority = Authority::new("The authority of the bench")?;
        let ports = Ports::free()?;
        let network = Network::start(domains, proof, &authority, ports.servers()).await?;
        let subject = Subject::start(kind, ports, network.dns, &authority).await?;
        let locals = local::all(&network, ports, &authority).await;
        let locals = locals.map_err(|error| format!("{error}; the server said: {}", subject.output()))?;
        Ok(Self { authority, network, subject, locals })
    }
}
