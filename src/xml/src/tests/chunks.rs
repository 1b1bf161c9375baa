use super::{HEADER, scan_all};
use crate::{Framing, Item, Limits, Scanner};

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
