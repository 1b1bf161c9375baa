//! What is negotiated on a stream: declared with the place where it is offered, enabled by a function of which
//! the IQ or nonza is one caller.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use waxwing_xml::{Child, Tree};
use waxwing_xmpp::{IqType, Stanza};

use crate::disco::{DiscoNode, DiscoOn};
use crate::iq::IqResult;
use crate::service::BoxFuture;
use crate::{Host, HostRef, SessionRef};

/// Where in the negotiation a feature is offered (XEP-0170).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Offered {
    /// Inside TLS (or where plaintext is allowed), before login.
    BeforeLogin,
    /// Inside `<inline/>` of SASL2 (XEP-0388).
    Sasl2Inline,
    /// Inside `<inline/>` of Bind 2 (XEP-0386).
    Bind2Inline,
    /// After login.
    AfterLogin,
}

/// What asks for the feature to be enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// An IQ with this payload (namespace, element), where the IQ table does not serve: before login.
    Iq(IqType, &'static str, &'static str),
    /// A first-level element that is no stanza.
    Nonza(&'static str, &'static str),
    /// An element inside the SASL2 or Bind 2 request.
    Inline(&'static str, &'static str),
}

/// The other end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Whether the stream is encrypted.
    pub secure: bool,
}

/// A request to enable a feature.
#[derive(Debug, Clone)]
pub struct Enable {
    /// What asked.
    pub trigger: Trigger,
    /// The IQ, where it was one.
    pub stanza: Option<Stanza>,
    /// The element that asks: the IQ's payload, the nonza, the inline element.
    pub payload: Child,
    /// The host of the stream.
    pub host: HostRef,
    /// The session, after login.
    pub session: Option<SessionRef>,
    /// The other end.
    pub peer: Peer,
}

pub(crate) type EnableCall = Arc<dyn Fn(Enable) -> BoxFuture<'static, IqResult> + Send + Sync>;

/// A declared stream feature.
#[derive(Clone)]
pub struct StreamFeature {
    /// The module that declares it.
    pub module: &'static str,
    /// Where it is offered.
    pub offered: Offered,
    /// The element in `<stream:features/>` or `<inline/>`.
    pub element: Tree,
    /// What enables it.
    pub triggers: Vec<Trigger>,
    pub(crate) call: Option<EnableCall>,
    make: Option<MakeElement>,
    shown: Option<fn(&Host) -> bool>,
}

/// Makes the element of a feature out of what the modules of the host have declared about it.
type MakeElement = Arc<dyn Fn(&DiscoNode) -> Tree + Send + Sync>;

impl fmt::Debug for StreamFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} <{}/>", self.module, self.offered, self.element.name())
    }
}

impl StreamFeature {
    /// A feature that only informs (`<ver/>`, `<c/>`).
    pub fn new(offered: Offered, element: Tree) -> Self {
        Self { module: "", offered, element, triggers: Vec::new(), call: None, make: None, shown: None }
    }

    /// A feature that only informs and whose element depends on what all modules declare about the host (a hash of
    /// it, say): `make` runs when every module has started, and again where modules change that later.
    pub fn computed(
        offered: Offered,
        name: &Tree,
        make: impl Fn(&DiscoNode) -> Tree + Send + Sync + 'static,
    ) -> Self {
        Self { make: Some(Arc::new(make)), ..Self::new(offered, name.clone()) }
    }

    /// Advertises it only while this holds, e.g. while the config of the host says so. What enables it is taken
    /// all the same: its function says no in its own words.
    #[must_use]
    pub fn shown_while(mut self, shown: fn(&Host) -> bool) -> Self {
        self.shown = Some(shown);
        self
    }

    /// Whether it is advertised at this moment.
    pub fn is_shown(&self, host: &Host) -> bool {
        self.shown.is_none_or(|shown| shown(host))
    }

    /// Computes the element if that was asked for.
    pub(crate) fn settle(&mut self, declared: &DiscoNode) {
        if let Some(make) = &self.make {
            self.element = make(declared);
        }
    }

    /// The element as it is at this moment.
    pub fn element_now(&self, host: &Host) -> Cow<'_, Tree> {
        match &self.make {
            Some(make) if host.revises() => Cow::Owned(make(&host.declared(DiscoOn::Host))),
            _ => Cow::Borrowed(&self.element),
        }
    }

    /// Adds what enables it; give the function to [`crate::Registrar::stream_feature_with`].
    #[must_use]
    pub fn on(mut self, trigger: Trigger) -> Self {
        self.triggers.push(trigger);
        self
    }

    /// Enables it; the result is what the trigger's form asks for. None: it cannot be enabled, it only informs.
    pub fn enable(&self, request: Enable) -> Option<BoxFuture<'static, IqResult>> {
        self.call.as_ref().map(|call| call(request))
    }
}
