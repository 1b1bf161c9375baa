//! Members who are away learn that somebody has mentioned them
//! ([XEP-0452](https://xmpp.org/extensions/xep-0452.html)).

use std::collections::HashSet;

use waxwing_core::prelude::*;
use waxwing_xmpp::forwarded;

use crate::affiliation::Affiliation;
use crate::room::Room;
use crate::turn::{Kept, Turn};

impl Room {
    /// §3.2: of those whom the message refers to (XEP-0372), who is a member and not here.
    pub(crate) fn forward_mentions(&self, turn: &mut Turn<'_>, message: &Stanza, kept: Option<&Kept>) {
        if !self.settings.forward_mentions {
            return;
        }
        let mentioned = self.mentioned(turn, message);
        if mentioned.is_empty() {
            return;
        }
        let mut whole = message.clone().to(&self.jid);
        whole.children.extend(kept.map(|kept| self.stanza_id(&kept.id)));
        let around = Tree::new(NS, "mentions");
        let Some(mentions) = forwarded(&around, &whole, Some(turn.now)) else { return };
        let mut told = Stanza::message(MessageType::Normal).from(&self.jid).id(turn.world.id());
        told.children.push(mentions);
        turn.send_all(told, mentioned);
    }

    fn mentioned(&self, turn: &Turn<'_>, message: &Stanza) -> Vec<Jid> {
        let here: HashSet<&BareJid> = self.occupants.values().map(|occupant| &occupant.real).collect();
        let references = message.children.iter().filter(|child| child.is(NS_REFERENCE, "reference"));
        let mentions = references.filter(|child| child.attribute("type").as_deref() == Some("mention"));
        let mut found: Vec<Jid> = mentions
            .filter_map(|child| self.member(turn, &child.attribute("uri")?))
            .filter(|jid| !here.contains(jid))
            .map(Jid::from)
            .collect();
        found.sort();
        found.dedup();
        found.truncate(turn.config.mentions_max);
        found
    }

    /// The member that a URI means: by address, or by reserved nickname.
    fn member(&self, turn: &Turn<'_>, uri: &str) -> Option<BareJid> {
        let jid = Jid::parse(uri.strip_prefix("xmpp:")?.split('?').next()?).ok()?;
        let real = match jid.same_bare(self.jid.as_jid()) {
            true => self.affiliations.reserved_by(jid.resource()?)?.clone(),
            false => jid.to_bare(),
        };
        (self.affiliation(turn, &real) >= Affiliation::Member).then_some(real)
    }
}

const NS: &str = "urn:xmpp:mmn:0";
const NS_REFERENCE: &str = "urn:xmpp:reference:0";
