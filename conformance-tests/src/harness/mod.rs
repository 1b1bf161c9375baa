//! What the tests are written with.
//!
//! `user()` gives a fresh account with a session, `send!`, `expect!`, `request!` take raw XML as a format string.
//! Time is never slept away: "nothing comes" is shown with a ping round trip of each session, as order is kept.

/// Sends a format string as XML.
macro_rules! send {
    ($conn:expr, $($xml:tt)*) => { $conn.send(&format!($($xml)*)) };
}

/// Waits for a stanza that matches a format string; `{ANY}` and `{NONE}` are the wildcards.
macro_rules! expect {
    ($conn:expr, $($xml:tt)*) => { $conn.expect(&format!($($xml)*)) };
}

/// Shows that no stanza matching a format string comes.
macro_rules! expect_no {
    ($conn:expr, $($xml:tt)*) => { $conn.expect_no(&format!($($xml)*)) };
}

/// Sends an iq, given without id as a format string, and returns the answer.
macro_rules! request {
    ($conn:expr, $($xml:tt)*) => { $conn.request(&format!($($xml)*)) };
}

pub(crate) mod archive;
pub(crate) mod client;
pub(crate) mod component;
pub(crate) mod conn;
pub(crate) mod dom;
mod negotiation;
pub(crate) mod rooms;
pub(crate) mod scram;
pub(crate) mod sm;
pub(crate) mod subject;

pub(crate) use client::{
    Client, barrier, befriend, fresh, log_in, online, online_at, plain, register, settle, subscribe, user,
    user_at,
};
pub(crate) use component::Component;
pub(crate) use conn::{Conn, Item, TLS12, TLS13, Tls};
pub(crate) use dom::{ANY, Element, NONE};
pub(crate) use scram::{Scram, base64, unbase64};
pub(crate) use sm::is_true;
pub(crate) use subject::Subject;
