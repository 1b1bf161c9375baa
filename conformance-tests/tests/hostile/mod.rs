//! Malformed and hostile input at each place of a stream, beside two users who keep chatting.
//!
//! `attack` sends bytes at a place and tells what became of the stream, `bystanders` are the two users, `corpus` reads
//! the inputs that the XML scanner is tested with as well, `process` reads the memory of the server.

mod attack;
mod bystanders;
mod corpus;
mod process;
mod random;

mod floods;
mod garbage;
mod header;
mod login;
mod memory;
mod slow;
mod stanzas;
mod starttls;
mod xml;
