//! Which page is asked for ([XEP-0059](https://xmpp.org/extensions/xep-0059.html)).

use waxwing_core::prelude::*;

/// `<set/>` of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rsm {
    pub(crate) max: Option<usize>,
    /// Behind this id.
    pub(crate) after: Option<String>,
    /// Before this id; empty: the last page.
    pub(crate) before: Option<String>,
}

impl Rsm {
    /// Reads the set inside of `query`.
    pub(crate) fn read(query: &Tree) -> Result<Self, StanzaError> {
        let Some(set) = query.child(NS, "set") else { return Ok(Self::default()) };
        let max = set.child_text(NS, "max").map(|max| {
            let max = max.trim();
            // Larger than any page there is.
            let huge = !max.is_empty() && max.bytes().all(|byte| byte.is_ascii_digit());
            max.parse().or(if huge { Ok(usize::MAX) } else { Err(()) })
        });
        let max = max.transpose().map_err(|()| StanzaError::bad_request("'max' is a number of items."))?;
        let after = set.child_text(NS, "after");
        Ok(Self { max, after, before: set.child_text(NS, "before") })
    }
}

/// `<set/>` of a result.
pub(crate) fn result(first: Option<(&str, Option<u64>)>, last: Option<&str>, count: Option<u64>) -> Tree {
    let mut set = Tree::new(NS, "set");
    if let Some((id, index)) = first {
        let mut first = Tree::new(NS, "first").with_text(id);
        if let Some(index) = index {
            first.set_attr("index", index.to_string());
        }
        set = set.with_child(first);
    }
    if let Some(last) = last {
        set = set.with_child(Tree::new(NS, "last").with_text(last));
    }
    match count {
        Some(count) => set.with_child(Tree::new(NS, "count").with_text(count.to_string())),
        None => set,
    }
}

const NS: &str = "http://jabber.org/protocol/rsm";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &str) -> Result<Rsm, StanzaError> {
        Rsm::read(&Tree::parse(&format!("<q xmlns='x'><set xmlns='{NS}'>{set}</set></q>")).unwrap())
    }

    #[test]
    fn xep0059_2_requests() {
        let last = Rsm { max: Some(10), before: Some(String::new()), after: None };
        assert_eq!(read("<max>10</max><before/>"), Ok(last));
        assert_eq!(read("<max>99999999999999999999999</max>").unwrap().max, Some(usize::MAX));
        for wrong in ["<max/>", "<max>-1</max>", "<max>ten</max>"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
