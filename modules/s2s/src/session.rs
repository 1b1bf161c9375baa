//! What two servers have told each other to have handled, on one stream after another
//! ([XEP-0198](https://xmpp.org/extensions/xep-0198.html)).

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
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
    fn key(&self) -> Option<Key> {
        self.pair.clone().zip(self.id.clone())
    }

    /// What may not have arrived goes back to where it waited.
    pub(crate) fn put_back(&mut self) {
        let unacked = self.unacked.take();
        let all = unacked.into_iter().chain(std::mem::take(&mut self.again));
        all.rev().for_each(Sent::put_back);
        std::mem::take(&mut self.unconfirmed).into_iter().rev().for_each(Sent::put_back);
    }

    /// Since when the oldest stanza has been on its way that may not have arrived.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.unacked.iter().chain(&self.again).chain(&self.unconfirmed).map(Sent::since).min()
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
    /// The ids are partly ours, partly of other servers, which may choose what they want: each has its own.
    entries: BTreeMap<Key, Place>,
    /// How many lie here without a stream.
    parted: usize,
    /// Sessions that are over, oldest first: what was handled, for those who ask too late.
    past: HashMap<Key, u32>,
    order: VecDeque<Key>,
}

type Key = (Pair, String);

/// Domains, theirs and ours.
pub(crate) type Pair = (Domain, Domain);

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

/// A session that was parted, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    key: Key,
    pub(crate) parted: Parted,
}

impl Broken {
    pub(crate) fn new(session: &Session, parted: Parted) -> Option<Self> {
        Some(Self { key: session.key()?, parted })
    }
}

/// What became of a session whose stream has broken.
#[derive(Debug)]
pub(crate) enum Parting {
    /// It waits; one that lay in its place does not any more.
    Waits(Option<Box<Session>>),
    /// Another stream has it.
    HandedOver,
    /// It cannot be kept.
    Over(Box<Session>),
}

/// Why there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// What was handled of it, if that is known.
    pub(crate) handled: Option<u32>,
}

impl Sessions {
    /// A stream can be resumed from now on. What lay here by the same id comes back: nobody can ask for it any more.
    #[must_use]
    pub(crate) fn open(&self, session: &Session) -> Option<Box<Session>> {
        let place = Place::Live(Arc::clone(&session.desk));
        self.0.lock().insert(session.key()?, place)
    }

    /// Its stream has broken; who asks for it gets it, with the word that was left for its stream.
    pub(crate) fn part(&self, mut session: Box<Session>, parted: Parted, max: usize) -> Parting {
        let mut known = self.0.lock();
        let Some(key) = session.key() else { return Parting::Over(session) };
        let (heirs, others) = session.desk.take().into_iter().partition(Ask::is_for_heir);
        session.desk.put_back(others);
        for heir in heirs {
            let Ask::HandOver(heir) = heir else { continue };
            match heir.send(session) {
                Ok(()) => return Parting::HandedOver,
                Err(unwanted) => session = unwanted,
            }
        }
        if known.parted >= max {
            known.remove(&key);
            return Parting::Over(session);
        }
        Parting::Waits(known.insert(key, Place::Parted(session, parted)))
    }

    /// The session that somebody wants to resume who speaks for that pair of domains. If a stream has it still, that one
    /// ends.
    ///
    /// # Errors
    /// There is none by that id, for that pair.
    pub(crate) async fn fetch(&self, id: &str, pair: &Pair) -> Result<Box<Session>, Unknown> {
        let key = (pair.clone(), id.to_owned());
        let handed = {
            let mut known = self.0.lock();
            match known.entries.get(&key) {
                Some(Place::Live(desk)) => {
                    let (heir, handed) = oneshot::channel();
                    if !desk.ask(Ask::HandOver(heir)) {
                        return Err(Unknown { handled: None });
                    }
                    handed
                }
                Some(Place::Parted(..)) => return known.take(&key).ok_or(Unknown { handled: None }),
                None => return Err(Unknown { handled: known.past.get(&key).copied() }),
            }
        };
        // A stream looks at its desk at every turn; one that has broken meanwhile hands over as well.
        handed.await.map_err(|_| Unknown { handled: None })
    }

