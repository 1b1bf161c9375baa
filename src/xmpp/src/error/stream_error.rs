//! Stream errors: [RFC 6120 §4.9](https://www.rfc-editor.org/rfc/rfc6120#section-4.9).

use std::fmt;

use waxwing_xml::{Tree, XmlError, escape_text};

use crate::ns;

/// A stream error condition (RFC 6120 §4.9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the RFC's")]
pub enum StreamCondition {
    BadFormat,
    BadNamespacePrefix,
    Conflict,
    ConnectionTimeout,
    HostGone,
    HostUnknown,
    ImproperAddressing,
    InternalServerError,
    InvalidFrom,
    InvalidNamespace,
    InvalidXml,
    NotAuthorized,
    NotWellFormed,
    PolicyViolation,
    RemoteConnectionFailed,
    Reset,
    ResourceConstraint,
    RestrictedXml,
    SeeOtherHost,
    SystemShutdown,
    UndefinedCondition,
    UnsupportedEncoding,
    UnsupportedFeature,
    UnsupportedStanzaType,
    UnsupportedVersion,
}

impl StreamCondition {
    /// All of them, in the order of the RFC.
    pub const ALL: [Self; 25] = [
        Self::BadFormat,
        Self::BadNamespacePrefix,
        Self::Conflict,
        Self::ConnectionTimeout,
        Self::HostGone,
        Self::HostUnknown,
        Self::ImproperAddressing,
        Self::InternalServerError,
        Self::InvalidFrom,
        Self::InvalidNamespace,
        Self::InvalidXml,
        Self::NotAuthorized,
        Self::NotWellFormed,
        Self::PolicyViolation,
        Self::RemoteConnectionFailed,
        Self::Reset,
        Self::ResourceConstraint,
        Self::RestrictedXml,
        Self::SeeOtherHost,
        Self::SystemShutdown,
        Self::UndefinedCondition,
        Self::UnsupportedEncoding,
        Self::UnsupportedFeature,
        Self::UnsupportedStanzaType,
        Self::UnsupportedVersion,
    ];

    /// The name of its element.
    pub fn name(self) -> &'static str {
        match self {
            Self::BadFormat => "bad-format",
            Self::BadNamespacePrefix => "bad-namespace-prefix",
            Self::Conflict => "conflict",
            Self::ConnectionTimeout => "connection-timeout",
            Self::HostGone => "host-gone",
            Self::HostUnknown => "host-unknown",
            Self::ImproperAddressing => "improper-addressing",
            Self::InternalServerError => "internal-server-error",
            Self::InvalidFrom => "invalid-from",
            Self::InvalidNamespace => "invalid-namespace",
            Self::InvalidXml => "invalid-xml",
            Self::NotAuthorized => "not-authorized",
            Self::NotWellFormed => "not-well-formed",
            Self::PolicyViolation => "policy-violation",
            Self::RemoteConnectionFailed => "remote-connection-failed",
            Self::Reset => "reset",
            Self::ResourceConstraint => "resource-constraint",
            Self::RestrictedXml => "restricted-xml",
            Self::SeeOtherHost => "see-other-host",
            Self::SystemShutdown => "system-shutdown",
            Self::UndefinedCondition => "undefined-condition",
            Self::UnsupportedEncoding => "unsupported-encoding",
            Self::UnsupportedFeature => "unsupported-feature",
            Self::UnsupportedStanzaType => "unsupported-stanza-type",
            Self::UnsupportedVersion => "unsupported-version",
        }
    }

    /// Reads the name of an element.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|condition| condition.name() == name)
    }
}

impl fmt::Display for StreamCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a stream is closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{condition}{}", .text.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
pub struct StreamError {
    /// The condition.
    pub condition: StreamCondition,
    /// In English, for people.
    pub text: Option<String>,
    /// An application's own condition, written out (RFC 6120 §4.9.4).
    application: Option<Box<str>>,
}

