//! Tests over the wire, named by clause.
