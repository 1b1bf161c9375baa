//! The update element of presence: `<x xmlns='vcard-temp:x:update'/>` (XEP-0153 §4.1).

use waxwing_xml::{Text, Tree};
use waxwing_xmpp::Stanza;

/// What a client says of its photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stated {
    /// Nothing: it does not know the protocol.
    Nothing,
    /// An update without photo: it is not ready yet (XEP-0153 §4.1 rule 2).
    NotReady,
    /// A photo: its hash, or empty for none (rule 3).
    Photo,
}

pub(crate) fn stated(presence: &Stanza) -> Stated {
    match presence.children.find(NS, "x").map(|x| x.tree()) {
        None => Stated::Nothing,
        Some(x) if x.child(NS, "photo").is_none() => Stated::NotReady,
        Some(_) => Stated::Photo,
    }
}

/// XEP-0398 §4: adds the hash; an update without photo is overwritten. Without a photo there is no hash to add, and
/// a client that said nothing is left alone.
pub(crate) fn show(presence: &mut Stanza, stated: Stated, hash: Option<&Text>) {
    if stated == Stated::Nothing && hash.is_none() {
        return;
    }
    remove(presence);
    let photo = Tree::new(NS, "photo");
    let photo = match hash {
        Some(hash) => photo.with_text(hash.as_str()),
        None => photo,
    };
    presence.children.push(Tree::new(NS, "x").with_child(photo).to_child());
}

/// Takes the photo out of the update.
pub(crate) fn unready(presence: &mut Stanza) {
    remove(presence);
    presence.children.push(Tree::new(NS, "x").to_child());
}

fn remove(presence: &mut Stanza) {
    presence.children.retain(|child| !child.is(NS, "x"));
}

const NS: &str = "vcard-temp:x:update";
