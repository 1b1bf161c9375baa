//! The configuration form ([XEP-0045 §10.1.3](https://xmpp.org/extensions/xep-0045.html#createroom-reserved)).

use std::collections::BTreeSet;

use waxwing_core::prelude::*;
use waxwing_xmpp::{Field, Form};

use crate::affiliation::Affiliation;
use crate::config::Config;
use crate::names::{CONFIG_FORM, VALIDATE};
use crate::role::{Role, Roles};
use crate::room::Room;
use crate::settings::{AllowPm, Password, Settings};

/// What a submitted form asks for; what it does not name stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Submitted {
    pub(crate) settings: Settings,
    /// The full list of admins, if the form has one.
    pub(crate) admins: Option<Vec<BareJid>>,
    /// The full list of owners, if the form has one.
    pub(crate) owners: Option<Vec<BareJid>>,
}

/// The form with what holds now.
pub(crate) fn form(room: &Room, config: &Config) -> Tree {
    let name = room.jid.local().unwrap_or_default();
    let mut form = Form::new("form", CONFIG_FORM);
    form.title = Some(format!("Configuration of {name}"));
    form.instructions.push("Fill out this form to change how the room works.".to_owned());
    form.fields.extend(about(&room.settings));
    form.fields.extend(access(&room.settings, config));
    form.fields.extend(talk(&room.settings));
    form.fields.extend(lists(room));
    let mut tree = Tree::new(ns::DATA_FORMS, "x").with_attr("type", "form");
    for node in form.to_tree().nodes() {
        tree.push(validated(node, config));
    }
    tree
}

fn about(settings: &Settings) -> Vec<Field> {
    vec![
        text(ROOM_NAME, "Name", &settings.name),
        text(DESCRIPTION, "Short description", &settings.description),
        text(LANG, "Language of the discussions", &settings.lang),
        text(PUBSUB, "XMPP URI of an associated pubsub node", &settings.pubsub),
        flag(PERSISTENT, "Keep the room when the last occupant leaves?", settings.persistent),
        flag(PUBLIC, "Show the room in the list of rooms?", settings.public),
    ]
}

fn access(settings: &Settings, config: &Config) -> Vec<Field> {
    let password = settings.password.as_ref().map_or("", |password| password.0.as_str());
    vec![
        flag(MEMBERS_ONLY, "Let only members enter?", settings.members_only),
        flag(ALLOW_INVITES, "Allow members to invite others?", settings.allow_invites),
        flag(PASSWORD_PROTECTED, "Ask for a password?", settings.password.is_some()),
        Field { values: vec![password.to_owned()], ..Field::new("text-private", SECRET).label("Password") },
        max_users_field(settings, config),
        Field::new("list-single", WHOIS)
            .label("Who may discover real addresses?")
            .option("Moderators only", "moderators")
            .option("Anyone", "anyone")
            .value(if settings.non_anonymous { "anyone" } else { "moderators" }),
        flag(REGISTRATION, "Let people register nicknames and become members?", settings.registration),
    ]
}

/// §16.5.3: a list, of common numbers, that which holds now, and the most that the service allows.
fn max_users_field(settings: &Settings, config: &Config) -> Field {
    let max = config.occupants_max;
    let now = settings.max_users.min(max);
    let common = MAX_USERS_COMMON.into_iter().filter(|count| *count < max);
    let counts: BTreeSet<usize> = common.chain([now, max]).collect();
    let field = Field::new("list-single", MAX_USERS).label("Occupants at most").value(now.to_string());
    counts.into_iter().fold(field, |field, count| field.option(count.to_string(), count.to_string()))
}

fn talk(settings: &Settings) -> Vec<Field> {
    let mut allow_pm = Field::new("list-single", ALLOW_PM).label("Who may send private messages?");
    for (_, value, label) in AllowPm::ALL {
        allow_pm = allow_pm.option(label, value);
    }
    vec![
        flag(MODERATED, "Do people without affiliation need permission to speak?", settings.moderated),
        flag(CHANGE_SUBJECT, "Allow everybody with voice to change the subject?", settings.change_subject),
        allow_pm.value(settings.allow_pm.name()),
        roles(PRESENCE, "Roles for which presence is broadcast", settings.presence),
        roles(MEMBER_LIST, "Roles that may retrieve the member list", settings.member_list),
        flag(LOGGING, "Archive what is said, for everybody who may enter?", settings.logging),
        text(HISTORY, "Messages of history for whoever enters", &settings.history_max.to_string()),
        text(
            SLOW_MODE,
            "Seconds between two messages of one user, 0 for none",
            &settings.slow_mode.to_string(),
        ),
        flag(MENTIONS, "Forward messages with mentions to members who are away?", settings.forward_mentions),
    ]
}

