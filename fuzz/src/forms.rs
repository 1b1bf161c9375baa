//! Data forms (XEP-0004): what was read is written and read again as the same.

use waxwing_xml::Tree;
use waxwing_xmpp::Form;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(tree) = Tree::parse(text) else { return };
    if let Some(form) = Form::from_tree(&tree) {
        for field in &form.fields {
            let _ = (form.flag(&field.var), form.values(&field.var), form.form_type());
        }
        assert_eq!(Form::from_tree(&form.to_tree()).as_ref(), Some(&form));
    }
}
