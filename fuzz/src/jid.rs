//! An address that was prepared is prepared: reading it again changes nothing, and nothing panics.

use waxwing_xmpp::{BareJid, Domain, Jid};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(jid) = Jid::parse(text) {
        assert_eq!(Jid::parse(jid.as_str()).as_ref(), Ok(&jid));
        assert!(jid.as_str().len() <= 3 * 1023 + 2, "RFC 7622 §3.1");
    }
    if let Ok(jid) = BareJid::parse(text) {
        assert_eq!(BareJid::parse(jid.as_str()).as_ref(), Ok(&jid));
    }
    if let Ok(domain) = Domain::parse(text) {
        assert_eq!(Domain::parse(domain.as_str()).as_ref(), Ok(&domain));
    }
}
