//! The fuzz targets under libFuzzer, with the stable toolchain.
//!
//! What the compiler has to add, counters that libFuzzer reads, is a pass of LLVM's that a stable compiler runs when it is
//! asked to. No sanitizer: the crates have no unsafe code.

use std::path::{Path, PathBuf};

use crate::needs;
use crate::options::Options;
use crate::run;

/// Runs the targets asked for, all by default; whether none found anything.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    needs::programs(&[("c++", "g++")])?;
    let folder = run::root().join("fuzz");
    let known = targets(&folder)?;
    if let Some(unknown) = options.targets.iter().find(|name| !known.contains(name)) {
        return Err(format!("there is no fuzz target '{unknown}'; there are {}", known.join(", ")));
    }
    let binary = build()?;
    let chosen = if options.targets.is_empty() { &known } else { &options.targets };
    let mut well = true;
    for target in chosen {
        well &= fuzz(&binary, &folder, target, options.seconds)?;
    }
    Ok(well)
}

/// The folders of the corpus; a test of the crate sees to it that each target has one.
fn targets(folder: &Path) -> Result<Vec<String>, String> {
    let corpus = folder.join("corpus");
    let entries = std::fs::read_dir(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn build() -> Result<PathBuf, String> {
    let version = run::output(std::process::Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("rustc does not name its host")?;
    // With a target named, build scripts and macros are built without the flags.
    let arguments =
        ["build", "--release", "--locked", "--package", "waxwing-fuzz", "--features", "libfuzzer"];
    let mut command = run::cargo(&arguments);
    command.args(["--target", host]).env("RUSTFLAGS", FLAGS);
    command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true");
    command.env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true");
    if !run::succeeds(&mut command) {
        return Err("the fuzz targets do not build".to_owned());
    }
    Ok(run::target_dir()?.join(host).join("release/waxwing-libfuzzer"))
}

/// What is new goes to `fuzz/found`, what fails to `fuzz/artifacts`.
fn fuzz(binary: &Path, folder: &Path, target: &str, seconds: u64) -> Result<bool, String> {
    let (found, artifacts) = (folder.join("found").join(target), folder.join("artifacts").join(target));
    for made in [&found, &artifacts] {
        std::fs::create_dir_all(made).map_err(|error| format!("{}: {error}", made.display()))?;
    }
    let mut command = std::process::Command::new(binary);
    command.env("WAXWING_FUZZ", target).arg(&found).arg(folder.join("corpus").join(target));
    command.arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-dict={}", folder.join("dictionary.txt").display()));
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args(["-max_len=4000", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    Ok(run::succeeds(&mut command))
}

const FLAGS: &str = "--cfg fuzzing -C passes=sancov-module -C llvm-args=-sanitizer-coverage-level=4 \
    -C llvm-args=-sanitizer-coverage-inline-8bit-counters -C llvm-args=-sanitizer-coverage-pc-table \
    -C llvm-args=-sanitizer-coverage-trace-compares -C codegen-units=1";
