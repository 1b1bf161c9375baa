//! The conformance tests over the wire: see the crate `conformance-tests`.

use crate::needs;
use crate::options::Options;
use crate::run;
use crate::tally::Tally;
use crate::unit::counted;

/// Runs them against the subject of the options.
pub(crate) fn run(options: &Options, tally: &mut Tally) {
    let subject = options.subject.as_str();
    let mut command = run::cargo(&["test", "--locked", "--no-fail-fast", "--package", "conformance-tests"]);
    command.env("WAXWING_SUBJECT", subject);
    let ready = match subject {
        "waxwing" => run::release_binary("waxwing").map(|binary| {
            command.env("WAXWING_BIN", binary);
        }),
        "prosody" => needs::programs(&[("prosody", "prosody")]),
        _ => needs::programs(&[("ejabberdctl", "ejabberd")]),
    };
    match ready {
        Ok(()) => counted(&format!("conformance of {subject}"), &mut command, tally),
        Err(why) => tally.fail(&format!("conformance of {subject}: {why}")),
    }
}
