//! Opening a stream and going through the negotiation.

use super::conn::{Conn, Item, Tls};
use super::dom::{ANY, Element};

impl Conn {
    /// Sends a stream header to a domain; the subject's header is returned.
    #[track_caller]
    pub(crate) fn open_to(&self, domain: &str) -> Element {
        self.open_with(&format!(
            "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xml:lang='en' \
             xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        ))
    }

    /// Sends a stream header to localhost; the subject's header is returned.
    #[track_caller]
    pub(crate) fn open(&self) -> Element {
        self.open_to("localhost")
    }

    /// Sends a header of the test's own; the subject's header is returned.
    #[track_caller]
    pub(crate) fn open_with(&self, header: &str) -> Element {
        self.restart();
        self.send(header);
        match self.item() {
            Item::Header(e) => e,
            other => self.fail(&format!("expected a stream header, got {other:?}")),
        }
    }

    /// Waits for the stream features.
    #[track_caller]
    pub(crate) fn features(&self) -> Element {
        self.expect_next("<stream:features/>")
    }

    /// Opens a stream and waits for the features.
    #[track_caller]
    pub(crate) fn open_features(&self) -> Element {
        self.open();
        self.features()
    }

    /// A stream with TLS from STARTTLS, up to the features that follow.
    #[track_caller]
    pub(crate) fn starttls(&self) -> Element {
        self.open_features();
        self.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        self.expect_next("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        self.handshake(&Tls::default());
        self.open_features()
    }

    /// A stream over TLS that is ready for login.
    #[track_caller]
    pub(crate) fn secure() -> Self {
        let conn = Self::direct_tls();
        conn.open_features();
        conn
    }

    /// Binds a resource the subject chooses and returns the full JID.
    #[track_caller]
    pub(crate) fn bind(&self) -> String {
        self.bound(&self.request("<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"))
    }

    /// Binds a resource of the test's choice and returns the full JID.
    #[track_caller]
    pub(crate) fn bind_as(&self, resource: &str) -> String {
        self.bound(&self.request(&format!(
            "<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind></iq>"
        )))
    }

    #[track_caller]
    fn bound(&self, reply: &Element) -> String {
        reply.must(&format!(
            "<iq type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{ANY}</jid></bind></iq>"
        ));
        reply.need_child("bind").need_child("jid").text()
    }
}
