//! Reads a password without showing it.

use std::io::{BufRead, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// From the first line of standard input, or by asking twice at a terminal.
pub(crate) fn read(from_stdin: bool) -> Result<String, String> {
    if from_stdin {
        return line();
    }
    if !std::io::stdin().is_terminal() {
        return Err("there is no terminal to ask for a password: give it with --password-stdin".to_owned());
    }
    let first = ask("Password: ")?;
    if ask("Once more: ")? != first {
        return Err("the two passwords differ".to_owned());
    }
    Ok(first)
}

fn ask(prompt: &str) -> Result<String, String> {
    let terminal = std::io::stdin();
    let problem = |error: &dyn std::fmt::Display| format!("the terminal: {error}");
    let before = tcgetattr(&terminal).map_err(|error| problem(&error))?;
    let mut silent = before.clone();
    silent.local_modes &= !LocalModes::ECHO;
    eprint!("{prompt}");
    std::io::stderr().flush().map_err(|error| problem(&error))?;
    tcsetattr(&terminal, OptionalActions::Flush, &silent).map_err(|error| problem(&error))?;
    let answer = line();
    tcsetattr(&terminal, OptionalActions::Flush, &before).map_err(|error| problem(&error))?;
    eprintln!();
    answer
}

fn line() -> Result<String, String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|error| format!("standard input: {error}"))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() { Err("the password is empty".to_owned()) } else { Ok(password.to_owned()) }
}
