//! Stream features that modules declare: where they belong, and how they are enabled by an IQ or a nonza.

use waxwing_core::tasks::guard;
use waxwing_core::{Enable, HostRef, Offered, Peer, SessionRef, StreamFeature, Trigger};
use waxwing_stream::negotiation::Place;
use waxwing_xml::{Child, Children, Element, Node, Tree};
use waxwing_xmpp::{Condition, Kind, Stanza, StanzaError};

/// The place in the negotiation.
pub(crate) fn place(offered: Offered) -> Place {
    match offered {
        Offered::BeforeLogin => Place::BeforeLogin,
        Offered::Sasl2Inline => Place::Sasl2Inline,
        Offered::Bind2Inline => Place::Bind2Inline,
        Offered::AfterLogin => Place::AfterLogin,
    }
}

/// The feature that this IQ enables here.
pub(crate) fn for_iq<'a>(host: &'a HostRef, at: Place, iq: &Stanza) -> Option<(&'a StreamFeature, Trigger)> {
    let payload = iq.payload()?;
    find(host, at, |trigger| match *trigger {
        Trigger::Iq(kind, namespace, name) => iq.kind == Kind::Iq(kind) && payload.is(namespace, name),
        _ => false,
    })
}

/// The feature that this element enables here.
pub(crate) fn for_nonza<'a>(
    host: &'a HostRef,
    at: Place,
    namespace: &str,
    name: &str,
) -> Option<(&'a StreamFeature, Trigger)> {
    find(host, at, |trigger| match *trigger {
        Trigger::Nonza(its_namespace, its_name) => its_namespace == namespace && its_name == name,
        _ => false,
    })
}

fn find(host: &HostRef, at: Place, fits: impl Fn(&Trigger) -> bool) -> Option<(&StreamFeature, Trigger)> {
    host.stream_features().iter().filter(|feature| place(feature.offered) == at).find_map(|feature| {
        feature.triggers.iter().find(|trigger| fits(trigger)).map(|trigger| (feature, *trigger))
    })
}

/// What enabling a feature has led to.
pub(crate) struct Enabled {
    /// For the client.
    pub(crate) children: Children,
    /// To be done when the answer is written.
    pub(crate) then: Option<Box<dyn FnOnce() + Send + Sync>>,
}

/// Who asks, and where.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) host: &'a HostRef,
    pub(crate) place: Place,
    pub(crate) session: Option<&'a SessionRef>,
    pub(crate) peer: Peer,
}

impl Asker<'_> {
    /// Enables the feature of this IQ.
    pub(crate) async fn enable_by_iq(self, iq: &Stanza) -> Result<Enabled, StanzaError> {
        let (feature, trigger) = for_iq(self.host, self.place, iq).ok_or(Condition::ServiceUnavailable)?;
        let payload = iq.payload().cloned().ok_or(Condition::BadRequest)?;
        self.enable(feature, trigger, Some(iq.clone()), payload).await
    }

    /// Enables the feature of this element.
    pub(crate) async fn enable_by_nonza(self, element: &Element) -> Result<Enabled, StanzaError> {
        let found = for_nonza(self.host, self.place, element.namespace.as_str(), element.name.as_str());
        let (feature, trigger) = found.ok_or(Condition::ServiceUnavailable)?;
        self.enable(feature, trigger, None, child(element)).await
    }

    async fn enable(
        self,
        feature: &StreamFeature,
        trigger: Trigger,
        stanza: Option<Stanza>,
        payload: Child,
    ) -> Result<Enabled, StanzaError> {
        let host = self.host.clone();
        let request =
            Enable { trigger, stanza, payload, host, session: self.session.cloned(), peer: self.peer };
        let enabling = feature.enable(request).ok_or(Condition::ServiceUnavailable)?;
        // A panic in a module ends one stanza, never the process.
        let reply = guard(enabling).await.unwrap_or_else(|_| Err(Condition::InternalServerError.into()));
        let mut reply = reply?;
        reply.durable().await.map_err(|_| Condition::InternalServerError)?;
        Ok(Enabled { children: reply.children().clone(), then: reply.take_then() })
    }
}

/// The element as a module sees it.
fn child(element: &Element) -> Child {
    let mut tree = Tree::new(element.namespace.as_str(), element.name.as_str());
    for attribute in element.attributes.iter().filter(|attribute| attribute.namespace.as_str().is_empty()) {
        tree = tree.with_attr(attribute.name.as_str(), attribute.value.as_str());
    }
    if !element.text.as_str().trim().is_empty() {
        tree.push(Node::Text(element.text.as_str().to_owned()));
    }
    for child in &element.children {
        tree.push(Node::Tree(child.tree()));
    }
    tree.to_child()
}
