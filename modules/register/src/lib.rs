//! In-band registration (XEP-0077)
