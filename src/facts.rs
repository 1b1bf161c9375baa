//! What the modules declare, as text: `waxwing modules`, README's table, the DOAP file, the list of config keys.

use std::collections::BTreeMap;

use waxwing_core::{Config, Scope, Spec};

use crate::modules::MODULES;

/// Which generated text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    /// README's table of specs.
    Readme,
    /// The DOAP file.
    Doap,
    /// Every config key with its default.
    Config,
}

/// The lines of a generated text.
pub(crate) fn text(what: Fact) -> Vec<String> {
    match what {
        Fact::Readme => readme(),
        Fact::Doap => doap(),
        Fact::Config => vec![config()],
    }
}

/// What `waxwing modules` prints.
pub(crate) fn modules() -> Vec<String> {
    MODULES
        .iter()
        .map(|def| {
            let off = if def.info.default_on { "" } else { " (off by default)" };
            format!("{:10} {}{off}", def.info.name, def.info.summary)
        })
        .collect()
}

/// A spec with who implements which of its sections, and what is left out.
struct Row {
    spec: Spec,
    by: Vec<&'static str>,
    versions: Vec<&'static str>,
    notes: Vec<&'static str>,
}

fn specs() -> Vec<Row> {
    let mut rows: BTreeMap<(&str, u16), Row> = BTreeMap::new();
    for def in MODULES {
        for spec in CORE.iter().filter(|_| def.info.scope == Scope::Server).chain(def.info.specs) {
            let new = || Row { spec: *spec, by: Vec::new(), versions: Vec::new(), notes: Vec::new() };
            let row = rows.entry((spec.series, spec.number)).or_insert_with(new);
            add(&mut row.by, if CORE.contains(spec) { "core" } else { def.info.name });
            add(&mut row.versions, spec.version);
            add(&mut row.notes, spec.note);
        }
    }
    rows.into_values().collect()
}

fn add(list: &mut Vec<&'static str>, word: &'static str) {
    if !word.is_empty() && !list.contains(&word) {
        list.push(word);
    }
}

/// What the core itself implements, without a module.
const CORE: &[Spec] = &[
    Spec::rfc(6120, "8-11"),
    Spec::rfc(6121, "8"),
    Spec::rfc(7622, "all"),
    Spec::xep(82, "1.1.1"),
    Spec::xep(205, "1.0.2"),
];

fn readme() -> Vec<String> {
    let mut lines =
        vec!["| Spec | Version or sections | Module | Note |".to_owned(), "|---|---|---|---|".to_owned()];
    lines.extend(specs().iter().map(|row| {
        format!(
            "| {} | {} | {} | {} |",
            link(&row.spec),
            row.versions.join(", "),
            row.by.join(", "),
            row.notes.join("; ")
        )
    }));
    lines
}

fn link(spec: &Spec) -> String {
    match spec.series {
        "RFC" => format!("[RFC {0}](https://www.rfc-editor.org/rfc/rfc{0})", spec.number),
        _ => format!("[XEP-{0:04}](https://xmpp.org/extensions/xep-{0:04}.html)", spec.number),
    }
}

fn doap() -> Vec<String> {
    let mut out = String::from(DOAP_HEAD);
    for Row { spec, versions, notes, .. } in specs() {
        let (version, note) = (versions.join(", "), notes.join("; "));
        if spec.series == "RFC" {
            out.push_str(&format!(
                "    <implements rdf:resource='https://www.rfc-editor.org/info/rfc{}'/>\n",
                spec.number
            ));
            continue;
        }
        let status = if note.is_empty() { "complete" } else { "partial" };
        let note = if note.is_empty() {
            String::new()
        } else {
            format!("\n        <xmpp:note>{}</xmpp:note>", note)
        };
        out.push_str(&format!(
            "    <implements>\n      <xmpp:SupportedXep>\n        \
             <xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-{:04}.html'/>\n        \
             <xmpp:status>{status}</xmpp:status>\n        <xmpp:version>{}</xmpp:version>{note}\n      \
             </xmpp:SupportedXep>\n    </implements>\n",
            spec.number, version
        ));
    }
    out.push_str("  </Project>\n</rdf:RDF>");
    out.lines().map(str::to_owned).collect()
}

const DOAP_HEAD: &str = "<?xml version='1.0' encoding='UTF-8'?>
<rdf:RDF xmlns='http://usefulinc.com/ns/doap#' xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' \
xmlns:xmpp='https://linkmauve.fr/ns/xmpp-doap#'>
  <Project>
    <name>Waxwing</name>
    <shortdesc xml:lang='en'>An XMPP-compliant federated messaging server</shortdesc>
    <description xml:lang='en'>One binary, one config file, an embedded store: what it has acknowledged survives a crash.</description>
    <programming-language>Rust</programming-language>
    <os>Linux</os>
    <license rdf:resource='https://spdx.org/licenses/Apache-2.0.html'/>
    <license rdf:resource='https://spdx.org/licenses/MIT.html'/>
    <category rdf:resource='https://linkmauve.fr/ns/xmpp-doap#category-server'/>
";

/// Every key with its default, as TOML; hosts and modules for `example.org`.
fn config() -> String {
    let mut config = Config::default();
    let mut host = waxwing_core::HostConfig::default();
    for def in MODULES {
        let mut table = def.defaults();
        table.insert("enabled".to_owned(), toml::Value::Boolean(def.info.default_on));
        match def.info.scope {
            Scope::Server => config.modules.insert(def.info.name.to_owned(), table),
            Scope::Host(_) => host.modules.insert(def.info.name.to_owned(), table),
        };
    }
    config.host.insert("example.org".to_owned(), host);
    toml::to_string(&config).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(file: &str) -> String {
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
    }

    #[test]
    fn readme_shows_what_the_modules_declare() {
        let table = readme().join("\n");
        assert!(root("README.md").contains(&table), "run `cargo xtask docs`; the table is:\n{table}");
    }

    #[test]
    fn the_doap_file_lists_what_the_modules_declare() {
        assert_eq!(root("waxwing.doap").trim(), doap().join("\n").trim(), "run `cargo xtask docs`");
    }

    /// Every key stands in the full example with its default, and no other key does.
    #[test]
    fn the_full_example_has_every_key_with_its_default() {
        let example: toml::Table = root("examples/waxwing-full.toml").parse().unwrap();
        let expected: toml::Table = config().parse().unwrap();
        assert_eq!(flat("", &example), flat("", &expected));
    }

    #[test]
    fn the_examples_are_valid() {
        for file in ["examples/waxwing.toml", "examples/waxwing-full.toml"] {
            Config::parse(&root(file), std::path::Path::new(file), MODULES).unwrap();
        }
    }

    fn flat(prefix: &str, table: &toml::Table) -> BTreeMap<String, String> {
        let mut keys = BTreeMap::new();
        for (key, value) in table {
            let path = format!("{prefix}/{key}");
            match value {
                toml::Value::Table(inner) => keys.extend(flat(&path, inner)),
                other => drop(keys.insert(path, other.to_string())),
            }
        }
        keys
    }
}
