//! Answers about the archives of accounts: pages of them, and how far they reach.

use std::sync::Arc;

use tracing::warn;
use waxwing_core::prelude::*;
use waxwing_log::Entry;

use crate::Mam;
use crate::reader::{Answer, Reader, Room};
use crate::request::{Request, form};

impl Mam {
    /// §4.1.5.
    pub(crate) async fn fields(self: Arc<Self>, _: IqRequest) -> IqResult {
        Ok(Reply::tree(&form()))
    }

    /// §8.1: to everybody else, as for an account that is not there.
    pub(crate) async fn forbidden(self: Arc<Self>, _: IqRequest) -> IqResult {
        Err(Condition::Forbidden.into())
    }

    /// §5.
    pub(crate) async fn metadata(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let (log, account) = (self.log()?, iq.account()?);
        Ok(Reply::tree(&Reader::new(log, account, self.config.page_max).metadata().await?))
    }

    /// §4: the messages of one page, and then the result.
    pub(crate) async fn query(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let (log, session, account) = (self.log()?, iq.session()?, iq.account()?);
        let request = Request::from_tree(&iq.tree())?;
        self.metrics.queries.inc();
        let room = self.room(session, &request)?;
        let reader = Reader::new(log, account, self.config.page_max);
        let answer = reader.answer(&request, room).await.inspect_err(|error| {
            if error.condition == Condition::PolicyViolation {
                self.metrics.refused.inc();
            }
        })?;
        if request.with.is_none() {
            log.paged(session, answer.page.entries.iter().map(|entry| entry.position));
        }
        self.send(&reader, session, &request, &answer);
        Ok(Reply::tree(&reader.fin(&answer)))
    }

    /// What the page may take: the config's limits, and less if the client has not read what it got before.
    fn room(&self, session: &Session, request: &Request) -> Result<Room, StanzaError> {
        let max = request.set.max.unwrap_or(self.config.page_default).min(self.config.page_max);
        Room::beside(session, max, self.config.page_bytes_max.0).inspect_err(|_| {
            self.metrics.refused.inc();
        })
    }

    /// §4.2.
    fn send(&self, reader: &Reader<'_>, session: &Session, request: &Request, answer: &Answer) {
        let account = session.account();
        let send = |entry: &Entry| {
            let Some(result) = reader.result(request, entry, &entry.stanza) else {
                warn!(jid = %account.jid(), "A message of an archive could not be forwarded.");
                return;
            };
            let mut message = Stanza::message(MessageType::Normal).from(account.jid()).to(session.jid());
            message.children.push(result);
            self.metrics.results.inc();
            // If it is refused the session is closing, and will ask again.
            session.send(message);
        };
        let entries = answer.page.entries.iter();
        if request.flip {
            entries.rev().for_each(send);
        } else {
            entries.for_each(send);
        }
    }
}
