//! Stanza errors: [RFC 6120 §8.3](https://www.rfc-editor.org/rfc/rfc6120#section-8.3).

use std::fmt;

use waxwing_xml::{CONTENT, Refusal, Tree};

use crate::{JidError, ns};

/// A stanza error condition (RFC 6120 §8.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the RFC's")]
pub enum Condition {
    BadRequest,
    Conflict,
    FeatureNotImplemented,
    Forbidden,
    Gone,
    InternalServerError,
    ItemNotFound,
    JidMalformed,
    NotAcceptable,
    NotAllowed,
    NotAuthorized,
    PolicyViolation,
    RecipientUnavailable,
    Redirect,
    RegistrationRequired,
    RemoteServerNotFound,
    RemoteServerTimeout,
    ResourceConstraint,
    ServiceUnavailable,
    SubscriptionRequired,
    UndefinedCondition,
    UnexpectedRequest,
}

impl Condition {
    /// All of them, in the order of the RFC.
    pub const ALL: [Self; 22] = [
        Self::BadRequest,
        Self::Conflict,
        Self::FeatureNotImplemented,
        Self::Forbidden,
        Self::Gone,
        Self::InternalServerError,
        Self::ItemNotFound,
        Self::JidMalformed,
        Self::NotAcceptable,
        Self::NotAllowed,
        Self::NotAuthorized,
        Self::PolicyViolation,
        Self::RecipientUnavailable,
        Self::Redirect,
        Self::RegistrationRequired,
        Self::RemoteServerNotFound,
        Self::RemoteServerTimeout,
        Self::ResourceConstraint,
        Self::ServiceUnavailable,
        Self::SubscriptionRequired,
        Self::UndefinedCondition,
        Self::UnexpectedRequest,
    ];

