//! What two servers have told each other to have handled, on one stream after another
//! ([XEP-0198](https://xmpp.org/extensions/xep-0198.html)).

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;
use waxwing_core::acks::{Handled, Unacked};
use waxwing_store::StoreError;
use waxwing_xmpp::Domain;

use crate::desk::{Ask, Desk};
use crate::link::{Link, Sent};

/// Outlives its stream, if both want that: then the next one goes on with it (XEP-0198 §5).
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// By which it can be resumed; none: it cannot.
    pub(crate) id: Option<String>,
    pub(crate) desk: Arc<Desk>,
    /// The domains of its first stream, theirs and ours.
    pub(crate) pair: Option<Pair>,
    /// Pairs (theirs, ours) that were proven: what may come.
    pub(crate) proven: BTreeSet<(Domain, Domain)>,
    /// What goes over it.
    pub(crate) links: Vec<Arc<Link>>,
    /// What came.
    pub(crate) handled: Handled,
    /// What was written; without stream management, until the kernel has taken it.
    pub(crate) unacked: Unacked<Sent>,
    /// Messages that the kernel has taken, without stream management, and that may not have arrived.
    pub(crate) unconfirmed: VecDeque<Sent>,
    /// What is to be written once more, before anything else.
    pub(crate) again: VecDeque<Sent>,
}

impl Session {
    /// What may not have arrived goes back to where it waited.
    pub(crate) fn put_back(&mut self) {
        let unacked = self.unacked.take();
        let all = unacked.into_iter().chain(std::mem::take(&mut self.again));
        all.rev().for_each(Sent::put_back);
        std::mem::take(&mut self.unconfirmed).into_iter().rev().for_each(Sent::take_back);
    }

    /// Since when the oldest stanza has been on its way that may not have arrived.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.unacked.iter().chain(&self.again).map(Sent::since).min()
    }

    /// Whether anything of a link may not have arrived.
    pub(crate) fn owes(&self, link: &Arc<Link>) -> bool {
        self.unacked.iter().chain(&self.again).any(|sent| Arc::ptr_eq(&sent.link, link))
    }

    /// The link of the domains that its first stream was for, if it sends for that.
    pub(crate) fn main_link(&self) -> Option<Arc<Link>> {
        let (remote, local) = self.pair.as_ref()?;
        self.links.iter().find(|link| link.remote == *remote && link.local == *local).cloned()
    }

    /// How many stanzas of the other server are on disk, once all are.
    ///
    /// # Errors
    /// A write failed.
    pub(crate) async fn settle(&mut self) -> Result<u32, StoreError> {
        while let Some(custody) = self.handled.next() {
            custody.durable().await?;
            self.handled.advance()?;
        }
        self.handled.advance()
    }
}

/// The sessions that may be resumed, by id.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    entries: HashMap<String, Entry>,
    /// How many lie here without a stream.
    parted: usize,
    /// Sessions that are over, oldest first: what was handled, for those who ask too late.
    past: HashMap<String, (Pair, u32)>,
    order: VecDeque<String>,
}

/// Domains, theirs and ours.
pub(crate) type Pair = (Domain, Domain);

#[derive(Debug)]
struct Entry {
    pair: Pair,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A stream has it.
    Live(Arc<Desk>),
    /// The stream has broken.
    Parted(Box<Session>, Parted),
}

/// How a session lies without a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parted {
    /// We had opened the stream.
    pub(crate) by_us: bool,
    pub(crate) until: Instant,
}

/// Why there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// What was handled of it, if that is known.
    pub(crate) handled: Option<u32>,
}

impl Sessions {
    /// A stream can be resumed from now on.
    pub(crate) fn open(&self, session: &Session) {
        if let (Some(id), Some(pair)) = (&session.id, &session.pair) {
            let entry = Entry { pair: pair.clone(), place: Place::Live(Arc::clone(&session.desk)) };
            self.0.lock().insert(id, entry);
        }
    }

    /// Its stream has broken; who asks for it gets it. The session comes back with the word that was left for its
    /// stream if it cannot be kept: somebody waits for it, or there are too many.
    pub(crate) fn part(
        &self,
        mut session: Box<Session>,
        parted: Parted,
        max: usize,
    ) -> Result<Vec<Ask>, (Box<Session>, Vec<Ask>)> {
        let mut known = self.0.lock();
        let Some((id, pair)) = session.id.clone().zip(session.pair.clone()) else {
            return Err((session, Vec::new()));
        };
        let mut rest = Vec::new();
        for ask in session.desk.take() {
            match ask {
                Ask::HandOver(heir) => match heir.send(session) {
                    Ok(()) => return Ok(rest),
                    Err(unwanted) => session = unwanted,
                },
                other => rest.push(other),
            }
        }
        if known.parted >= max {
            known.entries.remove(&id);
            return Err((session, rest));
        }
        known.insert(&id, Entry { pair, place: Place::Parted(session, parted) });
        Ok(rest)
    }

