//! Stream features that modules declare: where they belong, and how they are enabled by an IQ or a nonza.

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

/// Enables a feature by an IQ; the answer is the stanza to write.
pub(crate) async fn enable_by_iq(
    host: &HostRef,
    at: Place,
    iq: Stanza,
    session: Option<&SessionRef>,
    peer: Peer,
) -> Option<Stanza> {
    let result = match (for_iq(host, at, &iq), iq.payload().cloned()) {
        (Some((feature, trigger)), Some(payload)) => {
            let stanza = Some(iq.clone());
            enable(
                feature,
                Enable { trigger, stanza, payload, host: host.clone(), session: session.cloned(), peer },
            )
            .await
        }
        _ => Err(Condition::ServiceUnavailable.into()),
    };
    match result {
        Ok(children) => Some(Stanza { children, ..iq.result() }),
        Err(error) => iq.error_reply(&error),
    }
}

/// Enables a feature by an element that is no stanza; the answer is what to write.
pub(crate) async fn enable_by_nonza(
    host: &HostRef,
    at: Place,
    element: &Element,
    session: Option<&SessionRef>,
    peer: Peer,
) -> Result<Children, StanzaError> {
    match for_nonza(host, at, element.namespace.as_str(), element.name.as_str()) {
        Some((feature, trigger)) => {
            let payload = child(element);
            enable(
                feature,
                Enable {
                    trigger,
                    stanza: None,
                    payload,
                    host: host.clone(),
                    session: session.cloned(),
                    peer,
                },
            )
            .await
        }
        None => Err(Condition::ServiceUnavailable.into()),
    }
}

async fn enable(feature: &StreamFeature, request: Enable) -> Result<Children, StanzaError> {
    let Some(enabled) = feature.enable(request) else { return Err(Condition::ServiceUnavailable.into()) };
    let reply = match waxwing_core::tasks::guard(enabled).await {
        Ok(reply) => reply?,
        Err(_) => return Err(Condition::InternalServerError.into()),
    };
    reply.durable().await.map_err(|_| Condition::InternalServerError)?;
    Ok(reply.children().clone())
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
