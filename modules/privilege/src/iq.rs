//! Requests in the name of accounts ([XEP-0356 §6](https://xmpp.org/extensions/xep-0356.html#iq)).

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use waxwing_component::Grantee;
use waxwing_core::prelude::*;
use waxwing_core::{Asked, Origin, RequestError};
use waxwing_xmpp::{forwarded, stanza_inside};

use crate::{NS, Privilege};

/// A request of a component that waits for the answer to the one inside.
struct Underway {
    host: HostRef,
    outer: Stanza,
    origin: Origin,
    asked: Asked,
    /// The id that the component gave to the request inside.
    id: Option<Text>,
    patience: std::time::Duration,
    _place: OwnedSemaphorePermit,
}

impl Privilege {
    /// §6.3: the request inside is sent as if the account had sent it. The answer comes when it comes: the component may
    /// be the one that has to give it.
    pub(crate) async fn privileged_iq(&self, event: &mut Event) -> HookResult {
        let (grantee, account, mut inner) = self.permitted(event)?;
        let full =
            || StanzaError::from(Condition::ResourceConstraint).text("Too many requests wait for answers.");
        let place = Arc::clone(&self.underway).try_acquire_owned().map_err(|_| full())?;
        let id = inner.id.clone();
        inner.from = Some(account.jid().as_jid().clone());
        // Sent under an id of ours: the component's own may be in use already.
        let asked = self.host.open_request(&mut inner).map_err(|_| full())?;
        self.metrics.requests.inc();
        let by = grantee.external.domain();
        drop(self.host.router().from_account(&account, by, inner).await);
        let underway = Underway {
            host: Arc::clone(&self.host),
            outer: event.stanza.clone(),
            origin: event.origin.clone(),
            asked,
            id,
            patience: self.config.answer_time_max.0,
            _place: place,
        };
        self.workers.spawn(underway.finish());
        Ok(Flow::Handled)
    }

    /// Who asks, the account and the request inside, if all that §6.3 demands holds.
    fn permitted(&self, event: &Event) -> Result<(Grantee, AccountRef, Stanza), StanzaError> {
        let (outer, grantee) = (&event.stanza, self.grantee(event));
        let Some(grantee) = grantee else {
            return Err(self.forbidden("You may not ask in the name of others."));
        };
        let (Some(account), Some(to)) = (&event.account, outer.to.as_ref().filter(|to| to.is_bare())) else {
            return Err(self.forbidden("A request is made in the name of a bare JID."));
        };
        let inner = outer.payload().and_then(|payload| stanza_inside(payload, "iq"));
        let inner = inner.ok_or_else(|| self.forbidden("There is one <iq/> of jabber:client inside."))?;
        let inner = Stanza::parse(inner.as_str()).ok_or(Condition::BadRequest)?;
        if inner.kind != outer.kind {
            return Err(self.forbidden("Both requests have the same type."));
        }
        if inner.from.as_ref().is_some_and(|from| from != to) {
            return Err(self.forbidden("The request inside is from somebody else."));
        }
        let namespace = inner.payload().map(Child::namespace).unwrap_or_default();
        if !grantee.grants.privileges.asks(namespace, inner.kind == Kind::Iq(IqType::Set)) {
            return Err(self.forbidden("You may not make such requests."));
        }
        Ok((grantee, Arc::clone(account), inner))
    }

    /// §6.3: 'to' is no managed entity.
    pub(crate) async fn nobody(self: Arc<Self>, _: IqRequest) -> IqResult {
        Err(self.forbidden("A request is made in the name of an account."))
    }
}

impl Underway {
    /// §6.3: the answer, be it a result or an error, goes back in a result.
    async fn finish(self) {
        let Self { host, outer, origin, asked, id, patience, _place } = self;
        let answer = match host.answer(asked, patience).await {
            Ok(answer) => {
                let answer = Stanza { id, ..answer };
                let wrapped = forwarded(&Tree::new(NS, "privilege"), &answer, None);
                wrapped.map(Reply::child).ok_or_else(|| Condition::InternalServerError.into())
            }
            Err(RequestError::TimedOut | RequestError::TooMany | RequestError::Refused(_)) => {
                Err(Condition::RemoteServerTimeout.into())
            }
        };
        drop(host.router().respond(outer, answer, origin, Custody::memory()).await);
    }
}
