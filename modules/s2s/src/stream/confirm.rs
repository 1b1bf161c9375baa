//! What has arrived at a server without stream management: what was written before a question that it has answered.
//!
//! Design: a message lies in the outbox until the other server has it. Where the streams tell nothing (XEP-0198 is not
//! offered), a ping (XEP-0199) follows what was written; RFC 6121 §8 has every server answer it, be it with an error, and
//! RFC 6120 §10.1 has it processed after all that came before on the same stream.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use waxwing_xml::Tree;
use waxwing_xmpp::{IqType, Kind, Stanza};

use super::Stream;
use crate::config::Config;
use crate::desk::{Ask, Desk};
use crate::link::Sent;
use crate::session::Pair;

/// Questions that wait for an answer, by id. The answer may come on another stream.
#[derive(Debug, Default)]
pub(crate) struct Questions(Mutex<HashMap<String, (Pair, Arc<Desk>)>>);

impl Questions {
    fn open(&self, id: &str, pair: Pair, desk: &Arc<Desk>) {
        self.0.lock().insert(id.to_owned(), (pair, Arc::clone(desk)));
    }

    fn close(&self, id: &str) {
        self.0.lock().remove(id);
    }

    /// Takes a stanza that is the answer to one of them, from the domain that was asked. False: it is none.
    pub(crate) fn answered_by(&self, stanza: &Stanza) -> bool {
        let (Kind::Iq(IqType::Result | IqType::Error), Some(id)) = (stanza.kind, &stanza.id) else {
            return false;
        };
        let mut questions = self.0.lock();
        let asked = |((remote, local), _): &(Pair, Arc<Desk>)| {
            let is = |jid: &Option<waxwing_xmpp::Jid>, domain: &str| {
                jid.as_ref().is_some_and(|jid| jid.as_str() == domain)
            };
            is(&stanza.from, remote.as_str()) && is(&stanza.to, local.as_str())
        };
        if !questions.get(id.as_str()).is_some_and(asked) {
            return false;
        }
        if let Some((_, desk)) = questions.remove(id.as_str()) {
            desk.ask(Ask::Confirm(id.as_str().to_owned()));
        }
        true
    }
}

/// What one stream wants to know.
#[derive(Debug, Default)]
pub(super) struct Confirm {
    /// It has not answered in time: it is not asked again.
    silent: bool,
    /// Since when something may not have arrived.
    since: Option<Instant>,
    asked: Option<Asked>,
}

#[derive(Debug)]
struct Asked {
    id: String,
    /// So many of what is not confirmed were written before it.
    count: usize,
    at: Instant,
}

impl Confirm {
    /// When something is due.
    pub(super) fn due(&self, config: &Config) -> Option<Instant> {
        match &self.asked {
            Some(asked) => Some(asked.at + config.ack_time_max.0),
            None => self.since.map(|since| since + GATHER_TIME),
        }
    }

    /// The question that waits for an answer.
    pub(super) fn open_question(&mut self) -> Option<String> {
        self.asked.take().map(|asked| asked.id)
    }
}

impl Stream {
    /// The kernel has taken these.
    pub(super) fn taken(&mut self, sent: Vec<Sent>) {
        for sent in sent {
            if sent.waiting.row.is_some() && !self.confirm.silent {
                self.session.unconfirmed.push_back(sent);
                self.confirm.since.get_or_insert_with(Instant::now);
            } else {
                self.s2s.has_arrived(sent);
            }
        }
        while self.is_crowded() {
            self.confirm_first(1);
            if let Some(asked) = &mut self.confirm.asked {
                asked.count = asked.count.saturating_sub(1);
            }
        }
    }

    /// What is not confirmed is not to keep out what is to be sent: then the kernel is trusted with the oldest.
    fn is_crowded(&self) -> bool {
        let config = &self.s2s.config;
        let (bytes, all) = (config.queue_bytes_max.0 / 2, config.queues_bytes_max.0 / 2);
        let oldest = self.session.unconfirmed.front();
        oldest.is_some_and(|sent| sent.link.is_beyond(bytes, all))
    }

    fn confirm_first(&mut self, count: usize) {
        let count = count.min(self.session.unconfirmed.len());
        for sent in self.session.unconfirmed.drain(..count) {
            self.s2s.has_arrived(sent);
        }
    }

    /// Nothing of it is in doubt any more.
    pub(super) fn confirm_all(&mut self) {
        self.confirm_first(usize::MAX);
        self.confirm.since = None;
    }

    /// An answer has come.
    pub(super) fn confirmed(&mut self, id: &str) {
        let Some(asked) = self.confirm.asked.take_if(|asked| asked.id == id) else { return };
        self.was_good = true;
        self.confirm_first(asked.count);
        self.confirm.since = (!self.session.unconfirmed.is_empty()).then(Instant::now);
    }

    /// Asks, if it is time to.
    pub(super) fn tick_confirm(&mut self, now: Instant) {
        if let Some(asked) = &self.confirm.asked {
            if now >= asked.at + self.s2s.config.ack_time_max.0 {
                // It does not answer such questions: then what the kernel has taken has arrived.
                self.close_question();
                self.confirm.silent = true;
                self.confirm_all();
            }
            return;
        }
        if self.confirm.since.is_some_and(|since| now >= since + GATHER_TIME) {
            self.question(now);
        }
    }

    fn question(&mut self, at: Instant) {
        let Some(last) = self.session.unconfirmed.back() else {
            self.confirm.since = None;
            return;
        };
        let (remote, local) = (last.link.remote.clone(), last.link.local.clone());
        let id = waxwing_stream::token();
        let ping = Tree::new("jabber:server", "iq")
            .with_attr("type", "get")
            .with_attr("from", local.as_str())
            .with_attr("to", remote.as_str())
            .with_attr("id", id.as_str())
            .with_child(Tree::new("urn:xmpp:ping", "ping"));
        self.wire.element(&ping);
        self.s2s.questions.open(&id, (remote, local), &self.session.desk);
        self.confirm.asked = Some(Asked { id, count: self.session.unconfirmed.len(), at });
    }

    pub(super) fn close_question(&mut self) {
        if let Some(id) = self.confirm.open_question() {
            self.s2s.questions.close(&id);
        }
    }

    /// From now on the other server acknowledges, and its first answer is about what came before as well.
    pub(super) fn stop_questions(&mut self) {
        self.close_question();
        self.confirm = Confirm::default();
    }
}

/// So long what was written is gathered before a question follows.
const GATHER_TIME: Duration = Duration::from_secs(1);
