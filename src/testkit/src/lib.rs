//! For module tests: a server in memory with only the modules named, and clients that speak XML.
//!
//! There is no socket and no login: a client is a session that is bound directly. What a stanza causes has
//! happened when [`TestClient::send`] returns, so "nothing else arrived" needs no waiting. Only the name server of
//! [`dns`] has sockets, on loopback.

#![expect(clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

mod accounts;
mod client;
mod compare;
mod component;
mod contacts;
pub mod dns;
mod outside;
mod server;

pub use accounts::TestAccounts;
pub use client::TestClient;
pub use compare::{difference, matches};
pub use component::TestComponent;
pub use contacts::{Friends, TestContacts};
pub use outside::Outside;
pub use server::{TestServer, TestServerBuilder};
