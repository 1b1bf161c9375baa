//! The command line: thin calls into the rest.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use waxwing_core::Config;

use crate::modules::MODULES;
use crate::{admin, check, facts, password, serve};

/// An XMPP-compliant federated messaging server.
///
/// Without a command it serves `localhost` on loopback, with a certificate made on the spot and open registration.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    source: Source,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Where the config comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct Source {
    /// The config file (TOML); without one, a server for localhost
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the server keeps everything; wins over the config
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Sets one key of the config, e.g. --set limits.login_tries_max=3
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Source {
    /// Reads the config.
    pub(crate) fn load(&self) -> Result<Config, String> {
        let mut config =
            Config::load(self.config.as_deref(), &self.set, MODULES).map_err(|error| error.to_string())?;
        if let Some(dir) = &self.data_dir {
            config.data_dir.clone_from(dir);
        }
        Ok(config)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server until SIGTERM; SIGHUP reads config and certificates again
    Serve,
    /// Looks through config, certificates, DNS names and permissions, and says how to mend each finding
    Check,
    /// Manages accounts, whether the server runs or not
    Account {
        #[command(subcommand)]
        action: AccountAction,
    },
    /// Tells of other servers: which are talked to, and what is wrong with one; the server must be running
    S2s {
        #[command(subcommand)]
        action: S2sAction,
    },
    /// Tells of external components; the server must be running
    Component {
        #[command(subcommand)]
        action: ComponentAction,
    },
    /// Lists modules; with --hooks, what hangs on each point of a host, in order
    Modules {
        /// Print the hooks of this host
        #[arg(long, value_name = "HOST")]
        hooks: Option<String>,
    },
    /// Prints the counters of the running server (OpenMetrics text format)
    Metrics,
    /// Moves everything in and out of the store: backup, and change of engine; the server must be stopped
    Store {
        #[command(subcommand)]
        action: StoreAction,
    },
    /// Prints completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Prints what modules declare, for the project's generated texts
    #[command(hide = true)]
    Facts {
        /// Which text
        what: facts::Fact,
    },
}

#[derive(Debug, Subcommand)]
enum S2sAction {
    /// Lists streams from and to other servers, what waits, and what went wrong last
    List,
    /// Finds a server, connects and proves both sides, and says where that fails and what to do
    Test {
        /// The other server's domain, e.g. example.net
        domain: String,
        /// The domain of ours that wants to talk; by default the first host of the config
        #[arg(long, value_name = "HOST")]
        from: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum ComponentAction {
    /// Lists the components of the config, and which of them are connected
    List,
}

#[derive(Debug, Subcommand)]
enum AccountAction {
    /// Makes an account; asks for the password
    Add(WithPassword),
    /// Removes an account with everything it owns
    Remove(Address),
    /// Sets a new password and ends the account's sessions
    Password(WithPassword),
    /// Lists the accounts of a host
    List {
        /// The host, e.g. example.org
        host: String,
    },
    /// Keeps an account from logging in; what it owns stays
    Disable(Address),
    /// Lets a disabled account log in again
    Enable(Address),
    /// Shows how long the account's log is, and what waits for its clients
    Log(Address),
    /// Shows how much of the account's log stays, or sets it; `default` is what the config says
    Retention(Retention),
}

#[derive(Debug, Args)]
struct Address {
    /// The address, e.g. anna@example.org
    jid: String,
}

#[derive(Debug, Args)]
struct Retention {
    /// The address, e.g. anna@example.org
    jid: String,
    /// How long messages stay, e.g. "90 days" or "forever"
    #[arg(long, value_name = "TIME", default_value = "-", hide_default_value = true)]
    keep_for: String,
    /// How many messages stay; 0: no limit
    #[arg(long, value_name = "COUNT", default_value = "-", hide_default_value = true)]
    messages_max: String,
    /// How many bytes stay, e.g. "1 GiB"; "0 B": no limit
    #[arg(long, value_name = "SIZE", default_value = "-", hide_default_value = true)]
    bytes_max: String,
}

#[derive(Debug, Args)]
struct WithPassword {
    /// The address, e.g. anna@example.org
    jid: String,
    /// Read the password from the first line of standard input instead of asking
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Subcommand)]
enum StoreAction {
    /// Writes everything into a file (`-`: standard output)
    Export {
        /// The file
        file: PathBuf,
    },
    /// Fills an empty store from an export (`-`: standard input)
    Import {
        /// The file
        file: PathBuf,
    },
}

impl Cli {
    /// Does what was asked.
    pub(crate) async fn run(self) -> Result<(), String> {
        let source = self.source;
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::serve(&source).await,
            Command::Check => check::check(&source).await,
            Command::Account { action } => account(&source, action).await,
            Command::S2s { action } => s2s(&source, action).await,
            Command::Component { action: ComponentAction::List } => print(
                &admin::call_running(&source, &first_host(&source), "component.list", Vec::new()).await?,
            ),
            Command::Modules { hooks: None } => print(&facts::modules()),
            Command::Modules { hooks: Some(host) } => print(&serve::hooks(&source, &host).await?),
            Command::Metrics => print(&admin::metrics(&source).await?),
            Command::Store { action: StoreAction::Export { file } } => serve::export(&source, &file).await,
            Command::Store { action: StoreAction::Import { file } } => serve::import(&source, &file).await,
            Command::Completions { shell } => {
                clap_complete::generate(shell, &mut Self::command(), "waxwing", &mut std::io::stdout());
                Ok(())
            }
            Command::Facts { what } => print(&facts::text(what)),
        }
    }
}

async fn account(source: &Source, action: AccountAction) -> Result<(), String> {
    let (name, jid, more) = match action {
        AccountAction::Add(it) => ("account.add", it.jid, vec![password::read(it.password_stdin)?]),
        AccountAction::Password(it) => ("account.password", it.jid, vec![password::read(it.password_stdin)?]),
        AccountAction::Remove(it) => ("account.remove", it.jid, Vec::new()),
        AccountAction::Disable(it) => ("account.disable", it.jid, Vec::new()),
        AccountAction::Enable(it) => ("account.enable", it.jid, Vec::new()),
        AccountAction::Log(it) => ("account.log", it.jid, Vec::new()),
        AccountAction::Retention(it) => {
            ("account.retention", it.jid, vec![it.keep_for, it.messages_max, it.bytes_max])
        }
        AccountAction::List { host } => {
            return print(&admin::call(source, &host, "account.list", Vec::new()).await?);
        }
    };
    let host = jid.split_once('@').map(|(_, host)| host.to_owned());
    let host =
        host.ok_or_else(|| format!("\"{jid}\" is no address of an account: write name@example.org"))?;
    let arguments = std::iter::once(jid).chain(more).collect();
    print(&admin::call(source, &host, name, arguments).await?)
}

async fn s2s(source: &Source, action: S2sAction) -> Result<(), String> {
    let (name, from, arguments) = match action {
        S2sAction::List => ("s2s.list", None, Vec::new()),
        S2sAction::Test { domain, from } => ("s2s.test", from, vec![domain]),
    };
    let host = from.unwrap_or_else(|| first_host(source));
    print(&admin::call_running(source, &host, name, arguments).await?)
}

/// Commands that are about the whole server go by any host.
fn first_host(source: &Source) -> String {
    source.load().ok().and_then(|config| config.host.keys().next().cloned()).unwrap_or_default()
}

/// Prints lines to standard output; a closed pipe is no error.
pub(crate) fn print(lines: &[String]) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        match writeln!(out, "{line}") {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            result => result.map_err(|error| format!("standard output: {error}"))?,
        }
    }
    Ok(())
}

/// Says why on standard error, in red where a person reads it.
pub(crate) fn fail(reason: &str) -> ExitCode {
    let red = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
    let mut err = std::io::stderr().lock();
    let written = if err.is_terminal() {
        writeln!(err, "{red}waxwing:{red:#} {reason}")
    } else {
        writeln!(err, "waxwing: {reason}")
    };
    // Nobody is left to be told when standard error is closed.
    drop(written);
    ExitCode::FAILURE
}

/// Styles of a finding or a line of the banner, empty when nobody looks.
pub(crate) fn style(style: anstyle::Style) -> anstyle::Style {
    if std::io::stdout().is_terminal() { style } else { anstyle::Style::new() }
}

impl ValueEnum for facts::Fact {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Readme, Self::Doap, Self::Config]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(match self {
            Self::Readme => "readme",
            Self::Doap => "doap",
            Self::Config => "config",
        }))
    }
}
