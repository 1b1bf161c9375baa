//! Fuzz targets: functions of bytes that panic when a promise is broken.
//!
//! [`TARGETS`] is the list. `cargo xtask fuzz` runs one under libFuzzer; `tests/corpus.rs` runs all of them on their
//! corpora and on seeded mutations of these, as an ordinary test.

#![forbid(unsafe_code)]

use std::path::PathBuf;

mod config;
mod damaged;
mod differential;
mod forms;
mod jid;
#[path = "../../src/modules.rs"]
mod modules;
mod negotiation;
mod pieces;
mod queries;
mod records;
mod sasl;

/// A function of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Panics when a promise is broken.
    pub run: fn(&[u8]),
    /// Longer input finds nothing more.
    pub bytes_max: usize,
    /// How many mutations the short run tries: what takes a second or two.
    pub runs: u32,
}

/// All of them.
pub const TARGETS: [Target; 10] = [
    Target { name: "pieces", run: pieces::run, bytes_max: 2_000, runs: 1_500 },
    Target { name: "differential", run: differential::run, bytes_max: 2_000, runs: 1_500 },
    Target { name: "jid", run: jid::run, bytes_max: 3_200, runs: 20_000 },
    Target { name: "negotiation", run: negotiation::run, bytes_max: 4_000, runs: 4_000 },
    Target { name: "sasl", run: sasl::run, bytes_max: 1_000, runs: 8_000 },
    Target { name: "forms", run: forms::run, bytes_max: 2_000, runs: 8_000 },
    Target { name: "queries", run: queries::run, bytes_max: 2_000, runs: 8_000 },
    Target { name: "records", run: records::run, bytes_max: 1_000, runs: 20_000 },
    Target { name: "damaged", run: damaged::run, bytes_max: 300, runs: 60 },
    Target { name: "config", run: config::run, bytes_max: 2_000, runs: 1_500 },
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

impl Target {
    /// Where its inputs are: those that reach something others do not, and those that once failed.
    pub fn corpus(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(self.name)
    }
}
