//! Stanzas for local users.

mod iq;
mod message_details;
mod message_table;
mod presence;
