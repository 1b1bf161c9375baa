//! What an operator can say about discovery, and the contact form made of it (XEP-0157).

use serde::{Deserialize, Serialize};
use waxwing_core::{DiscoItem, StartError};
use waxwing_xmpp::{Field, Form, Jid};

/// `[host.<name>.modules.disco]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The name of the host for people.
    pub name: String,
    /// Addresses of services elsewhere that are listed as items of the host, e.g. `["proxy.example.net"]`.
    pub items: Vec<String>,
    /// Whom to turn to.
    pub contact: ContactAddresses,
}

impl Default for Config {
    fn default() -> Self {
        Self { name: "Waxwing".to_owned(), items: Vec::new(), contact: ContactAddresses::default() }
    }
}

/// Contact addresses as URIs (`mailto:`, `xmpp:`, `https:`), by purpose. Empty: `abuse` and `admin` become the
/// `admins` of the host, the others are not shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are the XEP's")]
pub struct ContactAddresses {
    pub abuse: Vec<String>,
    pub admin: Vec<String>,
    pub feedback: Vec<String>,
    pub sales: Vec<String>,
    pub security: Vec<String>,
    pub status: Vec<String>,
    pub support: Vec<String>,
}

impl Config {
    /// # Errors
    /// One of the items is no address.
    pub(crate) fn items(&self) -> Result<Vec<DiscoItem>, StartError> {
        let item = |text: &String| match Jid::parse(text) {
            Ok(jid) => Ok(DiscoItem { jid, node: None, name: None }),
            Err(error) => Err(StartError::new(format!("disco: the item {text:?} is no address: {error}"))),
        };
        self.items.iter().map(item).collect()
    }
}

impl ContactAddresses {
    /// XEP-0157 §3: the form, if there is anything to say.
    ///
    /// # Errors
    /// An address is no URI, or an administrator no JID.
    pub(crate) fn form(&self, admins: &[String]) -> Result<Option<Form>, StartError> {
        let admins = admins.iter().map(|admin| xmpp_uri(admin)).collect::<Result<Vec<String>, _>>()?;
        let or_admins = |list: &[String]| if list.is_empty() { admins.clone() } else { list.to_vec() };
        let fields = [
            ("abuse-addresses", or_admins(&self.abuse)),
            ("admin-addresses", or_admins(&self.admin)),
            ("feedback-addresses", self.feedback.clone()),
            ("sales-addresses", self.sales.clone()),
            ("security-addresses", self.security.clone()),
            ("status-addresses", self.status.clone()),
            ("support-addresses", self.support.clone()),
        ];
        let mut form = Form::new("result", FORM_TYPE);
        for (var, uris) in fields.into_iter().filter(|(_, uris)| !uris.is_empty()) {
            if let Some(wrong) = uris.iter().find(|uri| !is_uri(uri)) {
                return Err(StartError::new(format!(
                    "disco: the contact address {wrong:?} is no URI: write \"mailto:…\", \"xmpp:…\" or \"https://…\""
                )));
            }
            // §7.1: list-multi.
            form = form.with(uris.into_iter().fold(Field::new("list-multi", var), Field::value));
        }
        Ok((form.fields.len() > 1).then_some(form))
    }
}

/// A scheme, a colon, and nothing that a URI cannot hold (RFC 3986 §2, §3.1). XEP-0157 §3: status addresses MUST be
/// URIs, the others SHOULD.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let starts = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    let scheme_ok = scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let rest_ok = rest.chars().all(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c));
    starts && scheme_ok && rest_ok && !rest.is_empty()
}

/// RFC 5122 §2.2, §2.7: what is not plainly allowed in a part of the address is percent-encoded.
fn xmpp_uri(admin: &str) -> Result<String, StartError> {
    let jid = Jid::parse(admin)
        .map_err(|error| StartError::new(format!("the administrator {admin:?} is no address: {error}")))?;
    let local = jid.local().map(|local| format!("{}@", encode(local))).unwrap_or_default();
    Ok(format!("xmpp:{local}{}", encode(jid.to_domain().to_ascii().as_str())))
}

fn encode(part: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    part.bytes().fold(String::new(), |mut out, byte| {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

const FORM_TYPE: &str = "http://jabber.org/network/serverinfo";

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
