//! The commands for hats ([XEP-0317 §3.2](https://xmpp.org/extensions/xep-0317.html#create) to §3.7), as far as they need
//! ad-hoc commands (XEP-0050): each takes one form.

use waxwing_core::prelude::*;
use waxwing_xmpp::{Field, Form};

use crate::Muc;
use crate::affiliation::Affiliation;
use crate::change::Done;
use crate::hats::Hat;
use crate::iq::Request;
use crate::item::{Note, statuses};
use crate::room::Room;
use crate::turn::{Row, Turn};

/// The commands: node, name, and whether they are for admins alone.
const COMMANDS: [(&str, &str, bool); 6] = [
    ("urn:xmpp:hats:commands:create", "Create a hat", true),
    ("urn:xmpp:hats:commands:destroy", "Destroy a hat", true),
    ("urn:xmpp:hats:commands:assign", "Give somebody a hat", true),
    ("urn:xmpp:hats:commands:unassign", "Take somebody's hat away", true),
    ("urn:xmpp:hats:commands:list", "List the hats", false),
    ("urn:xmpp:hats:commands:list-assigned", "List who wears which hat", true),
];

/// XEP-0050 §2.1: the commands that somebody may use.
pub(crate) fn items(room: &Room, turn: &Turn<'_>, from: &Jid) -> Tree {
    let query = Tree::new(ns::DISCO_ITEMS, "query").with_attr("node", NS);
    let usable = COMMANDS.iter().filter(|(_, _, admin)| room.may_use(turn, from, *admin));
    usable.fold(query, |query, (node, name, _)| {
        let item = Tree::new(ns::DISCO_ITEMS, "item").with_attr("jid", room.jid.as_str());
        query.with_child(item.with_attr("node", *node).with_attr("name", *name))
    })
}

/// XEP-0050 §2.2: what a command says of itself.
pub(crate) fn info(node: &str) -> Option<Tree> {
    let (_, name, _) = COMMANDS.iter().find(|(known, ..)| *known == node)?;
    let identity = Tree::new(ns::DISCO_INFO, "identity")
        .with_attr("category", "automation")
        .with_attr("type", "command-node")
        .with_attr("name", *name);
    let feature = |var: &str| Tree::new(ns::DISCO_INFO, "feature").with_attr("var", var);
    let query = Tree::new(ns::DISCO_INFO, "query").with_attr("node", node).with_child(identity);
    Some(query.with_child(feature(NS)).with_child(feature(ns::DATA_FORMS)))
}

impl Muc {
    /// XEP-0050 §3: one step, or two with the form.
    pub(crate) fn command(&self, request: &Request<'_>) -> Result<Done, StanzaError> {
        let command = request.payload.tree();
        let node = command.attr("node").unwrap_or_default().to_owned();
        let (_, _, admin) =
            *COMMANDS.iter().find(|(known, ..)| *known == node).ok_or(Condition::ItemNotFound)?;
        let session = match command.attr("sessionid") {
            Some(session) if session.len() <= SESSION_BYTES_MAX => session.to_owned(),
            _ => self.host.random().id().as_str().to_owned(),
        };
        let answer = |status: &str| {
            Tree::new(NS, "command")
                .with_attr("node", node.as_str())
                .with_attr("sessionid", session.as_str())
                .with_attr("status", status)
        };
        if command.attr("action") == Some("cancel") {
            return Ok(Reply::tree(&answer("canceled")).into());
        }
        let form =
            command.child(ns::DATA_FORMS, "x").and_then(Form::from_tree).filter(|form| form.kind == "submit");
        self.act_and_reply(request, |room, turn| {
            if !room.may_use(turn, request.from, admin) {
                return Err(Condition::Forbidden.into());
            }
            let reply = match room.run(turn, &node, form.as_ref())? {
                Shown::Form(form) => answer("executing").with_child(actions()).with_child(form.to_tree()),
                Shown::Result(form) => answer("completed").with_child(form.to_tree()),
                Shown::Done => answer("completed"),
            };
            Ok(Reply::tree(&reply))
        })
    }
}

/// What a command shows.
#[derive(Debug, Clone)]
enum Shown {
    /// A form to fill out.
    Form(Form),
    Result(Form),
    Done,
}

fn actions() -> Tree {
    Tree::new(NS, "actions").with_attr("execute", "complete").with_child(Tree::new(NS, "complete"))
}

