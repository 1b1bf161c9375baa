//! Sends bytes at a place of a stream and tells what became of the stream.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use super::bystanders::Bystanders;
use crate::harness::dom::{STREAM_ERROR_NS, STREAM_NS};
use crate::harness::*;

/// How long the server may take to say what it thinks of an input.
const PATIENCE: Duration = Duration::from_secs(5);
/// After so many inputs that are not answered at all, a list is not gone through any further.
const SILENCES_MAX: usize = 5;
/// So much is sent before looking whether the server has had enough.
const PIECE: usize = 32 * 1024;

/// Sent after an input: the answer shows that the stream lives.
pub(crate) const PING: &str =
    "<iq type='get' id='still-here' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";

/// Where in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// After the header, in the clear.
    BeforeTls,
    /// After the header, inside TLS.
    BeforeLogin,
    /// With a resource bound.
    AfterLogin,
    /// A component's stream, after the headers and before the proof (XEP-0114 §3).
    BeforeHandshake,
}

/// What became of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It ended with this error, and so did the connection (RFC 6120 §4.9.1.1).
    Error(String),
    /// It ended without a word.
    Ended,
    /// It goes on: a ping that was sent last was answered.
    Lives,
    /// Neither an answer nor an end.
    Silence,
    /// An error, but the connection stayed open.
    Lingers(String),
}

/// What an input led to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) fate: Fate,
    /// Stanzas and other elements that came before that.
    pub(crate) answers: Vec<Element>,
}

