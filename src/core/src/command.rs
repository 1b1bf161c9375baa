//! Commands for the administrator: declared once, reached from the command line (and later ad-hoc and HTTP).

use std::fmt;
use std::sync::Arc;

use crate::HostRef;
use crate::service::BoxFuture;

/// A declared command.
#[derive(Clone)]
pub struct Command {
    /// Name with a dot, e.g. `account.add`.
    pub name: &'static str,
    /// One line of help.
    pub summary: &'static str,
    /// Names of the arguments, in order.
    pub arguments: &'static [&'static str],
    pub(crate) call: Option<CommandFn>,
}

pub(crate) type CommandFn = Arc<dyn Fn(CommandCall) -> BoxFuture<'static, CommandResult> + Send + Sync>;

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.name, self.arguments)
    }
}

impl Command {
    /// A command without arguments.
    pub const fn new(name: &'static str, summary: &'static str) -> Self {
        Self { name, summary, arguments: &[], call: None }
    }

    /// Names the arguments.
    #[must_use]
    pub const fn arguments(mut self, arguments: &'static [&'static str]) -> Self {
        self.arguments = arguments;
        self
    }
}

/// One call of a command. Arguments are as many as declared; no `Debug`, since one may be a password.
#[derive(Clone)]
pub struct CommandCall {
    /// The host it is about.
    pub host: HostRef,
    /// The arguments.
    pub arguments: Vec<String>,
}

impl CommandCall {
    /// An argument by position.
    ///
    /// # Errors
    /// If it is missing.
    pub fn argument(&self, index: usize) -> Result<&str, CommandError> {
        self.arguments
            .get(index)
            .map(String::as_str)
            .ok_or_else(|| CommandError("an argument is missing".to_owned()))
    }
}

/// Lines to print, or why not.
pub type CommandResult = Result<Vec<String>, CommandError>;

/// Why a command failed, in words for the administrator: what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CommandError(pub String);

impl From<waxwing_store::StoreError> for CommandError {
    fn from(error: waxwing_store::StoreError) -> Self {
        Self(format!("the store failed: {error}"))
    }
}
