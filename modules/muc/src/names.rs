//! Namespaces, form types and features of the specs that rooms implement.

/// XEP-0045 §7.2: a client wants to enter.
pub(crate) const MUC: &str = "http://jabber.org/protocol/muc";
/// XEP-0045 §8, §9.
pub(crate) const ADMIN: &str = "http://jabber.org/protocol/muc#admin";
/// XEP-0045 §10.
pub(crate) const OWNER: &str = "http://jabber.org/protocol/muc#owner";
/// XEP-0045 §16.5.3.
pub(crate) const CONFIG_FORM: &str = "http://jabber.org/protocol/muc#roomconfig";
/// XEP-0045 §16.5.4.
pub(crate) const INFO_FORM: &str = "http://jabber.org/protocol/muc#roominfo";
/// XEP-0045 §16.5.1.
pub(crate) const REGISTER_FORM: &str = "http://jabber.org/protocol/muc#register";
/// XEP-0045 §16.5.2.
pub(crate) const REQUEST_FORM: &str = "http://jabber.org/protocol/muc#request";
/// XEP-0045 §7.4.
pub(crate) const STABLE_ID: &str = "http://jabber.org/protocol/muc#stable_id";
/// XEP-0045 §7.12.
pub(crate) const RESERVED_NICK_NODE: &str = "x-roomuser-item";
/// XEP-0045 §18.1.1.
pub(crate) const TRAFFIC_NODE: &str = "http://jabber.org/protocol/muc#traffic";
/// XEP-0077.
pub(crate) const REGISTER: &str = "jabber:iq:register";
/// XEP-0199.
pub(crate) const PING: &str = "urn:xmpp:ping";
/// XEP-0410 §3.3.
pub(crate) const SELF_PING: &str = "http://jabber.org/protocol/muc#self-ping-optimization";
/// XEP-0054.
pub(crate) const VCARD: &str = "vcard-temp";
/// XEP-0122.
pub(crate) const VALIDATE: &str = "http://jabber.org/protocol/xdata-validate";