impl Room {
    fn may_use(&self, turn: &Turn<'_>, from: &Jid, admin: bool) -> bool {
        let affiliation = self.affiliation(turn, &from.to_bare());
        if admin { affiliation >= Affiliation::Admin } else { self.admits(affiliation) }
    }

    fn run(&mut self, turn: &mut Turn<'_>, node: &str, form: Option<&Form>) -> Result<Shown, StanzaError> {
        match (node.rsplit(':').next().unwrap_or_default(), form) {
            ("list", _) => Ok(Shown::Result(self.hat_list())),
            ("list-assigned", _) => Ok(Shown::Result(self.worn_list())),
            ("create", Some(form)) => self.create_hat(turn, form),
            ("destroy", Some(form)) => self.destroy_hat(turn, form),
            ("assign", Some(form)) => self.assign_hat(turn, form),
            ("unassign", Some(form)) => self.unassign_hat(turn, form),
            ("create", None) => Ok(Shown::Form(create_form())),
            ("destroy", None) => Ok(Shown::Form(command_form("Destroy a hat").with(self.choice()))),
            (_, None) => {
                let jid = Field::new("jid-single", "hats#jid").label("User address").required();
                Ok(Shown::Form(command_form("Hats").with(jid).with(self.choice())))
            }
            _ => Err(Condition::ItemNotFound.into()),
        }
    }

    fn choice(&self) -> Field {
        let field = Field::new("list-single", "hats#uri").label("The hat").required();
        self.hats.hats.iter().fold(field, |field, (uri, hat)| field.option(hat.title.as_str(), uri.as_str()))
    }

    /// §3.2.
    fn create_hat(&mut self, turn: &mut Turn<'_>, form: &Form) -> Result<Shown, StanzaError> {
        let text = |var| form.value(var).map(str::trim).filter(|text| !text.is_empty());
        let missing = || StanzaError::bad_request("A hat has a title and a URI.");
        let title = text("hats#title").ok_or_else(missing)?.to_owned();
        let uri = text("hats#uri").ok_or_else(missing)?.to_owned();
        let hue = text("hats#hue").map(str::to_owned);
        let long = |text: &String| text.len() > turn.config.hat_bytes_max;
        if long(&title) || long(&uri) || hue.as_ref().is_some_and(long) {
            return Err(StanzaError::from(Condition::NotAcceptable).text("The title or the URI is too long."));
        }
        if hue.as_ref().is_some_and(|hue| !hue.parse::<f64>().is_ok_and(|hue| (0.0..=360.0).contains(&hue))) {
            return Err(StanzaError::bad_request("A hue is an angle."));
        }
        if self.hats.hats.len() >= turn.config.hats_max && !self.hats.hats.contains_key(&uri) {
            return Err(StanzaError::from(Condition::ResourceConstraint).text("The room has too many hats."));
        }
        let changed = self.hats.hats.insert(uri.clone(), Hat { title, hue }).is_some();
        self.hats_changed(turn);
        if changed {
            self.show_hat(turn, &uri);
        }
        Ok(Shown::Done)
    }

    fn hats_changed(&self, turn: &mut Turn<'_>) {
        turn.write(Row::Hats);
        self.announce(turn, &statuses([104]));
    }

    /// Everybody who wears a hat is shown anew.
    fn show_hat(&self, turn: &mut Turn<'_>, uri: &str) {
        let wears = |jid: &BareJid| self.hats.worn.get(jid).is_some_and(|worn| worn.contains(uri));
        for occupant in self.occupants.values().filter(|occupant| wears(&occupant.real)) {
            self.tell(turn, occupant, &Note::default(), self.is_broadcast(occupant.role));
        }
    }

    /// §3.3.
    fn destroy_hat(&mut self, turn: &mut Turn<'_>, form: &Form) -> Result<Shown, StanzaError> {
        let uri = self.chosen(form)?;
        let worn: Vec<BareJid> = self.hats.worn.keys().cloned().collect();
        let mut bare = Vec::new();
        for jid in worn {
            if self.take_off(&jid, &uri) {
                turn.write(Row::Wearer(jid.clone()));
                bare.push(jid);
            }
        }
        self.hats.hats.remove(&uri);
        self.hats_changed(turn);
        bare.iter().for_each(|jid| self.show(turn, jid));
        Ok(Shown::Done)
    }

