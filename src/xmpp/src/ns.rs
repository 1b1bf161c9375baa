//! Namespaces that more than one crate needs; the others stand in the crate that owns them.

/// RFC 6120: client streams; also how modules see any content namespace.
pub const CLIENT: &str = "jabber:client";
/// RFC 6120: streams between servers.
pub const SERVER: &str = "jabber:server";
/// RFC 6120 §4.8.1.
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// RFC 6120 §4.9.2: stream error conditions.
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// RFC 6120 §8.3.2: stanza error conditions.
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// RFC 6120 §5.
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// RFC 6120 §6.
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// RFC 6120 §7.
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// RFC 3921 §3.
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// `xml:` prefix.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// XEP-0004.
pub const DATA_FORMS: &str = "jabber:x:data";
/// XEP-0203.
pub const DELAY: &str = "urn:xmpp:delay";
/// XEP-0030.
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// XEP-0030.
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// XEP-0115.
pub const CAPS: &str = "http://jabber.org/protocol/caps";
/// XEP-0359.
pub const STANZA_ID: &str = "urn:xmpp:sid:0";
/// RFC 6121 §2.
pub const ROSTER: &str = "jabber:iq:roster";
/// XEP-0297.
pub const FORWARD: &str = "urn:xmpp:forward:0";
/// XEP-0280.
pub const CARBONS: &str = "urn:xmpp:carbons:2";
/// XEP-0334.
pub const HINTS: &str = "urn:xmpp:hints";
/// XEP-0085.
pub const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// XEP-0184.
pub const RECEIPTS: &str = "urn:xmpp:receipts";
/// XEP-0333.
pub const MARKERS: &str = "urn:xmpp:chat-markers:0";
/// XEP-0045.
pub const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
/// XEP-0249.
pub const CONFERENCE: &str = "jabber:x:conference";
/// XEP-0421.
pub const OCCUPANT_ID: &str = "urn:xmpp:occupant-id:0";
/// XEP-0353.
pub const CALLS: &str = "urn:xmpp:jingle-message:0";
/// Encrypted payloads: OMEMO (XEP-0384, current and older), OpenPGP (XEP-0373).
pub const ENCRYPTED: [&str; 3] = ["urn:xmpp:omemo:2", "eu.siacs.conversations.axolotl", "urn:xmpp:openpgp:0"];
/// XEP-0059.
pub const RSM: &str = "http://jabber.org/protocol/rsm";
