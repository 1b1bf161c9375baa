//! For tests of rooms (XEP-0045): like the harness, with rooms, their owners and their guests.
//!
//! `room()` is an open room with its owner in it under the nick "owner"; `room.guest("bob")` is a fresh user who has
//! entered it. `{room}` in a format string is the room's address. A barrier waits for the test's rooms too: their
//! answer to a question of each session shows that they have handled what went before it.

use std::fmt;

use super::client::{Place, attend, forget};
pub(crate) use super::{ANY, Client, Element, NONE, barrier, fresh, online, settle, user};

/// The service with the rooms of most tests.
pub(crate) const SERVICE: &str = "conference.localhost";
/// The service whose rooms have an archive (XEP-0313).
pub(crate) const ARCHIVED: &str = "conference.archive.localhost";

pub(crate) const MUC: &str = "http://jabber.org/protocol/muc";
pub(crate) const USER: &str = "http://jabber.org/protocol/muc#user";
pub(crate) const ADMIN: &str = "http://jabber.org/protocol/muc#admin";
pub(crate) const OWNER: &str = "http://jabber.org/protocol/muc#owner";
pub(crate) const INFO: &str = "http://jabber.org/protocol/disco#info";
pub(crate) const ITEMS: &str = "http://jabber.org/protocol/disco#items";
pub(crate) const DELAY: &str = "urn:xmpp:delay";

/// The address of a room, which need not exist.
pub(crate) struct Address(Place);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address at which no room has been yet.
pub(crate) fn address() -> Address {
    address_at(SERVICE)
}

/// The same at another service.
pub(crate) fn address_at(service: &str) -> Address {
    Address(attend(&format!("{}@{service}", fresh("room"))))
}

/// A room with its owner in it.
pub(crate) struct Room {
    address: Address,
    /// The owner, whose nick is "owner".
    pub(crate) owner: Client,
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// An instant room (§10.1.2).
#[track_caller]
pub(crate) fn room() -> Room {
    room_at(SERVICE)
}

/// The same at another service.
#[track_caller]
pub(crate) fn room_at(service: &str) -> Room {
    let room = locked_room_at(service);
    room.owner.accept_defaults(&room).must("<iq type='result'/>");
    settle();
    room
}

/// A room configured with these values; what a field's name starts with, `muc#roomconfig_`, is left out. A field with a
/// question mark before its name is set where it is offered; a name with an underscore is one of a server's own.
#[track_caller]
pub(crate) fn room_with(fields: &[(&str, &str)]) -> Room {
    let room = locked_room();
    room.configure(fields);
    room
}

/// What makes a room ask for the password "cauldronburn"; some rooms have no switch beside the password.
pub(crate) const PROTECTED: &[(&str, &str)] =
    &[("?passwordprotectedroom", "1"), ("roomsecret", "cauldronburn")];
/// What makes a room one for members.
pub(crate) const MEMBERS_ONLY: &[(&str, &str)] = &[("membersonly", "1")];
/// What makes a room one in which not everybody has voice.
pub(crate) const MODERATED: &[(&str, &str)] = &[("moderatedroom", "1"), ("?members_by_default", "0")];
/// What makes a room one that cannot be found, and does not tell who is in it.
pub(crate) const HIDDEN: &[(&str, &str)] = &[("publicroom", "0"), ("?public_list", "0")];
/// What makes a room one in which everybody sees who is who.
pub(crate) const NON_ANONYMOUS: &[(&str, &str)] = &[("whois", "anyone")];
/// What makes a room one in which moderators see who is who.
pub(crate) const SEMI_ANONYMOUS: &[(&str, &str)] = &[("whois", "moderators")];

/// A room that waits to be configured (§10.1.1).
#[track_caller]
pub(crate) fn locked_room() -> Room {
    locked_room_at(SERVICE)
}

#[track_caller]
fn locked_room_at(service: &str) -> Room {
    let room = Room { address: address_at(service), owner: online() };
    room.owner.join(&room, "owner");
    room
}

impl Room {
    /// A fresh user who has entered the room with this nick.
    #[track_caller]
    pub(crate) fn guest(&self, nick: &str) -> Client {
        let guest = online();
        guest.join(self, nick);
        guest
    }

    /// A fresh user with that affiliation who has entered the room.
    #[track_caller]
    pub(crate) fn guest_as(&self, affiliation: &str, nick: &str) -> Client {
        let guest = online();
        self.affiliate(&guest, affiliation);
        guest.join(self, nick);
        guest
    }

    /// The owner gives a user that affiliation; what comes of it is forgotten.
    #[track_caller]
    pub(crate) fn affiliate(&self, user: &Client, affiliation: &str) {
        self.owner.affiliate(self, &user.bare(), affiliation).must("<iq type='result'/>");
        settle();
    }

    /// The owner gives an occupant that role; what comes of it is forgotten.
    #[track_caller]
    pub(crate) fn give_role(&self, nick: &str, role: &str) {
        self.owner.give_role(self, nick, role).must("<iq type='result'/>");
        settle();
    }

