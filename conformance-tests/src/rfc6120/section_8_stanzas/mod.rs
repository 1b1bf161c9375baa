//! RFC 6120 §8 and §10: stanzas.

mod addresses;
mod errors;
mod iq;
