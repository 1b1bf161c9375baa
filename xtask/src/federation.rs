//! Waxwing and other servers, which talk to each other on loopback.

use crate::needs;
use crate::run;
use crate::tally::Tally;
use crate::unit;

/// Runs the tests; in any case with Prosody and ejabberd.
pub(crate) fn run(tally: &mut Tally) {
    // Prosody finds other servers through libunbound: only so can it be told which name server to ask.
    let unbound = format!("/usr/lib/{}-linux-gnu/lua/5.4/lunbound.so", std::env::consts::ARCH);
    let wanted = [("prosody", "prosody"), ("ejabberdctl", "ejabberd"), (unbound.as_str(), "lua-unbound")];
    if let Err(why) = needs::programs(&wanted) {
        return tally.skip("federation", &why);
    }
    let mut command =
        run::cargo(&["test", "--locked", "--package", "conformance-tests", "--test", "federation"]);
    match run::waxwing() {
        Ok(binary) => {
            // Each test runs two servers.
            command.args(["--", "--test-threads", "4"]).env("WAXWING_BIN", binary);
            unit::counted("federation", &mut command, tally);
        }
        Err(why) => tally.fail(&format!("federation: {why}")),
    }
}
