//! The conformance tests over the wire, compared with the results stored for the subject.
//!
//! See the crate `conformance-tests`: it starts the subject itself, and its program `table` reads the results.

use std::fs;
use std::path::{Path, PathBuf};

use crate::needs;
use crate::options::Options;
use crate::run;
use crate::tally::Tally;
use crate::unit;

/// A file of the package with further modules for Prosody.
const PROSODY_MODULE: &str = "/usr/lib/prosody/modules/mod_vcard_muc/mod_vcard_muc.lua";

/// Runs them against the subject of the options; with `--record` the results become the stored ones.
pub(crate) fn run(options: &Options, tally: &mut Tally) {
    let subject = options.subject.as_str();
    match results(subject, tally).and_then(|run| judge(options, &run, tally)) {
        Ok(()) => {}
        Err(why) => tally.fail(&format!("conformance of {subject}: {why}")),
    }
    if subject == "waxwing" {
        hostile(tally);
    }
}

/// Hostile input beside users who chat, which has to pass. It is no part of the table: another server may not live to
/// its end, and then nothing is known of the rest.
fn hostile(tally: &mut Tally) {
    let mut command =
        run::cargo(&["test", "--locked", "--package", "conformance-tests", "--test", "hostility"]);
    match run::waxwing() {
        Ok(binary) => {
            command.env("WAXWING_SUBJECT", "waxwing").env("WAXWING_BIN", binary);
            unit::counted("hostile input", &mut command, tally);
        }
        Err(why) => tally.fail(&format!("hostile input: {why}")),
    }
}

/// Where the results of a subject are stored.
fn stored(subject: &str) -> PathBuf {
    run::root().join("conformance-tests/results").join(format!("{subject}.txt"))
}

/// Runs the tests and keeps what they print.
fn results(subject: &str, tally: &mut Tally) -> Result<PathBuf, String> {
    let package = ["--package", "conformance-tests", "--lib"];
    let mut command = run::cargo(&[&["test", "--locked", "--no-fail-fast"][..], &package].concat());
    command.env("WAXWING_SUBJECT", subject);
    match subject {
        "waxwing" => {
            command.env("WAXWING_BIN", run::waxwing()?);
        }
        // Debian has the modules for avatars of rooms and for moderation in a package of their own.
        "prosody" => needs::programs(&[("prosody", "prosody"), (PROSODY_MODULE, "prosody-modules")])?,
        _ => needs::programs(&[("ejabberdctl", "ejabberd")])?,
    }
    let (mut lines, mut passed, mut failed) = (String::new(), 0, 0);
    run::watched(&mut command, |line| {
        lines.push_str(line);
        lines.push('\n');
        if line.starts_with("test ") {
            passed += u64::from(line.ends_with(" ... ok"));
            failed += u64::from(line.ends_with(" ... FAILED"));
        }
    });
    if passed == 0 {
        return Err("nothing passed".to_owned());
    }
    println!("conformance of {subject}: {passed} passed, {failed} failed");
    tally.add(passed, 0);
    let path = needs::cache()?.join(format!("conformance-{subject}.txt"));
    let kept = fs::create_dir_all(needs::cache()?).and_then(|()| fs::write(&path, lines));
    kept.map(|()| path.clone()).map_err(|error| format!("{}: {error}", path.display()))
}

/// Differences to the stored results count as failed; a failure that is stored is known and listed.
fn judge(options: &Options, run: &Path, tally: &mut Tally) -> Result<(), String> {
    let baseline = stored(&options.subject);
    if options.record {
        let text = run::output(table().arg("record").arg(run))?;
        fs::write(&baseline, text).map_err(|error| format!("{}: {error}", baseline.display()))?;
        println!("recorded in {}", baseline.display());
        return Ok(());
    }
    let known = fs::read_to_string(&baseline).map_err(|error| format!("{}: {error}", baseline.display()))?;
    for line in known.lines().filter(|line| line.ends_with(" ... FAILED")) {
        tally.known_failure(line.trim_start_matches("test ").trim_end_matches(" ... FAILED"));
    }
    let mut compare = table();
    compare.arg("compare").arg(&baseline).arg(run);
    let mut differences = Vec::new();
    let same = run::watched(&mut compare, |line| differences.push(line.to_owned()));
    for difference in &differences {
        tally.fail(difference);
    }
    if same == differences.is_empty() { Ok(()) } else { Err("the comparison itself failed".to_owned()) }
}

/// The program that reads, compares and shows results.
pub(crate) fn table() -> std::process::Command {
    run::cargo(&["run", "--quiet", "--locked", "--package", "conformance-tests", "--bin", "table", "--"])
}
