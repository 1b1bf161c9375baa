//! Pages of results: [XEP-0059](https://xmpp.org/extensions/xep-0059.html).

use waxwing_xml::Tree;

use crate::ns;

/// What a request asks for (§2): all of it optional.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetRequest {
    /// At most so many items; 0 asks for the count alone (§2.7).
    pub max: Option<usize>,
    /// The page behind this item (§2.2). An empty one, which some clients send for the first page, counts as absent.
    pub after: Option<String>,
    /// The page before this item (§2.3); empty: the last page (§2.5).
    pub before: Option<String>,
    /// The page that starts with the item of this number (§2.6).
    pub index: Option<usize>,
}

/// What a page says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetResult {
    /// The first item of the page, if there is one.
    pub first: Option<String>,
    /// Its number in the whole set.
    pub index: Option<u64>,
    /// The last item of the page.
    pub last: Option<String>,
    /// How many items the whole set has.
    pub count: Option<u64>,
}

impl SetRequest {
    /// Reads `<set xmlns='http://jabber.org/protocol/rsm'/>`. None if a number is none.
    pub fn from_tree(set: &Tree) -> Option<Self> {
        let number = |name| match set.child_text(ns::RSM, name) {
            None => Some(None),
            Some(text) => text.trim().parse().ok().map(Some),
        };
        Some(Self {
            max: number("max")?,
            after: set.child_text(ns::RSM, "after").filter(|after| !after.is_empty()),
            before: set.child_text(ns::RSM, "before"),
            index: number("index")?,
        })
    }
}

impl SetResult {
    /// Writes `<set/>`.
    pub fn to_tree(&self) -> Tree {
        let mut set = Tree::new(ns::RSM, "set");
        if let Some(first) = &self.first {
            let mut tree = Tree::new(ns::RSM, "first");
            if let Some(index) = self.index {
                tree.set_attr("index", index.to_string());
            }
            set = set.with_child(tree.with_text(first.as_str()));
        }
        if let Some(last) = &self.last {
            set = set.with_child(Tree::new(ns::RSM, "last").with_text(last.as_str()));
        }
        if let Some(count) = self.count {
            set = set.with_child(Tree::new(ns::RSM, "count").with_text(count.to_string()));
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(inner: &str) -> Option<SetRequest> {
        let xml = format!("<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>");
        SetRequest::from_tree(&Tree::parse(&xml).unwrap())
    }

    #[test]
    fn xep0059_2_requests() {
        assert_eq!(request(""), Some(SetRequest::default()));
        let set = request("<max>10</max><after>a</after>").unwrap();
        assert_eq!((set.max, set.after.as_deref(), set.before), (Some(10), Some("a"), None));
        let set = request("<max> 0 </max><before/><after/>").unwrap();
        assert_eq!((set.max, set.after, set.before.as_deref()), (Some(0), None, Some("")));
        assert_eq!(request("<index>371</index>").unwrap().index, Some(371));
    }

    #[test]
    fn xep0059_2_what_is_no_number_is_refused() {
        for wrong in ["<max>ten</max>", "<max>-1</max>", "<max/>", "<index>x</index>"] {
            assert_eq!(request(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn xep0059_2_2_results() {
        let result = SetResult {
            first: Some("a".to_owned()),
            index: Some(0),
            last: Some("b".to_owned()),
            count: Some(800),
        };
        assert_eq!(
            result.to_tree().to_xml(),
            "<set xmlns='http://jabber.org/protocol/rsm'><first index='0'>a</first><last>b</last>\
             <count>800</count></set>"
        );
        assert_eq!(SetResult::default().to_tree().to_xml(), "<set xmlns='http://jabber.org/protocol/rsm'/>");
    }
}
