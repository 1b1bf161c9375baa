//! Over real sockets on loopback.

mod abuse;
mod login;
mod managed;
mod support;
mod talk;
