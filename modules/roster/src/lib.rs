//! Roster (RFC 6121 §2) with versioning