    /// The session, if it has lain here without a stream since it was parted in that way.
    pub(crate) fn take(&self, broken: &Broken) -> Option<Box<Session>> {
        let mut known = self.0.lock();
        match known.entries.get(&broken.key)? {
            Place::Parted(_, how) if *how == broken.parted => known.take(&broken.key),
            _ => None,
        }
    }

    /// A session without a stream whose other server has opened a new one instead: it knows nothing of it.
    pub(crate) fn superseded(&self, pair: &Pair) -> Option<Box<Session>> {
        let mut known = self.0.lock();
        let first = (pair.clone(), String::new());
        let of_pair = known.entries.range(first..).take_while(|((known, _), _)| known == pair);
        let is_theirs = |place: &Place| matches!(place, Place::Parted(_, parted) if !parted.by_us);
        let key = of_pair.into_iter().find(|(_, place)| is_theirs(place)).map(|(key, _)| key.clone())?;
        known.take(&key)
    }

    /// Looks at a session that has lain here without a stream since it was parted in that way; none: it does not any
    /// more.
    pub(crate) fn look<R>(&self, broken: &Broken, look: impl FnOnce(&Session) -> R) -> Option<R> {
        match self.0.lock().entries.get(&broken.key)? {
            Place::Parted(session, how) if *how == broken.parted => Some(look(session)),
            _ => None,
        }
    }

    /// So many stanzas were handled in a session that is over, or that may be soon.
    pub(crate) fn note(&self, session: &Session, handled: u32) {
        let Some(key) = session.key() else { return };
        let mut known = self.0.lock();
        if known.past.insert(key.clone(), handled).is_some() {
            return;
        }
        known.order.push_back(key);
        if known.order.len() > PAST_MAX
            && let Some(oldest) = known.order.pop_front()
        {
            known.past.remove(&oldest);
        }
    }

    /// A session is over.
    pub(crate) fn close(&self, session: &Session) {
        let Some(key) = session.key() else { return };
        let mut known = self.0.lock();
        // Another one by the same id is none of its business.
        if matches!(known.entries.get(&key), Some(Place::Live(desk)) if Arc::ptr_eq(desk, &session.desk)) {
            known.remove(&key);
        }
    }

    /// How many lie here without a stream.
    pub(crate) fn parted_count(&self) -> usize {
        self.0.lock().parted
    }
}

impl Known {
    fn insert(&mut self, key: Key, place: Place) -> Option<Box<Session>> {
        let displaced = self.take(&key);
        self.parted += usize::from(matches!(place, Place::Parted(..)));
        self.entries.insert(key, place);
        displaced
    }

    fn remove(&mut self, key: &Key) -> Option<Place> {
        let place = self.entries.remove(key)?;
        self.parted -= usize::from(matches!(place, Place::Parted(..)));
        Some(place)
    }

