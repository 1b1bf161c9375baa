//! Formatting, lints and the tests of the crates.

use crate::needs;
use crate::run;
use crate::tally::Tally;

/// `cargo fmt --check` and clippy without warnings.
pub(crate) fn style(tally: &mut Tally) {
    if let Err(why) = needs::components() {
        return tally.skip("formatting and clippy", &why);
    }
    tally.check("formatting: run cargo fmt", run::succeeds(&mut run::cargo(&["fmt", "--all", "--check"])));
    let clippy = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    tally.check("clippy", run::succeeds(&mut run::cargo(&clippy)));
}

/// `cargo test` for the default members and for this tool.
pub(crate) fn tests(tally: &mut Tally) {
    let mut command = run::cargo(&["test", "--locked", "--no-fail-fast"]);
    // The differential tests of the XML parser ask expat and libxml2, through Python.
    match needs::python() {
        Ok(python) => {
            command.env("WAXWING_PYTHON", python);
        }
        Err(why) => tally.skip("comparison with expat and libxml2", &why),
    }
    counted("the tests of the crates", &mut command, tally);
    if let Err(why) = needs::programs(&[("openssl", "openssl")]) {
        tally.skip("openssl, for the tests of xtask", &why);
    }
    let fuzz = ["test", "--locked", "--package", "waxwing-fuzz"];
    counted("a short run of the fuzz targets", &mut run::cargo(&fuzz), tally);
    counted("the tests of xtask", &mut run::cargo(&["test", "--locked", "--package", "xtask"]), tally);
}

/// Runs test programs and adds up their results.
pub(crate) fn counted(name: &str, command: &mut std::process::Command, tally: &mut Tally) {
    let (mut failed_lines, mut seen) = (0, false);
    let well = run::watched(command, |line| {
        if tally.read_result(line) {
            seen = true;
            failed_lines += usize::from(line.contains("FAILED"));
        }
    });
    match (well, failed_lines) {
        (true, 0) if seen => {}
        (true, 0) => tally.fail(&format!("{name}: nothing ran")),
        (_, 0) => tally.fail(name),
        _ => tally.note(name),
    }
}
