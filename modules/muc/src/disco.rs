//! What the service and its rooms say of themselves
//! ([XEP-0045 §6](https://xmpp.org/extensions/xep-0045.html#entity)).

use std::sync::Arc;

use waxwing_core::prelude::*;
use waxwing_core::{DiscoAnswer, DiscoItem, DiscoNode, DiscoQuery};
use waxwing_store::{Order, Span};
use waxwing_xmpp::{Field, Form, SetRequest, SetResult};

use crate::affiliation::Affiliation;
use crate::iq::Request;
use crate::names::{INFO_FORM, MUC, PING, REGISTER, RESERVED_NICK_NODE, SELF_PING, STABLE_ID, TRAFFIC_NODE};
use crate::room::Room;
use crate::table::IndexRow;
use crate::turn::Turn;
use crate::{Muc, avatar, commands, hats, moderation, versions};

impl Muc {
    /// §6.2: the facts of the service, and its rooms (§6.3).
    pub(crate) fn declare_service(self: &Arc<Self>, reg: &mut Registrar<'_>) {
        reg.identity(DiscoOn::Host, "conference", "text", &self.config().name);
        for var in [MUC, STABLE_ID, ns::OCCUPANT_ID, ns::RSM, avatar::FEATURE] {
            reg.feature(DiscoOn::Host, var);
        }
        reg.disco(DiscoOn::Host, self, Self::public_rooms);
    }

    /// §6.3: the public rooms, as many as one answer may have; hidden ones are on no list.
    async fn public_rooms(self: Arc<Self>, query: DiscoQuery) -> DiscoAnswer {
        if query.node.is_some() {
            return Ok(None);
        }
        let asked = query.set.is_some();
        let (set, max) = (query.set.unwrap_or_default(), self.config().rooms_listed_max);
        if set.index.is_some() {
            // XEP-0059 §2.6.
            return Err(StanzaError::from(Condition::FeatureNotImplemented).text("Pages are named by rooms."));
        }
        let wanted = set.max.unwrap_or(max).min(max);
        let backwards = set.before.is_some();
        let (mut items, more) = self.list_rooms(&set, wanted).await.map_err(store_failed)?;
        if backwards {
            items.reverse();
        }
        let whole = !more && set.after.is_none() && set.before.as_ref().is_none_or(String::is_empty);
        let id = |item: &DiscoItem| item.jid.as_str().to_owned();
        let page = SetResult {
            first: items.first().map(id),
            index: (!backwards && set.after.is_none() && !items.is_empty()).then_some(0),
            last: items.last().map(id),
            count: whole.then(|| u64::try_from(items.len()).unwrap_or(u64::MAX)),
        };
        // §6.3: a list that is not the whole one says so.
        let set = (asked || more).then_some(page);
        Ok(Some(DiscoNode { items, set, ..DiscoNode::default() }))
    }

    /// Up to `max` public rooms of a page, in the order in which they are read, and whether there are more.
    async fn list_rooms(&self, set: &SetRequest, max: usize) -> Result<(Vec<DiscoItem>, bool), StoreError> {
        let order = if set.before.is_some() { Order::Reverse } else { Order::Forward };
        let mut span = Span::all();
        if let Some(after) = set.after.as_deref().map(local) {
            span = span.after(after);
        }
        if let Some(before) = set.before.as_deref().filter(|before| !before.is_empty()).map(local) {
            span = span.before(before);
        }
        let mut items = Vec::new();
        for pages in 0.. {
            // A page without any room would be one that nobody can go on from.
            if pages >= PAGES_MAX && !items.is_empty() {
                break;
            }
            let page = self.index.range(self.host.number(), span.clone(), order, PAGE).await?;
            for (local, row) in page.iter().filter(|(_, row)| row.public && row.number.is_some()) {
                if items.len() >= max {
                    return Ok((items, true));
                }
                items.extend(self.listed(local, row));
            }
            match page.into_iter().last() {
                Some((last, _)) if order == Order::Forward => span = span.after(last),
                Some((last, _)) => span = span.before(last),
                None => return Ok((items, false)),
            }
        }
        Ok((items, true))
    }

    fn listed(&self, local: &str, row: &IndexRow) -> Option<DiscoItem> {
        let jid = BareJid::new(Some(local), self.host.domain()).ok()?;
        let name = if row.name.is_empty() { local } else { &row.name };
        Some(DiscoItem { jid: jid.into(), node: None, name: Some(name.to_owned()) })
    }

    /// §6.4, §7.12.
    pub(crate) fn room_info(&self, request: &Request<'_>) -> IqResult {
        let node = request.payload.attribute("node").filter(|node| !node.is_empty());
        self.ask_room(request, |room, turn| {
            room.is_there_for(turn, request.from)?;
            match node.as_deref() {
                None => Ok(room.info(turn, request.from)),
                Some(RESERVED_NICK_NODE) => Ok(room.reserved_nick(request.from)),
                // §18.1.1: nothing is discarded.
                Some(TRAFFIC_NODE) => Err(Condition::ServiceUnavailable.into()),
                Some(node) => commands::info(node).ok_or_else(|| Condition::ItemNotFound.into()),
            }
        })
    }

    /// §6.5: occupants see who is there; to everybody else that is private.
    pub(crate) fn room_items(&self, request: &Request<'_>) -> IqResult {
        let node = request.payload.attribute("node").filter(|node| !node.is_empty());
        self.ask_room(request, |room, turn| {
            room.is_there_for(turn, request.from)?;
            let query = Tree::new(ns::DISCO_ITEMS, "query");
            match node.as_deref() {
                None => Ok(room.items(request.from).fold(query, Tree::with_child)),
                Some(commands::NS) => Ok(commands::items(room, turn, request.from)),
                Some(_) => Err(Condition::ItemNotFound.into()),
            }
        })
    }
}

