//! Tests over the wire, named by clause.
//!
//! The path of a test's file is the clause of the specification it shows. Which server is tested is chosen by
//! `WAXWING_SUBJECT`: `waxwing` (default), `prosody` or `ejabberd`.

pub mod table;

#[cfg(test)]
#[macro_use]
mod harness;
#[cfg(test)]
mod rfc6120;
#[cfg(test)]
mod rfc6121;
#[cfg(test)]
mod xep;