    /// The session that somebody wants to resume who speaks for that pair of domains. If a stream has it still, that one
    /// ends.
    ///
    /// # Errors
    /// There is none by that id, for that pair.
    pub(crate) async fn fetch(&self, id: &str, pair: &Pair) -> Result<Box<Session>, Unknown> {
        let handed = {
            let mut known = self.0.lock();
            match known.entries.get(id) {
                Some(entry) if entry.pair != *pair => return Err(Unknown { handled: None }),
                Some(Entry { place: Place::Live(desk), .. }) => {
                    let (heir, handed) = oneshot::channel();
                    if !desk.ask(Ask::HandOver(heir)) {
                        return Err(Unknown { handled: None });
                    }
                    handed
                }
                Some(Entry { place: Place::Parted(..), .. }) => {
                    return known.take(id).ok_or(Unknown { handled: None });
                }
                None => return Err(known.past(id, pair)),
            }
        };
        // A stream looks at its desk at every turn; one that has broken meanwhile hands over as well.
        handed.await.map_err(|_| Unknown { handled: None })
    }

    /// The session, if it has lain here without a stream since it was parted in that way.
    pub(crate) fn take(&self, id: &str, parted: Parted) -> Option<Box<Session>> {
        let mut known = self.0.lock();
        match &known.entries.get(id)?.place {
            Place::Parted(_, how) if *how == parted => known.take(id),
            _ => None,
        }
    }

    /// A session without a stream whose other server has opened a new one instead: it knows nothing of it.
    pub(crate) fn superseded(&self, pair: &Pair) -> Option<Box<Session>> {
        let mut known = self.0.lock();
        let is = |entry: &Entry| {
            entry.pair == *pair && matches!(&entry.place, Place::Parted(_, parted) if !parted.by_us)
        };
        let id = known.entries.iter().find(|(_, entry)| is(entry)).map(|(id, _)| id.clone())?;
        known.take(&id)
    }

    /// Looks at a session that has lain here without a stream since it was parted in that way; none: it does not any
    /// more.
    pub(crate) fn look<R>(&self, id: &str, parted: Parted, look: impl FnOnce(&Session) -> R) -> Option<R> {
        match &self.0.lock().entries.get(id)?.place {
            Place::Parted(session, how) if *how == parted => Some(look(session)),
            _ => None,
        }
    }

    /// A session is over, in which so many stanzas were handled.
    pub(crate) fn close(&self, id: &str, pair: Pair, handled: u32) {
        let mut known = self.0.lock();
        known.remove(id);
        if known.past.contains_key(id) {
            return;
        }
        known.past.insert(id.to_owned(), (pair, handled));
        known.order.push_back(id.to_owned());
        if known.order.len() > PAST_MAX
            && let Some(oldest) = known.order.pop_front()
        {
            known.past.remove(&oldest);
        }
    }

    /// How many lie here without a stream.
    pub(crate) fn parted_count(&self) -> usize {
        self.0.lock().parted
    }
}

impl Known {
    fn insert(&mut self, id: &str, entry: Entry) {
        self.remove(id);
        self.parted += usize::from(matches!(entry.place, Place::Parted(..)));
        self.entries.insert(id.to_owned(), entry);
    }

    fn remove(&mut self, id: &str) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        self.parted -= usize::from(matches!(entry.place, Place::Parted(..)));
        Some(entry)
    }

    fn take(&mut self, id: &str) -> Option<Box<Session>> {
        match self.remove(id)?.place {
            Place::Parted(session, _) => Some(session),
            Place::Live(_) => None,
        }
    }

    fn past(&self, id: &str, pair: &Pair) -> Unknown {
        let known = self.past.get(id).filter(|(whose, _)| whose == pair);
        Unknown { handled: known.map(|(_, handled)| *handled) }
    }
}

