//! Stream management (XEP-0198) of a connection: it counts both directions and answers `<r/>` by itself.
//!
//! `<r/>` and `<a/>` never show up among the stanzas; `expect_nonza` asks for them.

use std::collections::VecDeque;
use std::time::Instant;

use rxml::Parse;

use super::client::Client;
use super::conn::{Conn, Item, PATIENCE};
use super::dom::{ANY, Element, Piece, STREAM_NS, Tree, new_parser};

pub(crate) const SM_NS: &str = "urn:xmpp:sm:3";

const ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";

/// The counters of one side of a stream; None before stream management is on.
#[derive(Default)]
pub(crate) struct Sm {
    /// Stanzas sent since `<enable/>` was sent.
    sent: Option<u32>,
    /// Stanzas received since `<enabled/>` was received.
    handled: Option<u32>,
    /// Whether `<r/>` is left without an answer.
    silent: bool,
    /// `<r/>` and `<a/>` that came.
    nonzas: VecDeque<Element>,
}

impl Conn {
    /// Enables stream management with resumption and returns the SM-ID.
    #[track_caller]
    pub(crate) fn enable(&self) -> String {
        self.send(ENABLE);
        let enabled = self.expect("<enabled xmlns='urn:xmpp:sm:3'/>");
        assert!(is_true(enabled.attr("resume")), "not resumable: {enabled}");
        let id = enabled.need("id").to_owned();
        assert!(!id.is_empty(), "an empty id: {enabled}");
        id
    }

    /// Leaves `<r/>` without an answer from now on.
    pub(crate) fn withhold_acks(&self) {
        self.sm.borrow_mut().silent = true;
    }

    /// How many stanzas came since stream management was enabled.
    #[track_caller]
    pub(crate) fn handled(&self) -> u32 {
        self.sm.borrow().handled.expect("stream management is on")
    }

    /// How many stanzas were sent since stream management was enabled.
    #[track_caller]
    pub(crate) fn sent(&self) -> u32 {
        self.sm.borrow().sent.expect("stream management is on")
    }

    /// Acknowledges all that came.
    #[track_caller]
    pub(crate) fn ack(&self) {
        self.send(&format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", self.handled()));
    }

    /// Waits for an `<r/>` or `<a/>`, or takes one that came.
    #[track_caller]
    pub(crate) fn expect_nonza(&self, pattern: &str) -> Element {
        let wanted = Element::parse(pattern);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.nonza(|e| e.matches(&wanted)) {
                return found;
            }
            match self.receive(deadline) {
                Some(Item::Stanza(e)) if self.is_ack(&e) => {}
                Some(Item::Stanza(e)) => self.keep(e),
                other => self.fail(&format!("expected {pattern}, got {other:?}")),
            }
        }
    }

    /// Takes an `<r/>` or `<a/>` that is already here.
    pub(crate) fn nonza(&self, wanted: impl Fn(&Element) -> bool) -> Option<Element> {
        let nonzas = &mut self.sm.borrow_mut().nonzas;
        let at = nonzas.iter().position(wanted)?;
        nonzas.remove(at)
    }

    /// Forgets the `<r/>` and `<a/>` that came.
    pub(crate) fn clear_nonzas(&self) {
        self.sm.borrow_mut().nonzas.clear();
    }

