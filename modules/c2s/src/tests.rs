//! Over real sockets on loopback.

mod abuse;
mod login;
mod support;
mod talk;
