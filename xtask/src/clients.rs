//! Real clients against a server, by the scripts in `clients/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::needs;
use crate::options::Options;
use crate::run;
use crate::subject::{COMPONENT, COMPONENT_SECRET, PRIVILEGED, Server};
use crate::tally::Tally;

/// Each script with the programs it needs and their Debian packages.
const SCRIPTS: [(&str, &[(&str, &str)]); 13] = [
    ("profanity.sh", &[("profanity", "profanity"), ("tmux", "tmux")]),
    ("profanity_room.sh", &[("profanity", "profanity"), ("tmux", "tmux")]),
    ("go_sendxmpp.py", &[("go-sendxmpp", "go-sendxmpp")]),
    ("slixmpp_chat.py", &[]),
    ("slixmpp_devices.py", &[]),
    ("slixmpp_room.py", &[]),
    ("slixmpp_component.py", &[]),
    (PRIVILEGED_SCRIPT, &[]),
    ("aioxmpp_chat.py", &[]),
    ("aioxmpp_devices.py", &[]),
    ("aioxmpp_room.py", &[]),
    ("poezio_devices.py", &[("poezio", "poezio"), ("tmux", "tmux")]),
    ("tokio_xmpp_bot.py", &[]),
];

/// Needs a server with XEP-0356 of today.
const PRIVILEGED_SCRIPT: &str = "slixmpp_privileged.py";

/// Starts the server and runs every script against it.
pub(crate) fn run(options: &Options, tally: &mut Tally) {
    let server = match Server::start(&options.subject, &[], rooms(&options.subject)) {
        Ok(server) => server,
        Err(why) => return tally.fail(&format!("clients: {why}")),
    };
    for (script, programs) in SCRIPTS {
        if script == PRIVILEGED_SCRIPT && options.subject != "waxwing" {
            tally.skip(script, "Debian's prosody has no XEP-0356, and its ejabberd an older one");
            continue;
        }
        match prepare(script, programs) {
            Ok(command) => drive(options, &server, script, command, tally),
            Err(why) => tally.skip(script, &why),
        }
    }
}

/// What a server needs for rooms that keep an archive; Waxwing has them by itself.
fn rooms(subject: &str) -> &'static str {
    match subject {
        "prosody" => "Component \"conference.localhost\" \"muc\"\n    modules_enabled = { \"muc_mam\" }\n",
        "ejabberd" => "  mod_mam: {}\n  mod_muc: {default_room_options: {mam: true}}\n",
        _ => "",
    }
}

/// The command that runs the script, once all it needs is there.
fn prepare(script: &str, programs: &[(&str, &str)]) -> Result<Command, String> {
    needs::programs(programs)?;
    let path = run::root().join("clients").join(script);
    if Path::new(script).extension().is_none_or(|extension| extension != "py") {
        return Ok(Command::new(path));
    }
    let mut command = Command::new(needs::python()?);
    command.arg("-B").arg(path);
    if script.starts_with("tokio_xmpp") {
        command.env("ECHO_BOT", run::debug_binary("echo-bot")?);
    }
    Ok(command)
}

fn drive(options: &Options, server: &Server, script: &str, mut command: Command, tally: &mut Tally) {
    command.env("XMPP_HOST", "localhost").env("XMPP_ADDRESS", "127.0.0.1");
    command.env("XMPP_PORT", server.port.to_string()).env("XMPP_PORT_TLS", server.port_tls.to_string());
    command.env("XMPP_PORT_COMPONENT", server.port_component.to_string());
    command.env("XMPP_COMPONENT", COMPONENT).env("XMPP_COMPONENT_SECRET", COMPONENT_SECRET);
    command.env("XMPP_PRIVILEGED", PRIVILEGED);
    command.env("XMPP_CA", server.authority()).env("XMPP_OTHER_CA", server.other_authority());
    if options.screen {
        command.env("WAXWING_SCREEN", screen());
    }
    let mut failed = false;
    let well = run::watched(&mut command, |line| {
        if line.starts_with("ok ") {
            tally.add(1, 0);
        } else if let Some(what) = line.strip_prefix("FAILED ") {
            failed = true;
            tally.add(0, 1);
            tally.note(what);
        }
    });
    if !well && !failed {
        tally.fail(script);
    }
}

fn screen() -> PathBuf {
    run::root().join("docs/profanity.txt")
}
