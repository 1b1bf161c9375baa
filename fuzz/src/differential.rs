//! What the scanner passes on, rxml accepts and reads as the same elements.

use rxml::{Event, Parse, Parser};
use waxwing_xml::{Child, Framing, Item, Limits, Node, Scanner, Tree};

const HEADER: &[u8] =
    b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

pub(crate) fn run(data: &[u8]) {
    let mut input: &[u8] = &[HEADER, data].concat();
    let mut scanner = Scanner::new(Framing::Stream, Limits::CLIENT);
    while let Ok(Some(item)) = scanner.scan(&mut input) {
        let Item::Element(element) = item else { continue };
        for child in &element.children {
            let same = Child::from_bytes(child.bytes().clone()).expect("a child is canonical");
            assert!(same.is(child.namespace(), child.name()));
            let (mut ours, mut theirs) = (String::new(), String::new());
            dump(&child.tree(), &mut ours);
            read(child, &mut theirs);
            assert_eq!(ours, theirs, "{}", child.as_str());
            assert_eq!(child.tree().to_child().tree(), child.tree(), "{}", child.as_str());
        }
    }
}

fn dump(tree: &Tree, out: &mut String) {
    let attributes = tree.attrs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    start(tree.namespace(), tree.name(), attributes, out);
    for node in tree.nodes() {
        match node {
            Node::Tree(tree) => dump(tree, out),
            Node::Text(text) => out.extend(text.escape_debug()),
        }
    }
    out.push('>');
}

fn start(namespace: &str, name: &str, mut attributes: Vec<(String, String)>, out: &mut String) {
    attributes.sort();
    out.push_str(&format!("<{namespace:?} {name:?} {attributes:?} "));
}

fn read(child: &Child, out: &mut String) {
    let document = [HEADER, child.bytes(), b"</stream:stream>"].concat();
    let mut input = document.as_slice();
    let mut parser = Parser::new();
    let mut depth = 0;
    while let Some(event) = parser.parse(&mut input, true).expect("rxml reads what we pass on") {
        match event {
            Event::XmlDeclaration(..) => {}
            Event::StartElement(_, (namespace, name), attributes) => {
                depth += 1;
                if depth > 1 {
                    let names = attributes.into_iter().map(|((namespace, name), value)| {
                        let name = match namespace.as_str() {
                            "" => name.to_string(),
                            XML => format!("xml:{name}"),
                            namespace => format!("{{{namespace}}}{name}"),
                        };
                        (name, value.to_string())
                    });
                    start(namespace.as_str(), name.as_str(), names.collect(), out);
                }
            }
            Event::Text(_, text) => out.extend(text.escape_debug()),
            Event::EndElement(_) => {
                depth -= 1;
                if depth == 0 {
                    return;
                }
                out.push('>');
            }
        }
    }
}