impl Room {
    /// §7.2.10: a locked room does not exist yet, but for its creator.
    pub(crate) fn is_there_for(&self, turn: &Turn<'_>, from: &Jid) -> Result<(), StanzaError> {
        match self.locked && self.affiliation(turn, &from.to_bare()) < Affiliation::Owner {
            true => Err(Condition::ItemNotFound.into()),
            false => Ok(()),
        }
    }

    fn info(&self, turn: &Turn<'_>, from: &Jid) -> Tree {
        let name = match self.settings.name.as_str() {
            "" => self.jid.local().unwrap_or_default(),
            name => name,
        };
        let identity = Tree::new(ns::DISCO_INFO, "identity")
            .with_attr("category", "conference")
            .with_attr("type", "text")
            .with_attr("name", name);
        let feature = |var: &str| Tree::new(ns::DISCO_INFO, "feature").with_attr("var", var);
        let query = Tree::new(ns::DISCO_INFO, "query").with_child(identity);
        let query = self.features().into_iter().fold(query, |query, var| query.with_child(feature(var)));
        query.with_child(self.info_form(turn, from).to_tree())
    }

    /// §6.4: what the room can, and what kind of room it is.
    fn features(&self) -> Vec<&'static str> {
        let settings = &self.settings;
        let either = |holds, one, other| if holds { one } else { other };
        let mut features = vec![
            MUC,
            STABLE_ID,
            SELF_PING,
            PING,
            REGISTER,
            avatar::FEATURE,
            commands::NS,
            ns::DISCO_INFO,
            ns::DISCO_ITEMS,
            ns::OCCUPANT_ID,
            ns::STANZA_ID,
            hats::NS,
            versions::NS,
            either(settings.password.is_some(), "muc_passwordprotected", "muc_unsecured"),
            either(settings.public, "muc_public", "muc_hidden"),
            either(settings.persistent, "muc_persistent", "muc_temporary"),
            either(settings.members_only, "muc_membersonly", "muc_open"),
            either(settings.moderated, "muc_moderated", "muc_unmoderated"),
            either(settings.non_anonymous, "muc_nonanonymous", "muc_semianonymous"),
        ];
        if settings.logging {
            features.extend([
                waxwing_mam::NS,
                waxwing_mam::NS_EXTENDED,
                moderation::NS,
                moderation::NS_OLD,
                moderation::NS_RETRACT,
                "urn:xmpp:message-retract:1#tombstone",
            ]);
        }
        features
    }

    /// §6.4, §16.5.4. Who may not enter learns nothing of what goes on inside.
    fn info_form(&self, turn: &Turn<'_>, from: &Jid) -> Form {
        let settings = &self.settings;
        let text = |var: &str, value: &str| Field::new("text-single", var).value(value);
        let flag = |var: &str, value| Field::new("boolean", var).value(if value { "1" } else { "0" });
        let mut form = Form::new("result", INFO_FORM)
            .with(text("muc#roominfo_description", &settings.description).label("Description"))
            .with(flag("muc#roominfo_subjectmod", settings.change_subject))
            .with(flag("muc#roomconfig_changesubject", settings.change_subject))
            .with(flag("muc#roomconfig_allowinvites", settings.allow_invites))
            .with(text("muc#maxhistoryfetch", &settings.history_max.to_string()))
            .with(text("muc#roominfo_slow_mode_duration", &settings.slow_mode.to_string()));
        for (var, value) in [("muc#roominfo_lang", &settings.lang), ("muc#roominfo_pubsub", &settings.pubsub)]
        {
            if !value.is_empty() {
                form = form.with(text(var, value));
            }
        }
        if !self.photos.is_empty() {
            form.fields.push(Field {
                values: self.photos.clone(),
                ..Field::new("text-multi", "muc#roominfo_avatarhash").label("Avatar hash")
            });
        }
        if let Some(hash) = self.hats.hash() {
            form = form.with(text("hats#hash", &hash));
        }
        let inside = self.admits(self.affiliation(turn, &from.to_bare()))
            && (settings.password.is_none() || self.is_occupant(from));
        if inside {
            form = form
                .with(text("muc#roominfo_subject", &self.subject.text().unwrap_or_default()))
                .with(text("muc#roominfo_occupants", &self.occupants.len().to_string()));
        }
        form
    }

    /// §7.12.
    fn reserved_nick(&self, from: &Jid) -> Tree {
        let query = Tree::new(ns::DISCO_INFO, "query").with_attr("node", RESERVED_NICK_NODE);
        match self.affiliations.nick_of(&from.to_bare()) {
            Some(nick) => query.with_child(
                Tree::new(ns::DISCO_INFO, "identity")
                    .with_attr("category", "conference")
                    .with_attr("type", "text")
                    .with_attr("name", nick),
            ),
            None => query,
        }
    }

    fn items<'a>(&'a self, from: &Jid) -> impl Iterator<Item = Tree> + 'a {
        let seen = self.is_occupant(from);
        let occupants = self.occupants.values().filter(move |other| seen && self.is_broadcast(other.role));
        occupants.map(|occupant| Tree::new(ns::DISCO_ITEMS, "item").with_attr("jid", occupant.jid.as_str()))
    }
}

/// A room as a page names it: by its address.
fn local(id: &str) -> String {
    id.split_once('@').map_or(id, |(local, _)| local).to_owned()
}

/// So many rows of the index are read at once.
const PAGE: usize = 256;
/// So many pages are looked through for one answer; more until there is a room for it.
const PAGES_MAX: usize = 40;
