//! Cold notifications: something happened, and who wants to may act on it.

use std::fmt;
use std::sync::Arc;

use waxwing_xmpp::Domain;

use crate::service::BoxFuture;
use crate::{AccountRef, ExternalRef, SessionRef};

/// What happened.
#[derive(Clone)]
pub enum Notice {
    /// An account was made.
    AccountCreated(AccountRef),
    /// An account is about to go: its rows are still there.
    AccountRemoving(AccountRef),
    /// A session has bound its resource.
    SessionBound(SessionRef),
    /// A session is closed: it takes no stanzas any more, its presence is still set if it had one.
    SessionClosed(SessionRef),
    /// A session has lost its connection and waits for its client to resume it.
    SessionSleeps(SessionRef),
    /// A session of the last process is there again, asleep.
    SessionRestored(SessionRef),
    /// A client has resumed its session.
    SessionResumed(SessionRef),
    /// A stream with another server, over which this host was talking to that domain, has broken and was not resumed:
    /// what was on its way may be lost, and what the other server knew of this host's users as well.
    RemoteCut(Domain),
    /// An external service has connected, or what it may do has changed.
    ExternalConnected(ExternalRef),
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind())
    }
}

/// Which notices a callback wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// See [`Notice::AccountCreated`].
    AccountCreated,
    /// See [`Notice::AccountRemoving`].
    AccountRemoving,
    /// See [`Notice::SessionBound`].
    SessionBound,
    /// See [`Notice::SessionClosed`].
    SessionClosed,
    /// See [`Notice::SessionSleeps`].
    SessionSleeps,
    /// See [`Notice::SessionRestored`].
    SessionRestored,
    /// See [`Notice::SessionResumed`].
    SessionResumed,
    /// See [`Notice::RemoteCut`].
    RemoteCut,
    /// See [`Notice::ExternalConnected`].
    ExternalConnected,
}

impl Notice {
    /// Its kind.
    pub fn kind(&self) -> NoticeKind {
        match self {
            Self::AccountCreated(_) => NoticeKind::AccountCreated,
            Self::AccountRemoving(_) => NoticeKind::AccountRemoving,
            Self::SessionBound(_) => NoticeKind::SessionBound,
            Self::SessionClosed(_) => NoticeKind::SessionClosed,
            Self::SessionSleeps(_) => NoticeKind::SessionSleeps,
            Self::SessionRestored(_) => NoticeKind::SessionRestored,
            Self::SessionResumed(_) => NoticeKind::SessionResumed,
            Self::RemoteCut(_) => NoticeKind::RemoteCut,
            Self::ExternalConnected(_) => NoticeKind::ExternalConnected,
        }
    }
}

pub(crate) type NoticeCall = Arc<dyn Fn(Notice) -> BoxFuture<'static, ()> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct NoticeEntry {
    pub(crate) module: &'static str,
    pub(crate) kind: NoticeKind,
    pub(crate) call: NoticeCall,
}

impl fmt::Debug for NoticeEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.module, self.kind)
    }
}