    /// The owner configures the room; what comes of it is forgotten.
    #[track_caller]
    pub(crate) fn configure(&self, fields: &[(&str, &str)]) {
        self.owner.configure(self, fields).must("<iq type='result'/>");
        settle();
    }

    /// The owner, who leaves and leaves a persistent room behind.
    #[track_caller]
    pub(crate) fn is_left_by_its_owner(&self) {
        self.configure(&[("persistentroom", "1")]);
        self.owner.leave(self, "owner");
    }

    /// What the room says of itself (XEP-0030) to its owner.
    #[track_caller]
    pub(crate) fn info(&self) -> Element {
        self.owner.info(self)
    }

    /// A field of the form in what the room says of itself.
    #[track_caller]
    pub(crate) fn info_field(&self, var: &str) -> Option<Vec<String>> {
        value_of(self.info().need_child("query").child("x")?, var)
    }

    /// Whether the room has a feature.
    #[track_caller]
    pub(crate) fn has(&self, feature: &str) -> bool {
        self.features().iter().any(|f| f == feature)
    }

    /// The features the room has.
    #[track_caller]
    pub(crate) fn features(&self) -> Vec<String> {
        self.info().values("feature", "var")
    }
}

impl Client {
    /// Enters a room; returns all that came of it to this session, in order, and forgets what came to others.
    #[track_caller]
    pub(crate) fn join(&self, room: &impl fmt::Display, nick: &str) -> Vec<Element> {
        self.join_with(room, nick, "")
    }

    /// The same with something in the element that says what the presence is for: a password, limits of history.
    #[track_caller]
    pub(crate) fn join_with(&self, room: &impl fmt::Display, nick: &str, content: &str) -> Vec<Element> {
        self.clear();
        self.send_join(room, nick, content);
        self.wait_for("self-presence or an error", joined_or_refused(&room.to_string()));
        let came = self.came();
        if let Some(refused) = came.iter().find(|e| e.name == "presence" && e.attr("type") == Some("error")) {
            self.fail(&format!("not let into {room}: {refused}"));
        }
        forget();
        came
    }

    /// What has come and was not claimed, once everything sent has had its effect; without what a room may say of its
    /// avatar in presence from its own address (XEP-0486 §5.2), which is about nobody in it.
    #[track_caller]
    pub(crate) fn came(&self) -> Vec<Element> {
        barrier();
        self.inbox().into_iter().filter(|e| e.name != "presence" || !nick_of(e).is_empty()).collect()
    }

    /// Nothing has come, once everything sent has had its effect.
    #[track_caller]
    pub(crate) fn expect_silence(&self) {
        if let Some(first) = self.came().first() {
            self.fail(&format!("expected nothing, got {first}"));
        }
    }

    /// Asks to enter a room; returns the presence that answers, which is the user's own or an error.
    #[track_caller]
    pub(crate) fn try_join(&self, room: &impl fmt::Display, nick: &str, content: &str) -> Element {
        self.send_join(room, nick, content);
        self.take_where("self-presence or an error", joined_or_refused(&room.to_string()))
    }

    /// Asks to enter a room and does not wait.
    pub(crate) fn send_join(&self, room: &impl fmt::Display, nick: &str, content: &str) {
        self.send(&format!("<presence to='{room}/{nick}'><x xmlns='{MUC}'>{content}</x></presence>"));
    }

    /// Leaves a room; what comes of it is forgotten.
    #[track_caller]
    pub(crate) fn leave(&self, room: &impl fmt::Display, nick: &str) {
        self.send(&format!("<presence to='{room}/{nick}' type='unavailable'/>"));
        self.expect(&format!("<presence from='{room}/{nick}' type='unavailable'/>"));
        settle();
    }

    /// Says something in a room, under that id.
    pub(crate) fn say(&self, room: &impl fmt::Display, id: &str, body: &str) {
        self.send(&format!("<message to='{room}' type='groupchat' id='{id}'><body>{body}</body></message>"));
    }

    /// Asks a room to give a user that affiliation.
    #[track_caller]
    pub(crate) fn affiliate(&self, room: &impl fmt::Display, jid: &str, affiliation: &str) -> Element {
        self.administer(room, &format!("<item affiliation='{affiliation}' jid='{jid}'/>"))
    }

    /// Asks a room to give an occupant that role.
    #[track_caller]
    pub(crate) fn give_role(&self, room: &impl fmt::Display, nick: &str, role: &str) -> Element {
        self.administer(room, &format!("<item nick='{nick}' role='{role}'/>"))
    }

    /// Sends a request with these items.
    #[track_caller]
    pub(crate) fn administer(&self, room: &impl fmt::Display, items: &str) -> Element {
        self.request(&format!("<iq type='set' to='{room}'><query xmlns='{ADMIN}'>{items}</query></iq>"))
    }

    /// Asks a room for a list: `affiliation='member'`, `role='participant'`.
    #[track_caller]
    pub(crate) fn list(&self, room: &impl fmt::Display, which: &str) -> Element {
        self.request(&format!(
            "<iq type='get' to='{room}'><query xmlns='{ADMIN}'><item {which}/></query></iq>"
        ))
    }

