//! Data forms: [XEP-0004](https://xmpp.org/extensions/xep-0004.html).

use waxwing_xml::Tree;

/// A data form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form {
    /// `form`, `submit`, `cancel` or `result`.
    pub kind: String,
    /// Title.
    pub title: Option<String>,
    /// Instructions.
    pub instructions: Vec<String>,
    /// Fields in order, `FORM_TYPE` included.
    pub fields: Vec<Field>,
}

/// A field of a data form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Field {
    /// `var`.
    pub var: String,
    /// `type`, e.g. `text-single`; absent in submissions.
    pub kind: Option<String>,
    /// Label for people.
    pub label: Option<String>,
    /// Whether an answer is required.
    pub required: bool,
    /// Values.
    pub values: Vec<String>,
    /// Options (label, value).
    pub options: Vec<(Option<String>, String)>,
}

impl Form {
    /// A form of this kind with a hidden `FORM_TYPE` (XEP-0068).
    pub fn new(_kind: &str, _form_type: &str) -> Self {
        todo!()
    }
    /// Reads `<x xmlns='jabber:x:data'/>`.
    pub fn from_tree(_tree: &Tree) -> Option<Self> {
        todo!()
    }
    /// Writes `<x xmlns='jabber:x:data'/>`.
    pub fn to_tree(&self) -> Tree {
        todo!()
    }
    /// The `FORM_TYPE`.
    pub fn form_type(&self) -> Option<&str> {
        todo!()
    }
    /// The first value of a field.
    pub fn value(&self, _var: &str) -> Option<&str> {
        todo!()
    }
    /// Appends a field; builder style.
    #[must_use]
    pub fn with(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }
}
