//! Data forms: [XEP-0004](https://xmpp.org/extensions/xep-0004.html).

use waxwing_xml::Tree;

use crate::ns;

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
    /// The header of a table of results (§3.4).
    pub reported: Vec<Field>,
    /// The rows of a table of results (§3.4).
    pub items: Vec<Vec<Field>>,
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

const FORM_TYPE: &str = "FORM_TYPE";

impl Form {
    /// A form of this kind with a hidden `FORM_TYPE` (XEP-0068).
    pub fn new(kind: &str, form_type: &str) -> Self {
        let mut field = Field::new("hidden", FORM_TYPE).value(form_type);
        if kind == "submit" {
            // §3.2: the type of a field in a submission follows from context.
            field.kind = None;
        }
        Self { kind: kind.to_owned(), fields: vec![field], ..Self::default() }
    }
    /// Reads `<x xmlns='jabber:x:data'/>`.
    ///
    /// `None` if it is another element or its type is none of the four (§3.1).
    pub fn from_tree(tree: &Tree) -> Option<Self> {
        let kind =
            tree.attr("type").filter(|kind| matches!(*kind, "form" | "submit" | "cancel" | "result"))?;
        if !tree.is(ns::DATA_FORMS, "x") {
            return None;
        }
        let named = |name: &'static str| tree.children().filter(move |child| child.is(ns::DATA_FORMS, name));
        Some(Self {
            kind: kind.to_owned(),
            title: named("title").next().map(Tree::text),
            instructions: named("instructions").map(Tree::text).collect(),
            fields: fields(tree),
            reported: named("reported").next().map(fields).unwrap_or_default(),
            items: named("item").map(fields).collect(),
        })
    }
    /// Writes `<x xmlns='jabber:x:data'/>`.
    pub fn to_tree(&self) -> Tree {
        let mut x = Tree::new(ns::DATA_FORMS, "x").with_attr("type", self.kind.as_str());
        if let Some(title) = &self.title {
            x = x.with_child(text("title", title));
        }
        for line in &self.instructions {
            x = x.with_child(text("instructions", line));
        }
        // §3.4: the header comes before the rows.
        if !self.reported.is_empty() {
            x = x.with_child(row("reported", &self.reported));
        }
        for item in &self.items {
            x = x.with_child(row("item", item));
        }
        self.fields.iter().fold(x, |x, field| x.with_child(field.to_tree()))
    }
    /// The `FORM_TYPE`.
    ///
    /// XEP-0068 §3.1: in a form that is not a submission the field counts only if it is hidden.
    pub fn form_type(&self) -> Option<&str> {
        let field = self.field(FORM_TYPE)?;
        let hidden = self.kind == "submit" || field.kind.as_deref() == Some("hidden");
        field.values.first().filter(|_| hidden).map(String::as_str)
    }
    /// The first field with this `var`.
    pub fn field(&self, var: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.var == var)
    }
    /// The first value of a field.
    pub fn value(&self, var: &str) -> Option<&str> {
        self.field(var)?.values.first().map(String::as_str)
    }
    /// All values of a field.
    pub fn values(&self, var: &str) -> &[String] {
        self.field(var).map_or(&[], |field| field.values.as_slice())
    }
    /// The value of a field of type `boolean` (§3.3, note 1); `None` if it is absent or neither.
    pub fn flag(&self, var: &str) -> Option<bool> {
        match self.value(var)? {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        }
    }
    /// Appends a field; builder style.
    #[must_use]
    pub fn with(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }
}

impl Field {
    /// A field of this type.
    pub fn new(kind: &str, var: &str) -> Self {
        Self { var: var.to_owned(), kind: Some(kind.to_owned()), ..Self::default() }
    }
    /// Appends a value; builder style.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.values.push(value.into());
        self
    }
    /// Sets the label; builder style.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }
    /// Appends an option; builder style.
    #[must_use]
    pub fn option(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((Some(label.into()), value.into()));
        self
    }
    /// Demands an answer; builder style.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    fn from_tree(tree: &Tree) -> Self {
        let named = |name: &'static str| tree.children().filter(move |child| child.is(ns::DATA_FORMS, name));
        let option = |option: &Tree| {
            let value = option.child(ns::DATA_FORMS, "value").map(Tree::text).unwrap_or_default();
            (option.attr("label").map(str::to_owned), value)
        };
        Self {
            var: tree.attr("var").unwrap_or_default().to_owned(),
            kind: tree.attr("type").map(str::to_owned),
            label: tree.attr("label").map(str::to_owned),
            required: named("required").next().is_some(),
            values: named("value").map(Tree::text).collect(),
            options: named("option").map(option).collect(),
        }
    }

    fn to_tree(&self) -> Tree {
        let mut field = Tree::new(ns::DATA_FORMS, "field");
        if let Some(kind) = &self.kind {
            field = field.with_attr("type", kind.as_str());
        }
        if let Some(label) = &self.label {
            field = field.with_attr("label", label.as_str());
        }
        // §3.2: only a field of type `fixed` may go without.
        if !self.var.is_empty() {
            field = field.with_attr("var", self.var.as_str());
        }
        if self.required {
            field = field.with_child(Tree::new(ns::DATA_FORMS, "required"));
        }
        for value in &self.values {
            field = field.with_child(text("value", value));
        }
        for (label, value) in &self.options {
            let mut option = Tree::new(ns::DATA_FORMS, "option");
            if let Some(label) = label {
                option = option.with_attr("label", label.as_str());
            }
            field = field.with_child(option.with_child(text("value", value)));
        }
        field
    }
}