    /// The name of its element.
    pub fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::Conflict => "conflict",
            Self::FeatureNotImplemented => "feature-not-implemented",
            Self::Forbidden => "forbidden",
            Self::Gone => "gone",
            Self::InternalServerError => "internal-server-error",
            Self::ItemNotFound => "item-not-found",
            Self::JidMalformed => "jid-malformed",
            Self::NotAcceptable => "not-acceptable",
            Self::NotAllowed => "not-allowed",
            Self::NotAuthorized => "not-authorized",
            Self::PolicyViolation => "policy-violation",
            Self::RecipientUnavailable => "recipient-unavailable",
            Self::Redirect => "redirect",
            Self::RegistrationRequired => "registration-required",
            Self::RemoteServerNotFound => "remote-server-not-found",
            Self::RemoteServerTimeout => "remote-server-timeout",
            Self::ResourceConstraint => "resource-constraint",
            Self::ServiceUnavailable => "service-unavailable",
            Self::SubscriptionRequired => "subscription-required",
            Self::UndefinedCondition => "undefined-condition",
            Self::UnexpectedRequest => "unexpected-request",
        }
    }

    /// Reads the name of an element.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|condition| condition.name() == name)
    }

    /// The error type that RFC 6120 §8.3.3 associates with it; the first one where the RFC names two, and
    /// `cancel` for `undefined-condition`, where any type is allowed.
    pub fn default_type(self) -> ErrorType {
        match self {
            Self::Forbidden
            | Self::NotAuthorized
            | Self::RegistrationRequired
            | Self::SubscriptionRequired => ErrorType::Auth,
            Self::BadRequest
            | Self::JidMalformed
            | Self::NotAcceptable
            | Self::PolicyViolation
            | Self::Redirect => ErrorType::Modify,
            Self::RecipientUnavailable
            | Self::RemoteServerTimeout
            | Self::ResourceConstraint
            | Self::UnexpectedRequest => ErrorType::Wait,
            Self::Conflict
            | Self::FeatureNotImplemented
            | Self::Gone
            | Self::InternalServerError
            | Self::ItemNotFound
            | Self::NotAllowed
            | Self::RemoteServerNotFound
            | Self::ServiceUnavailable
            | Self::UndefinedCondition => ErrorType::Cancel,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the sender may do about it (RFC 6120 §8.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the RFC's")]
pub enum ErrorType {
    Auth,
    Cancel,
    Continue,
    Modify,
    Wait,
}

impl ErrorType {
    /// The value of the `type` attribute.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Cancel => "cancel",
            Self::Continue => "continue",
            Self::Modify => "modify",
            Self::Wait => "wait",
        }
    }

    /// Reads the value of the `type` attribute.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Auth, Self::Cancel, Self::Continue, Self::Modify, Self::Wait]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// A stanza error: type, condition, a text for people and possibly an application-specific condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{condition}{}", .text.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
pub struct StanzaError {
    /// What the sender may do about it.
    pub kind: ErrorType,
    /// The defined condition.
    pub condition: Condition,
    /// In English, for people.
    pub text: Option<String>,
    /// Application-specific condition (RFC 6120 §8.3.4), e.g. `<blocked xmlns='urn:xmpp:blocking:errors'/>`.
    pub application: Option<Box<Tree>>,
    /// Where to go instead, of `gone` (§8.3.3.5) and `redirect` (§8.3.3.14): a URI, mostly an XMPP one.
    pub new_address: Option<Box<str>>,
}

impl StanzaError {
    /// With the error type that RFC 6120 §8.3.3 associates with the condition.
    pub fn new(condition: Condition) -> Self {
        Self { kind: condition.default_type(), condition, text: None, application: None, new_address: None }
    }
    /// `bad-request` with a text: what every reader of payloads needs.
    pub fn bad_request(text: impl Into<String>) -> Self {
        Self::new(Condition::BadRequest).text(text)
    }
    /// Adds a text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }
    /// Changes the type.
    #[must_use]
    pub fn of_type(mut self, kind: ErrorType) -> Self {
        self.kind = kind;
        self
    }
    /// Adds an application-specific condition.
    #[must_use]
    pub fn with(mut self, application: Tree) -> Self {
        self.application = Some(Box::new(application));
        self
    }
    /// Adds the new address of `gone` or `redirect`, a URI; other conditions do not show it.
    #[must_use]
    pub fn at(mut self, uri: impl Into<String>) -> Self {
        self.new_address = Some(uri.into().into_boxed_str());
        self
    }
    /// The `<error/>` element. Legacy numeric codes (XEP-0086) are not written.
    pub fn to_tree(&self) -> Tree {
        let mut condition = Tree::new(ns::STANZA_ERRORS, self.condition.name());
        if let Some(uri) = self.new_address.as_deref().filter(|_| self.condition.has_new_address()) {
            condition = condition.with_text(uri);
        }
        let mut error = Tree::new(CONTENT, "error").with_attr("type", self.kind.name()).with_child(condition);
        if let Some(text) = &self.text {
            // RFC 6120 §8.3.2: in front of the application-specific condition, with its language.
            let text =
                Tree::new(ns::STANZA_ERRORS, "text").with_attr("xml:lang", "en").with_text(text.as_str());
            error = error.with_child(text);
        }
        match &self.application {
            Some(application) => error.with_child((**application).clone()),
            None => error,
        }
    }
    /// Reads an `<error/>` element; unknown conditions become `undefined-condition`.
    ///
    /// An unknown type becomes the one associated with the condition.
    pub fn from_tree(tree: &Tree) -> Self {
        let mut found = None;
        let mut text = None;
        let mut application = None;
        for child in tree.children() {
            match (child.namespace() == ns::STANZA_ERRORS, child.name()) {
                (true, "text") => text = text.or_else(|| Some(child.text())),
                (true, name) => found = found.or(Some((Condition::from_name(name), child.text()))),
                (false, _) => application = application.or_else(|| Some(Box::new(child.clone()))),
            }
        }
        let (condition, data) = found.unwrap_or_default();
        let condition = condition.unwrap_or(Condition::UndefinedCondition);
        let new_address = (condition.has_new_address() && !data.is_empty()).then(|| data.into_boxed_str());
        let kind =
            tree.attr("type").and_then(ErrorType::from_name).unwrap_or_else(|| condition.default_type());
        Self { kind, condition, text, application, new_address }
    }
}

impl Condition {
    fn has_new_address(self) -> bool {
        matches!(self, Self::Gone | Self::Redirect)
    }
}

impl From<Condition> for StanzaError {
    fn from(condition: Condition) -> Self {
        Self::new(condition)
    }
}

/// RFC 7622 §4: an address that cannot be prepared is answered with `jid-malformed`.
impl From<JidError> for StanzaError {
    fn from(error: JidError) -> Self {
        Self::new(Condition::JidMalformed).text(error.0)
    }
}

/// What the sender of a refused stanza is told (design §3).
impl From<Refusal> for StanzaError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unsupported(reason) => Self::new(Condition::NotAcceptable).text(reason),
            Refusal::Limit(limit, max) => {
                Self::new(Condition::PolicyViolation).text(format!("{limit} is limited to {max}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What RFC 6120 §8.3.3.1 to §8.3.3.22 associate.
    #[test]
    fn rfc6120_8_3_3_conditions_and_their_types() {
        let types = "modify cancel cancel auth cancel cancel cancel modify modify cancel auth modify wait modify auth \
                     cancel wait wait cancel auth cancel wait";
        let types: Vec<_> = types.split_whitespace().collect();
        let defaults: Vec<_> =
            Condition::ALL.iter().map(|condition| condition.default_type().name()).collect();
        assert_eq!(defaults, types);
        for condition in Condition::ALL {
            assert_eq!(Condition::from_name(condition.name()), Some(condition));
            let error = StanzaError::new(condition);
            assert_eq!(StanzaError::from_tree(&error.to_tree()), error);
        }
        assert_eq!(Condition::from_name("payment-required"), None);
        assert_eq!(Condition::from_name("text"), None);
    }

    #[test]
    fn rfc6120_8_3_2_the_error_element() {
        let error = StanzaError::new(Condition::NotAcceptable)
            .of_type(ErrorType::Cancel)
            .text("You block <this> contact.")
            .with(Tree::new("urn:xmpp:blocking:errors", "blocked"));
        assert_eq!(
            error.to_tree().to_xml(),
            "<error type='cancel'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>You block &lt;this&gt; contact.</text>\
             <blocked xmlns='urn:xmpp:blocking:errors'/></error>"
        );
        assert_eq!(StanzaError::from_tree(&error.to_tree()), error);
        assert_eq!(error.to_string(), "not-acceptable: You block <this> contact.");
    }

    /// XEP-0086 §3 deprecates numeric codes.
    #[test]
    fn xep0086_no_code_is_written() {
        assert_eq!(StanzaError::new(Condition::ItemNotFound).to_tree().attr("code"), None);
    }

    #[test]
    fn rfc6120_8_3_3_5_gone_and_redirect_tell_where_to_go() {
        for condition in [Condition::Gone, Condition::Redirect] {
            let error = StanzaError::new(condition).at("xmpp:characters@conference.example.org");
            let tree = error.to_tree();
            let text = tree.child(ns::STANZA_ERRORS, condition.name()).unwrap().text();
            assert_eq!(text, "xmpp:characters@conference.example.org");
            assert_eq!(StanzaError::from_tree(&tree), error);
        }
        // No other condition has such data.
        let tree = StanzaError::new(Condition::Conflict).at("xmpp:a.example").to_tree();
        assert_eq!(tree.child(ns::STANZA_ERRORS, "conflict").unwrap().text(), "");
    }

    #[test]
    fn rfc6120_8_3_2_what_a_peer_may_write() {
        let read = |condition: &str, kind: &str| {
            let tree = Tree::new(CONTENT, "error").with_attr("type", kind);
            StanzaError::from_tree(&tree.with_child(Tree::new(ns::STANZA_ERRORS, condition)))
        };
        assert_eq!(
            read("not-a-condition", "wait"),
            StanzaError::new(Condition::UndefinedCondition).of_type(ErrorType::Wait)
        );
        assert_eq!(read("forbidden", "unheard-of"), StanzaError::new(Condition::Forbidden));
        let empty = StanzaError::from_tree(&Tree::new(CONTENT, "error"));
        assert_eq!(empty, StanzaError::new(Condition::UndefinedCondition));
        // The application-specific condition may come first.
        let tree = Tree::new(CONTENT, "error")
            .with_child(Tree::new("urn:x", "conflict"))
            .with_child(Tree::new(ns::STANZA_ERRORS, "text").with_text("a"))
            .with_child(Tree::new(ns::STANZA_ERRORS, "gone"));
        let error = StanzaError::from_tree(&tree);
        assert_eq!((error.condition, error.text.as_deref()), (Condition::Gone, Some("a")));
        assert_eq!(error.application, Some(Box::new(Tree::new("urn:x", "conflict"))));
    }

    #[test]
    fn refusals_of_scanner_and_addresses_have_their_condition() {
        let limit = StanzaError::from(Refusal::Limit("depth", 20));
        assert_eq!(
            (limit.condition, limit.text.as_deref()),
            (Condition::PolicyViolation, Some("depth is limited to 20"))
        );
        assert_eq!(StanzaError::from(Refusal::Unsupported("x")).condition, Condition::NotAcceptable);
        assert_eq!(StanzaError::from(JidError("x")).condition, Condition::JidMalformed);
    }
}
