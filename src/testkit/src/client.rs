//! A client that speaks XML to a session without a stream.

use std::collections::VecDeque;
use std::time::Duration;

use futures::FutureExt;
use waxwing_core::{CloseReason, Next, SessionRef};
use waxwing_xmpp::{Stanza, StreamError};

use crate::compare::{difference, single};

/// A scripted client.
#[derive(Debug)]
pub struct TestClient {
    session: SessionRef,
    inbox: VecDeque<Stanza>,
}

impl TestClient {
    pub(crate) fn new(session: SessionRef) -> Self {
        Self { session, inbox: VecDeque::new() }
    }

    /// The session behind it.
    pub fn session(&self) -> &SessionRef {
        &self.session
    }

    /// Sends a stanza; all it causes at once has happened when this returns.
    ///
    /// # Panics
    /// If it is no stanza, or the stream would end.
    pub async fn send(&mut self, xml: &str) {
        self.try_send(xml).await.expect("the stream stays open");
    }

    /// Sends a stanza.
    ///
    /// # Errors
    /// The stream error that would end the stream.
    ///
    /// # Panics
    /// If it is no stanza.
    pub async fn try_send(&mut self, xml: &str) -> Result<(), StreamError> {
        let stanza = Stanza::parse(&single(xml)).unwrap_or_else(|| panic!("no stanza: {xml}"));
        let router = self.session.host().clone();
        router.router().from_client(&self.session, stanza).await.map(drop)
    }

    /// The next stanza must be this one; `{any}` stands for any attribute value or text.
    ///
    /// # Panics
    /// If it is another, or none comes within two seconds.
    pub async fn expect(&mut self, xml: &str) -> Stanza {
        let stanza = self.next().await.unwrap_or_else(|| panic!("nothing came, expected {xml}"));
        if let Some(difference) = difference(xml, &stanza.to_xml()) {
            panic!("{difference}\nexpected {}\n     got {}", single(xml), stanza.to_xml());
        }
        stanza
    }

    /// These must come next, in any order.
    ///
    /// # Panics
    /// If one is missing.
    pub async fn expect_all(&mut self, all: &[&str]) {
        let mut open: Vec<&str> = all.to_vec();
        while !open.is_empty() {
            let stanza = self.next().await.unwrap_or_else(|| panic!("nothing came, expected {open:?}"));
            let xml = stanza.to_xml();
            match open.iter().position(|expected| difference(expected, &xml).is_none()) {
                Some(index) => drop(open.remove(index)),
                None => panic!("unexpected {xml}\nexpected one of {open:?}"),
            }
        }
    }

    /// The next stanza, whatever it is; None if none comes within two seconds.
    pub async fn next(&mut self) -> Option<Stanza> {
        let deadline = Duration::from_secs(2);
        while self.inbox.is_empty() {
            self.collect();
            if self.inbox.is_empty()
                && tokio::time::timeout(deadline, self.session.mailbox().wait()).await.is_err()
            {
                return None;
            }
        }
        self.inbox.pop_front()
    }

    /// The next stanza that is there already.
    pub fn waiting(&mut self) -> Option<Stanza> {
        self.collect();
        self.inbox.pop_front()
    }

    /// Nothing may be waiting.
    ///
    /// # Panics
    /// If something is.
    pub fn expect_nothing(&mut self) {
        self.collect();
        let waiting: Vec<String> = self.inbox.iter().map(Stanza::to_xml).collect();
        assert!(waiting.is_empty(), "unexpected: {waiting:#?}");
    }

    /// Throws away what waits.
    pub fn forget(&mut self) {
        self.collect();
        self.inbox.clear();
    }

    /// Why the session was asked to close.
    pub fn closed(&self) -> Option<CloseReason> {
        self.session.close_reason()
    }

    /// The connection ends without a word.
    pub async fn drop_connection(self) {
        self.session.closed().await;
    }

    /// Takes all that is there for the client; without acknowledgements it counts as received.
    fn collect(&mut self) {
        loop {
            match self.session.next() {
                Next::Stanza(stanza) => self.inbox.push_back(stanza),
                Next::Raw(_) => {}
                // The store in memory never waits.
                Next::Rows => self
                    .session
                    .read_rows()
                    .now_or_never()
                    .expect("a store in memory")
                    .expect("the store works"),
                Next::Nothing => break,
            }
        }
        self.session.flushed();
    }
}