    /// Asks how many stanzas the server has handled until it says so many. A server may answer with less while a
    /// stanza is on its way to the disk; it never says more.
    #[track_caller]
    pub(crate) fn expect_handled(&self, wanted: u32) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.clear_nonzas();
            self.send("<r xmlns='urn:xmpp:sm:3'/>");
            let answer = self.expect_nonza(&format!("<a xmlns='urn:xmpp:sm:3' h='{ANY}'/>"));
            match answer.need("h").parse::<u32>() {
                Ok(h) if h == wanted => return,
                Ok(h) if h < wanted && Instant::now() < deadline => {}
                _ => self.fail(&format!("expected {wanted} handled stanzas, got {answer}")),
            }
        }
    }

    /// Waits until the server says that it has handled all that was sent.
    #[track_caller]
    pub(crate) fn expect_all_handled(&self) {
        self.expect_handled(self.sent());
    }

    /// Asks for the resumption of a session of which that many stanzas came.
    pub(crate) fn send_resume(&self, id: &str, h: u32) {
        let id = escape(id);
        self.send(&format!("<resume xmlns='urn:xmpp:sm:3' h='{h}' previd='{id}'/>"));
    }

    /// Asks for a resumption that has to fail.
    #[track_caller]
    pub(crate) fn expect_no_resumption(&self, id: &str, h: u32) -> Element {
        self.send_resume(id, h);
        self.expect_next("<failed xmlns='urn:xmpp:sm:3'/>")
    }

    /// Counts a stanza that came; true for `<r/>`, which it answers, and `<a/>`.
    pub(super) fn is_ack(&self, element: &Element) -> bool {
        let mut sm = self.sm.borrow_mut();
        match (element.ns.as_str(), element.name.as_str()) {
            (SM_NS, "enabled") => sm.handled = Some(0),
            (SM_NS, "r" | "a") => {
                sm.nonzas.push_back(element.clone());
                let answer = sm.handled.filter(|_| element.name == "r" && !sm.silent);
                drop(sm);
                if let Some(h) = answer {
                    self.send(&format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>"));
                }
                return true;
            }
            ("jabber:client", _) => sm.handled = sm.handled.map(|h| h + 1),
            _ => {}
        }
        false
    }

    /// Counts the stanzas of a text that is sent.
    pub(super) fn count_sent(&self, xml: &str) {
        let mut sm = self.sm.borrow_mut();
        if sm.sent.is_none() && !xml.contains("<enable") {
            return;
        }
        for element in elements(xml) {
            match (element.ns.as_str(), element.name.as_str()) {
                (SM_NS, "enable") if sm.sent.is_none() => sm.sent = Some(0),
                ("jabber:client", _) => sm.sent = sm.sent.map(|n| n + 1),
                _ => {}
            }
        }
    }
}

impl Client {
    /// Comes back on a new stream over direct TLS after the old one was cut.
    #[track_caller]
    pub(crate) fn resume(&self, id: &str) -> Self {
        self.resume_on(self.authenticated(), id)
    }

    /// Comes back on a stream that is logged in and has bound nothing. The server has to have handled all that this
    /// client has sent.
    #[track_caller]
    pub(crate) fn resume_on(&self, conn: Conn, id: &str) -> Self {
        let (sent, handled) = (self.sent(), self.handled());
        *conn.sm.borrow_mut() = Sm { sent: Some(sent), handled: Some(handled), ..Sm::default() };
        conn.send_resume(id, handled);
        let resumed = conn.expect_next("<resumed xmlns='urn:xmpp:sm:3'/>");
        if resumed.need("previd") != id || resumed.need("h") != sent.to_string() {
            conn.fail(&format!("expected the session {id} with h {sent}, got {resumed}"));
        }
        self.continued(conn)
    }
}

/// Whether an xs:boolean is true.
pub(crate) fn is_true(value: Option<&str>) -> bool {
    matches!(value, Some("true" | "1"))
}

/// A value as it stands in an attribute.
fn escape(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;").replace('"', "&quot;")
}

/// The complete elements of a text from a client's stream.
fn elements(xml: &str) -> Vec<Element> {
    let whole = format!("<stream:stream xmlns='jabber:client' xmlns:stream='{STREAM_NS}'>{xml}");
    let (mut parser, mut tree, mut found) = (new_parser(), Tree::default(), Vec::new());
    let mut bytes = whole.as_bytes();
    while let Ok(Some(event)) = parser.parse(&mut bytes, false) {
        if let Some(Piece::Stanza(element)) = tree.take(event) {
            found.push(element);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_elements_are_found() {
        let names: Vec<String> =
            elements("<message><body/></message> <r xmlns='urn:xmpp:sm:3'/><iq/><presence><x>")
                .into_iter()
                .map(|e| e.name)
                .collect();
        assert_eq!(names, ["message", "r", "iq"]);
    }
}
