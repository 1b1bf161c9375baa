//! Blocking Command (XEP-0191)
