//! Finds the end of an element that was refused, holding nothing of it.

use crate::walk::Resume;
use crate::{Refused, XmlError, name};

/// An element that is being skipped. What is skipped is checked only as far as its end depends on it.
#[derive(Debug)]
pub(crate) struct Skip {
    pub(crate) refused: Refused,
    state: State,
    depth: usize,
    skipped: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Text,
    /// After `<`.
    Markup,
    /// In a start tag outside of quotes; whether the last byte was `/`.
    Tag(bool),
    Quoted(u8),
    EndTag,
    /// After `<!`, with so many bytes of `[CDATA[` seen.
    Bang(usize),
    /// In a CDATA section after so many `]` (2 at most).
    Cdata(u8),
}

impl Skip {
    pub(crate) const fn new(refused: Refused, resume: Resume) -> Self {
        let state = if resume.cdata { State::Cdata(0) } else { State::Text };
        Self { refused, state, depth: resume.depth, skipped: 0 }
    }

    /// Skips in `input`; gives how many bytes were taken and whether the element's end was among them.
    pub(crate) fn skip(&mut self, input: &[u8], max: usize) -> Result<(usize, bool), XmlError> {
        // No further than the limit, so that the result is the same whatever the pieces are.
        let left = max.saturating_sub(self.skipped).saturating_add(1);
        let input = input.get(..left.min(input.len())).unwrap_or_default();
        let mut at = 0;
        let mut done = false;
        while at < input.len() && !done {
            let rest = input.get(at..).unwrap_or_default();
            let (taken, ended) = self.step(rest)?;
            at += taken;
            done = ended;
        }
        self.skipped += at;
        if self.skipped > max {
            return Err(XmlError::TooLarge { limit: "an element that is refused", max });
        }
        Ok((at, done))
    }

    /// Takes at least one byte of `rest`.
    fn step(&mut self, rest: &[u8]) -> Result<(usize, bool), XmlError> {
        let first = rest.first().copied().unwrap_or_default();
        match self.state {
            State::Text => Ok((self.find(memchr::memchr(b'<', rest), rest, State::Markup), false)),
            State::Markup => self.markup(first).map(|()| (1, false)),
            State::Tag(slash) => Ok(self.tag(rest, slash)),
            State::Quoted(quote) => match memchr::memchr2(quote, b'<', rest) {
                Some(at) if rest.get(at) == Some(&b'<') => {
                    Err(XmlError::NotWellFormed("< in an attribute value"))
                }
                found => Ok((self.find(found, rest, State::Tag(false)), false)),
            },
            State::EndTag => {
                let found = memchr::memchr(b'>', rest);
                let taken = self.find(found, rest, State::Text);
                if found.is_some() {
                    self.depth = self.depth.saturating_sub(1);
                }
                Ok((taken, found.is_some() && self.depth == 0))
            }
            State::Bang(seen) => self.bang(first, seen).map(|()| (1, false)),
            State::Cdata(brackets) => Ok((self.cdata(rest, brackets), false)),
        }
    }

    /// Past what was found, in the next state; or past everything in the same.
    fn find(&mut self, found: Option<usize>, rest: &[u8], next: State) -> usize {
        match found {
            Some(at) => {
                self.state = next;
                at + 1
            }
            None => rest.len(),
        }
    }

    fn markup(&mut self, first: u8) -> Result<(), XmlError> {
        self.state = match first {
            b'/' => State::EndTag,
            b'!' => State::Bang(0),
            b'?' => return Err(XmlError::Restricted("a processing instruction")),
            byte if name::is(byte, name::NAME_START) || byte >= 0x80 => State::Tag(false),
            _ => return Err(XmlError::NotWellFormed("no name where one must be")),
        };
        Ok(())
    }

    fn tag(&mut self, rest: &[u8], slash: bool) -> (usize, bool) {
        let Some(at) = memchr::memchr3(b'>', b'"', b'\'', rest) else {
            self.state = State::Tag(rest.last() == Some(&b'/'));
            return (rest.len(), false);
        };
        let found = rest.get(at).copied().unwrap_or_default();
        if found != b'>' {
            self.state = State::Quoted(found);
            return (at + 1, false);
        }
        let empty = if at == 0 { slash } else { rest.get(at - 1) == Some(&b'/') };
        self.depth += usize::from(!empty);
        self.state = State::Text;
        (at + 1, self.depth == 0)
    }

    fn bang(&mut self, byte: u8, seen: usize) -> Result<(), XmlError> {
        const CDATA: &[u8] = b"[CDATA[";
        if CDATA.get(seen) == Some(&byte) {
            self.state = if seen + 1 == CDATA.len() { State::Cdata(0) } else { State::Bang(seen + 1) };
            return Ok(());
        }
        match (seen, byte) {
            (0, b'-') => Err(XmlError::Restricted("a comment")),
            (0, b'D' | b'E' | b'A' | b'N') => Err(XmlError::Restricted("a document type definition")),
            _ => Err(XmlError::NotWellFormed("<! without a meaning")),
        }
    }

    fn cdata(&mut self, rest: &[u8], brackets: u8) -> usize {
        match (rest.first(), brackets) {
            (Some(b']'), _) => {
                self.state = State::Cdata((brackets + 1).min(2));
                1
            }
            (Some(b'>'), 2) => {
                self.state = State::Text;
                1
            }
            _ => {
                self.state = State::Cdata(0);
                memchr::memchr(b']', rest).unwrap_or(rest.len())
            }
        }
    }
}
