//! What remote servers may do to harm one. They live in a thread of their own, so that they delay nobody who measures.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::Fallible;
use crate::federation::line::{Line, PATIENCE};
use crate::federation::network::{Domain, HERE, Proof, address};
use crate::federation::remote::{DIALBACK, PROCEED, STARTTLS, greeting, key};
use crate::federation::xml::{attribute, name};
use crate::federation::{Stage, remote};

/// What they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Nobody does anything: to compare.
    Calm,
    /// Their servers accept and never say a word.
    Silent,
    /// … say one byte a second.
    Drip,
    /// … send features without end.
    Features,
    /// … offer dialback inside TLS, and send elements without end instead of an answer.
    Chatter,
    /// … the same with white space.
    Blank,
    /// … let themselves be convinced, and then send stanzas without end on a stream that is not for that.
    Junk,
    /// … let themselves be convinced, and read nothing more: one that many stanzas wait for.
    Stalled,
    /// … all of them.
    StalledAll,
    /// They open streams, prove themselves, and send stanzas for nobody as fast as they are taken.
    Flood,
    /// They open streams, and send white space without end before they prove anything.
    Spaces,
    /// They open streams and ask to be proven by dialback, and their own servers never say a word.
    Proofs,
    /// Their name servers do not answer.
    Mute,
    /// Aliases without end.
    Alias,
    /// Aliases of themselves.
    Loop,
    /// Referrals to other name servers.
    Refer,
    /// Six hundred SRV records.
    Many,
    /// Three and a half thousand addresses, where nobody listens.
    Addresses,
}

impl Mood {
    pub(crate) const ALL: [Self; 18] = [
        Self::Calm,
        Self::Silent,
        Self::Drip,
        Self::Features,
        Self::Chatter,
        Self::Blank,
        Self::Junk,
        Self::Stalled,
        Self::StalledAll,
        Self::Flood,
        Self::Spaces,
        Self::Proofs,
        Self::Mute,
        Self::Alias,
        Self::Loop,
        Self::Refer,
        Self::Many,
        Self::Addresses,
    ];

    pub(crate) fn named(name: &str) -> Fallible<Self> {
        let found = Self::ALL.into_iter().find(|mood| mood.name() == name);
        found.ok_or_else(|| format!("there is no mood '{name}'").into())
    }

    /// Also the letters of its domains.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Silent => "silent",
            Self::Drip => "drip",
            Self::Features => "features",
            Self::Chatter => "chatter",
            Self::Blank => "blank",
            Self::Junk => "junk",
            Self::Stalled => "stalled",
            Self::StalledAll => "stalledall",
            Self::Flood => "flood",
            Self::Spaces => "spaces",
            Self::Proofs => "proofs",
            Self::Mute => "mute",
            Self::Alias => "alias",
            Self::Loop => "loop",
            Self::Refer => "refer",
            Self::Many => "many",
            Self::Addresses => "addresses",
        }
    }

    pub(crate) fn domain(self, number: u32) -> String {
        format!("{}{number:04}.lit", self.name())
    }

    /// How many domains of this kind there are, of so many that were asked for.
    pub(crate) fn domains(self, asked: u32) -> u32 {
        match self {
            Self::Calm => 0,
            Self::Stalled => 1,
            // Each sends as fast as it can: more would only measure how a processor is shared.
            Self::Flood | Self::Spaces => asked.min(10),
            _ => asked,
        }
    }

    /// How many messages each of them gets at a time, after `written` to all together.
    pub(crate) fn messages(self, written: u64, domains: u32) -> u64 {
        match self {
            // The stream is opened first.
            Self::Stalled if written > 0 => 5000,
            Self::StalledAll if written >= u64::from(domains) => 25,
            _ => 1,
        }
    }

    pub(crate) fn is_stalled(self) -> bool {
        matches!(self, Self::Stalled | Self::StalledAll)
    }
}

