//! The store's own proof: one contract, run against every engine, and what stands above it.

mod contract;
mod failures;
mod keys;
mod portable;
mod property;
mod restart;
mod subject;
mod tables;
