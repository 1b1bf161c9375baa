//! RFC 6121 §2: the roster.

mod errors;
mod get;
mod pushes;
mod remove;
mod set;
mod versioning;
