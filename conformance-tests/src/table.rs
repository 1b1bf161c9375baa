//! Reads what `cargo test` prints and compares runs: for the table of the subjects, and for the baseline.

use std::collections::{BTreeMap, BTreeSet};

/// The results of one run: the name of each test, and whether it passed.
pub type Run = BTreeMap<String, bool>;

/// Reads the lines `test NAME ... ok` and `test NAME ... FAILED` out of the output of `cargo test`.
///
/// Everything else is skipped, and so are the harness's tests of itself, which say nothing about a subject.
#[must_use]
pub fn parse(output: &str) -> Run {
    let result = |line: &str| {
        let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
        let passed = match result {
            "ok" => true,
            "FAILED" => false,
            _ => return None,
        };
        (!name.starts_with("harness::") && !name.starts_with("table::")).then(|| (name.to_owned(), passed))
    };
    output.lines().filter_map(result).collect()
}

/// Writes a run in the form that `parse` reads, sorted, so that two stored runs can be compared line by line.
#[must_use]
pub fn record(run: &Run) -> String {
    run.iter().fold(String::new(), |mut text, (name, passed)| {
        text.push_str("test ");
        text.push_str(name);
        text.push_str(if *passed { " ... ok\n" } else { " ... FAILED\n" });
        text
    })
}

/// Compares a run with the stored baseline and lists each difference in words; an empty list means a match.
///
/// A pass that the baseline does not know is a difference too, so that it gets recorded and is kept from then on.
#[must_use]
pub fn compare(baseline: &Run, run: &Run) -> Vec<String> {
    let names: BTreeSet<&String> = baseline.keys().chain(run.keys()).collect();
    let difference = |name: &&String| match (baseline.get(*name), run.get(*name)) {
        (Some(true), Some(false)) => Some(format!("regression: {name}")),
        (Some(false), Some(true)) => Some(format!("passes now, record it: {name}")),
        (Some(_), None) => Some(format!("did not run: {name}")),
        (None, Some(true)) => Some(format!("new and passes, record it: {name}")),
        (None, Some(false)) => Some(format!("new and fails, mend or record it: {name}")),
        _ => None,
    };
    names.iter().filter_map(difference).collect()
}

/// Explanations of failures, keyed by the name of a test or, with a star at the end, by the start of names.
#[derive(Debug, Default)]
pub struct Explanations(Vec<(String, String)>);

impl Explanations {
    /// Reads lines of the form `NAME = TEXT`; empty lines and lines that start with `#` are skipped.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (name, text) = line.split_once(" = ")?;
            (!name.starts_with('#')).then(|| (name.trim().to_owned(), text.trim().to_owned()))
        };
        Self(text.lines().filter_map(line).collect())
    }

    /// The explanation for a test: the first whose key fits.
    #[must_use]
    pub fn of(&self, name: &str) -> &str {
        let fits = |key: &str| key.strip_suffix('*').map_or(key == name, |start| name.starts_with(start));
        self.0.iter().find(|(key, _)| fits(key)).map_or("", |(_, text)| text)
    }
}

/// The table of the subjects in Markdown: totals first, then the tests not passed by all, then all by clause.
#[must_use]
pub fn markdown(subjects: &[(&str, Run)], explanations: &Explanations) -> String {
    let mut text = String::from(HEAD);
    totals(&mut text, subjects);
    differences(&mut text, subjects, explanations);
    everything(&mut text, subjects);
    text
}

const HEAD: &str = "# Conformance\n\n\
    Written by `cargo run -p conformance-tests --bin table`; do not edit. Each test speaks to the server over the \
    wire and shows one demand of a specification; its path is the clause. The same tests ran against Waxwing, \
    Prosody 0.12.3 and ejabberd 23.01 (Debian 12), configured alike: open registration, no rate limits, offline \
    storage and stream management on, archive, carbons and push on at one host of three, rooms at two, open and \
    unmoderated unless a test asks for more. A test asks for what the \
    specification says, also where a server deviates on purpose.\n";

fn totals(text: &mut String, subjects: &[(&str, Run)]) {
    text.push_str("\n## Totals\n\n| part | tests |");
    for (name, _) in subjects {
        push(text, format_args!(" {name} |"));
    }
    text.push_str("\n|---|--:|");
    text.push_str(&"--:|".repeat(subjects.len()));
    text.push('\n');
    let names = all_names(subjects);
    let mut parts: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for name in &names {
        parts.entry(part(name)).or_default().push(name);
    }
    for (part, names) in &parts {
        total_row(text, part, names, subjects);
    }
    total_row(text, "**all**", &names.iter().collect::<Vec<_>>(), subjects);
}

fn total_row(text: &mut String, part: &str, names: &[&String], subjects: &[(&str, Run)]) {
    push(text, format_args!("| {part} | {} |", names.len()));
    for (_, run) in subjects {
        let passed = names.iter().filter(|n| run.get(**n) == Some(&true)).count();
        push(text, format_args!(" {passed} |"));
    }
    text.push('\n');
}

