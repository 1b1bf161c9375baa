//! RFC 6121 §4: presence.

mod directed;
mod initial;
mod probes;
mod subsequent;
mod syntax;
mod unavailable;
