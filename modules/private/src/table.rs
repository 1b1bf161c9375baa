//! The rows of private XML.

use waxwing_store::{Scope, Table};

/// The elements of one namespace, each as self-contained XML, in order.
#[derive(Debug)]
pub(crate) struct Elements;

impl Table for Elements {
    const NAME: &'static str = "private.elements";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = String;
    type Value = Vec<String>;
}

/// One row: the namespaces in use. Every write depends on it.
#[derive(Debug)]
pub(crate) struct Index;

impl Table for Index {
    const NAME: &'static str = "private.index";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = ();
    type Value = Vec<String>;
}
