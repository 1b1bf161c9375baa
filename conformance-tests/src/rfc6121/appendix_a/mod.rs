//! RFC 6121 Appendix A: the nine subscription states, as two local users see them.

mod inbound;
mod outbound;
mod setup;
