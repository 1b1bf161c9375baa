//! Reads the corpus of the XML scanner; the format is in its README.

use std::fs;
use std::path::Path;

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// `ok`, a stanza error condition or a stream error condition.
    pub(crate) expectation: String,
    pub(crate) words: String,
    pub(crate) bytes: Vec<u8>,
}

/// All lines of a file.
pub(crate) fn read(file: &str) -> Vec<Case> {
    let cases: Vec<Case> = lines(file).iter().map(|line| case(line)).collect();
    assert!(!cases.is_empty(), "{file} has no cases");
    cases
}

/// The names in `namespaces.txt`.
pub(crate) fn namespaces() -> Vec<String> {
    lines("namespaces.txt")
}

fn lines(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/xml/corpus").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

fn case(line: &str) -> Case {
    let mut parts = line.splitn(3, " | ");
    let mut part = || parts.next().unwrap_or_else(|| panic!("three parts are wanted: {line}"));
    Case { expectation: part().to_owned(), words: part().to_owned(), bytes: unescape(part()) }
}

fn unescape(mut text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some((before, after)) = text.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (kind, rest) = after.split_at(1);
        text = rest;
        match kind {
            "n" => bytes.push(b'\n'),
            "r" => bytes.push(b'\r'),
            "t" => bytes.push(b'\t'),
            "\\" => bytes.push(b'\\'),
            "x" => {
                let (digits, rest) = rest.split_at(2);
                bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
                text = rest;
            }
            "{" => {
                let (inside, rest) = rest.split_once('}').expect("a closing brace");
                let (count, repeated) = inside.split_once(':').expect("COUNT:TEXT");
                bytes.extend(unescape(repeated).repeat(count.parse().expect("a number")));
                text = rest;
            }
            other => panic!("\\{other} means nothing"),
        }
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

#[test]
fn escapes_are_read() {
    assert_eq!(unescape(r"a\n\x00\\\{3:b\t}c"), b"a\n\0\\b\tb\tb\tc");
}
