//! Last Activity (XEP-0012)
