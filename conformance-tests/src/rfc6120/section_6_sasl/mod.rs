//! RFC 6120 §6: login.

mod failures;
mod plain;
mod process;
mod scram;
mod scram_plus;