fn fields(tree: &Tree) -> Vec<Field> {
    tree.children().filter(|child| child.is(ns::DATA_FORMS, "field")).map(Field::from_tree).collect()
}

fn text(name: &str, text: &str) -> Tree {
    Tree::new(ns::DATA_FORMS, name).with_text(text)
}

fn row(name: &str, fields: &[Field]) -> Tree {
    fields.iter().fold(Tree::new(ns::DATA_FORMS, name), |row, field| row.with_child(field.to_tree()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration() -> Form {
        let mut form = Form::new("form", "jabber:iq:register")
            .with(Field::new("text-single", "username").label("Name").required())
            .with(Field::new("list-single", "colour").option("Red", "r").option("Blue", "b").value("b"))
            .with(Field::new("boolean", "public").value("1"));
        form.title = Some("Registration".to_owned());
        form.instructions.push("Choose a name.".to_owned());
        form
    }

    #[test]
    fn xep0004_3_a_form_survives_writing_and_reading() {
        let form = registration();
        assert_eq!(Form::from_tree(&form.to_tree()), Some(form.clone()));
        assert_eq!(form.form_type(), Some("jabber:iq:register"));
        assert_eq!(form.value("colour"), Some("b"));
        assert_eq!(form.value("FORM_TYPE"), Some("jabber:iq:register"));
        assert_eq!(form.value("absent"), None);
        assert_eq!(form.values("public"), ["1"]);
    }

    #[test]
    fn xep0004_3_1_other_elements_and_types_are_no_form() {
        assert_eq!(Form::from_tree(&Tree::new("jabber:x:other", "x").with_attr("type", "form")), None);
        assert_eq!(Form::from_tree(&Tree::new(ns::DATA_FORMS, "y").with_attr("type", "form")), None);
        assert_eq!(Form::from_tree(&Tree::new(ns::DATA_FORMS, "x").with_attr("type", "error")), None);
        assert_eq!(Form::from_tree(&Tree::new(ns::DATA_FORMS, "x")), None);
        assert!(Form::from_tree(&Tree::new(ns::DATA_FORMS, "x").with_attr("type", "cancel")).is_some());
    }

    #[test]
    fn xep0004_3_3_both_spellings_of_a_boolean() {
        let flag = |value: &str| Form::default().with(Field::new("boolean", "b").value(value)).flag("b");
        assert_eq!(
            (flag("1"), flag("true"), flag("0"), flag("false")),
            (Some(true), Some(true), Some(false), Some(false))
        );
        assert_eq!((flag("yes"), flag("")), (None, None));
    }

    #[test]
    fn xep0004_3_4_a_table_of_results() {
        let row = |name: &str| vec![Field { var: "name".to_owned(), ..Field::default() }.value(name)];
        let form = Form {
            kind: "result".to_owned(),
            reported: vec![Field::new("text-single", "name").label("Name")],
            items: vec![row("Comatelli"), row("Ciao")],
            ..Form::default()
        };
        let tree = form.to_tree();
        let names: Vec<_> = tree.children().map(Tree::name).collect();
        assert_eq!(names, ["reported", "item", "item"]);
        assert_eq!(Form::from_tree(&tree), Some(form));
    }

    #[test]
    fn xep0068_3_1_form_type_must_be_hidden_outside_of_submissions() {
        let visible = |kind: &str| {
            let field = Field { var: FORM_TYPE.to_owned(), ..Field::default() }.value("urn:x");
            Form { kind: kind.to_owned(), fields: vec![field], ..Form::default() }
        };
        assert_eq!(visible("submit").form_type(), Some("urn:x"));
        assert_eq!(visible("form").form_type(), None);
        assert_eq!(visible("result").form_type(), None);
    }
}
