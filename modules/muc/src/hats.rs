//! Hats ([XEP-0317](https://xmpp.org/extensions/xep-0317.html)): titles that a room gives to people.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use waxwing_core::prelude::*;

/// The hats of a room, and who wears them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hats {
    /// By URI.
    pub(crate) hats: BTreeMap<String, Hat>,
    /// The URIs of somebody's hats. They stand in rows of their own.
    #[serde(skip)]
    pub(crate) worn: BTreeMap<BareJid, BTreeSet<String>>,
}

/// A hat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hat {
    pub(crate) title: String,
    pub(crate) hue: Option<String>,
}

impl Hats {
    /// §3.1: what somebody's presence shows; nothing for a bare head.
    pub(crate) fn element(&self, jid: &BareJid) -> Option<Child> {
        let worn = self.worn.get(jid).filter(|worn| !worn.is_empty())?;
        let hat = |uri: &String| {
            let hat = self.hats.get(uri)?;
            let mut tree =
                Tree::new(NS, "hat").with_attr("title", hat.title.as_str()).with_attr("uri", uri.as_str());
            if let Some(hue) = &hat.hue {
                tree.set_attr("hue", hue.as_str());
            }
            Some(tree)
        };
        Some(worn.iter().filter_map(hat).fold(Tree::new(NS, "hats"), Tree::with_child).to_child())
    }

    /// §2: another one whenever the list is another one.
    pub(crate) fn hash(&self) -> Option<String> {
        if self.hats.is_empty() {
            return None;
        }
        let text = self.hats.iter().fold(String::new(), |text, (uri, hat)| {
            format!("{text}{uri}\0{}\0{}\0", hat.title, hat.hue.as_deref().unwrap_or_default())
        });
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        Some(digest.as_ref().iter().take(20).map(|byte| format!("{byte:02x}")).collect())
    }
}

pub(crate) const NS: &str = "urn:xmpp:hats:0";
