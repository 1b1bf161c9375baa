//! The same items and the same error whatever the pieces are. The first byte is the size of the pieces.

use waxwing_xml::{Framing, Item, Limits, Scanner, XmlError};

const HEADER: &[u8] =
    b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

const NARROW: Limits = Limits {
    element_bytes: 200,
    skip_bytes: 300,
    depth: 4,
    attributes: 4,
    name_bytes: 12,
    attribute_bytes: 24,
    children: 3,
    strict: false,
};

pub(crate) fn run(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let size = usize::from(choice >> 2) + 1;
    for limits in [Limits::CLIENT, NARROW, Limits { strict: true, ..NARROW }] {
        // With a header before and without.
        for header in [HEADER, b""] {
            let whole = scan(header, bytes, bytes.len().max(1), limits);
            assert_eq!(scan(header, bytes, size, limits), whole);
        }
    }
}

fn scan(header: &[u8], bytes: &[u8], size: usize, limits: Limits) -> (String, Result<(), XmlError>) {
    let mut scanner = Scanner::new(Framing::Stream, Limits::CLIENT);
    let mut items: Vec<Item> = Vec::new();
    for (number, mut piece) in std::iter::once(header).chain(bytes.chunks(size)).enumerate() {
        if number == 1 {
            scanner.set_limits(limits);
        }
        loop {
            match scanner.scan(&mut piece) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(error) => return (format!("{items:?}"), Err(error)),
            }
        }
        assert!(piece.is_empty(), "bytes were left");
    }
    (format!("{items:?}"), Ok(()))
}
