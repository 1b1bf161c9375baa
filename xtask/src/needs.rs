//! Getting what the tests need: Debian packages and a Python environment.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run;

/// Where everything is kept that is installed for the tests: never in the checkout.
pub(crate) fn cache() -> Result<PathBuf, String> {
    if let Some(folder) = std::env::var_os("WAXWING_CACHE") {
        return Ok(PathBuf::from(folder));
    }
    let home = std::env::var_os("HOME").ok_or("neither WAXWING_CACHE nor HOME is set")?;
    Ok(Path::new(&home).join(".cache/waxwing"))
}

/// Makes sure that programs are there, each given with its Debian package; installs what is missing if it may.
pub(crate) fn programs(wanted: &[(&str, &str)]) -> Result<(), String> {
    let missing = |wanted: &[(&str, &str)]| -> Vec<String> {
        let absent = wanted.iter().filter(|(program, _)| !run::is_there(program));
        absent.map(|(_, package)| (*package).to_owned()).collect()
    };
    install(&missing(wanted))?;
    let left = missing(wanted);
    if left.is_empty() { Ok(()) } else { Err(format!("not there after installing: {}", left.join(" "))) }
}

fn install(packages: &[String]) -> Result<(), String> {
    if packages.is_empty() {
        return Ok(());
    }
    let by_hand = format!("missing; as root: apt-get install {}", packages.join(" "));
    let forbidden = std::env::var("WAXWING_INSTALL").is_ok_and(|value| value == "0");
    if forbidden || !is_root() || !run::is_there("apt-get") {
        return Err(by_hand);
    }
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "-y", "--no-install-recommends"]);
    command.args(packages);
    if run::succeeds(&mut command) {
        return Ok(());
    }
    // The list of packages may be old or empty: fetch it and try once more.
    let updated = run::succeeds(Command::new("apt-get").arg("update"));
    if updated && run::succeeds(&mut command) { Ok(()) } else { Err(by_hand) }
}

fn is_root() -> bool {
    run::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Makes sure that rustfmt and clippy are there: a minimal Rust comes without them.
pub(crate) fn components() -> Result<(), String> {
    let there =
        || ["fmt", "clippy"].iter().all(|tool| run::output(&mut run::cargo(&[tool, "--version"])).is_ok());
    if there() {
        return Ok(());
    }
    let mut add = Command::new("rustup");
    add.current_dir(run::root()).args(["component", "add", "rustfmt", "clippy"]);
    if run::is_there("rustup") && run::succeeds(&mut add) && there() {
        return Ok(());
    }
    Err("missing; rustup component add rustfmt clippy".to_owned())
}

/// A Python with the clients of `clients/requirements.txt`, made in the cache.
///
/// It is a virtual environment: Debian's Python refuses to install into itself (PEP 668).
pub(crate) fn python() -> Result<PathBuf, String> {
    let list = run::root().join("clients/requirements.txt");
    let wanted = std::fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    let folder = cache()?.join("python");
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.txt");
    if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    programs(&[("python3", "python3")])?;
    if !can_make_environments() {
        install(&["python3-venv".to_owned()])?;
    }
    let made = run::succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
    if !made {
        return Err("python3 -m venv failed; on Debian: apt-get install python3-venv".to_owned());
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"])
        .arg(&list);
    if !run::succeeds(&mut pip) {
        return Err(format!("pip could not install {}; is there a network?", list.display()));
    }
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python)
}

fn can_make_environments() -> bool {
    run::output(Command::new("python3").args(["-c", "import ensurepip, venv"])).is_ok()
}
