//! What a client asks of the archive ([XEP-0313 §4.1](https://xmpp.org/extensions/xep-0313.html#filter)).

use waxwing_core::prelude::*;
use waxwing_xmpp::{Field, Form, SetRequest, Timestamp};

use crate::NS;

/// A query, read but not yet compared with the archive. All filters are optional.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Comes back with each result (§4).
    pub queryid: Option<String>,
    /// To or from this address.
    pub with: Option<Jid>,
    /// Not before.
    pub start: Option<Timestamp>,
    /// Not after.
    pub end: Option<Timestamp>,
    /// Before the message with this id.
    pub before_id: Option<String>,
    /// After the message with this id.
    pub after_id: Option<String>,
    /// Those with these ids.
    pub ids: Option<Vec<String>>,
    /// The page (XEP-0059).
    pub set: SetRequest,
    /// The page comes newest first (§4.3.4).
    pub flip: bool,
}

impl Request {
    /// Reads `<query/>`.
    ///
    /// # Errors
    /// `bad-request` for what cannot be read, `feature-not-implemented` for what is not offered.
    pub fn from_tree(query: &Tree) -> Result<Self, StanzaError> {
        if query.attr("node").is_some() {
            // §6.1.3: for archives of pubsub nodes.
            return Err(not_offered("An account's archive has no nodes."));
        }
        let mut request = Self {
            queryid: query.attr("queryid").map(str::to_owned),
            flip: query.child(NS, "flip-page").is_some(),
            ..Self::default()
        };
        if let Some(set) = query.child(ns::RSM, "set") {
            request.set = SetRequest::from_tree(set)
                .ok_or_else(|| StanzaError::bad_request("<max/> and <index/> are numbers."))?;
        }
        if request.set.index.is_some() {
            // XEP-0059 §2.6.
            return Err(not_offered("Pages are named by ids, not by numbers."));
        }
        if let Some(form) = query.child(ns::DATA_FORMS, "x") {
            request.filter(form)?;
        }
        Ok(request)
    }

    fn filter(&mut self, form: &Tree) -> Result<(), StanzaError> {
        let form = Form::from_tree(form).filter(|form| form.kind == "submit" && form.form_type() == Some(NS));
        let form =
            form.ok_or_else(|| StanzaError::bad_request("The filter is a submitted form of this type."))?;
        for field in &form.fields {
            let value = field.values.first().map(String::as_str);
            match (field.var.as_str(), value) {
                ("FORM_TYPE", _) => {}
                // Absent is as good as empty.
                ("with" | "start" | "end" | "before-id" | "after-id" | "ids", None) => {}
                ("with", Some(jid)) => self.with = Some(address(jid)?),
                ("start", Some(stamp)) => self.start = Some(time(stamp)?),
                ("end", Some(stamp)) => self.end = Some(time(stamp)?),
                ("before-id", Some(id)) => self.before_id = Some(id.to_owned()),
                ("after-id", Some(id)) => self.after_id = Some(id.to_owned()),
                ("ids", Some(_)) => self.ids = Some(field.values.clone()),
                // §4.1.4: there are none to include or to leave out.
                ("include-groupchat", _) => {
                    form.flag("include-groupchat")
                        .ok_or_else(|| StanzaError::bad_request("'include-groupchat' is true or false."))?;
                }
                // §4.1.5.
                (var, _) => return Err(not_offered(&format!("There is no field \"{var}\"."))),
            }
        }
        Ok(())
    }

    /// Whether every message of the archive is in the result set.
    pub(crate) fn is_unfiltered(&self) -> bool {
        let none = [&self.before_id, &self.after_id].iter().all(|id| id.is_none());
        none && self.with.is_none() && self.start.is_none() && self.end.is_none() && self.ids.is_none()
    }

    /// From the newest: the last page (XEP-0059 §2.5), or the one before an item (§2.3).
    pub(crate) fn is_backwards(&self) -> bool {
        self.set.before.is_some()
    }
}

/// §4.1.5: the fields that there are.
pub fn form() -> Tree {
    let form = Form::new("form", NS)
        .with(Field::new("jid-single", "with"))
        .with(Field::new("text-single", "start"))
        .with(Field::new("text-single", "end"))
        .with(Field::new("text-single", "before-id"))
        .with(Field::new("text-single", "after-id"))
        .with(Field::new("boolean", "include-groupchat"));
    // Any values, since all that there are would be too many.
    let open = Tree::new(NS_VALIDATE, "validate")
        .with_attr("datatype", "xs:string")
        .with_child(Tree::new(NS_VALIDATE, "open"));
    let ids = Tree::new(ns::DATA_FORMS, "field").with_attr("type", "list-multi").with_attr("var", "ids");
    Tree::new(NS, "query").with_child(form.to_tree().with_child(ids.with_child(open)))
}

fn address(text: &str) -> Result<Jid, StanzaError> {
    Jid::parse(text).map_err(|error| StanzaError::bad_request(format!("\"{text}\": {error}")))
}

fn time(text: &str) -> Result<Timestamp, StanzaError> {
    Timestamp::parse(text)
        .ok_or_else(|| StanzaError::bad_request(format!("\"{text}\" is no time (XEP-0082).")))
}

fn not_offered(text: &str) -> StanzaError {
    StanzaError::from(Condition::FeatureNotImplemented).text(text)
}

const NS_VALIDATE: &str = "http://jabber.org/protocol/xdata-validate";