/// The thread.
pub(crate) struct Evil {
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// What all of them share.
struct Gang {
    mood: Mood,
    acceptor: TlsAcceptor,
    subject: SocketAddr,
    domains: Vec<Domain>,
}

impl Evil {
    pub(crate) fn start(mood: Mood, asked: u32, stage: &Stage) -> Fallible<Self> {
        let shown = crate::federation::authority::Authority::new("Nobody knows it")?.sign(&mood.domain(0))?;
        let acceptor = stage.authority.acceptor(&shown)?;
        let connector = stage.authority.connector(&shown)?;
        let domains = (0..mood.domains(asked)).map(|number| Domain {
            name: mood.domain(number),
            address: address(mood.name(), number),
            acceptor: acceptor.clone(),
            connector: connector.clone(),
        });
        let gang = Gang { mood, domains: domains.collect(), acceptor, subject: stage.network.subject };
        let listener = std::net::TcpListener::bind((address(mood.name(), 0), stage.network.port))?;
        listener.set_nonblocking(true)?;
        let (end, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::spawn(move || {
            // What others do meanwhile comes first; they have what is left of the core.
            rustix::process::setpriority_process(None, 19).ok();
            runtime.block_on(async move {
                if let Ok(listener) = TcpListener::from_std(listener) {
                    tokio::spawn(live(Arc::new(gang), listener));
                }
                ended.await.ok();
            });
        });
        Ok(Self { end, thread })
    }

    /// All their connections are closed.
    pub(crate) fn stop(self) {
        self.end.send(()).ok();
        self.thread.join().ok();
    }
}

async fn live(gang: Arc<Gang>, listener: TcpListener) {
    if matches!(gang.mood, Mood::Flood | Mood::Spaces | Mood::Proofs) {
        for number in 0..gang.domains.len() {
            tokio::spawn(attack(Arc::clone(&gang), number));
        }
    }
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let gang = Arc::clone(&gang);
        tokio::spawn(async move { drop(serve(&gang, socket).await) });
    }
}

/// A stream that the server under test has opened.
async fn serve(gang: &Gang, mut socket: TcpStream) -> Fallible {
    match gang.mood {
        Mood::Silent | Mood::Proofs | Mood::Spaces => sleep(FOR_EVER).await,
        Mood::Drip => {
            for byte in greeting(&gang.mood.domain(0), "1", STARTTLS).into_bytes() {
                socket.write_all(&[byte]).await?;
                sleep(Duration::from_secs(1)).await;
            }
        }
        Mood::Features => {
            let header = greeting(&gang.mood.domain(0), "1", "");
            socket.write_all(header.trim_end_matches("</stream:features>").as_bytes()).await?;
            endless(&mut socket, "<feature xmlns='urn:example:feature'/>").await?;
        }
        _ => {
            let (line, domain) = converse(gang, socket).await?;
            let mut socket = line.into_inner();
            match gang.mood {
                Mood::Chatter => endless(&mut socket, "<presence/>").await?,
                Mood::Blank => endless(&mut socket, " ").await?,
                Mood::Junk => {
                    let junk =
                        format!("<message from='x@{domain}' to='y@{HERE}'><body>Junk!</body></message>");
                    endless(&mut socket, &junk).await?;
                }
                _ => sleep(FOR_EVER).await,
            }
        }
    }
    Ok(())
}

/// TLS and, but for those who chatter, whatever is asked for by dialback; gives the stream when it counts as proven.
async fn converse(
    gang: &Gang,
    socket: TcpStream,
) -> Fallible<(Line<tokio_rustls::server::TlsStream<TcpStream>>, String)> {
    let mut line = Line::new(socket);
    let header = line.until("stream:stream").await?;
    let domain = attribute(&header, "to").unwrap_or_default().to_owned();
    line.send(&greeting(&domain, "1", STARTTLS)).await?;
    line.until("starttls").await?;
    line.send(PROCEED).await?;
    let tls = timeout(PATIENCE, gang.acceptor.accept(line.into_inner())).await??;
    let mut line = Line::new(tls);
    line.until("stream:stream").await?;
    line.send(&greeting(&domain, "2", DIALBACK)).await?;
    if matches!(gang.mood, Mood::Chatter | Mood::Blank) {
        return Ok((line, domain));
    }
    loop {
        let element = line.element().await?;
        let id = attribute(&element, "id").unwrap_or_default();
        match name(&element) {
            "db:result" => {
                line.send(&format!("<db:result from='{domain}' to='{HERE}' type='valid'/>")).await?;
                // Those who flood are asked more than that.
                if gang.mood != Mood::Flood {
                    return Ok((line, domain));
                }
            }
            "db:verify" => {
                line.send(&format!("<db:verify from='{domain}' to='{HERE}' id='{id}' type='valid'/>"))
                    .await?;
            }
            _ => {}
        }
    }
}

/// A stream that they open themselves, again and again.
async fn attack(gang: Arc<Gang>, number: usize) {
    loop {
        let Some(domain) = gang.domains.get(number) else { return };
        let attacked = match gang.mood {
            Mood::Proofs => ask_in_vain(domain, gang.subject).await,
            Mood::Spaces => blank(domain, gang.subject).await,
            _ => flood(domain, gang.subject).await,
        };
        drop(attacked);
        sleep(Duration::from_millis(500)).await;
    }
}

async fn ask_in_vain(domain: &Domain, subject: SocketAddr) -> Fallible {
    let (mut line, id, _) = remote::open(domain, subject).await?;
    let key = key(&domain.name, &id);
    line.send(&format!("<db:result from='{}' to='{HERE}'>{key}</db:result>", domain.name)).await?;
    line.until("db:result").await.map(drop)
}

async fn blank(domain: &Domain, subject: SocketAddr) -> Fallible {
    let mut socket = remote::open(domain, subject).await?.0.into_inner();
    endless(&mut socket, " ").await
}

async fn flood(domain: &Domain, subject: SocketAddr) -> Fallible {
    let mut socket = remote::call(domain, Proof::Dialback, subject).await?.into_inner();
    let (from, to) = (format!("x@{}/y", domain.name), format!("nobody@{HERE}"));
    let stanza = format!("<message from='{from}' to='{to}' type='chat'><body>Junk!</body></message>");
    endless(&mut socket, &stanza).await
}

/// Writes it until the other side has enough.
async fn endless<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut S, xml: &str) -> Fallible {
    let chunk = xml.repeat(CHUNK / xml.len().max(1) + 1);
    loop {
        socket.write_all(chunk.as_bytes()).await?;
        socket.flush().await?;
    }
}

/// Longer than any run.
const FOR_EVER: Duration = Duration::from_secs(3600);
const CHUNK: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mood_has_a_name_of_its_own() {
        for mood in Mood::ALL {
            assert_eq!(Mood::named(mood.name()).unwrap(), mood);
            let domain = mood.domain(7);
            let read = crate::federation::network::number(&domain).unwrap();
            assert_eq!((read.kind, read.number), (mood.name(), 7));
        }
        assert!(Mood::named("merry").is_err());
    }
}