impl StreamError {
    /// Without a text.
    pub fn new(condition: StreamCondition) -> Self {
        Self { condition, text: None, application: None }
    }
    /// Adds a text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }
    /// Adds an application's own condition (RFC 6120 §4.9.4).
    #[must_use]
    pub fn application(mut self, condition: &Tree) -> Self {
        self.application = Some(condition.to_xml().into());
        self
    }
    /// Writes `<stream:error/>` for a stream whose header has declared the prefix `stream`.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_after(b"<stream:error>", out);
    }
    /// Writes `<stream:error/>` as a document of its own, which declares the prefix (RFC 7395 §3.5, XEP-0206).
    pub fn write_document(&self, out: &mut Vec<u8>) {
        self.write_after(b"<stream:error xmlns:stream='http://etherx.jabber.org/streams'>", out);
    }
    /// What [`StreamError::write`] writes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        self.write(&mut out);
        out
    }
    fn write_after(&self, start: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(start);
        out.push(b'<');
        out.extend_from_slice(self.condition.name().as_bytes());
        out.extend_from_slice(b" xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
        if let Some(text) = &self.text {
            out.extend_from_slice(b"<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>");
            escape_text(text, out);
            out.extend_from_slice(b"</text>");
        }
        if let Some(application) = &self.application {
            out.extend_from_slice(application.as_bytes());
        }
        out.extend_from_slice(b"</stream:error>");
    }
    /// Reads a peer's `<stream:error/>`; unknown conditions become `undefined-condition` (RFC 6120 §4.9.2).
    pub fn from_tree(tree: &Tree) -> Self {
        let ours = || tree.children().filter(|child| child.namespace() == ns::STREAM_ERRORS);
        let condition = ours()
            .find(|child| child.name() != "text")
            .and_then(|child| StreamCondition::from_name(child.name()));
        Self {
            condition: condition.unwrap_or(StreamCondition::UndefinedCondition),
            text: ours().find(|child| child.name() == "text").map(Tree::text),
            application: None,
        }
    }
}

impl From<StreamCondition> for StreamError {
    fn from(condition: StreamCondition) -> Self {
        Self::new(condition)
    }
}

impl From<&XmlError> for StreamError {
    fn from(error: &XmlError) -> Self {
        let condition = match error {
            XmlError::NotWellFormed(_) => StreamCondition::NotWellFormed,
            XmlError::Restricted(_) => StreamCondition::RestrictedXml,
            XmlError::BadFormat(_) => StreamCondition::BadFormat,
            XmlError::Encoding => StreamCondition::UnsupportedEncoding,
            XmlError::BadNamespacePrefix => StreamCondition::BadNamespacePrefix,
            XmlError::TooLarge { .. } => StreamCondition::PolicyViolation,
        };
        Self::new(condition).text(error.to_string())
    }
}

impl From<XmlError> for StreamError {
    fn from(error: XmlError) -> Self {
        Self::from(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6120_4_9_4_an_application_adds_its_own_condition() {
        let error =
            StreamError::new(StreamCondition::UndefinedCondition).application(&Tree::new("urn:x", "why"));
        let xml = String::from_utf8(error.to_bytes()).unwrap();
        assert!(xml.ends_with("<why xmlns='urn:x'/></stream:error>"), "{xml}");
    }

    #[test]
    fn rfc6120_4_9_2_a_stream_error() {
        let error = StreamError::new(StreamCondition::NotWellFormed);
        assert_eq!(
            error.to_bytes(),
            b"<stream:error><not-well-formed xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
        );
        let mut out = Vec::new();
        error.text("<'&'>").write_document(&mut out);
        let out = String::from_utf8(out).unwrap();
        assert!(
            out.starts_with(
                "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><not-well-formed "
            )
        );
        assert!(out.contains(" xml:lang='en'>&lt;"), "{out}");
        assert!(out.ends_with("</text></stream:error>"), "{out}");
    }

    #[test]
    fn rfc6120_4_9_3_conditions_are_written_and_read() {
        for condition in StreamCondition::ALL {
            let error = StreamError::new(condition).text("It's <over>.");
            let mut out = Vec::new();
            error.write_document(&mut out);
            let tree = Tree::parse(&String::from_utf8(out).unwrap()).unwrap();
            assert!(tree.is(ns::STREAMS, "error"));
            assert_eq!(StreamError::from_tree(&tree), error);
        }
    }

    #[test]
    fn rfc6120_4_9_2_an_unknown_condition_is_undefined() {
        let tree = Tree::new(ns::STREAMS, "error").with_child(Tree::new(ns::STREAM_ERRORS, "unheard-of"));
        assert_eq!(StreamError::from_tree(&tree).condition, StreamCondition::UndefinedCondition);
        let empty = StreamError::from_tree(&Tree::new(ns::STREAMS, "error"));
        assert_eq!(empty, StreamError::new(StreamCondition::UndefinedCondition));
        // A condition counts in its own namespace only.
        let tree = Tree::new(ns::STREAMS, "error").with_child(Tree::new(ns::STANZA_ERRORS, "conflict"));
        assert_eq!(StreamError::from_tree(&tree).condition, StreamCondition::UndefinedCondition);
    }

    #[test]
    fn what_the_scanner_rejects_has_its_condition() {
        for (error, condition) in [
            (XmlError::NotWellFormed("x"), StreamCondition::NotWellFormed),
            (XmlError::Restricted("x"), StreamCondition::RestrictedXml),
            (XmlError::BadFormat("x"), StreamCondition::BadFormat),
            (XmlError::Encoding, StreamCondition::UnsupportedEncoding),
            (XmlError::BadNamespacePrefix, StreamCondition::BadNamespacePrefix),
            (XmlError::TooLarge { limit: "depth", max: 5 }, StreamCondition::PolicyViolation),
        ] {
            assert_eq!(StreamError::from(error).condition, condition);
        }
    }
}
