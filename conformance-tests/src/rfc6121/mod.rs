//! RFC 6121: instant messaging and presence.

mod appendix_a;
mod section_8_5;
