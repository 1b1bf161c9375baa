//! A client's stream header: [RFC 6120 §4.7–§4.8](https://www.rfc-editor.org/rfc/rfc6120#section-4.7).

use waxwing_xml::{Attribute, Root, Text};
use waxwing_xmpp::{Domain, Jid, StreamCondition, StreamError, ns};

/// What a client says when it opens a stream.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    /// The host it wants.
    pub to: Option<Text>,
    /// Who it says it is.
    pub from: Option<Text>,
    /// The version of XMPP.
    pub version: Option<Text>,
    /// The language of its stanzas.
    pub lang: Option<Text>,
    /// What is wrong with the element itself.
    pub fault: Option<StreamCondition>,
}

/// A header that has been checked.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub(super) to: Domain,
    pub(super) from: Option<Jid>,
}

impl Opening {
    /// The `to` of our own header: the bare JID that the client gave (RFC 6120 §4.7.2), if it gave a good one.
    pub(super) fn reply_to(&self) -> Option<String> {
        let from = Jid::parse(self.from.as_ref()?.as_str()).ok()?;
        Some(from.to_bare().as_str().to_owned())
    }

    /// Everything that can be said about a header without knowing the hosts.
    pub(super) fn check(&self) -> Result<Checked, StreamError> {
        if let Some(condition) = self.fault {
            return Err(condition.into());
        }
        check_version(self.version.as_ref().map(Text::as_str))?;
        // RFC 6120 §4.7.2: the client must say which host it wants.
        let to = self.to.as_ref().map(Text::as_str).unwrap_or_default();
        let to = Domain::parse(to).map_err(|_| {
            StreamError::new(StreamCondition::ImproperAddressing)
                .text("The stream header needs a 'to' with a domain.")
        })?;
        let from = match self.from.as_ref().map(Text::as_str) {
            None | Some("") => None,
            Some(from) => Some(Jid::parse(from).map_err(|_| StreamCondition::InvalidFrom)?),
        };
        Ok(Checked { to, from })
    }
}

/// RFC 6120 §4.7.5: two integers, compared as such. We answer with the lower of both versions, which for any 1.x is
/// 1.0; another major version is not ours (§4.9.3.25), nor is none, which stands for 0.9.
fn check_version(version: Option<&str>) -> Result<(), StreamError> {
    let major = version.and_then(|version| {
        let (major, minor) = version.split_once('.')?;
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty();
        (number(major) && number(minor)).then(|| major.trim_start_matches('0'))
    });
    match major {
        Some("1") => Ok(()),
        _ => Err(StreamError::new(StreamCondition::UnsupportedVersion).text("This server speaks XMPP 1.0.")),
    }
}

/// The header of a TCP stream.
pub(super) fn tcp_opening(root: &Root) -> Opening {
    Opening { fault: fault(root), ..attribute_opening(&root.attributes) }
}

/// A header that says nothing.
pub(super) fn empty_opening() -> Opening {
    Opening::default()
}

/// What the attributes say.
pub(super) fn attribute_opening(attributes: &[Attribute]) -> Opening {
    let get = |namespace: &str, name: &str| {
        let matches = |attribute: &&Attribute| {
            attribute.name.as_str() == name && attribute.namespace.as_str() == namespace
        };
        attributes.iter().find(matches).map(|attribute| attribute.value.clone())
    };
    Opening {
        to: get("", "to"),
        from: get("", "from"),
        version: get("", "version"),
        lang: get(ns::XML, "lang").filter(|lang| !lang.as_str().is_empty()),
        fault: None,
    }
}

fn fault(root: &Root) -> Option<StreamCondition> {
    if root.namespace.as_str() != ns::STREAMS {
        // RFC 6120 §4.8.1.
        Some(StreamCondition::InvalidNamespace)
    } else if root.name.as_str() != "stream" {
        // §4.2: the root is <stream/>.
        Some(StreamCondition::BadFormat)
    } else if root.prefix.as_str() != "stream" {
        // §4.8.5 lets us insist on the prefix; our own header uses it, too.
        Some(StreamCondition::BadNamespacePrefix)
    } else if root.content.as_str() != ns::CLIENT {
        // §4.8.3.
        Some(StreamCondition::InvalidNamespace)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6120_4_7_5_versions_are_two_integers() {
        for good in ["1.0", "1.1", "1.99", "01.0", "1.00"] {
            assert_eq!(check_version(Some(good)), Ok(()), "{good}");
        }
        for bad in [
            None,
            Some(""),
            Some("1"),
            Some("0.9"),
            Some("2.0"),
            Some("11.0"),
            Some("1."),
            Some(".0"),
            Some("1.x"),
            Some("-1.0"),
        ] {
            assert_eq!(
                check_version(bad).unwrap_err().condition,
                StreamCondition::UnsupportedVersion,
                "{bad:?}"
            );
        }
    }
}
