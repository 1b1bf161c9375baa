//! Why a login failed: the conditions of [RFC 6120 §6.5](https://www.rfc-editor.org/rfc/rfc6120#section-6.5).

/// A SASL error condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCondition {
    /// §6.5.1: the client gave up.
    Aborted,
    /// §6.5.2.
    AccountDisabled,
    /// §6.5.3.
    CredentialsExpired,
    /// §6.5.4: the mechanism is only for TLS.
    EncryptionRequired,
    /// §6.5.5: not base64.
    IncorrectEncoding,
    /// §6.5.6: not the account's own address.
    InvalidAuthzid,
    /// §6.5.7: unknown or not offered here.
    InvalidMechanism,
    /// §6.5.8: against the mechanism's syntax.
    MalformedRequest,
    /// §6.5.9.
    MechanismTooWeak,
    /// §6.5.10: wrong password or no such account; nobody may tell which.
    NotAuthorized,
    /// §6.5.11: our fault.
    TemporaryAuthFailure,
}

impl FailureCondition {
    /// The element's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::AccountDisabled => "account-disabled",
            Self::CredentialsExpired => "credentials-expired",
            Self::EncryptionRequired => "encryption-required",
            Self::IncorrectEncoding => "incorrect-encoding",
            Self::InvalidAuthzid => "invalid-authzid",
            Self::InvalidMechanism => "invalid-mechanism",
            Self::MalformedRequest => "malformed-request",
            Self::MechanismTooWeak => "mechanism-too-weak",
            Self::NotAuthorized => "not-authorized",
            Self::TemporaryAuthFailure => "temporary-auth-failure",
        }
    }
}

/// A failed login: the condition, and perhaps a word for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// The condition.
    pub condition: FailureCondition,
    /// In English; never says whether an account exists.
    pub text: Option<&'static str>,
}

impl Failure {
    /// With a text.
    pub fn with_text(condition: FailureCondition, text: &'static str) -> Self {
        Self { condition, text: Some(text) }
    }
}

impl From<FailureCondition> for Failure {
    fn from(condition: FailureCondition) -> Self {
        Self { condition, text: None }
    }
}