/// So many sessions that are over are remembered.
const PAST_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use waxwing_core::Custody;

    use super::*;
    use crate::link::tests::{link, waiting};

    fn pair(remote: &str) -> Pair {
        (Domain::parse(remote).unwrap(), Domain::parse("ours.example").unwrap())
    }

    fn session(id: &str, remote: &str) -> Box<Session> {
        let mut session = Session { id: Some(id.to_owned()), pair: Some(pair(remote)), ..Session::default() };
        session.handled.take(Custody::memory());
        Box::new(session)
    }

    fn parted(by_us: bool) -> Parted {
        Parted { by_us, until: Instant::now() + Duration::from_secs(60) }
    }

    #[tokio::test]
    async fn xep0198_5_a_session_belongs_to_its_domains() {
        let sessions = Sessions::default();
        sessions.part(session("1", "a.example"), parted(false), 10).unwrap();
        let unknown = Unknown { handled: None };
        assert_eq!(sessions.fetch("1", &pair("b.example")).await.unwrap_err(), unknown);
        assert_eq!(sessions.fetch("2", &pair("a.example")).await.unwrap_err(), unknown);
        assert_eq!(sessions.parted_count(), 1);
        assert_eq!(sessions.fetch("1", &pair("a.example")).await.unwrap().handled.count(), 1);
        assert_eq!(sessions.parted_count(), 0);
        assert_eq!(sessions.fetch("1", &pair("a.example")).await.unwrap_err(), unknown, "it has gone");
    }

    #[tokio::test]
    async fn xep0198_5_what_is_over_has_its_count_still_for_who_may_know() {
        let sessions = Sessions::default();
        sessions.close("1", pair("a.example"), 7);
        assert_eq!(sessions.fetch("1", &pair("a.example")).await.unwrap_err().handled, Some(7));
        assert_eq!(sessions.fetch("1", &pair("b.example")).await.unwrap_err().handled, None);
        for id in 0..PAST_MAX {
            sessions.close(&format!("x{id}"), pair("a.example"), 1);
        }
        assert_eq!(sessions.fetch("1", &pair("a.example")).await.unwrap_err().handled, None);
    }

    /// Whether its stream looks at its desk or breaks at that moment.
    #[tokio::test]
    async fn xep0198_5_a_session_with_a_stream_is_handed_over() {
        let sessions = Arc::new(Sessions::default());
        for breaks in [false, true] {
            let live = session("1", "a.example");
            sessions.open(&live);
            let known = Arc::clone(&sessions);
            let heir = tokio::spawn(async move { known.fetch("1", &pair("a.example")).await });
            tokio::task::yield_now().await;
            if breaks {
                assert!(sessions.part(live, parted(false), 10).unwrap().is_empty());
            } else {
                let Some(Ask::HandOver(heir)) = live.desk.take().pop() else { panic!("asked") };
                heir.send(live).unwrap();
            }
            assert_eq!(heir.await.unwrap().unwrap().handled.count(), 1);
            assert_eq!(sessions.parted_count(), 0);
        }
    }

    #[test]
    fn too_many_sessions_without_a_stream_are_not_kept() {
        let sessions = Sessions::default();
        sessions.part(session("1", "a.example"), parted(false), 1).unwrap();
        assert_eq!(
            sessions.part(session("2", "a.example"), parted(false), 1).unwrap_err().0.id.unwrap(),
            "2"
        );
        assert!(sessions.part(Box::default(), parted(false), 9).is_err(), "it has no id");
    }

    #[test]
    fn who_begins_anew_has_forgotten_what_lay_here_of_its_streams() {
        let sessions = Sessions::default();
        sessions.part(session("1", "a.example"), parted(true), 10).unwrap();
        sessions.part(session("2", "b.example"), parted(false), 10).unwrap();
        sessions.part(session("3", "a.example"), parted(false), 10).unwrap();
        assert_eq!(sessions.superseded(&pair("a.example")).unwrap().id.unwrap(), "3");
        assert!(sessions.superseded(&pair("a.example")).is_none());
        assert_eq!(sessions.parted_count(), 2);
    }

    #[test]
    fn a_session_that_was_parted_anew_is_not_taken_by_who_knew_the_old_one() {
        let sessions = Sessions::default();
        let (old, new) = (parted(true), Parted { by_us: false, ..parted(true) });
        sessions.part(session("1", "a.example"), new, 10).unwrap();
        assert!(sessions.take("1", old).is_none() && sessions.look("1", old, |_| ()).is_none());
        assert!(sessions.take("1", new).is_some());
    }

    #[test]
    fn rfc6120_10_1_what_was_written_comes_before_what_was_to_be_written_again() {
        let link = link();
        let sent = |id| Sent { link: Arc::clone(&link), waiting: waiting(id) };
        let mut session = Session::default();
        session.unacked.sent(sent("1"));
        session.again.extend([sent("2"), sent("3")]);
        assert!(session.owes(&link) && session.oldest().is_some());
        session.put_back();
        assert!(!session.owes(&link) && session.oldest().is_none());
        let ids = std::iter::from_fn(|| link.take()).map(|waiting| waiting.stanza.id.unwrap().to_string());
        assert_eq!(ids.collect::<Vec<_>>(), ["1", "2", "3"]);
    }
}
