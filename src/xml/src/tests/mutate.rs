//! Stanzas made wrong in a way that can be done again: the same seed gives the same bytes.

/// A small generator of numbers (xorshift).
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).expect("fits")).expect("fits")
    }
    fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// What an attacker would put in.
const PIECES: &[&[u8]] = &[
    b"<",
    b">",
    b"/",
    b"&",
    b"'",
    b"\"",
    b"=",
    b" ",
    b":",
    b";",
    b"\r",
    b"\n",
    b"\t",
    b"\0",
    b"\x0b",
    b"]]>",
    b"]",
    b"]]",
    b"<!--",
    b"-->",
    b"<?",
    b"?>",
    b"<!DOCTYPE",
    b"<![CDATA[",
    b"<![CDATA[]]>",
    b"&#",
    b"&#x",
    b"&#x0;",
    b"&#13;",
    b"&#9;",
    b"&#xD800;",
    b"&#xFFFE;",
    b"&amp;",
    b"&lt;",
    b"&foo;",
    b"&#x10FFFF;",
    b"&#x110000;",
    b"xmlns=''",
    b" xmlns='urn:x'",
    b" xmlns='jabber:client'",
    b" xmlns='jabber:server'",
    b" xmlns:p='urn:x'",
    b" xmlns:q='urn:x'",
    b" xmlns:p=''",
    b" xmlns:p='jabber:client'",
    b" xmlns:p='jabber:server'",
    b" xmlns:xml='urn:x'",
    b" xml:lang='en'",
    b" xml:id='a'",
    b" xml:space='preserve'",
    b" p:a='1'",
    b" q:a='2'",
    b" a='1'",
    b"p:",
    b"q:",
    b"xml:",
    b"xmlns:",
    b"stream:",
    b"<a>",
    b"</a>",
    b"<a/>",
    b"<p:a/>",
    b"<p:a>",
    b"</p:a>",
    b"<body>",
    b"</body>",
    b"</message>",
    b"<message>",
    b"</stream:stream>",
    b"\xc3\xa9",
    b"\xe2\x82\xac",
    b"\xf0\x9f\x98\x80",
    b"\xef\xbf\xbe",
    b"\xef\xbf\xbf",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xff",
    b"\x80",
    b"\xc3\x97",
    b"\xcc\x80",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\x7f",
    b"%",
    b"%20",
    b"#",
    b"?",
    b"@",
    b"[",
    b"]",
    b"//",
    b"{",
    b"}",
    b"<forwarded xmlns='urn:xmpp:forward:0'>",
    b"</forwarded>",
];

/// What may well stand inside a start tag.
const ATTRIBUTES: &[&[u8]] = &[
    b" xmlns='urn:x'",
    b" xmlns=''",
    b" xmlns='jabber:client'",
    b" xmlns='jabber:server'",
    b" xmlns='urn:xmpp:forward:0'",
    b" xmlns:p='urn:x'",
    b" xmlns:q='urn:x'",
    b" xmlns:p='jabber:client'",
    b" xmlns:q='jabber:server'",
    b" xmlns:xml='http://www.w3.org/XML/1998/namespace'",
    b" xml:lang='en'",
    b" b='&#13;&#10;'",
    b" c=\"'\t\r\n\n\"",
    b" p:a='1'",
    b" q:a='2'",
    b" stream:a='3'",
    b"\n",
];

/// What may well stand in content.
const CONTENTS: &[&[u8]] = &[
    b"<a/>",
    b"<a xmlns='urn:x'><b/></a>",
    b"<p:a xmlns:p='urn:x'><b/><p:b/></p:a>",
    b"<p:a/>",
    b"<stream:a><b/></stream:a>",
    b"<c:b xmlns:c='jabber:client'><c:d/><d/></c:b>",
    b"<c:b xmlns:c='jabber:server' xmlns='urn:y'><c:d/><d/></c:b>",
    b"<a xmlns='urn:x' xmlns:p='jabber:client'><p:b><p:c/><c/></p:b></a>",
    b"<![CDATA[<&>]] ]]>",
    b"<![CDATA[]]>",
    b"&amp;&lt;&#x1F600;",
    b"\r\n\r",
    b"]] >",
    b"\xe2\x82\xac",
];

/// One to three changes to one of `stanzas`, or one gentle change that leaves most of them well-formed.
pub(super) fn mutated(stanzas: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = stanzas[numbers.below(stanzas.len())].clone();
    for _ in 0..numbers.below(4) {
        enrich(&mut bytes, numbers);
    }
    for _ in 0..numbers.below(3) {
        change(&mut bytes, stanzas, numbers);
    }
    bytes
}

/// Puts something before or after one of the `>`.
fn enrich(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'>').collect();
    if places.is_empty() {
        return;
    }
    let place = places[numbers.below(places.len())];
    if numbers.below(2) == 0 {
        bytes.splice(place + 1..place + 1, numbers.pick(CONTENTS).iter().copied());
    } else {
        let at = if place > 0 && bytes[place - 1] == b'/' { place - 1 } else { place };
        bytes.splice(at..at, numbers.pick(ATTRIBUTES).iter().copied());
    }
}

fn change(bytes: &mut Vec<u8>, stanzas: &[Vec<u8>], numbers: &mut Numbers) {
    let at = numbers.below(bytes.len() + 1);
    let end = (at + numbers.below(12)).min(bytes.len());
    match numbers.below(9) {
        0 if at < bytes.len() => bytes[at] = u8::try_from(numbers.below(256)).expect("below 256"),
        1 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
        2 => drop(bytes.drain(at..end)),
        3 => {
            let copy = bytes[at..end].to_vec();
            let to = numbers.below(bytes.len() + 1);
            bytes.splice(to..to, copy);
        }
        4 => {
            let other = &stanzas[numbers.below(stanzas.len())];
            let from = numbers.below(other.len() + 1);
            let to = (from + numbers.below(40)).min(other.len());
            bytes.splice(at..at, other[from..to].iter().copied());
        }
        5 => drop(bytes.splice(at..end, numbers.pick(PIECES).iter().copied())),
        _ => drop(bytes.splice(at..at, numbers.pick(PIECES).iter().copied())),
    }
}
