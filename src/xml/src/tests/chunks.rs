use super::mutate::{self, Numbers};
use super::{HEADER, after, scan_all};
use crate::{Framing, Item, Limits, Scanner, XmlError};

const STREAM: &str = "<message to='a@b' xmlns:x='urn:x' type=\"chat\">text &#x41;<body>h\u{e9}llo \u{1f600} &amp; ]] &gt; <![CDATA[<a>&]] ]]></body>\
     <x:y z='1&#10;2'/><a xmlns='urn:a'><b/>\r\n</a ></message> <presence/>\n<iq ><b\n/></iq></stream:stream >";

/// The same items whatever the pieces are.
#[test]
fn pieces_make_no_difference() {
    let stream = format!("{HEADER}{STREAM}");
    let (whole, end) = scan_all(&mut Scanner::new(Framing::Stream, Limits::CLIENT), stream.as_bytes());
    assert_eq!(end, Ok(()));
    assert_eq!(whole.len(), 5);
    let expected = format!("{whole:?}");
    for at in 0..=stream.len() {
        let mut scanner = Scanner::new(Framing::Stream, Limits::CLIENT);
        let mut items: Vec<Item> = Vec::new();
        for piece in [&stream.as_bytes()[..at], &stream.as_bytes()[at..]] {
            let (more, end) = scan_all(&mut scanner, piece);
            assert_eq!(end, Ok(()), "split at {at}");
            items.extend(more);
        }
        assert_eq!(format!("{items:?}"), expected, "split at {at}");
    }
    let mut scanner = Scanner::new(Framing::Stream, Limits::CLIENT);
    let single: Vec<Item> = stream.bytes().flat_map(|byte| scan_all(&mut scanner, &[byte]).0).collect();
    assert_eq!(format!("{single:?}"), expected);
}

fn in_pieces(limits: Limits, stanzas: &[u8], size: usize) -> (String, Result<(), XmlError>) {
    let mut scanner = after(HEADER, Limits::CLIENT);
    scanner.set_limits(limits);
    let mut items = Vec::new();
    for piece in stanzas.chunks(size) {
        let (more, end) = scan_all(&mut scanner, piece);
        items.extend(more);
        if end.is_err() {
            return (format!("{items:?}"), end);
        }
    }
    (format!("{items:?} {}", scanner.is_idle()), Ok(()))
}

/// Broken stanzas too: the same items, then the same error, with wide limits and with narrow ones that cut and skip.
#[test]
fn pieces_make_no_difference_to_mutations() {
    let narrow = Limits {
        element_bytes: 200,
        skip_bytes: 300,
        depth: 4,
        attributes: 4,
        name_bytes: 12,
        attribute_bytes: 24,
        children: 3,
        strict: false,
    };
    let seeds = super::differential::seeds();
    let mut numbers = Numbers::new(0xc0ffee);
    let (mut errors, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut stanzas = mutate::mutated(&seeds, &mut numbers);
        stanzas.extend(mutate::mutated(&seeds, &mut numbers));
        let limits = [Limits::CLIENT, narrow, Limits { strict: true, ..narrow }][numbers.below(3)];
        let whole = in_pieces(limits, &stanzas, stanzas.len().max(1));
        errors += usize::from(whole.1.is_err());
        refused += usize::from(whole.0.contains("Refused"));
        for size in [1, 2 + numbers.below(40)] {
            assert_eq!(in_pieces(limits, &stanzas, size), whole, "{} by {size}", stanzas.escape_ascii());
        }
    }
    assert!(
        errors > 1_000 && refused > 1_000,
        "{errors} errors, {refused} refused: too few to show anything"
    );
}

/// A byte at a time costs no more than its share: a long stanza is not read again and again.
#[test]
fn a_dribble_is_read_once() {
    let long = |text: usize, value: usize| {
        let stanza =
            format!("<message id='{}'><body>{}</body></message >", "v".repeat(value), "t".repeat(text));
        let mut scanner = after(HEADER, Limits::CLIENT);
        let begin = std::time::Instant::now();
        let items: usize = stanza.as_bytes().chunks(1).map(|byte| scan_all(&mut scanner, byte).0.len()).sum();
        assert_eq!(items, 1);
        begin.elapsed()
    };
    // A hundredfold if it were quadratic. A busy machine may spoil some measurements, but not all of them.
    let tries: Vec<_> = (0..10).map(|_| (long(20_000, 800), long(200_000, 8_000))).collect();
    assert!(tries.iter().any(|(short, tenfold)| *tenfold < *short * 30), "{tries:?}");
}