/// What an input has to lead to.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// A stream error with one of the conditions among which the RFC leaves the choice.
    StreamError(Vec<&'static str>),
    /// A stanza error with one of the conditions for the stanza with the id 1; the stream lives.
    StanzaError(Vec<&'static str>),
    /// Nothing bad.
    Accepted,
}

/// A stream error.
pub(crate) fn stream_error(conditions: &[&'static str]) -> Expected {
    Expected::StreamError(conditions.to_vec())
}

/// A stanza error.
pub(crate) fn stanza_error(conditions: &[&'static str]) -> Expected {
    Expected::StanzaError(conditions.to_vec())
}

impl Outcome {
    /// Tells the difference, if there is one.
    pub(crate) fn check(&self, expected: &Expected) -> Result<(), String> {
        let as_expected = match (expected, &self.fate) {
            (Expected::StreamError(conditions), Fate::Error(condition)) => {
                conditions.contains(&condition.as_str())
            }
            (Expected::StanzaError(conditions), Fate::Lives) => self.answers.iter().any(|e| {
                e.attr("type") == Some("error")
                    && e.attr("id") == Some("1")
                    && e.condition().is_some_and(|c| conditions.contains(&c.as_str()))
            }),
            (Expected::Accepted, Fate::Lives) => true,
            _ => false,
        };
        if as_expected { Ok(()) } else { Err(format!("expected {expected:?}, got {self}")) }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.fate)?;
        for answer in &self.answers {
            let text: String = answer.to_string().chars().take(300).collect();
            write!(f, " after {text}")?;
        }
        Ok(())
    }
}

/// A stream that has come to a place.
pub(crate) fn enter(place: Place) -> Conn {
    match place {
        Place::BeforeTls => {
            let conn = Conn::plain();
            conn.open_features();
            conn
        }
        Place::BeforeLogin => Conn::secure(),
        Place::AfterLogin => {
            let conn = logged_in();
            conn.bind();
            conn
        }
        Place::BeforeHandshake => {
            let conn = Conn::component();
            component::open(&conn, component::GATEWAY);
            conn
        }
    }
}

/// The account that all attacks after login come from: name and password.
pub(crate) fn offender() -> (&'static str, &'static str) {
    static NAME: OnceLock<String> = OnceLock::new();
    const PASSWORD: &str = "offender's";
    let name = NAME.get_or_init(|| {
        let name = fresh("offender");
        register(&Conn::secure(), &name, PASSWORD).must("<iq type='result'/>");
        name
    });
    (name, PASSWORD)
}

/// A stream of that account with the features after login, nothing bound.
pub(crate) fn logged_in() -> Conn {
    let (name, password) = offender();
    let conn = Conn::secure();
    log_in(&conn, name, password);
    conn.open_features();
    conn
}

/// Sends it piece by piece, and stops when the server has ended the stream.
pub(crate) fn pour(conn: &Conn, bytes: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut pieces = bytes.chunks(PIECE).peekable();
    while let Some(piece) = pieces.next() {
        conn.send_bytes(piece);
        if pieces.peek().is_none() {
            break;
        }
        while let Some(item) = conn.poll(Duration::from_micros(200)) {
            let over = matches!(item, Item::Eof);
            items.push(item);
            if over {
                return items;
            }
        }
    }
    items
}

/// Sends the bytes and finds out what they lead to. `ping`: the stream is one that answers pings.
pub(crate) fn send_and_see(conn: &Conn, bytes: &[u8], ping: bool) -> Outcome {
    let items = pour(conn, bytes);
    if ping {
        conn.send(PING);
    }
    see(conn, items)
}

/// Reads until it is clear what became of the stream.
pub(crate) fn see(conn: &Conn, items: Vec<Item>) -> Outcome {
    let deadline = Instant::now() + PATIENCE;
    let mut items = items.into_iter();
    let mut answers = Vec::new();
    let mut error = None;
    let fate = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match items.next().or_else(|| conn.poll(left)) {
            Some(Item::Stanza(e)) if e.ns == STREAM_NS && e.name == "error" => error = Some(condition(&e)),
            Some(Item::Stanza(e)) if e.attr("id") == Some("still-here") => break Fate::Lives,
            Some(Item::Stanza(e)) => answers.push(e),
            Some(Item::Header(_) | Item::End) => {}
            Some(Item::Eof) => break error.map_or(Fate::Ended, Fate::Error),
            None => break error.map_or(Fate::Silence, Fate::Lingers),
        }
    };
    Outcome { fate, answers }
}

/// The one condition of a stream error (RFC 6120 §4.9.2).
fn condition(error: &Element) -> String {
    let named = |e: &&Element| e.ns == STREAM_ERROR_NS && e.name != "text";
    error.children().find(named).map_or_else(|| "no condition".to_owned(), |e| e.name.clone())
}

/// Sends bytes at a place, on a stream of their own, while the bystanders chat.
#[track_caller]
pub(crate) fn attack(place: Place, bytes: &[u8]) -> Outcome {
    Bystanders::get().still_chat();
    let outcome = send_and_see(&enter(place), bytes, place == Place::AfterLogin);
    Bystanders::get().still_chat();
    outcome
}

/// Sends bytes at a place, which must lead to that.
#[track_caller]
pub(crate) fn refused(place: Place, bytes: &[u8], expected: &Expected) {
    let _turn = beside_others();
    if let Err(problem) = attack(place, bytes).check(expected) {
        panic!("{place:?}: {problem}");
    }
}

/// Tries all inputs, each with its words and what it must lead to, and then fails with a list of all deviations.
#[track_caller]
pub(crate) fn all_refused(place: Place, inputs: impl IntoIterator<Item = (String, Vec<u8>, Expected)>) {
    let _turn = beside_others();
    let (mut deviations, mut silences) = (Vec::new(), 0);
    for (words, bytes, expected) in inputs {
        if silences == SILENCES_MAX {
            deviations.push("the rest was not tried".to_owned());
            break;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| attack(place, &bytes)));
        silences += usize::from(outcome.as_ref().is_ok_and(|o| o.fate == Fate::Silence));
        let result =
            outcome.map_or_else(|_| Err("the test failed, see above".to_owned()), |o| o.check(&expected));
        if let Err(problem) = result {
            deviations.push(format!("{words}: {problem}"));
        }
    }
    assert!(deviations.is_empty(), "{place:?}, {} deviations:\n{}", deviations.len(), deviations.join("\n"));
}

/// Attacks may come together …
static ALONE: RwLock<()> = RwLock::new(());

/// Lets attacks happen at the same time as others.
pub(crate) fn beside_others() -> RwLockReadGuard<'static, ()> {
    ALONE.read().unwrap_or_else(PoisonError::into_inner)
}

/// … but memory is watched while nobody else makes any use of it.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    ALONE.write().unwrap_or_else(PoisonError::into_inner)
}
