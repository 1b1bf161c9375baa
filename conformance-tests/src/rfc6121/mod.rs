//! RFC 6121: instant messaging and presence.

mod appendix_a;
mod section_2_roster;
mod section_3_subscriptions;
mod section_4_presence;
mod section_5_messages;
mod section_8_5;
