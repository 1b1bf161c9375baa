//! For tests of what a server keeps and copies: like the harness, but at the host with an archive (XEP-0313), carbons
//! and push.

pub(crate) use super::{ANY, Client, Element, NONE, barrier, befriend, fresh, settle, user_at};

/// The host whose messages are archived, copied and pushed.
pub(crate) const HOST: &str = "archive.localhost";

/// A fresh account with one session: no roster asked for, no presence sent.
#[track_caller]
pub(crate) fn user() -> Client {
    user_at(HOST)
}

/// A fresh account whose only session has asked for its roster and is available with priority 0.
#[track_caller]
pub(crate) fn online() -> Client {
    let client = user();
    client.go_online();
    client
}

/// The form of a query with these fields.
pub(crate) fn form(fields: &str) -> String {
    format!(
        "<x xmlns='jabber:x:data' type='submit'>\
         <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>{fields}</x>"
    )
}

/// A form with one field of one value.
pub(crate) fn field(var: &str, value: &str) -> String {
    form(&format!("<field var='{var}'><value>{value}</value></field>"))
}

/// The part of a query that asks for a page (XEP-0059).
pub(crate) fn page(rsm: &str) -> String {
    format!("<set xmlns='http://jabber.org/protocol/rsm'>{rsm}</set>")
}

/// What a query was answered with.
#[derive(Debug)]
pub(crate) struct Page {
    /// The messages with a result, as they came, before the answer.
    pub(crate) results: Vec<Element>,
    /// The answer.
    pub(crate) iq: Element,
}

impl Client {
    /// Queries the user's own archive; what is in the query is given. The answer has to be a result.
    #[track_caller]
    pub(crate) fn query(&self, content: &str) -> Page {
        self.query_archive("", content)
    }

    /// Queries the archive of a room.
    #[track_caller]
    pub(crate) fn query_room(&self, room: &impl std::fmt::Display, content: &str) -> Page {
        self.query_archive(&format!("to='{room}'"), content)
    }

    #[track_caller]
    fn query_archive(&self, to: &str, content: &str) -> Page {
        barrier();
        let queryid = fresh("query");
        let iq = self.request(&format!(
            "<iq type='set' {to}><query xmlns='urn:xmpp:mam:2' queryid='{queryid}'>{content}</query></iq>"
        ));
        iq.must("<iq type='result'><fin xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'/></fin></iq>");
        let wanted = Element::parse(&format!(
            "<message><result xmlns='urn:xmpp:mam:2' queryid='{queryid}'>\
             <forwarded xmlns='urn:xmpp:forward:0'/></result></message>"
        ));
        let results = std::iter::from_fn(|| self.unclaimed(|e| e.matches(&wanted))).collect();
        Page { results, iq }
    }

    /// Queries the user's own archive; the answer has to be an error, which is returned.
    #[track_caller]
    pub(crate) fn refused_query(&self, content: &str) -> Element {
        barrier();
        let iq =
            self.request(&format!("<iq type='set'><query xmlns='urn:xmpp:mam:2'>{content}</query></iq>"));
        iq.must("<iq type='error'><error/></iq>");
        self.expect_no("<message><result xmlns='urn:xmpp:mam:2'/></message>");
        iq
    }

    /// The first page of the user's own archive, which is all of it in a test that sends a few messages.
    #[track_caller]
    pub(crate) fn archive(&self) -> Page {
        self.query("")
    }

    /// The one message in the user's own archive that matches the pattern, with its id there.
    #[track_caller]
    pub(crate) fn archived(&self, pattern: &str) -> (String, Element) {
        let page = self.archive();
        let wanted = Element::parse(pattern);
        let mut found = page.ids().into_iter().zip(page.messages()).filter(|(_, m)| m.matches(&wanted));
        let first = found.next();
        let Some(first) = first else { self.fail(&format!("no {pattern} in the archive")) };
        assert!(found.next().is_none(), "{pattern} is there more than once\n{}", **self);
        first
    }

    /// The account's features (XEP-0030).
    #[track_caller]
    pub(crate) fn account_features(&self) -> Vec<String> {
        let jid = self.bare();
        let reply = self.request(&format!(
            "<iq type='get' to='{jid}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        ));
        reply.must("<iq type='result'/>").values("feature", "var")
    }
}

impl Page {
    /// The archive's ids of the results, as they came.
    #[track_caller]
    pub(crate) fn ids(&self) -> Vec<String> {
        self.results.iter().map(|m| m.need_child("result").need("id").to_owned()).collect()
    }

    /// The archived messages, as they came.
    #[track_caller]
    pub(crate) fn messages(&self) -> Vec<Element> {
        self.forwarded().map(|f| f.need_child("message").clone()).collect()
    }

    /// The bodies of the archived messages, empty for a message without.
    #[track_caller]
    pub(crate) fn bodies(&self) -> Vec<String> {
        let body = |m: &Element| m.child("body").map(Element::text).unwrap_or_default();
        self.forwarded().map(|f| f.need_child("message")).map(body).collect()
    }

    /// When the messages were archived, as the server wrote it.
    #[track_caller]
    pub(crate) fn stamps(&self) -> Vec<String> {
        self.forwarded().map(|f| f.need_child("delay").need("stamp").to_owned()).collect()
    }

    /// Whether the server says that nothing is left to be asked for.
    pub(crate) fn is_complete(&self) -> bool {
        self.iq.need_child("fin").attr("complete") == Some("true")
    }

    /// The text of an element of the answer's result set: first, last or count.
    pub(crate) fn rsm(&self, name: &str) -> Option<String> {
        self.iq.need_child("fin").need_child("set").child(name).map(Element::text)
    }

    fn forwarded(&self) -> impl Iterator<Item = &Element> {
        self.results.iter().map(|m| m.need_child("result").need_child("forwarded"))
    }
}

/// A form of a time in UTC that sorts as the time does, whatever the number of digits of its second.
pub(crate) fn sortable(stamp: &str) -> String {
    let time = stamp.strip_suffix('Z').unwrap_or_else(|| panic!("{stamp} is not in UTC"));
    let (second, fraction) = time.split_once('.').unwrap_or((time, ""));
    format!("{second}.{fraction:0<9}")
}
