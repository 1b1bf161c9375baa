//! Compares XML by meaning: attribute order and white space between elements do not matter.

use waxwing_xml::Tree;

/// Whether `actual` is as `expected` says.
pub fn matches(expected: &str, actual: &str) -> bool {
    difference(expected, actual).is_none()
}

/// Where `actual` differs from `expected`, in which `{any}` stands for any attribute value or text. An attribute
/// `xml:lang` that is not expected is ignored; every other one counts.
///
/// # Panics
/// If one of them is no XML.
pub fn difference(expected: &str, actual: &str) -> Option<String> {
    let parse = |xml: &str| Tree::parse(&single(xml)).unwrap_or_else(|| panic!("no XML: {xml}"));
    compare(&parse(expected), &parse(actual))
}

fn compare(expected: &Tree, actual: &Tree) -> Option<String> {
    let here = expected.name();
    if !actual.is(expected.namespace(), here) {
        return Some(format!(
            "expected <{here} xmlns='{}'>, got <{} xmlns='{}'>",
            expected.namespace(),
            actual.name(),
            actual.namespace()
        ));
    }
    for (name, value) in expected.attrs() {
        match actual.attr(name) {
            Some(got) if value == ANY || got == value => {}
            got => return Some(format!("<{here}>: {name}='{value}' expected, got {got:?}")),
        }
    }
    let surplus = |(name, _): &(&str, &str)| *name != "xml:lang" && expected.attr(name).is_none();
    if let Some((name, value)) = actual.attrs().find(surplus) {
        return Some(format!("<{here}>: {name}='{value}' was not expected"));
    }
    if expected.text().trim() != ANY && expected.text().trim() != actual.text().trim() {
        return Some(format!("<{here}>: text '{}' expected, got '{}'", expected.text(), actual.text()));
    }
    if expected.children().count() != actual.children().count() {
        let names = |tree: &Tree| tree.children().map(|child| child.name().to_owned()).collect::<Vec<_>>();
        return Some(format!("<{here}>: children {:?} expected, got {:?}", names(expected), names(actual)));
    }
    expected.children().zip(actual.children()).find_map(|(expected, actual)| compare(expected, actual))
}

/// Line breaks and indentation between elements are for the reader only.
pub(crate) fn single(xml: &str) -> String {
    xml.lines().map(str::trim).collect::<Vec<_>>().join(" ").replace("> <", "><")
}

const ANY: &str = "{any}";
