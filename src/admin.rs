//! Commands of the administrator: through a socket in the data directory while the server runs, directly on the
//! store while it does not.
//!
//! One request a connection: fields divided by U+001F, ended by a line feed. The answer: each line of text behind
//! `+ `, then `ok`, or `! ` and the reason.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tracing::{error, warn};
use waxwing_core::{CommandResult, Server};

use crate::cli::Source;
use crate::serve;

/// Calls a command on the running server, or starts hosts without listeners for it.
pub(crate) async fn call(
    source: &Source,
    host: &str,
    name: &str,
    arguments: Vec<String>,
) -> Result<Vec<String>, String> {
    let config = source.load()?;
    match UnixStream::connect(socket(&config.data_dir)).await {
        Ok(stream) => ask(stream, host, name, &arguments).await,
        Err(_) => {
            let server = serve::start(config, false).await?;
            let result = server.command(host, name, arguments).await;
            server.stop().await;
            result.map_err(|error| error.to_string())
        }
    }
}

/// The counters of the running server, in the OpenMetrics text format.
pub(crate) async fn metrics(source: &Source) -> Result<Vec<String>, String> {
    call_running(source, "", METRICS, Vec::new()).await
}

/// Calls a command that tells of the running server.
pub(crate) async fn call_running(
    source: &Source,
    host: &str,
    name: &str,
    arguments: Vec<String>,
) -> Result<Vec<String>, String> {
    let config = source.load()?;
    let stream = UnixStream::connect(socket(&config.data_dir)).await;
    let stream = stream.map_err(|error| {
        format!(
            "no server runs on {}: {error}. Start it, or name its folder with --data-dir",
            config.data_dir.display()
        )
    })?;
    ask(stream, host, name, &arguments).await
}

fn socket(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.sock")
}

async fn ask(
    mut stream: UnixStream,
    host: &str,
    name: &str,
    arguments: &[String],
) -> Result<Vec<String>, String> {
    let problem = |error: std::io::Error| format!("the running server did not answer: {error}");
    let mut fields = vec![host, name];
    fields.extend(arguments.iter().map(String::as_str));
    let request = fields.join(DIVIDER) + "\n";
    stream.write_all(request.as_bytes()).await.map_err(problem)?;
    let mut lines = BufReader::new(stream).lines();
    let mut answer = Vec::new();
    while let Some(line) = lines.next_line().await.map_err(problem)? {
        match line.split_at_checked(2) {
            Some(("+ ", text)) => answer.push(text.to_owned()),
            Some(("! ", reason)) => return Err(reason.to_owned()),
            _ => return Ok(answer),
        }
    }
    Err("the running server ended before it answered".to_owned())
}

/// Where commands come in. None: they cannot, and the log says why.
///
/// Called under the store's lock and before the server can be seen: a command that comes early waits, instead of
/// finding the store in use.
pub(crate) fn open(data_dir: &Path) -> Option<UnixListener> {
    let path = socket(data_dir);
    match bind(&path) {
        Ok(listener) => Some(listener),
        Err(error) => {
            error!(%error, path = %path.display(), "Commands such as `waxwing account` will not reach this server.");
            None
        }
    }
}

/// Answers commands until the future is dropped.
pub(crate) async fn listen(server: &Server, listener: Option<UnixListener>) {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let served = tokio::time::timeout(PATIENCE, answer(server, stream)).await;
                if !matches!(served, Ok(Ok(()))) {
                    warn!("A command of the administrator was not answered.");
                }
            }
            Err(error) => {
                warn!(%error, "The admin socket failed.");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
    }
}

/// Removes a socket that a killed server left behind; the store's lock keeps two servers apart.
fn bind(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn answer(server: &Server, stream: UnixStream) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut request = String::new();
    BufReader::new(read.take(REQUEST_BYTES_MAX)).read_line(&mut request).await?;
    let mut fields = request.trim_end_matches('\n').split(DIVIDER).map(str::to_owned);
    let (host, name) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    let result: CommandResult = match name.as_str() {
        METRICS => Ok(server.shared().encode_metrics().lines().map(str::to_owned).collect()),
        _ => server.command(&host, &name, fields.collect()).await,
    };
    let text = match result {
        Ok(lines) => lines.iter().map(|line| format!("+ {line}\n")).collect::<String>() + "ok\n",
        Err(error) => format!("! {error}\n"),
    };
    write.write_all(text.as_bytes()).await
}

/// Removes the socket at the end.
pub(crate) fn remove(data_dir: &Path) {
    // It may be gone already; a left-over one is removed at the next start.
    drop(std::fs::remove_file(socket(data_dir)));
}

const METRICS: &str = "metrics";
const DIVIDER: &str = "\u{1f}";
const REQUEST_BYTES_MAX: u64 = 64 << 10;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
