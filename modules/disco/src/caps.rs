//! Entity capabilities: a hash of what an entity says of itself.
//!
//! Spec: [XEP-0115](https://xmpp.org/extensions/xep-0115.html), §5.1 to the letter. It works on the element that is
//! sent, so that the hash can only be of what was said.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use waxwing_xml::Tree;
use waxwing_xmpp::{Form, ns};

/// §4: a URI that names the software.
pub const NODE: &str = "https://waxwing.example/";

/// §4: the `<c/>` of an entity with this `<query/>` of disco#info.
pub fn element(node: &str, info: &Tree) -> Tree {
    Tree::new(ns::CAPS, "c")
        .with_attr("hash", "sha-1")
        .with_attr("node", node)
        .with_attr("ver", verification_string(info))
}

/// §5.1: the verification string of a `<query/>` of disco#info, with SHA-1, the one mandatory hash (§9.1).
pub fn verification_string(info: &Tree) -> String {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, input(info).as_bytes());
    // Step 9: base64 without white space.
    STANDARD.encode(digest)
}

/// The string S. Steps 1 to 8; every order is that of the bytes.
fn input(info: &Tree) -> String {
    let mut out = String::new();
    // Steps 2 and 3: by category, type, language.
    let attr = |tree: &Tree, name| tree.attr(name).unwrap_or_default().to_owned();
    let mut identities: Vec<[String; 4]> = info
        .children_named(ns::DISCO_INFO, "identity")
        .map(|it| [attr(it, "category"), attr(it, "type"), attr(it, "xml:lang"), attr(it, "name")])
        .collect();
    identities.sort();
    for identity in identities {
        push(&mut out, &identity.join("/"));
    }
    // Steps 4 and 5.
    let mut features: Vec<String> =
        info.children_named(ns::DISCO_INFO, "feature").map(|feature| attr(feature, "var")).collect();
    features.sort();
    features.iter().for_each(|feature| push(&mut out, feature));
    // Steps 6 and 7. A form without a hidden FORM_TYPE is left out (§5.4, step 3.6).
    let mut forms: Vec<Form> = info.children_named(ns::DATA_FORMS, "x").filter_map(Form::from_tree).collect();
    forms.retain(|form| form.form_type().is_some());
    forms.sort_by(|a, b| a.form_type().cmp(&b.form_type()));
    forms.into_iter().for_each(|form| push_form(&mut out, form));
    out
}

/// Step 7.
fn push_form(out: &mut String, mut form: Form) {
    push(out, form.form_type().unwrap_or_default());
    form.fields.retain(|field| field.var != "FORM_TYPE");
    form.fields.sort_by(|a, b| a.var.cmp(&b.var));
    for mut field in form.fields {
        push(out, &field.var);
        field.values.sort();
        field.values.iter().for_each(|value| push(out, value));
    }
}

/// What holds `<` could forge the end of an entry; the XEP takes it as it is (§5.1, note), and so do we: the
/// algorithm is fixed.
fn push(out: &mut String, entry: &str) {
    out.push_str(entry);
    out.push('<');
}

#[cfg(test)]
#[path = "caps_tests.rs"]
mod tests;
