//! The archive of a room ([XEP-0313 §6.1.2](https://xmpp.org/extensions/xep-0313.html#business-storeret-muc-archives)).

use tracing::warn;
use waxwing_core::prelude::*;
use waxwing_log::Entry;
use waxwing_mam::{Answer, Reader, Request as Query, Room as Page};

use crate::Muc;
use crate::affiliation::Affiliation;
use crate::iq::Request;

pub(crate) use waxwing_mam::belongs_in_room as belongs;

/// Who asks, as far as the archive has to know.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// It may see who has said something.
    full: bool,
}

impl Muc {
    /// §4, §5: a page, what may be asked for, or how far it reaches.
    pub(crate) async fn archive_request(&self, request: &Request<'_>) -> IqResult {
        let reading = self.may_read(request)?;
        let (Some(log), Some(account)) = (self.log.get(), request.handle.account.get()) else {
            return Err(Condition::ItemNotFound.into());
        };
        let reader = Reader::new(log, account, self.config().page_max);
        match (request.payload.name(), request.set) {
            ("query", false) => Ok(Reply::tree(&waxwing_mam::form())),
            ("metadata", false) => Ok(Reply::tree(&reader.metadata().await?)),
            ("query", true) => self.page(request, &reader, reading).await,
            _ => Err(Condition::ServiceUnavailable.into()),
        }
    }

    /// §6.1.2: who may enter may read. Whether somebody knows the password shows who is in the room, or a member.
    fn may_read(&self, request: &Request<'_>) -> Result<Reading, StanzaError> {
        let (reading, _) = self.turn(request.handle, true, |room, turn| {
            let affiliation = room.affiliation(turn, &request.from.to_bare());
            let occupant = room.occupant_of(request.from);
            let knows =
                room.settings.password.is_none() || occupant.is_some() || affiliation >= Affiliation::Member;
            if room.locked || !room.admits(affiliation) || !knows {
                return Err(Condition::Forbidden.into());
            }
            let moderates = affiliation >= Affiliation::Admin;
            let full =
                occupant.map_or(moderates || room.settings.non_anonymous, |me| room.sees_addresses(me.role));
            Ok(Reading { full })
        })?;
        Ok(reading)
    }

    async fn page(&self, request: &Request<'_>, reader: &Reader<'_>, reading: Reading) -> IqResult {
        let query = Query::from_tree(&request.payload.tree())?;
        let config = self.config();
        let max = query.set.max.unwrap_or(config.page_default).min(config.page_max);
        let bytes_max = config.page_bytes_max.0;
        let page = match request.origin.session() {
            Some(session) => Page::beside(session, max, bytes_max)?,
            None => Page { max, bytes_max: u64::try_from(bytes_max).unwrap_or(u64::MAX) },
        };
        let answer = reader.answer(&query, page).await?;
        let results = self.results(request, &query, reader, reading, &answer);
        for result in results {
            self.host.router().send(result).await;
        }
        Ok(Reply::tree(&reader.fin(&answer)))
    }

    fn results(
        &self,
        request: &Request<'_>,
        query: &Query,
        reader: &Reader<'_>,
        reading: Reading,
        answer: &Answer,
    ) -> Vec<Stanza> {
        let room = request.handle.room.lock().jid.clone();
        let result = |entry: &Entry| {
            let shown = shown(entry, reading);
            let Some(result) = reader.result(query, entry, &shown) else {
                warn!(room = %room, "A message of an archive could not be forwarded.");
                return None;
            };
            let mut message = Stanza::message(MessageType::Normal).from(&room).to(request.from);
            message.children.push(result);
            Some(message)
        };
        let mut results: Vec<Stanza> = answer.page.entries.iter().filter_map(result).collect();
        if query.flip {
            results.reverse();
        }
        results
    }
}

/// The message as somebody may see it: who it was only for those who may know, and never an address.
fn shown(entry: &Entry, reading: Reading) -> Stanza {
    let mut stanza = entry.stanza.clone();
    stanza.to = None;
    if !reading.full {
        stanza.children.retain(|child| !child.is(ns::MUC_USER, "x"));
    }
    stanza
}