    /// §3.5.
    fn assign_hat(&mut self, turn: &mut Turn<'_>, form: &Form) -> Result<Shown, StanzaError> {
        let (jid, uri) = (wearer(form)?, self.chosen(form)?);
        let people = self.hats.worn.len();
        let max = turn.config.hats_worn_max;
        if people >= turn.config.affiliations_max && !self.hats.worn.contains_key(&jid) {
            return Err(StanzaError::from(Condition::ResourceConstraint).text("Too many people wear hats."));
        }
        let worn = self.hats.worn.entry(jid.clone()).or_default();
        if worn.len() >= max && !worn.contains(&uri) {
            return Err(StanzaError::from(Condition::ResourceConstraint).text("Nobody wears so many hats."));
        }
        worn.insert(uri);
        turn.write(Row::Wearer(jid.clone()));
        self.show(turn, &jid);
        Ok(Shown::Done)
    }

    /// §3.6.
    fn unassign_hat(&mut self, turn: &mut Turn<'_>, form: &Form) -> Result<Shown, StanzaError> {
        let (jid, uri) = (wearer(form)?, self.chosen(form)?);
        if !self.take_off(&jid, &uri) {
            return Err(Condition::ItemNotFound.into());
        }
        turn.write(Row::Wearer(jid.clone()));
        self.show(turn, &jid);
        Ok(Shown::Done)
    }

    fn take_off(&mut self, jid: &BareJid, uri: &str) -> bool {
        let Some(worn) = self.hats.worn.get_mut(jid) else { return false };
        let had = worn.remove(uri);
        if worn.is_empty() {
            self.hats.worn.remove(jid);
        }
        had
    }

    fn show(&self, turn: &mut Turn<'_>, jid: &BareJid) {
        for occupant in self.occupants_of(jid) {
            self.tell(turn, occupant, &Note::default(), self.is_broadcast(occupant.role));
        }
    }

    fn chosen(&self, form: &Form) -> Result<String, StanzaError> {
        // §3.3: examples also call it `hat`.
        let uri = form.value("hats#uri").or_else(|| form.value("hat")).unwrap_or_default();
        match self.hats.hats.contains_key(uri) {
            true => Ok(uri.to_owned()),
            false => Err(Condition::ItemNotFound.into()),
        }
    }

    /// §3.4.
    fn hat_list(&self) -> Form {
        let rows = self.hats.hats.iter().map(|(uri, hat)| hat_row(uri, hat));
        result("Hats", &["hats#title", "hats#uri", "hats#hue"], rows.collect())
    }

    /// §3.7.
    fn worn_list(&self) -> Form {
        let pairs = self.hats.worn.iter().flat_map(|(jid, worn)| worn.iter().map(move |uri| (jid, uri)));
        let rows = pairs.filter_map(|(jid, uri)| {
            let mut row = hat_row(uri, self.hats.hats.get(uri)?);
            row.insert(0, cell("hats#jid", jid.as_str()));
            Some(row)
        });
        result("Hats that are worn", &["hats#jid", "hats#uri", "hats#title", "hats#hue"], rows.collect())
    }
}

fn wearer(form: &Form) -> Result<BareJid, StanzaError> {
    Ok(Jid::parse(form.value("hats#jid").unwrap_or_default())?.to_bare())
}

fn cell(var: &str, value: &str) -> Field {
    Field { var: var.to_owned(), values: vec![value.to_owned()], ..Field::default() }
}

fn hat_row(uri: &str, hat: &Hat) -> Vec<Field> {
    let mut row = vec![cell("hats#title", &hat.title), cell("hats#uri", uri)];
    row.extend(hat.hue.as_ref().map(|hue| cell("hats#hue", hue)));
    row
}

fn result(title: &str, columns: &[&str], items: Vec<Vec<Field>>) -> Form {
    let reported = columns.iter().map(|var| Field { var: (*var).to_owned(), ..Field::default() }).collect();
    let mut form = Form { kind: "result".to_owned(), reported, items, ..Form::default() };
    form.title = Some(title.to_owned());
    form
}

fn command_form(title: &str) -> Form {
    let mut form = Form::new("form", "urn:xmpp:hats:commands");
    form.title = Some(title.to_owned());
    form
}

fn create_form() -> Form {
    command_form("Create a hat")
        .with(Field::new("text-single", "hats#title").label("Title").required())
        .with(Field::new("text-single", "hats#uri").label("URI").required())
        .with(Field::new("text-single", "hats#hue").label("Hue"))
}

pub(crate) const NS: &str = "http://jabber.org/protocol/commands";
/// A longer one was not made here.
const SESSION_BYTES_MAX: usize = 256;
