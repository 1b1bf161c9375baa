//! Service Discovery (XEP-0030)
