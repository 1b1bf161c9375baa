//! The rosters of accounts ([XEP-0356 §4](https://xmpp.org/extensions/xep-0356.html#access_roster)).

use waxwing_component::Grantee;
use waxwing_core::Origin;
use waxwing_core::prelude::*;
use waxwing_roster::RosterWatch;

use crate::Privilege;

impl Privilege {
    /// §4.3: as the account itself would do it.
    pub(crate) async fn roster_request(&self, event: &mut Event) -> HookResult {
        let set = event.stanza.kind == Kind::Iq(IqType::Set);
        let allowed = |grantee: Grantee| grantee.grants.privileges.roster.allows(set);
        if !self.grantee(event).is_some_and(allowed) {
            return Err(self.forbidden("You may not do that with rosters of this host."));
        }
        let (Some(account), Some(rosters)) = (event.account.clone(), self.rosters.get()) else {
            return Err(Condition::InternalServerError.into());
        };
        let query = event.stanza.payload().map(Child::tree).ok_or(Condition::BadRequest)?;
        let answer = match set {
            true => rosters.change(&account, &query).await?,
            // RFC 6121 §2.1.3: a get has no items.
            false if query.children().next().is_some() => return Err(Condition::BadRequest.into()),
            false => rosters.read(&account).await?,
        };
        self.metrics.roster.inc();
        let (request, origin) = (event.stanza.clone(), event.origin.clone());
        let custody = std::mem::take(&mut event.custody);
        event.custody = event.host.router().respond(request, Ok(answer), origin, custody).await;
        Ok(Flow::Handled)
    }

    /// As for a roster that is there: only a component hears that it may not.
    pub(crate) async fn no_roster(self: std::sync::Arc<Self>, request: IqRequest) -> IqResult {
        match request.origin {
            Origin::Component(_) => Err(self.forbidden("You may not do that with rosters of this host.")),
            _ => Err(Condition::ServiceUnavailable.into()),
        }
    }
}

impl RosterWatch for Privilege {
    /// §4.4: from the bare JID of the account.
    fn pushed(&self, account: &AccountRef, query: &Child) {
        for grantee in Grantee::all(&self.host) {
            if !(grantee.grants.privileges.pushes() && grantee.external.is_connected()) {
                continue;
            }
            let mut push = Stanza::iq(IqType::Set, self.host.random().id())
                .from(account.jid().clone())
                .to(grantee.external.domain().to_jid());
            push.children.push(query.clone());
            // Who has gone reads the roster when it is back.
            grantee.external.inform(&push);
        }
    }
}
