//! Requests of the server itself (or of a module in an account's name), and the answers to them.
//!
//! [RFC 6120 §8.2.3](https://www.rfc-editor.org/rfc/rfc6120#section-8.2.3): an answer has the id of its request, and it
//! comes from whom the request went to. Both are compared, so nobody else can answer.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
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
        debug_assert!(request.to.is_some(), "a request for somebody");
        request.from.get_or_insert_with(|| self.domain().to_jid());
        let asked = self.open_request(&mut request)?;
        let asked = async {
            self.router().send(request).await;
            asked.reply().await
        };
        let answer = self.in_time(asked, patience).await?;
        match answer.error() {
            Some(error) => Err(RequestError::Refused(error)),
            None => Ok(answer),
        }
    }

    /// Prepares a request from an address of this host, which the caller sends then: the id is made here, and whoever
    /// it is for may answer it as long as the result of this lives.
    ///
    /// # Errors
    /// Too many requests wait.
    pub fn open_request(&self, request: &mut Stanza) -> Result<Asked, RequestError> {
        debug_assert!(request.is_request(), "an answer is waited for");
        let from = request.from.clone().unwrap_or_else(|| self.domain().to_jid());
        debug_assert!(from.domain() == self.domain().as_str(), "a host speaks for itself");
        let id = self.random().id();
        request.id = Some(id.clone());
        let waiting = Waiting { from, to: request.to.clone() };
        let max = self.limits().requests_max;
        Requests::open(&self.router().requests, id, waiting, max).ok_or_else(|| {
            self.router().count(|counters| counters.requests_refused.inc());
            RequestError::TooMany
        })
    }

    /// The answer to a request that was opened and sent: a result or an error.
    ///
    /// # Errors
    /// There is none within `patience`.
    pub async fn answer(&self, asked: Asked, patience: Duration) -> Result<Stanza, RequestError> {
        self.in_time(asked.reply(), patience).await
    }

    async fn in_time(
        &self,
        answer: impl Future<Output = Option<Stanza>>,
        patience: Duration,
    ) -> Result<Stanza, RequestError> {
        let answer = tokio::time::timeout(patience, answer).await;
        answer.ok().flatten().ok_or_else(|| {
            self.router().count(|counters| counters.requests_unanswered.inc());
            RequestError::TimedOut
        })
    }
}

/// A request that waits for its answer; given up when it is dropped.
#[derive(Debug)]
pub struct Asked {
    answer: oneshot::Receiver<Stanza>,
    _place: Place,
}

impl Asked {
    /// None cannot be: the other end of the channel goes with its place in the table only.
    async fn reply(self) -> Option<Stanza> {
        self.answer.await.ok()
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
#[derive(Debug)]
struct Place {
    requests: Arc<Requests>,
    id: Text,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.requests.0.lock().remove(&self.id);
    }
}

impl Requests {
    fn open(table: &Arc<Self>, id: Text, waiting: Waiting, max: usize) -> Option<Asked> {
        let (sender, answer) = oneshot::channel();
        let mut requests = table.0.lock();
        if requests.len() >= max {
            return None;
        }
        requests.insert(id.clone(), (waiting, sender));
        Some(Asked { answer, _place: Place { requests: Arc::clone(table), id } })
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
