//! The project's own commands, run as `cargo xtask COMMAND`.
//!
//! `test` is the one test command: it gets what it needs where it can, runs everything, says plainly what it
//! left out, and ends with one line of sums.

mod archive;
mod bench;
mod clients;
mod conform;
mod docs;
mod federation;
mod fuzz;
mod needs;
mod network;
mod options;
mod performance;
mod rooms;
mod run;
mod subject;
mod tally;
mod unit;

use std::process::ExitCode;

use crate::options::{Options, Part};
use crate::tally::Tally;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let done = match options.command.as_str() {
        "test" => Ok(test(&options)),
        "conform" => Ok(finish(&options, conform::run)),
        "bench" => bench::run(&options),
        "docs" => docs::write(&options),
        "fuzz" => fuzz::run(&options),
        _ => {
            println!("{}", options::USAGE);
            return ExitCode::SUCCESS;
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the parts asked for, all by default, and prints the sum; whether all is well.
fn test(options: &Options) -> bool {
    finish(options, |options, tally| {
        for part in &options.parts {
            match part {
                Part::Style => unit::style(tally),
                Part::Unit => unit::tests(tally),
                Part::Docs => docs::check(options, tally),
                Part::Conform => conform::run(options, tally),
                Part::Federation => federation::run(tally),
                Part::Clients => clients::run(options, tally),
            }
        }
    })
}

fn finish(options: &Options, work: impl FnOnce(&Options, &mut Tally)) -> bool {
    let mut tally = Tally::default();
    work(options, &mut tally);
    tally.close(std::env::var("CI").is_ok_and(|value| value == "true"))
}
