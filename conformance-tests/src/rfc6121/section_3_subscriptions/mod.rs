//! RFC 6121 §3: subscriptions, step by step. The states are in `appendix_a`.

mod approval;
mod cancel;
mod pre_approval;
mod request;
mod unsubscribe;
