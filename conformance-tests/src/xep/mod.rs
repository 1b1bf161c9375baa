//! XEPs.
