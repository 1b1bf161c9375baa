//! Bytes in, items out.

mod accepted;
mod chunks;
mod corpus;
mod differential;
mod forward;
mod mutate;
mod properties;
mod rules;

use crate::{Element, Framing, Item, Limits, Scanner, XmlError};

/// The header of a client's stream.
const HEADER: &str = "<?xml version='1.0'?><stream:stream to='capulet.lit' version='1.0' xml:lang='en' \
     xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// All items of `bytes`, and the error if there is one, with what the scanner said about being idle at the end.
fn scan_all(scanner: &mut Scanner, mut bytes: &[u8]) -> (Vec<Item>, Result<(), XmlError>) {
    let mut items = Vec::new();
    loop {
        match scanner.scan(&mut bytes) {
            Ok(Some(item)) => items.push(item),
            Ok(None) => {
                assert!(bytes.is_empty(), "bytes were left");
                return (items, Ok(()));
            }
            Err(error) => return (items, Err(error)),
        }
    }
}

/// A scanner after a client's header.
fn client() -> Scanner {
    after(HEADER, Limits::CLIENT)
}

fn after(header: &str, limits: Limits) -> Scanner {
    let mut scanner = Scanner::new(Framing::Stream, limits);
    let (items, end) = scan_all(&mut scanner, header.as_bytes());
    assert!(matches!(items.as_slice(), [Item::Root(_)]) && end == Ok(()), "{items:?} {end:?}");
    scanner
}

/// The one element that `xml` is after a client's header.
fn element(xml: &str) -> Element {
    one_element(&mut client(), xml)
}

fn one_element(scanner: &mut Scanner, xml: &str) -> Element {
    let (mut items, end) = scan_all(scanner, xml.as_bytes());
    assert_eq!(end, Ok(()), "{xml}");
    match (items.pop(), items.is_empty()) {
        (Some(Item::Element(element)), true) => element,
        other => panic!("{xml}: {other:?}"),
    }
}

/// The children of `xml` as they would be written.
fn children(xml: &str) -> Vec<String> {
    written(&element(xml))
}

fn written(element: &Element) -> Vec<String> {
    element.children.iter().map(|child| child.as_str().to_owned()).collect()
}
