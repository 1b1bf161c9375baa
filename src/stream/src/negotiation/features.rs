//! `<stream:features/>` in the order of [XEP-0170](https://xmpp.org/extensions/xep-0170.html).

use waxwing_xmpp::ns;

use crate::sasl::Terms;

use super::tcp::attribute;

/// Where a feature is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Before TLS, beside `<starttls/>`.
    BeforeTls,
    /// Inside TLS, or where the host allows plaintext, before login.
    BeforeLogin,
    /// Inside `<inline/>` of SASL2 (XEP-0388).
    Sasl2Inline,
    /// Inside `<inline/>` of Bind 2 (XEP-0386).
    Bind2Inline,
    /// After login.
    AfterLogin,
}

/// RFC 6120 §5.4.1.
pub(super) fn starttls(required: bool) -> Vec<u8> {
    let inner = if required { "<required/>" } else { "" };
    format!("<starttls xmlns='{}'>{inner}</starttls>", ns::TLS).into_bytes()
}

/// RFC 6120 §6.4.1, with XEP-0440 before it where there is something to bind to.
pub(super) fn sasl(terms: &Terms) -> Vec<Vec<u8>> {
    let mut elements = Vec::new();
    if terms.mechanisms.is_empty() {
        return elements;
    }
    if !terms.bindings.is_empty() {
        let mut element = b"<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>".to_vec();
        for binding in &terms.bindings {
            element.extend_from_slice(b"<channel-binding");
            attribute("type", binding.kind.name(), &mut element);
            element.extend_from_slice(b"/>");
        }
        element.extend_from_slice(b"</sasl-channel-binding>");
        elements.push(element);
    }
    let mechanisms: String = terms
        .mechanisms
        .iter()
        .map(|mechanism| format!("<mechanism>{}</mechanism>", mechanism.name()))
        .collect();
    elements.push(format!("<mechanisms xmlns='{}'>{mechanisms}</mechanisms>", ns::SASL).into_bytes());
    elements
}

/// RFC 6120 §7.4, and RFC 3921 §3 for clients of that time, `<optional/>` because nothing depends on it any more.
pub(super) fn bind() -> Vec<Vec<u8>> {
    vec![
        format!("<bind xmlns='{}'/>", ns::BIND).into_bytes(),
        format!("<session xmlns='{}'><optional/></session>", ns::SESSION).into_bytes(),
    ]
}
