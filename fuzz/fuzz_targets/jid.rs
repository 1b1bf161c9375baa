//! An address that was prepared is prepared: reading it again changes nothing, and nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use waxwing_xmpp::Jid;

fuzz_target!(|text: &str| {
    if let Ok(jid) = Jid::parse(text) {
        assert_eq!(Jid::parse(jid.as_str()), Ok(jid));
    }
});