fn lists(room: &Room) -> Vec<Field> {
    let of =
        |affiliation| room.affiliations.list(affiliation).map(|(jid, _)| jid.as_str().to_owned()).collect();
    let field = |var, label: &str, values| Field { values, ..Field::new("jid-multi", var).label(label) };
    vec![field(ADMINS, "Admins", of(Affiliation::Admin)), field(OWNERS, "Owners", of(Affiliation::Owner))]
}

fn text(var: &str, label: &str, value: &str) -> Field {
    Field::new("text-single", var).label(label).value(value)
}

fn flag(var: &str, label: &str, value: bool) -> Field {
    Field::new("boolean", var).label(label).value(if value { "1" } else { "0" })
}

fn roles(var: &str, label: &str, roles: Roles) -> Field {
    let mut field = Field::new("list-multi", var).label(label);
    for role in Role::PRESENT {
        field = field.option(role.name(), role.name());
    }
    roles.names().fold(field, Field::value)
}

/// XEP-0122, XEP-0500 §5.1: numbers say what they may be.
fn validated(node: &waxwing_xml::Node, config: &Config) -> waxwing_xml::Node {
    let waxwing_xml::Node::Tree(field) = node else { return node.clone() };
    if field.attr("var") == Some(MAX_USERS) {
        // XEP-0122 §3.2.2: a client may offer other numbers beside those of the list.
        let validate = Tree::new(VALIDATE, "validate").with_attr("datatype", "xs:integer");
        let open = Tree::new(VALIDATE, "open");
        return waxwing_xml::Node::Tree(field.clone().with_child(validate.with_child(open)));
    }
    let range = match field.attr("var") {
        Some(HISTORY) => Some(("0", config.history_max.to_string())),
        Some(SLOW_MODE) => Some(("0", SLOW_MODE_MAX.to_string())),
        _ => None,
    };
    let Some((min, max)) = range else { return node.clone() };
    let range = Tree::new(VALIDATE, "range").with_attr("min", min).with_attr("max", max);
    let validate = Tree::new(VALIDATE, "validate").with_attr("datatype", "xs:integer").with_child(range);
    waxwing_xml::Node::Tree(field.clone().with_child(validate))
}

/// Reads a submitted form over the settings that hold.
///
/// # Errors
/// `bad-request` if it is another form; `not-acceptable` for values that cannot be (§10.1.3).
pub(crate) fn read(form: &Form, now: &Settings, config: &Config) -> Result<Submitted, StanzaError> {
    if !form.fields.is_empty() && form.form_type().is_some_and(|kind| kind != CONFIG_FORM) {
        return Err(StanzaError::bad_request("This is no configuration of a room."));
    }
    let mut settings = now.clone();
    for field in form.fields.iter().filter(|field| !field.var.is_empty()) {
        set(&mut settings, field, form, config)?;
    }
    password(&mut settings, form, config)?;
    Ok(Submitted { settings, admins: jids(form, ADMINS, config)?, owners: jids(form, OWNERS, config)? })
}

fn set(settings: &mut Settings, field: &Field, form: &Form, config: &Config) -> Result<(), StanzaError> {
    let value = field.values.first().map_or("", String::as_str);
    let flag = || form.flag(&field.var).ok_or_else(|| wrong(&field.var));
    match field.var.as_str() {
        ROOM_NAME => settings.name = short(value, config)?,
        DESCRIPTION => settings.description = short(&field.values.join("\n"), config)?,
        LANG => settings.lang = short(value, config)?,
        PUBSUB => settings.pubsub = short(value, config)?,
        PERSISTENT => settings.persistent = flag()?,
        PUBLIC => settings.public = flag()?,
        MEMBERS_ONLY => settings.members_only = flag()?,
        ALLOW_INVITES => settings.allow_invites = flag()?,
        MODERATED => settings.moderated = flag()?,
        CHANGE_SUBJECT => settings.change_subject = flag()?,
        LOGGING => settings.logging = flag()?,
        REGISTRATION => settings.registration = flag()?,
        MENTIONS => settings.forward_mentions = flag()?,
        MAX_USERS => settings.max_users = max_users(value, config)?,
        HISTORY => settings.history_max = number(field, config.history_max)?,
        SLOW_MODE => settings.slow_mode = u32::try_from(number(field, SLOW_MODE_MAX)?).unwrap_or(0),
        WHOIS => settings.non_anonymous = whois(value)?,
        ALLOW_PM => settings.allow_pm = AllowPm::from_name(value).ok_or_else(|| wrong(&field.var))?,
        PRESENCE => settings.presence = Roles::from_names(&field.values).ok_or_else(|| wrong(&field.var))?,
        MEMBER_LIST => {
            settings.member_list = Roles::from_names(&field.values).ok_or_else(|| wrong(&field.var))?;
        }
        // Fields of others' forms that we do not know.
        _ => {}
    }
    Ok(())
}

