//! The answer of a component, and what is left of it after the checks of XEP-0355 §4.3.

use std::sync::Arc;
use std::time::Duration;

use waxwing_core::prelude::*;
use waxwing_core::{Asked, Origin};
use waxwing_roster::RosterService;
use waxwing_xmpp::opened;

use crate::places::Place;
use crate::{Metrics, NS};

/// A request that a component has to answer.
pub(crate) struct Underway {
    pub(crate) host: HostRef,
    pub(crate) request: Stanza,
    pub(crate) origin: Origin,
    pub(crate) asked: Asked,
    pub(crate) patience: Duration,
    pub(crate) rosters: Option<Arc<RosterService>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) _place: Place,
}

impl Underway {
    /// Whatever goes wrong is service-unavailable to whoever asked (§4.3, N.B.₁ and N.B.₂).
    pub(crate) async fn finish(self) {
        let Self { host, request, origin, asked, patience, rosters, metrics, _place } = self;
        let answer = host.answer(asked, patience).await.ok();
        let answer = match answer.and_then(|answer| payload(&answer, &request)) {
            Some(payload) => {
                if let Some(rosters) = rosters {
                    note_interest(&rosters, &request, &origin).await;
                }
                Ok(payload.map_or_else(Reply::empty, Reply::child))
            }
            None => {
                metrics.unanswered.inc();
                Err(Condition::ServiceUnavailable.into())
            }
        };
        drop(host.router().respond(request, answer, origin, Custody::memory()).await);
    }
}

/// §4.3.1, example 11: roster pushes go out as ever, so who asks for the roster gets them (RFC 6121 §2.2).
async fn note_interest(rosters: &RosterService, request: &Stanza, origin: &Origin) {
    let asks = request.payload().is_some_and(|payload| payload.is(ns::ROSTER, "query"));
    if let (true, Kind::Iq(IqType::Get), Some(session)) = (asks, request.kind, origin.session()) {
        rosters.interest(session).await;
    }
}

/// §4.3: the payload of the forwarded result, if it is the answer to this request in every respect.
fn payload(answer: &Stanza, request: &Stanza) -> Option<Option<Child>> {
    if answer.kind != Kind::Iq(IqType::Result) {
        return None;
    }
    let delegation = answer.payload().filter(|payload| payload.is(NS, "delegation"))?;
    let result = opened(delegation, "iq")?;
    let good = result.kind == Kind::Iq(IqType::Result)
        && result.id == request.id
        && result.to == request.from
        && is_from_whom_it_was_for(&result, request);
    good.then(|| result.payload().cloned())
}

/// What is for the sender's own account may be without an address, in both directions (RFC 6120 §8.1.1.1, §8.1.2.1).
fn is_from_whom_it_was_for(result: &Stanza, request: &Stanza) -> bool {
    let own = request.from.as_ref().map(|from| Jid::from(from.to_bare()));
    let asked = request.to.clone().or_else(|| own.clone());
    result.from.clone().or(own) == asked
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str =
        "<iq from='juliet@capulet.lit/balcony' id='pep1' type='set'><pubsub xmlns='urn:x'/></iq>";
    const TO_JULIET: &str = "<iq from='romeo@montague.lit/x' to='juliet@capulet.lit' id='pep1' type='get'><q xmlns='urn:x'/></iq>";

    fn taken(request: &str, inner: &str) -> Option<String> {
        let answer = format!(
            "<iq from='pubsub.capulet.lit' to='capulet.lit' id='delegate1' type='result'>\
             <delegation xmlns='{NS}'><forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></delegation></iq>"
        );
        let taken = payload(&Stanza::parse(&answer).unwrap(), &Stanza::parse(request).unwrap())?;
        Some(taken.map(|child| child.as_str().to_owned()).unwrap_or_default())
    }

    #[test]
    fn xep0355_4_3_an_answer_in_order_is_opened() {
        let head = "<iq xmlns='jabber:client' id='pep1' type='result'";
        let to = "to='juliet@capulet.lit/balcony'";
        assert_eq!(taken(REQUEST, &format!("{head} {to}/>")).as_deref(), Some(""));
        let full = format!("{head} {to} from='juliet@capulet.lit'><pubsub xmlns='urn:x'/></iq>");
        assert_eq!(taken(REQUEST, &full).as_deref(), Some("<pubsub xmlns='urn:x'/>"));
        let other = format!("{head} to='romeo@montague.lit/x' from='juliet@capulet.lit'/>");
        assert_eq!(taken(TO_JULIET, &other).as_deref(), Some(""));
    }

    #[test]
    fn xep0355_4_3_a_wrong_to_from_id_or_type_is_no_answer() {
        let to = "to='juliet@capulet.lit/balcony'";
        for inner in [
            "<iq xmlns='jabber:client' id='pep1' type='result'/>".to_owned(),
            "<iq xmlns='jabber:client' id='pep1' type='result' to='juliet@capulet.lit'/>".to_owned(),
            format!("<iq xmlns='jabber:client' id='pep2' type='result' {to}/>"),
            format!("<iq xmlns='jabber:client' id='pep1' type='error' {to}/>"),
            format!("<iq xmlns='jabber:client' id='pep1' type='set' {to}><x xmlns='urn:x'/></iq>"),
            format!("<iq xmlns='jabber:client' id='pep1' type='result' {to} from='capulet.lit'/>"),
            format!(
                "<iq xmlns='jabber:client' id='pep1' type='result' {to} from='juliet@capulet.lit/other'/>"
            ),
            format!("<iq id='pep1' type='result' {to}/>"),
            format!("<message xmlns='jabber:client' id='pep1' {to}/>"),
            String::new(),
            format!("<iq xmlns='jabber:client' id='pep1' type='result' {to}/>").repeat(2),
        ] {
            assert_eq!(taken(REQUEST, &inner), None, "{inner}");
        }
        let without = "<iq xmlns='jabber:client' id='pep1' type='result' to='romeo@montague.lit/x'/>";
        assert_eq!(taken(TO_JULIET, without), None);
    }
}
