//! Sockets: one connection as plain TCP or TLS, and listeners with their limits. The only part of this crate that waits.
//!
//! An idle connection costs what the kernel and rustls keep, and nothing of ours: it waits for readiness without a
//! buffer, reads into memory that the caller lends and writes from one buffer that goes when it is drained.

mod connection;
mod gate;
mod listener;
mod throttle;

pub use connection::Connection;
pub use gate::{Allowance, Gate, Permit, Refusal, customer};
pub use listener::Listener;
pub use throttle::TokenBucket;
