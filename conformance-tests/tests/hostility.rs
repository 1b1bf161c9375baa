//! What a hostile client can do to a server, and what it must not do to others.
//!
//! A test binary of its own, so that the memory of the server under test is watched while nobody else uses it. What
//! each input is answered with is listed in `docs/hostility.md`.

#[cfg(test)]
#[macro_use]
#[path = "../src/harness/mod.rs"]
#[expect(dead_code, unused_imports, unused_macros, reason = "the harness serves other test binaries too")]
mod harness;
#[cfg(test)]
mod hostile;