    fn take(&mut self, key: &Key) -> Option<Box<Session>> {
        match self.remove(key)? {
            Place::Parted(session, _) => Some(session),
            Place::Live(_) => None,
        }
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

    fn part(sessions: &Sessions, session: Box<Session>, parted: Parted) -> Broken {
        let broken = Broken::new(&session, parted).unwrap();
        assert!(matches!(sessions.part(session, parted, 10), Parting::Waits(None)));
        broken
    }

    #[tokio::test]
    async fn xep0198_5_a_session_belongs_to_its_domains() {
        let sessions = Sessions::default();
        part(&sessions, session("1", "a.example"), parted(false));
        let unknown = Unknown { handled: None };
        assert_eq!(sessions.fetch("1", &pair("b.example")).await.unwrap_err(), unknown);
        assert_eq!(sessions.fetch("2", &pair("a.example")).await.unwrap_err(), unknown);
        assert_eq!(sessions.parted_count(), 1);
        assert_eq!(sessions.fetch("1", &pair("a.example")).await.unwrap().handled.count(), 1);
        assert_eq!(sessions.parted_count(), 0);
        assert_eq!(sessions.fetch("1", &pair("a.example")).await.unwrap_err(), unknown, "it has gone");
    }

    /// Another server may give what id it wants, the same to several streams, or that of another server.
    #[test]
    fn nobody_displaces_a_session_of_others_and_none_is_lost() {
        let sessions = Sessions::default();
        part(&sessions, session("1", "a.example"), parted(true));
        assert!(sessions.open(&session("1", "b.example")).is_none());
        assert_eq!(sessions.parted_count(), 1);
        let displaced = sessions.open(&session("1", "a.example")).unwrap();
        assert_eq!(displaced.pair, Some(pair("a.example")));
        assert_eq!(sessions.parted_count(), 0);
        part(&sessions, session("1", "a.example"), parted(true));
        let again = sessions.part(session("1", "a.example"), parted(true), 10);
        assert!(matches!(again, Parting::Waits(Some(_))));
        assert_eq!(sessions.parted_count(), 1);
    }

    #[tokio::test]
    async fn xep0198_5_what_is_over_has_its_count_still_for_who_may_know() {
        let sessions = Sessions::default();
        sessions.note(&session("1", "a.example"), 7);
        assert_eq!(sessions.fetch("1", &pair("a.example")).await.unwrap_err().handled, Some(7));
        assert_eq!(sessions.fetch("1", &pair("b.example")).await.unwrap_err().handled, None);
        sessions.note(&session("1", "a.example"), 8);
        assert_eq!(sessions.fetch("1", &pair("a.example")).await.unwrap_err().handled, Some(8));
        for id in 0..PAST_MAX {
            sessions.note(&session(&format!("x{id}"), "a.example"), 1);
        }
        assert_eq!(sessions.fetch("1", &pair("a.example")).await.unwrap_err().handled, None);
    }

    /// Whether its stream looks at its desk or breaks at that moment.
    #[tokio::test]
    async fn xep0198_5_a_session_with_a_stream_is_handed_over_with_what_was_asked_of_it() {
        let sessions = Arc::new(Sessions::default());
        for breaks in [false, true] {
            let live = session("1", "a.example");
            assert!(sessions.open(&live).is_none());
            live.desk.ask(Ask::Serve(link()));
            let known = Arc::clone(&sessions);
            let heir = tokio::spawn(async move { known.fetch("1", &pair("a.example")).await });
            tokio::task::yield_now().await;
            live.desk.ask(Ask::Serve(link()));
            let asked = if breaks {
                assert!(matches!(sessions.part(live, parted(false), 10), Parting::HandedOver));
                2
            } else {
                let mut asks = live.desk.take();
                let Ask::HandOver(heir) = asks.remove(1) else { panic!("asked") };
                heir.send(live).unwrap();
                0
            };
            let session = heir.await.unwrap().unwrap();
            assert_eq!((session.handled.count(), session.desk.take().len()), (1, asked));
            assert_eq!(sessions.parted_count(), 0);
        }
    }

    #[test]
    fn too_many_sessions_without_a_stream_are_not_kept() {
        let sessions = Sessions::default();
        part(&sessions, session("1", "a.example"), parted(false));
        let Parting::Over(unkept) = sessions.part(session("2", "a.example"), parted(false), 1) else {
            panic!("there are too many")
        };
        assert_eq!(unkept.id.unwrap(), "2");
        assert!(matches!(sessions.part(Box::default(), parted(false), 9), Parting::Over(_)), "no id");
    }

    #[test]
    fn who_begins_anew_has_forgotten_what_lay_here_of_its_streams() {
        let sessions = Sessions::default();
        part(&sessions, session("1", "a.example"), parted(true));
        part(&sessions, session("2", "b.example"), parted(false));
        part(&sessions, session("3", "a.example"), parted(false));
        assert_eq!(sessions.superseded(&pair("a.example")).unwrap().id.unwrap(), "3");
        assert!(sessions.superseded(&pair("a.example")).is_none());
        assert_eq!(sessions.parted_count(), 2);
    }

    #[test]
    fn a_session_that_was_parted_anew_is_not_taken_by_who_knew_the_old_one() {
        let sessions = Sessions::default();
        let new = part(&sessions, session("1", "a.example"), parted(false));
        let old = Broken { parted: parted(true), ..new.clone() };
        assert!(sessions.take(&old).is_none() && sessions.look(&old, |_| ()).is_none());
        assert!(sessions.take(&new).is_some());
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
