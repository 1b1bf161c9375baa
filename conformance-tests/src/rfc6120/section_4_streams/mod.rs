//! RFC 6120 §4: streams.

mod closing;
mod errors;
mod features;
mod header;
