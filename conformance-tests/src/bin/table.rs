//! Compares runs of the conformance tests.
//!
//! - `table` writes the table of the three stored runs in Markdown, `table WAXWING PROSODY EJABBERD` that of others.
//! - `table record RUN` writes the results of a run in the form that is stored in `results/`.
//! - `table compare BASELINE RUN` fails, with a list, unless the run has the results of the baseline.

use std::fs;
use std::process::ExitCode;

use conformance_tests::table::{Explanations, Run, compare, markdown, parse, record};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

fn run(words: &[&str]) -> Result<ExitCode, String> {
    match words {
        [] => print_table(["waxwing", "prosody", "ejabberd"].map(|s| format!("{ROOT}/results/{s}.txt")))?,
        ["record", run] => print!("{}", record(&read(run)?)),
        ["compare", baseline, run] => {
            let differences = compare(&read(baseline)?, &read(run)?);
            if !differences.is_empty() {
                println!("{}", differences.join("\n"));
                return Ok(ExitCode::FAILURE);
            }
        }
        [waxwing, prosody, ejabberd] => {
            print_table([waxwing, prosody, ejabberd].map(|path| (*path).to_owned()))?
        }
        _ => {
            return Err(
                "usage: table [WAXWING PROSODY EJABBERD] | record RUN | compare BASELINE RUN".to_owned()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_table([waxwing, prosody, ejabberd]: [String; 3]) -> Result<(), String> {
    let explanations = Explanations::parse(&read_text(&format!("{ROOT}/explanations.txt"))?);
    let subjects =
        [("Waxwing", read(&waxwing)?), ("Prosody", read(&prosody)?), ("ejabberd", read(&ejabberd)?)];
    print!("{}", markdown(&subjects, &explanations));
    Ok(())
}

fn read(path: &str) -> Result<Run, String> {
    let run = parse(&read_text(path)?);
    if run.is_empty() { Err(format!("{path} has no results of tests")) } else { Ok(run) }
}

fn read_text(path: &str) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|e| format!("cannot read {path}: {e}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