    /// Asks an entity what it is.
    #[track_caller]
    pub(crate) fn info(&self, whom: &impl fmt::Display) -> Element {
        let info = self.request(&format!("<iq type='get' to='{whom}'><query xmlns='{INFO}'/></iq>"));
        info.must("<iq type='result'/>").clone()
    }

    /// Makes a new room an instant room (§10.1.2).
    #[track_caller]
    pub(crate) fn accept_defaults(&self, room: &impl fmt::Display) -> Element {
        self.request(&format!(
            "<iq type='set' to='{room}'><query xmlns='{OWNER}'><x xmlns='jabber:x:data' type='submit'/></query></iq>"
        ))
    }

    /// Asks a room for its form of configuration.
    #[track_caller]
    pub(crate) fn form(&self, room: &impl fmt::Display) -> Element {
        let form = self.request(&format!("<iq type='get' to='{room}'><query xmlns='{OWNER}'/></iq>"));
        form.must("<iq type='result'/>").need_child("query").need_child("x").clone()
    }

    /// Submits a room's form with these values changed; the room has to offer fields without a question mark.
    #[track_caller]
    pub(crate) fn configure(&self, room: &impl fmt::Display, fields: &[(&str, &str)]) -> Element {
        let form = self.form(room);
        for (name, _) in fields.iter().filter(|(name, _)| !name.starts_with('?')) {
            let var = full(name);
            if value_of(&form, &var).is_none() {
                self.fail(&format!("{room} does not offer {var}"));
            }
        }
        self.request(&format!(
            "<iq type='set' to='{room}'><query xmlns='{OWNER}'>{}</query></iq>",
            filled(&form, fields)
        ))
    }
}

/// What answers a request to enter a room.
fn joined_or_refused(room: &str) -> impl Fn(&Element) -> bool + use<> {
    let own = Element::parse(&format!(
        "<presence from='{room}/{ANY}' type='{NONE}'><x xmlns='{USER}'><status code='110'/></x></presence>"
    ));
    let refused = Element::parse(&format!("<presence from='{room}{ANY}' type='error'/>"));
    move |e| e.matches(&own) || e.matches(&refused)
}

/// The whole name of a field of the form of configuration.
fn full(name: &str) -> String {
    let name = name.trim_start_matches('?');
    if name.contains(['#', '_']) { name.to_owned() } else { format!("muc#roomconfig_{name}") }
}

/// The values of a form's field, if the form has it.
pub(crate) fn value_of(form: &Element, var: &str) -> Option<Vec<String>> {
    let field = form.children().find(|f| f.name == "field" && f.attr("var") == Some(var))?;
    Some(field.children().filter(|c| c.name == "value").map(Element::text).collect())
}

/// A form as it is submitted, with some values changed; several values of a field are lines.
fn filled(form: &Element, changes: &[(&str, &str)]) -> String {
    let changed: Vec<(String, &str)> = changes.iter().map(|(name, value)| (full(name), *value)).collect();
    let mut xml = "<x xmlns='jabber:x:data' type='submit'>".to_owned();
    for var in form.children().filter(|f| f.name == "field").filter_map(|f| f.attr("var")) {
        let change = changed.iter().find(|(name, _)| name == var);
        let values = match change {
            Some((_, value)) => value.split('\n').map(str::to_owned).collect(),
            None => value_of(form, var).unwrap_or_default(),
        };
        xml.push_str(&field(var, &values));
    }
    xml + "</x>"
}

fn field(var: &str, values: &[String]) -> String {
    let values: String = values.iter().map(|value| format!("<value>{}</value>", escaped(value))).collect();
    format!("<field var='{var}'>{values}</field>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The status codes of a room's presence or message.
pub(crate) fn codes(stanza: &Element) -> Vec<String> {
    let Some(x) = stanza.children().find(|c| c.name == "x" && c.ns == USER) else { return Vec::new() };
    x.children().filter(|c| c.name == "status").filter_map(|c| c.attr("code")).map(str::to_owned).collect()
}

/// The item of a room's presence.
#[track_caller]
pub(crate) fn item(presence: &Element) -> &Element {
    let x = presence.children().find(|c| c.name == "x" && c.ns == USER);
    x.unwrap_or_else(|| panic!("nothing of {USER} in {presence}")).need_child("item")
}

/// The id that an entity has given a stanza (XEP-0359).
#[track_caller]
pub(crate) fn stanza_id(stanza: &Element, by: &impl fmt::Display) -> String {
    let by = by.to_string();
    let mut ids = stanza.children().filter(|c| c.name == "stanza-id" && c.attr("by") == Some(&by));
    let id = ids.next().unwrap_or_else(|| panic!("no stanza-id by {by} in {stanza}")).need("id").to_owned();
    assert!(ids.next().is_none(), "several stanza-ids by {by} in {stanza}");
    id
}

/// The nick a stanza came from.
pub(crate) fn nick_of(stanza: &Element) -> &str {
    stanza.attr("from").and_then(|from| from.split_once('/')).map_or("", |(_, nick)| nick)
}
