//! Presence and subscriptions (RFC 6121 §3, §4)