fn differences(text: &mut String, subjects: &[(&str, Run)], explanations: &Explanations) {
    text.push_str("\n## Tests that not all pass\n");
    let names = all_names(subjects);
    let failing = names.iter().filter(|n| subjects.iter().any(|(_, run)| run.get(*n) != Some(&true)));
    let mut section = String::new();
    for name in failing {
        let (clause, test) = name.rsplit_once("::").unwrap_or(("", name));
        if clause != section {
            clause.clone_into(&mut section);
            push(text, format_args!("\n### {clause}\n\n"));
            header(text, subjects, " why |", "---|");
        }
        push(text, format_args!("| {} |", test.replace('_', " ")));
        results(text, name, subjects);
        push(text, format_args!(" {} |\n", explanations.of(name)));
    }
}

fn everything(text: &mut String, subjects: &[(&str, Run)]) {
    text.push_str("\n## All tests\n");
    let mut section = String::new();
    for name in all_names(subjects) {
        let (clause, test) = name.rsplit_once("::").unwrap_or(("", &name));
        if clause != section {
            clause.clone_into(&mut section);
            push(text, format_args!("\n### {clause}\n\n"));
            header(text, subjects, "", "");
        }
        push(text, format_args!("| {} |", test.replace('_', " ")));
        results(text, &name, subjects);
        text.push('\n');
    }
}

fn header(text: &mut String, subjects: &[(&str, Run)], more: &str, more_line: &str) {
    text.push_str("| test |");
    for (name, _) in subjects {
        push(text, format_args!(" {name} |"));
    }
    push(text, format_args!("{more}\n|---|{}{more_line}\n", "---|".repeat(subjects.len())));
}

fn results(text: &mut String, name: &str, subjects: &[(&str, Run)]) {
    for (_, run) in subjects {
        text.push_str(match run.get(name) {
            Some(true) => " ok |",
            Some(false) => " **no** |",
            None => " – |",
        });
    }
}

/// The specification and its clause, as the first two modules of a test's path name them.
fn part(name: &str) -> String {
    let (specification, rest) = name.split_once("::").unwrap_or((name, ""));
    let clause = rest.split("::").next().unwrap_or_default();
    let words: Vec<&str> = clause.split('_').collect();
    match (specification.strip_prefix("rfc"), words.as_slice()) {
        (Some(number), ["section", words @ ..]) => {
            let digits = words.iter().take_while(|w| w.starts_with(|c: char| c.is_ascii_digit())).count();
            let (numbers, title) = words.split_at(digits);
            format!("RFC {number} §{} {}", numbers.join("."), title.join(" ")).trim_end().to_owned()
        }
        (Some(number), ["appendix", letter]) => format!("RFC {number} Appendix {}", letter.to_uppercase()),
        (_, [xep, title @ ..]) => format!("{} {}", xep.replacen("xep", "XEP-", 1), title.join(" ")),
        (_, []) => name.to_owned(),
    }
}

fn all_names(subjects: &[(&str, Run)]) -> BTreeSet<String> {
    subjects.iter().flat_map(|(_, run)| run.keys().cloned()).collect()
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.push_str(&arguments.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "running 3 tests\ntest a::b::one ... ok\ntest a::b::two ... FAILED\n\
                          test harness::dom::x ... ok\n\nfailures:\n\ntest result: FAILED. 1 passed\n";

    #[test]
    fn the_output_of_cargo_test_is_read() {
        let run = parse(OUTPUT);
        assert_eq!(record(&run), "test a::b::one ... ok\ntest a::b::two ... FAILED\n");
        assert_eq!(parse(&record(&run)), run);
    }

    #[test]
    fn the_path_of_a_test_names_its_clause() {
        assert_eq!(part("rfc6121::section_8_5::iq::x"), "RFC 6121 §8.5");
        assert_eq!(part("rfc6120::section_4_streams::closing::x"), "RFC 6120 §4 streams");
        assert_eq!(part("rfc6121::appendix_a::inbound::x"), "RFC 6121 Appendix A");
        assert_eq!(part("xep::xep0012_last_activity::x"), "XEP-0012 last activity");
    }

    #[test]
    fn each_kind_of_difference_is_told() {
        let baseline = parse("test a ... ok\ntest b ... FAILED\ntest c ... ok\ntest d ... ok\n");
        let run = parse("test a ... FAILED\ntest b ... ok\ntest c ... ok\ntest e ... ok\n");
        let words: Vec<String> = compare(&baseline, &run);
        assert_eq!(words.len(), 4, "{words:?}");
        assert!(words.contains(&"regression: a".to_owned()));
        assert!(compare(&run, &run).is_empty());
    }

    #[test]
    fn an_explanation_is_found_by_name_or_by_start() {
        let known = Explanations::parse("# comment\na::b::one = because\na::* = in general\n");
        assert_eq!(known.of("a::b::one"), "because");
        assert_eq!(known.of("a::c"), "in general");
        assert_eq!(known.of("b"), "");
    }
}
