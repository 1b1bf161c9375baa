//! Reads the files of `corpus/` (their format is in its README).

/// One line.
pub(super) struct Case {
    pub(super) expected: &'static str,
    pub(super) words: &'static str,
    pub(super) bytes: Vec<u8>,
}

pub(super) fn accepted() -> Vec<Case> {
    cases(include_str!("../../corpus/accepted.txt"))
}

pub(super) fn refused() -> Vec<Case> {
    cases(include_str!("../../corpus/refused.txt"))
}

pub(super) fn ill_formed() -> Vec<Case> {
    cases(include_str!("../../corpus/ill-formed.txt"))
}

pub(super) fn endless() -> Vec<Case> {
    cases(include_str!("../../corpus/endless.txt"))
}

pub(super) fn namespaces() -> Vec<&'static str> {
    lines(include_str!("../../corpus/namespaces.txt")).collect()
}

fn lines(file: &'static str) -> impl Iterator<Item = &'static str> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn cases(file: &'static str) -> Vec<Case> {
    lines(file)
        .map(|line| {
            let mut parts = line.splitn(3, " | ");
            let mut part = || parts.next().unwrap_or_else(|| panic!("no three parts: {line}"));
            Case { expected: part(), words: part(), bytes: decode(part()) }
        })
        .collect()
}

fn decode(coded: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = coded;
    while let Some((before, after)) = rest.split_once('\\') {
        out.extend_from_slice(before.as_bytes());
        let (kind, after) = after.split_at(1);
        rest = after;
        match kind {
            "n" => out.push(b'\n'),
            "r" => out.push(b'\r'),
            "t" => out.push(b'\t'),
            "\\" => out.push(b'\\'),
            "x" => {
                let (digits, after) = after.split_at(2);
                out.push(u8::from_str_radix(digits, 16).expect("two digits"));
                rest = after;
            }
            "{" => {
                let (count, after) = after.split_once(':').expect("a colon");
                let (text, after) = after.split_once('}').expect("a closing brace");
                out.extend(decode(text).repeat(count.parse().expect("a number")));
                rest = after;
            }
            other => panic!("unknown escape {other}"),
        }
    }
    out.extend_from_slice(rest.as_bytes());
    out
}
