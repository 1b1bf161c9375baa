//! Requests of the server itself (or of a module in an account's name), and the answers to them.
//!
//! [RFC 6120 §8.2.3](https://www.rfc-editor.org/rfc/rfc6120#section-8.2.3): an answer has the id of its request, and it
//! comes from whom the request went to. Both are compared, so nobody else can answer.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use waxwing_xml::Text;
use waxwing_xmpp::{IqType, Jid, Kind, Stanza, StanzaError};

use crate::Host;

/// Why a request has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The answer is an error: of the one who was asked, or of a server on the way.
    #[error("{0}")]
    Refused(StanzaError),
    /// Nobody answered in time.
    #[error("no answer in time")]
    TimedOut,
    /// It was not sent: too many requests wait for answers (`limits.requests_max`).
    #[error("too many requests wait for answers")]
    TooMany,
}

impl Host {
    /// Sends a request and waits for its result. `from` is an address of this host, by default its domain; the id is
    /// made here. Dropping the future gives the request up.
    ///
    /// # Errors
    /// The answer is an error, or there is none within `patience`.
    pub async fn request(&self, mut request: Stanza, patience: Duration) -> Result<Stanza, RequestError> {
        debug_assert!(request.is_request() && request.to.is_some(), "a request for somebody");
        let id = self.random().id();
        let from = request.from.get_or_insert_with(|| self.domain().to_jid()).clone();
        debug_assert!(from.domain() == self.domain().as_str(), "a host speaks for itself");
        request.id = Some(id.clone());
        let waiting = Waiting { from, to: request.to.clone() };
        let router = self.router();
        let Some((answer, _place)) = router.requests.open(id, waiting, self.limits().requests_max) else {
            router.count(|counters| counters.requests_refused.inc());
            return Err(RequestError::TooMany);
        };
        let asked = async {
            router.send(request).await;
            answer.await
        };
        match tokio::time::timeout(patience, asked).await {
            Ok(Ok(answer)) => match answer.error() {
                Some(error) => Err(RequestError::Refused(error)),
                None => Ok(answer),
            },
            // The other end of the channel goes with its place in the table only.
            Ok(Err(_)) | Err(_) => {
                router.count(|counters| counters.requests_unanswered.inc());
                Err(RequestError::TimedOut)
            }
        }
    }
}

/// Requests that wait for their answers, by id.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<HashMap<Text, (Waiting, oneshot::Sender<Stanza>)>>);

/// Whose request it is, and who may answer it.
#[derive(Debug, PartialEq, Eq)]
struct Waiting {
    from: Jid,
    to: Option<Jid>,
}

/// A place in the table, free again when this is dropped.
struct Place<'a> {
    requests: &'a Requests,
    id: Text,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.requests.0.lock().remove(&self.id);
    }
}

impl Requests {
    fn open(&self, id: Text, waiting: Waiting, max: usize) -> Option<(oneshot::Receiver<Stanza>, Place<'_>)> {
        let (sender, answer) = oneshot::channel();
        let mut requests = self.0.lock();
        if requests.len() >= max {
            return None;
        }
        requests.insert(id.clone(), (waiting, sender));
        Some((answer, Place { requests: self, id }))
    }

    /// Takes a stanza that is the answer to a request. False: it is none, and goes its own way.
    pub(crate) fn answered_by(&self, stanza: &Stanza) -> bool {
        let (Kind::Iq(IqType::Result | IqType::Error), Some(id)) = (stanza.kind, &stanza.id) else {
            return false;
        };
        let mut requests = self.0.lock();
        let expected = |(waiting, _): &(Waiting, _)| {
            stanza.from == waiting.to && stanza.to.as_ref() == Some(&waiting.from)
        };
        if !requests.get(id).is_some_and(expected) {
            return false;
        }
        if let Some((_, sender)) = requests.remove(id) {
            // Who has given up needs no answer.
            sender.send(stanza.clone()).ok();
        }
        true
    }
}
