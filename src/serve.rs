//! The life of the process: store, server, signals.

use std::fs::DirBuilder;
use std::io::IsTerminal;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;
use waxwing_core::config::Log;
use waxwing_core::{Clock, Config, HostKind, Random, Server, StartOptions};
use waxwing_store::{Copied, EngineKind, Store, StoreError, StoreOptions};

use crate::cli::{Source, print, style};
use crate::{admin, modules::MODULES};

/// Runs the server until SIGTERM or SIGINT.
pub(crate) async fn serve(source: &Source) -> Result<(), String> {
    let config = source.load()?;
    start_log(&config.log)?;
    raise_descriptor_limit();
    let data_dir = config.data_dir.clone();
    let store = open(&config).await?;
    // Both before the first port is open: whoever sees that may send a signal or a command at once.
    let signals = Signals::listen()?;
    let commands = admin::open(&data_dir);
    let server = start_on(store, config, true).await?;
    if source.config.is_none() {
        print(&first_steps(&server))?;
    }
    tokio::select! {
        () = signals.obey(source, &server) => {}
        () = admin::listen(&server, commands) => {}
    }
    admin::remove(&data_dir);
    server.stop().await;
    Ok(())
}

/// Opens the store and starts hosts and modules.
pub(crate) async fn start(config: Config, listeners: bool) -> Result<Server, String> {
    start_on(open(&config).await?, config, listeners).await
}

async fn start_on(store: Store, config: Config, listeners: bool) -> Result<Server, String> {
    let options = StartOptions { modules: MODULES, listeners, clock: Clock::System, random: Random::System };
    Server::start(config, store, options).await.map_err(|error| error.to_string())
}

/// What `waxwing modules --hooks HOST` prints. Starts the modules on a store in memory: nothing is touched.
pub(crate) async fn hooks(source: &Source, host: &str) -> Result<Vec<String>, String> {
    let mut config = source.load()?;
    config.storage.engine = "memory".to_owned();
    let server = start(config, false).await?;
    let lines = server.shared().router().host(host).map(|host| host.describe());
    server.stop().await;
    lines.ok_or_else(|| format!("there is no host {host} in the config"))
}

/// Writes the whole store into a file.
pub(crate) async fn export(source: &Source, file: &Path) -> Result<(), String> {
    let store = open(&source.load()?).await?;
    let problem = |error: std::io::Error| format!("{}: {error}", file.display());
    let copied = if file == Path::new("-") {
        store.export(std::io::stdout()).await
    } else {
        let out = std::fs::OpenOptions::new().write(true).create_new(true).open(file).map_err(problem)?;
        store.export(std::io::BufWriter::new(out)).await
    };
    store.close().await;
    report("written", copied)
}

/// Fills an empty store from a file.
pub(crate) async fn import(source: &Source, file: &Path) -> Result<(), String> {
    let store = open(&source.load()?).await?;
    let problem = |error: std::io::Error| format!("{}: {error}", file.display());
    let copied = if file == Path::new("-") {
        store.import(std::io::stdin()).await
    } else {
        store.import(std::io::BufReader::new(std::fs::File::open(file).map_err(problem)?)).await
    };
    store.close().await;
    report("read", copied)
}

fn report(done: &str, copied: Result<Copied, StoreError>) -> Result<(), String> {
    let Copied { partitions, rows, .. } = copied.map_err(|error| error.to_string())?;
    eprintln!("{rows} rows of {partitions} partitions {done}.");
    Ok(())
}

async fn open(config: &Config) -> Result<Store, String> {
    let engine = match config.storage.engine.as_str() {
        "fjall" => EngineKind::Fjall,
        "memory" => EngineKind::Memory,
        _ => EngineKind::Sled,
    };
    let dir = &config.data_dir;
    // Passwords' verifiers and private keys lie here: nobody else may look.
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| {
        format!(
            "{}: {error}. Make the folder for the user that runs the server, or name another with --data-dir",
            dir.display()
        )
    })?;
    let mut options = StoreOptions::new(engine, dir.join("store"));
    options.cache_bytes = u64::try_from(config.storage.cache.0).unwrap_or(u64::MAX);
    Store::open(options).await.map_err(|error| error.to_string())
}

fn start_log(log: &Log) -> Result<(), String> {
    let filter = EnvFilter::try_new(&log.level).map_err(|error| format!("log.level: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::stderr().is_terminal()).with_target(false);
    let result = match log.format.as_str() {
        "json" => builder.json().try_init(),
        "text" => builder.try_init(),
        other => return Err(format!("log.format is \"text\" or \"json\", not \"{other}\"")),
    };
    result.map_err(|error| error.to_string())
}

/// Each connection is a descriptor: the soft limit is raised to the hard one.
fn raise_descriptor_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => info!(before = current, now = maximum, "Limit of open descriptors raised."),
        Err(error) => warn!(%error, limit = current, "The limit of open descriptors stays as it is."),
    }
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("signals: {error}"));
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Until one says that the server ends.
    async fn obey(mut self, source: &Source, server: &Server) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => match source.load() {
                    Ok(config) => server.reload(config),
                    Err(reason) => error!(%reason, "The config was not reloaded; the old one stays."),
                },
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
            }
        }
    }
}

/// What a newcomer reads.
fn first_steps(server: &Server) -> Vec<String> {
    let config = server.shared().config();
    let bold = style(anstyle::Style::new().bold());
    let hosts = server.shared().router().hosts();
    let host = hosts.iter().find(|host| host.kind() == HostKind::Accounts);
    let host = host.map_or("localhost", |host| host.domain().as_str()).to_owned();
    let certificate = config.data_dir.join(format!("self-signed/{host}.crt"));
    let certificate = certificate.display();
    let addresses = |list: &[std::net::SocketAddr]| {
        list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
    };
    vec![
        format!("{bold}Waxwing serves {host}{bold:#} and keeps its data in {}.", config.data_dir.display()),
        format!(
            "  STARTTLS on {}, direct TLS on {}.",
            addresses(&config.listen.c2s),
            addresses(&config.listen.c2s_tls)
        ),
        String::new(),
        "To try it, register an account with any XMPP client, for example:".to_owned(),
        format!("  profanity          then: /register juliet {host} tls trust"),
        format!("  a bot that answers: SSL_CERT_FILE={certificate} cargo run -p echo-bot"),
        format!("Or from another shell: waxwing account add juliet@{host}"),
        "To serve a domain of your own, start from examples/waxwing.toml. Ctrl-C stops.".to_owned(),
    ]
}
