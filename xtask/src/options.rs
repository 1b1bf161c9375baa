//! The command line.

/// What `cargo xtask` without a command prints.
pub(crate) const USAGE: &str = "\
Usage: cargo xtask COMMAND

  test [PART]... [--subject NAME]   run the tests; PART is style, unit, docs, conform, federation or
                                    clients (default: all)
  conform [--subject NAME]          run the conformance tests only; --record stores the results
  docs                              write the generated parts of the documentation anew
  bench [--quick] [--peers LIST] [--only WORKLOAD]...
                                    measure Waxwing beside other servers (default: prosody,ejabberd) and the
                                    floor; --from LOG writes the pages from what such a run has printed
  bench archive [--quick]           measure the archive with a million messages
  bench federation [--quick] [--peers LIST]
                                    measure streams with a thousand other servers, and with hostile ones;
                                    --from LOG writes the pages from what such a run has printed
  bench rooms [--quick] [--peers LIST]
                                    measure rooms (default: beside prosody and ejabberd); --from LOG as above

  fuzz [TARGET]... [--seconds N]    run fuzz targets under libFuzzer, one after the other, a minute each (default: all)

  --subject NAME   the server under test: waxwing (default), prosody or ejabberd
  --screen         keep Profanity's screen in docs/profanity.txt

Environment: WAXWING_CACHE (default ~/.cache/waxwing) keeps what is installed for the tests; WAXWING_INSTALL=0
forbids to install Debian packages; with CI=true a part that cannot run counts as failed.";

/// A part of the test run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Formatting and lints.
    Style,
    /// The tests of the crates.
    Unit,
    /// Whether the generated documentation is fresh and links lead somewhere.
    Docs,
    /// The conformance tests over the wire.
    Conform,
    /// Waxwing with other servers.
    Federation,
    /// Real clients.
    Clients,
}

const ALL: [(&str, Part); 6] = [
    ("style", Part::Style),
    ("unit", Part::Unit),
    ("docs", Part::Docs),
    ("conform", Part::Conform),
    ("federation", Part::Federation),
    ("clients", Part::Clients),
];

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) command: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) subject: String,
    pub(crate) peers: Vec<String>,
    pub(crate) screen: bool,
    pub(crate) quick: bool,
    pub(crate) archive: bool,
    pub(crate) federation: bool,
    pub(crate) rooms: bool,
    pub(crate) from: Option<String>,
    pub(crate) only: Vec<String>,
    pub(crate) record: bool,
    pub(crate) targets: Vec<String>,
    pub(crate) seconds: u64,
}

impl Options {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let command = words.next().unwrap_or_else(|| "help".to_owned());
        if !["test", "conform", "docs", "bench", "fuzz", "help", "--help", "-h"].contains(&command.as_str()) {
            return Err(format!("unknown command '{command}'"));
        }
        let mut options = Self {
            command,
            parts: Vec::new(),
            subject: "waxwing".to_owned(),
            peers: Vec::new(),
            screen: false,
            quick: false,
            archive: false,
            federation: false,
            rooms: false,
            from: None,
            only: Vec::new(),
            record: false,
            targets: Vec::new(),
            seconds: 60,
        };
        let mut peers = None;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--subject" => options.subject = subject(words.next())?,
                "--peers" => {
                    let list = words.next().unwrap_or_default();
                    let names = list.split(',').filter(|name| !name.is_empty());
                    let names = names.map(|name| subject(Some(name.to_owned())));
                    peers = Some(names.collect::<Result<_, _>>()?);
                }
                "--screen" => options.screen = true,
                "--record" => options.record = true,
                "--quick" => options.quick = true,
                "--from" => options.from = Some(words.next().ok_or("--from which file?")?),
                "--only" => options.only.push(words.next().ok_or("--only which workload?")?),
                "archive" if options.command == "bench" => options.archive = true,
                "federation" if options.command == "bench" => options.federation = true,
                "rooms" if options.command == "bench" => options.rooms = true,
                "--seconds" if options.command == "fuzz" => {
                    let number = words.next().and_then(|word| word.parse().ok());
                    options.seconds = number.ok_or("--seconds: how many?")?;
                }
                name if options.command == "fuzz" && !name.starts_with('-') => {
                    options.targets.push(name.to_owned());
                }
                name if options.command == "test" => options.parts.push(part(name)?),
                other => return Err(format!("'{other}' is not known here")),
            }
        }
        // ejabberd is not measured in a network.
        let usual: &[&str] = if options.federation { &["prosody"] } else { &["prosody", "ejabberd"] };
        options.peers = peers.unwrap_or_else(|| usual.iter().map(|name| (*name).to_owned()).collect());
        if options.parts.is_empty() {
            options.parts = ALL.iter().map(|(_, part)| *part).collect();
        }
        Ok(options)
    }
}

fn part(name: &str) -> Result<Part, String> {
    let found = ALL.iter().find(|(known, _)| *known == name);
    found.map(|(_, part)| *part).ok_or_else(|| format!("there is no part '{name}' of the tests"))
}

fn subject(name: Option<String>) -> Result<String, String> {
    match name {
        Some(name) if ["waxwing", "prosody", "ejabberd"].contains(&name.as_str()) => Ok(name),
        other => Err(format!("'{}' is no server known here", other.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn no_part_means_every_part() {
        assert_eq!(parse("test").unwrap().parts.len(), ALL.len());
        assert_eq!(parse("test clients").unwrap().parts, [Part::Clients]);
    }

    #[test]
    fn unknown_words_are_refused() {
        for line in ["tset", "test everything", "conform --subject openfire", "bench --fast", "docs clients"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn federation_is_a_part_of_the_tests_and_of_the_bench() {
        assert!(parse("bench federation --quick").unwrap().federation);
        assert_eq!(parse("test federation").unwrap().parts, [Part::Federation]);
    }

    #[test]
    fn fuzzing_has_targets_and_a_time() {
        let options = parse("fuzz jid sasl --seconds 5").unwrap();
        assert_eq!((options.targets, options.seconds), (vec!["jid".to_owned(), "sasl".to_owned()], 5));
        for line in ["fuzz --seconds", "fuzz --seconds long", "test --seconds 5", "fuzz --fast"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn peers_are_a_list() {
        assert_eq!(parse("bench --peers prosody,ejabberd").unwrap().peers, ["prosody", "ejabberd"]);
        assert_eq!(parse("bench").unwrap().peers, ["prosody", "ejabberd"]);
        assert_eq!(parse("bench federation").unwrap().peers, ["prosody"]);
        assert_eq!(parse("bench rooms").unwrap().peers, ["prosody", "ejabberd"]);
        assert!(parse("bench rooms --peers ejabberd").unwrap().peers == ["ejabberd"]);
        assert!(parse("bench --peers prosody").unwrap().peers == ["prosody"]);
    }

    #[test]
    fn workloads_are_picked_one_by_one() {
        assert_eq!(parse("bench --only chat --only bare").unwrap().only, ["chat", "bare"]);
        assert!(parse("bench --only").is_err());
    }
}
