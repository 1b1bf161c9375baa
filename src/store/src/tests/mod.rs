//! The store's own proof.

mod tables;