/// §10.1.3: a password-protected room has a password.
fn password(settings: &mut Settings, form: &Form, config: &Config) -> Result<(), StanzaError> {
    let secret = form.value(SECRET).map(|secret| short(secret, config)).transpose()?;
    let protected = match form.field(PASSWORD_PROTECTED) {
        None => settings.password.is_some(),
        Some(_) => form.flag(PASSWORD_PROTECTED).ok_or_else(|| wrong(PASSWORD_PROTECTED))?,
    };
    settings.password = match (protected, secret, settings.password.take()) {
        (false, ..) => None,
        (true, Some(secret), _) => Some(Password(secret)),
        (true, None, old) => Some(old.ok_or_else(no_password)?),
    };
    match &settings.password {
        Some(password) if password.0.is_empty() => Err(no_password()),
        _ => Ok(()),
    }
}

fn no_password() -> StanzaError {
    StanzaError::from(Condition::NotAcceptable).text("Choose a password.")
}

fn max_users(value: &str, config: &Config) -> Result<usize, StanzaError> {
    match value {
        "none" | "" => Ok(config.occupants_max),
        _ => match value.trim().parse::<usize>() {
            Ok(count) if count > 0 => Ok(count.min(config.occupants_max)),
            _ => Err(wrong(MAX_USERS)),
        },
    }
}

fn number(field: &Field, max: usize) -> Result<usize, StanzaError> {
    let value = field.values.first().map_or("0", |value| value.trim());
    let value = if value.is_empty() { "0" } else { value };
    value.parse::<usize>().map(|count| count.min(max)).map_err(|_| wrong(&field.var))
}

fn whois(value: &str) -> Result<bool, StanzaError> {
    match value {
        "anyone" => Ok(true),
        "moderators" => Ok(false),
        _ => Err(wrong(WHOIS)),
    }
}

fn short(value: &str, config: &Config) -> Result<String, StanzaError> {
    if value.len() > config.text_bytes_max {
        let text = format!("A text may take {} bytes.", config.text_bytes_max);
        return Err(StanzaError::from(Condition::NotAcceptable).text(text));
    }
    Ok(value.trim().to_owned())
}

/// A list of addresses, each by its bare JID (§10.5).
fn jids(form: &Form, var: &str, config: &Config) -> Result<Option<Vec<BareJid>>, StanzaError> {
    let Some(field) = form.field(var) else { return Ok(None) };
    if field.values.len() > config.items_max {
        return Err(Condition::PolicyViolation.into());
    }
    let values = field.values.iter().map(|value| value.trim()).filter(|value| !value.is_empty());
    let parsed = values.map(|value| Jid::parse(value).map(|jid| jid.to_bare()));
    let mut jids = parsed.collect::<Result<Vec<_>, _>>().map_err(|_| wrong(var))?;
    // §9.2: a domain is for bans.
    if jids.iter().any(|jid| jid.local().is_none()) {
        return Err(wrong(var));
    }
    jids.sort();
    jids.dedup();
    Ok(Some(jids))
}

fn wrong(var: &str) -> StanzaError {
    StanzaError::from(Condition::NotAcceptable).text(format!("The value of {var} cannot be."))
}

const ROOM_NAME: &str = "muc#roomconfig_roomname";
const DESCRIPTION: &str = "muc#roomconfig_roomdesc";
const LANG: &str = "muc#roomconfig_lang";
const PUBSUB: &str = "muc#roomconfig_pubsub";
const PERSISTENT: &str = "muc#roomconfig_persistentroom";
const PUBLIC: &str = "muc#roomconfig_publicroom";
const MEMBERS_ONLY: &str = "muc#roomconfig_membersonly";
const ALLOW_INVITES: &str = "muc#roomconfig_allowinvites";
const PASSWORD_PROTECTED: &str = "muc#roomconfig_passwordprotectedroom";
const SECRET: &str = "muc#roomconfig_roomsecret";
const MAX_USERS: &str = "muc#roomconfig_maxusers";
const WHOIS: &str = "muc#roomconfig_whois";
const REGISTRATION: &str = "muc#roomconfig_allowregister";
const MODERATED: &str = "muc#roomconfig_moderatedroom";
const CHANGE_SUBJECT: &str = "muc#roomconfig_changesubject";
const ALLOW_PM: &str = "muc#roomconfig_allowpm";
const PRESENCE: &str = "muc#roomconfig_presencebroadcast";
const MEMBER_LIST: &str = "muc#roomconfig_getmemberlist";
const LOGGING: &str = "muc#roomconfig_enablelogging";
const HISTORY: &str = "muc#maxhistoryfetch";
const ADMINS: &str = "muc#roomconfig_roomadmins";
const OWNERS: &str = "muc#roomconfig_roomowners";
/// XEP-0500 §5.1.
const SLOW_MODE: &str = "muc#roomconfig_slow_mode_duration";
/// XEP-0452 §3.1.
const MENTIONS: &str = "muc#roomconfig_forwardmentions";
/// Numbers of occupants that people choose.
const MAX_USERS_COMMON: [usize; 8] = [10, 20, 50, 100, 200, 500, 1000, 2000];
/// A day.
const SLOW_MODE_MAX: usize = 86_400;
