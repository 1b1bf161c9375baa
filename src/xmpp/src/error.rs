//! The error conditions of RFC 6120: stanza errors (§8.3.3) and stream errors (§4.9.3).

use waxwing_xml::Tree;

/// A stanza error condition (RFC 6120 §8.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the RFC's")]
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

/// What the sender may do about it (RFC 6120 §8.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the RFC's")]
pub enum ErrorType {
    Auth,
    Cancel,
    Continue,
    Modify,
    Wait,
}

/// A stanza error: type, condition, a text for people and possibly an application-specific condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{condition:?}")]
pub struct StanzaError {
    /// What the sender may do about it.
    pub kind: ErrorType,
    /// The defined condition.
    pub condition: Condition,
    /// In English, for people.
    pub text: Option<String>,
    /// Application-specific condition (RFC 6120 §8.3.4), e.g. `<blocked xmlns='urn:xmpp:blocking:errors'/>`.
    pub application: Option<Box<Tree>>,
}

impl StanzaError {
    /// With the error type that RFC 6120 §8.3.3 associates with the condition.
    pub fn new(_condition: Condition) -> Self {
        todo!()
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
    /// The `<error/>` element.
    pub fn to_tree(&self) -> Tree {
        todo!()
    }
    /// Reads an `<error/>` element; unknown conditions become `undefined-condition`.
    pub fn from_tree(_tree: &Tree) -> Self {
        todo!()
    }
}

impl From<Condition> for StanzaError {
    fn from(condition: Condition) -> Self {
        Self::new(condition)
    }
}

/// A stream error condition (RFC 6120 §4.9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the RFC's")]
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

/// Why a stream is closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{condition:?}")]
pub struct StreamError {
    /// The condition.
    pub condition: StreamCondition,
    /// In English, for people.
    pub text: Option<String>,
}
