//! Entity Time (XEP-0202)
