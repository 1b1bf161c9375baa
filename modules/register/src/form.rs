//! The query element: what it asks for, what it says.

use waxwing_xml::Tree;

use crate::NS;

/// What a set wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The account cancelled (§3.2); `alone`: nothing else was asked for.
    Remove {
        /// Whether `<remove/>` is the only child.
        alone: bool,
    },
    /// An account, or a new password for it (§3.1, §3.3).
    Account {
        /// The localpart.
        username: Field,
        /// The password.
        password: Field,
    },
}

/// A field of the query. An empty one is as good as a missing one (§3.1, note 1).
#[derive(PartialEq, Eq)]
pub(crate) enum Field {
    Missing,
    Given(String),
}

/// Shows nothing of a password.
impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if *self == Self::Missing { "Missing" } else { "Given(…)" })
    }
}

impl Wanted {
    pub(crate) fn read(query: &Tree) -> Self {
        if query.child(NS, "remove").is_some() {
            return Self::Remove { alone: query.children().count() == 1 };
        }
        let field = |name| match query.child_text(NS, name).filter(|text| !text.is_empty()) {
            Some(text) => Field::Given(text),
            None => Field::Missing,
        };
        Self::Account { username: field("username"), password: field("password") }
    }
}

/// The fields that a stranger has to fill in (§3.1).
pub(crate) fn blank() -> Tree {
    Tree::new(NS, "query")
        .with_child(Tree::new(NS, "instructions").with_text("Choose a username and a password."))
        .with_child(Tree::new(NS, "username"))
        .with_child(Tree::new(NS, "password"))
}

/// What is on file (§3.1); the password never is.
pub(crate) fn registered(username: &str) -> Tree {
    Tree::new(NS, "query")
        .with_child(Tree::new(NS, "registered"))
        .with_child(Tree::new(NS, "username").with_text(username))
        .with_child(Tree::new(NS, "password"))
}
