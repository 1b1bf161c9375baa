//! Which bytes may stand in a name.
