//! As much of XML as one needs to play a server: elements of the first level, and attributes of their tags.

use memchr::memmem;

/// Bytes that came, cut into tags of streams and elements of their first level.
///
/// It knows that the servers under test write well-formed XML and put no stanza into a stanza of its own name.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    bytes: Vec<u8>,
    at: usize,
}

impl Reader {
    /// Where to append what comes.
    pub(crate) fn room(&mut self) -> &mut Vec<u8> {
        self.bytes.drain(..self.at);
        self.at = 0;
        &mut self.bytes
    }

    /// The next one that is complete.
    pub(crate) fn next(&mut self) -> Option<&str> {
        let (start, end) = element(self.bytes.get(self.at..)?)?;
        let start = self.at + start;
        self.at += end;
        std::str::from_utf8(self.bytes.get(start..self.at)?).ok()
    }
}

/// Where the first element or tag of a stream begins and ends.
fn element(bytes: &[u8]) -> Option<(usize, usize)> {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let rest = bytes.get(start..)?;
    if rest.starts_with(b"<?") {
        let end = start + memmem::find(rest, b"?>")? + 2;
        return element(bytes.get(end..)?).map(|(from, to)| (end + from, end + to));
    }
    let tag = rest.get(..=memchr::memchr(b'>', rest)?)?;
    let alone = [&b"</"[..], b"<stream:stream"].iter().any(|begin| tag.starts_with(begin));
    if alone || tag.ends_with(b"/>") {
        return Some((start, start + tag.len()));
    }
    let name = tag.get(1..)?.split(|byte| byte.is_ascii_whitespace() || *byte == b'>').next()?;
    let close = [b"</", name, b">"].concat();
    let end = tag.len() + memmem::find(rest.get(tag.len()..)?, &close)? + close.len();
    Some((start, start + end))
}

/// The name in a tag; that of an end tag begins with a slash.
pub(crate) fn name(element: &str) -> &str {
    let rest = element.strip_prefix('<').unwrap_or(element);
    let slash = usize::from(rest.starts_with('/'));
    let end = rest.bytes().skip(slash).position(|byte| b" \t\r\n/>".contains(&byte));
    end.and_then(|end| rest.get(..slash + end)).unwrap_or(rest)
}

/// An attribute of an element's tag.
pub(crate) fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let tag = element.split('>').next()?;
    [('\'', format!(" {name}='")), ('"', format!(" {name}=\""))]
        .iter()
        .find_map(|(quote, begin)| tag.split_once(begin.as_str())?.1.split_once(*quote))
        .map(|(value, _)| value)
}

/// The text of an element that holds only text.
pub(crate) fn text(element: &str) -> &str {
    let rest = element.split_once('>').map_or("", |(_, rest)| rest);
    rest.split('<').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&str]) -> Vec<String> {
        let (mut reader, mut found) = (Reader::default(), Vec::new());
        for piece in pieces {
            reader.room().extend_from_slice(piece.as_bytes());
            while let Some(element) = reader.next() {
                found.push(element.to_owned());
            }
        }
        found
    }

    #[test]
    fn a_stream_in_pieces() {
        let stream = "<?xml version='1.0'?>\n<stream:stream id='1'><stream:features><a><b/></a></stream:features> \
                      <message from=\"x\"><body>1</body></message><message/><db:result>k</db:result></stream:stream>";
        let wanted = [
            "<stream:stream id='1'>",
            "<stream:features><a><b/></a></stream:features>",
            "<message from=\"x\"><body>1</body></message>",
            "<message/>",
            "<db:result>k</db:result>",
            "</stream:stream>",
        ];
        assert_eq!(all(&[stream]), wanted);
        let bytes: Vec<String> = stream.chars().map(String::from).collect();
        assert_eq!(all(&bytes.iter().map(String::as_str).collect::<Vec<_>>()), wanted);
    }

    #[test]
    fn parts_of_an_element() {
        let element = "<db:result from='a.lit' to=\"b.lit\" type='valid'>key</db:result>";
        assert_eq!(
            (name(element), name("</stream:stream>"), name("<a/>")),
            ("db:result", "/stream:stream", "a")
        );
        assert_eq!((attribute(element, "from"), attribute(element, "to")), (Some("a.lit"), Some("b.lit")));
        assert_eq!((attribute(element, "id"), text(element)), (None, "key"));
    }
}
