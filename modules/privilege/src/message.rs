//! Messages in the name of the host and its accounts
//! ([XEP-0356 §5](https://xmpp.org/extensions/xep-0356.html#message)).

use waxwing_component::{Grantee, MessageAccess, PROTOCOLS};
use waxwing_core::prelude::*;
use waxwing_xmpp::opened;

use crate::{NS, Privilege};

impl Privilege {
    /// §5.3: it goes out as if it came from whom it names.
    pub(crate) async fn privileged_message(&self, event: &mut Event) -> HookResult {
        let allowed = |grantee: &Grantee| grantee.grants.privileges.message == MessageAccess::Outgoing;
        let Some(grantee) = self.grantee(event).filter(allowed) else {
            return Err(self.forbidden("You may not send messages in the name of others."));
        };
        let privilege = event.stanza.children.find(NS, "privilege");
        let message = privilege
            .and_then(|privilege| opened(privilege, "message"))
            .ok_or_else(|| StanzaError::bad_request("Forward one message (XEP-0297)."))?;
        // §5.1, restriction 1.
        let ours = |from: &&Jid| from.is_bare() && from.domain() == self.host.domain().as_str();
        let Some(from) = message.from.as_ref().filter(ours) else {
            return Err(self.forbidden("The message has to be from a bare JID of this host."));
        };
        // Nor may it tell another component that the server lets it do something.
        let of_server = |child: &Child| PROTOCOLS.contains(&child.namespace());
        if from.local().is_none() && message.children.iter().any(of_server) {
            return Err(self.forbidden("What components may do is for the server to say."));
        }
        let custody = match from.local() {
            Some(local) => {
                let account = self.host.account(local).await.map_err(store_failed)?;
                let Some(account) = account else {
                    return Err(self.forbidden("There is nobody of this name."));
                };
                let by = grantee.external.domain();
                self.host.router().from_account(&account, by, message).await
            }
            None if message.to.is_none() => return Err(StanzaError::bad_request("Say whom it is for.")),
            None => self.host.router().send(message).await,
        };
        self.metrics.messages.inc();
        event.custody.join(custody);
        Ok(Flow::Handled)
    }
}
