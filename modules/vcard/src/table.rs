//! The rows of a vCard.

use waxwing_store::{Scope, Table};

/// One row an account: its vCard as self-contained XML.
#[derive(Debug)]
pub(crate) struct Cards;

impl Table for Cards {
    const NAME: &'static str = "vcard.cards";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = ();
    type Value = String;
}

/// One row an account with a photo: its hash, so that presence needs not the vCard.
#[derive(Debug)]
pub(crate) struct Photos;

impl Table for Photos {
    const NAME: &'static str = "vcard.photos";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = ();
    type Value = String;
}
