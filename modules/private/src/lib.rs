//! Private XML Storage (XEP-0049)
