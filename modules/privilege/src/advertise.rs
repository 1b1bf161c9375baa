//! A component is told what it may do (XEP-0356 §4.2, §5.2, §6.2, §7.2, §7.5).

use waxwing_component::{MessageAccess, PresenceAccess, Privileges};
use waxwing_core::External;
use waxwing_core::prelude::*;

use crate::{NS, Privilege};

impl Privilege {
    pub(crate) fn advertise(&self, external: &dyn External, privileges: &Privileges) {
        let message = Stanza::message(MessageType::Normal)
            .from(self.host.domain().to_jid())
            .to(external.domain().to_jid())
            .id(self.host.random().id())
            .with(&permissions(privileges));
        // Who has gone meanwhile is told the next time.
        external.inform(&message);
    }
}

fn permissions(privileges: &Privileges) -> Tree {
    let perm = |access: &str| Tree::new(NS, "perm").with_attr("access", access);
    let pushes = if privileges.pushes() { "true" } else { "false" };
    let roster = perm("roster").with_attr("type", privileges.roster.name()).with_attr("push", pushes);
    let message = match privileges.message {
        MessageAccess::None => "none",
        MessageAccess::Outgoing => "outgoing",
    };
    let presence = match privileges.presence {
        PresenceAccess::None => "none",
        PresenceAccess::ManagedEntity => "managed_entity",
        PresenceAccess::Roster => "roster",
    };
    let namespace = |perm: Tree, (ns, access): (&String, &waxwing_component::Access)| {
        perm.with_child(
            Tree::new(NS, "namespace").with_attr("ns", ns.as_str()).with_attr("type", access.name()),
        )
    };
    // §6.2: without a type of its own.
    let iq = privileges.iq.iter().fold(perm("iq"), namespace);
    let mut privilege =
        Tree::new(NS, "privilege").with_child(roster).with_child(perm("message").with_attr("type", message));
    if !privileges.iq.is_empty() {
        privilege = privilege.with_child(iq);
    }
    privilege.with_child(perm("presence").with_attr("type", presence))
}
