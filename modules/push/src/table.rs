//! The enabled push services on disk.

use serde::{Deserialize, Serialize};
use waxwing_core::prelude::*;

/// One row for each push service that an account has enabled: by its address and node (empty if it has none).
#[derive(Debug)]
pub(crate) struct Rows;

impl Table for Rows {
    const NAME: &'static str = "push.targets";
    const VERSION: u16 = 1;
    const SCOPE: waxwing_store::Scope = waxwing_store::Scope::Account;
    type Key = (String, String);
    type Value = Row;
}

/// What is known of an enabled push service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The resourcepart of the client that is woken up by it.
    pub(crate) client: String,
    /// The form of publish options, as XML.
    pub(crate) options: Option<String>,
    /// Failures since the last notification that was taken.
    pub(crate) failures: u32,
    /// The first of them, microseconds since the epoch.
    pub(crate) failing_since: i64,
}
