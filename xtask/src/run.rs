//! Running other programs.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The folder of the checkout.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The cargo that runs us, in the checkout.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    // Set by cargo for us; they would make the crates of an inner cargo look changed.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it with our output; whether it ended well.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    announce(command);
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            println!("{} does not start: {error}", command.get_program().display());
            false
        }
    }
}

/// Runs it and shows every line it prints also to `see`; whether it ended well.
pub(crate) fn watched(command: &mut Command, mut see: impl FnMut(&str)) -> bool {
    announce(command);
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            println!("{} does not start: {error}", command.get_program().display());
            return false;
        }
    };
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            println!("{line}");
            see(&line);
        }
    }
    child.wait().is_ok_and(|status| status.success())
}

/// What it prints on its standard output, if it ends well.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name} does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{name} printed what is not UTF-8"))
}

/// A shell that raises the soft limit of descriptors to the hard one and becomes what its arguments name.
pub(crate) fn with_descriptors() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n \"$(ulimit -Hn)\"; exec \"$@\"", "sh"]);
    command
}

/// Whether a program of this name is in the search path.
pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps some programs of servers where only root looks.
    let more = [PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")];
    std::env::split_paths(&path).chain(more).any(|folder| folder.join(program).is_file())
}

/// The release binary of a package, built now.
pub(crate) fn release_binary(package: &str) -> Result<PathBuf, String> {
    built(&["build", "--release", "--locked", "--package", package], "release", package)
}

/// The server: what `WAXWING_BIN` names, or the release build, built now.
pub(crate) fn waxwing() -> Result<PathBuf, String> {
    std::env::var_os("WAXWING_BIN").map_or_else(|| release_binary("waxwing"), |path| Ok(PathBuf::from(path)))
}

/// The load generator: what `WAXWING_LOAD` names, or the release build, built now.
pub(crate) fn load() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || release_binary("waxwing-load");
    BUILT.get_or_init(|| std::env::var_os("WAXWING_LOAD").map_or_else(build, |path| Ok(path.into()))).clone()
}

/// The debug binary of a package, built now.
pub(crate) fn debug_binary(package: &str) -> Result<PathBuf, String> {
    built(&["build", "--locked", "--package", package], "debug", package)
}

fn built(arguments: &[&str], profile: &str, package: &str) -> Result<PathBuf, String> {
    if !succeeds(&mut cargo(arguments)) {
        return Err(format!("{package} does not build"));
    }
    Ok(target_dir()?.join(profile).join(package))
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> Result<PathBuf, String> {
    let metadata = output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let rest = metadata.split("\"target_directory\":\"").nth(1);
    let folder = rest.and_then(|rest| rest.split('"').next());
    folder.map(PathBuf::from).ok_or_else(|| "cargo metadata names no target folder".to_owned())
}

fn announce(command: &Command) {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    println!("\n> {line}");
}
