//! The scanner beside other parsers: what it passes on, they read, and as it was meant; what they all call
//! ill-formed, it rejects.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::corpus;
use super::forward::{self, Verdict};
use super::mutate::{Numbers, mutated};
use crate::Tree;

/// Where mutations start from: stanzas of the corpus that are not long.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let accepted = || corpus::accepted().into_iter();
    let all =
        accepted().chain(accepted()).chain(accepted()).chain(corpus::refused()).chain(corpus::ill_formed());
    all.map(|case| case.bytes).filter(|bytes| bytes.len() < 1500).collect()
}

/// How often to mutate: the environment variable `WAXWING_MUTATIONS` overrides it.
fn mutations(default: usize) -> usize {
    std::env::var("WAXWING_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(default)
}

/// The seed: the environment variable `WAXWING_SEED` overrides it.
fn numbers(default: u64) -> Numbers {
    Numbers::new(std::env::var("WAXWING_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(default))
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// rxml refuses a bare CR, which is legal XML and which we turn into LF, and reads one in an attribute value
/// otherwise than all others.
fn has_carriage_return(bytes: &[u8]) -> bool {
    bytes.contains(&b'\r')
}

/// What rxml makes of the original and of what we pass on.
fn beside_rxml(stanza: &[u8], numbers: &mut Numbers) -> bool {
    let original = forward::document(stanza);
    let size = if numbers.below(2) == 0 { original.len() } else { 1 + numbers.below(30) };
    let theirs = forward::rxml(&original);
    match forward::judge(&original, size) {
        Verdict::Accepted(elements) => {
            let sent = forward::forwarded(&elements);
            let arrived = forward::rxml(&sent)
                .unwrap_or_else(|| panic!("rxml rejects\n{}\nmade of\n{}", shown(&sent), shown(stanza)));
            assert_eq!(arrived, forward::as_read(&elements), "{}\n{}", shown(&sent), shown(stanza));
            match theirs {
                _ if has_carriage_return(stanza) => {}
                Some(theirs) => assert_eq!(arrived, forward::to_arrive(&theirs), "{}", shown(stanza)),
                None => panic!("rxml rejects {}", shown(stanza)),
            }
            true
        }
        Verdict::Refused(_) | Verdict::Rejected => false,
    }
}

#[test]
fn rxml_reads_what_we_pass_on_as_it_was_meant() {
    let seeds = seeds();
    let mut numbers = numbers(0x5eed);
    let count = mutations(100_000);
    let accepted = (0..count).filter(|_| beside_rxml(&mutated(&seeds, &mut numbers), &mut numbers)).count();
    println!("{accepted} of {count} were accepted");
    assert!(accepted > count / 20, "only {accepted} of {count} were accepted: nothing was shown");
    assert!(accepted < count / 2, "{accepted} of {count} were accepted: nothing was broken");
}

/// The corpus as it is, in the same comparison.
#[test]
fn rxml_reads_the_corpus_as_it_was_meant() {
    let mut numbers = Numbers::new(1);
    for case in corpus::accepted() {
        assert!(beside_rxml(&case.bytes, &mut numbers), "{}", case.words);
    }
}

/// Gives documents to expat and libxml2 (by `tests/differential.py`): a line of what each reads, or `-`.
struct Others {
    python: String,
}

impl Others {
    /// `None` if Python with lxml is not there and need not be.
    fn find() -> Option<Self> {
        let python = std::env::var("WAXWING_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let found = Command::new(&python).args(["-c", "import lxml.etree, xml.parsers.expat"]).output();
        if found.is_ok_and(|output| output.status.success()) {
            return Some(Self { python });
        }
        let needed = std::env::var("CI").is_ok_and(|value| value == "true")
            || std::env::var_os("WAXWING_REQUIRE_TOOLS").is_some();
        assert!(!needed, "{python} has no lxml, which this test needs; set WAXWING_PYTHON to one that has");
        println!("SKIPPED: {python} has no lxml, so expat and libxml2 were not asked; set WAXWING_PYTHON");
        None
    }

    /// What expat and libxml2 read in each document.
    fn read(&self, documents: &[Vec<u8>]) -> Vec<[Option<String>; 2]> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential.py");
        let mut child = Command::new(&self.python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let mut input = String::new();
        for document in documents {
            for byte in document {
                write!(input, "{byte:02x}").expect("a string takes all");
            }
            input.push('\n');
        }
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().expect("Python ends");
        writer.join().expect("no panic").expect("Python reads all");
        assert!(output.status.success(), "Python failed");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let lines: Vec<[Option<String>; 2]> = text.lines().map(answers).collect();
        assert_eq!(lines.len(), documents.len(), "an answer for each");
        lines
    }
}

fn answers(line: &str) -> [Option<String>; 2] {
    let (expat, libxml2) = line.split_once(' ').expect("two answers");
    [expat, libxml2].map(|answer| (answer != "-").then(|| answer.to_owned()))
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::from("="), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a string takes all");
        out
    })
}

fn unhex(answer: &str) -> String {
    let digits = answer.strip_prefix('=').expect("an answer");
    let digit = |at: usize| (char::from(digits.as_bytes()[at])).to_digit(16).expect("a digit");
    let byte = |at: usize| u8::try_from(digit(at) * 16 + digit(at + 1)).expect("a byte");
    String::from_utf8((0..digits.len()).step_by(2).map(byte).collect()).expect("UTF-8")
}

/// A stanza, what we say of it, and what we would send on.
struct Judged {
    stanza: Vec<u8>,
    original: Vec<u8>,
    sent: Option<(Vec<u8>, Vec<Tree>)>,
    /// Read to its end and found well-formed, but not passed on.
    unsupported: bool,
}

fn judged(stanza: Vec<u8>) -> Judged {
    let original = forward::document(&stanza);
    match forward::judge(&original, original.len()) {
        Verdict::Accepted(elements) => {
            let sent = Some((forward::forwarded(&elements), forward::as_read(&elements)));
            Judged { stanza, original, sent, unsupported: false }
        }
        Verdict::Refused(unsupported) => Judged { stanza, original, sent: None, unsupported },
        Verdict::Rejected => Judged { stanza, original, sent: None, unsupported: false },
    }
}

fn compare(batch: &[Judged], others: &Others) {
    let documents = batch.iter().map(|judged| judged.original.clone());
    let sent = batch.iter().filter_map(|judged| judged.sent.as_ref()).map(|(sent, _)| sent.clone());
    let documents: Vec<Vec<u8>> = documents.chain(sent).collect();
    let answers = others.read(&documents);
    let (originals, sent) = answers.split_at(batch.len());
    let mut sent = sent.iter();
    for (judged, original) in batch.iter().zip(originals) {
        let stanza = shown(&judged.stanza);
        if let Some((bytes, trees)) = &judged.sent {
            let expected = Some(hex(&forward::dump(trees)));
            let [expat, libxml2] = sent.next().expect("an answer");
            assert_eq!(*expat, expected, "expat reads otherwise\n{}\nmade of\n{stanza}", shown(bytes));
            assert_eq!(*libxml2, expected, "libxml2 reads otherwise\n{}\nmade of\n{stanza}", shown(bytes));
            for theirs in original {
                let theirs = theirs
                    .as_ref()
                    .unwrap_or_else(|| panic!("expat or libxml2 reject {stanza}: {original:?}"));
                assert_eq!(forward::to_arrive(&forward::undump(&unhex(theirs))), *trees, "{stanza}");
            }
        } else if judged.unsupported {
            let known = original.iter().any(Option::is_some) || forward::rxml(&judged.original).is_some();
            // Names beyond ASCII: expat knows the fourth edition only, rxml not all of the fifth, and libxml2 refuses
            // most of our odd namespaces, so that two oddities together may be too much for all.
            let known = known || !judged.stanza.is_ascii();
            assert!(known, "nobody else takes it for well-formed: {stanza}");
        }
    }
}

#[test]
fn expat_and_libxml2_read_what_we_pass_on_as_it_was_meant() {
    let Some(others) = Others::find() else { return };
    compare(&corpus::accepted().into_iter().map(|case| judged(case.bytes)).collect::<Vec<_>>(), &others);
    let seeds = seeds();
    let mut numbers = numbers(0xbeef);
    let count = mutations(20_000);
    let mut accepted = 0;
    for _ in 0..count.div_ceil(5_000) {
        let batch: Vec<Judged> =
            (0..count.min(5_000)).map(|_| judged(mutated(&seeds, &mut numbers))).collect();
        accepted += batch.iter().filter(|judged| judged.sent.is_some()).count();
        compare(&batch, &others);
    }
    println!("{accepted} of {count} were accepted");
    assert!(accepted > count / 20, "only {accepted} of {count} were accepted: nothing was shown");
}

/// The negative twin: what is ill-formed in the corpus is so for the others too, so that they can tell.
#[test]
fn expat_and_libxml2_reject_what_is_ill_formed() {
    let Some(others) = Others::find() else { return };
    let cases = corpus::ill_formed();
    let documents: Vec<Vec<u8>> = cases.iter().map(|case| forward::document(&case.bytes)).collect();
    for (case, read) in cases.iter().zip(others.read(&documents)) {
        if matches!(case.expected, "not-well-formed" | "unsupported-encoding") {
            assert!(read.iter().any(Option::is_none), "{}: {read:?}", case.words);
        }
    }
}
