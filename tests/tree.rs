//! Rules of the tree that a compiler does not check: the crate graph, file lengths, a page per module.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Lower numbers may not depend on higher ones.
const LEVELS: [(&str, u8); 7] = [
    ("waxwing-xml", 0),
    ("waxwing-xmpp", 1),
    ("waxwing-store", 2),
    ("waxwing-stream", 3),
    ("waxwing-core", 3),
    ("waxwing-testkit", 5),
    ("waxwing", 6),
];
const MODULE: u8 = 4;
const LINES_MAX: usize = 800;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn crates() -> Vec<PathBuf> {
    let mut found = vec![root().to_owned()];
    for folder in ["src", "modules"] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        found.extend(
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("Cargo.toml").exists()),
        );
    }
    found
}

fn level(name: &str) -> u8 {
    LEVELS.iter().find(|(known, _)| *known == name).map_or(MODULE, |(_, level)| *level)
}

fn manifest(folder: &Path) -> (String, Vec<String>) {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let name = table["package"]["name"].as_str().unwrap().to_owned();
    let dependencies = table.get("dependencies").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    (name, dependencies.keys().filter(|key| key.starts_with("waxwing-")).cloned().collect())
}

#[test]
fn dependency_arrows_point_down() {
    let graph: BTreeMap<String, Vec<String>> = crates().iter().map(|folder| manifest(folder)).collect();
    assert!(graph.len() > 15, "the crates were not found");
    for (name, dependencies) in &graph {
        for below in dependencies {
            let modules = level(name) == MODULE && level(below) == MODULE;
            assert!(modules || level(below) < level(name), "{name} must not depend on {below}");
        }
    }
    // The core knows no socket.
    assert!(!graph["waxwing-core"].contains(&"waxwing-stream".to_owned()));
}

#[test]
fn files_hold_one_idea() {
    let mut long = Vec::new();
    for folder in crates() {
        visit(&folder.join("src"), &mut |path| {
            let lines = std::fs::read_to_string(path).unwrap().lines().count();
            if lines > LINES_MAX && !path.to_string_lossy().contains("tests") {
                long.push(format!("{} has {lines} lines", path.display()));
            }
        });
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn every_module_has_a_page() {
    for folder in crates().iter().filter(|folder| folder.parent() == Some(&root().join("modules"))) {
        assert!(folder.join("README.md").exists(), "{} has no README.md", folder.display());
    }
}

#[test]
fn no_test_is_ignored() {
    let mark = ["#[", "ignore"].concat();
    visit(root(), &mut |path| {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(!text.lines().any(|line| line.trim_start().starts_with(&mark)), "{}", path.display());
    });
}

/// SECURITY.md names tests; each is there.
#[test]
fn every_test_of_the_security_page_exists() {
    let page = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let cells =
        page.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.split(" | ").nth(2));
    let mut missing: BTreeSet<String> =
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    assert!(missing.len() > 60, "the tests were not found: {missing:?}");
    visit(root(), &mut |path| {
        let text = std::fs::read_to_string(path).unwrap();
        missing.retain(|name| !text.contains(&format!("fn {name}(")));
    });
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

fn visit(folder: &Path, call: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            visit(&path, call);
        } else if name.ends_with(".rs") {
            call(&path);
        }
    }
}
