//! The subject of a room ([XEP-0045 §7.2.15](https://xmpp.org/extensions/xep-0045.html#enter-subject), §8.1).

use serde::{Deserialize, Serialize};
use waxwing_core::prelude::*;
use waxwing_xml::CONTENT;
use waxwing_xmpp::{Timestamp, delay};

use crate::occupant;
use crate::role::Role;
use crate::room::Room;
use crate::turn::{Row, Turn};

/// The subject, as somebody has set it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    /// The `<subject/>` elements, one a language; none if nobody has ever set it.
    texts: Vec<String>,
    /// Who has, by nickname.
    nick: Option<String>,
    /// Its occupant id.
    occupant_id: Option<String>,
    /// When, in microseconds since the epoch.
    stamp: Option<i64>,
}

/// §8.1: a message with a subject, and neither body nor thread.
pub(crate) fn is_change(stanza: &Stanza) -> bool {
    let has = |name| stanza.children.find(CONTENT, name).is_some();
    has("subject") && !has("body") && !has("thread")
}

impl Subject {
    /// The text for people, of the first language.
    pub(crate) fn text(&self) -> Option<String> {
        let text = Tree::parse(self.texts.first()?)?.text();
        (!text.is_empty()).then_some(text)
    }
}

impl Room {
    /// §8.1: whether somebody of this role may change the subject.
    ///
    /// # Errors
    /// `forbidden`; `not-acceptable` if it is too long.
    pub(crate) fn may_change_subject(
        &self,
        turn: &Turn<'_>,
        role: Role,
        stanza: &Stanza,
    ) -> Result<(), StanzaError> {
        let least = if self.settings.change_subject { Role::Participant } else { Role::Moderator };
        if role < least {
            return Err(Condition::Forbidden.into());
        }
        let subjects = stanza.children.iter().filter(|child| child.is(CONTENT, "subject"));
        if subjects.map(|child| child.bytes().len()).sum::<usize>() > turn.config.text_bytes_max {
            return Err(StanzaError::from(Condition::NotAcceptable).text("The subject is too long."));
        }
        Ok(())
    }

    /// Notes the subject that a message sets.
    pub(crate) fn set_subject(&mut self, turn: &mut Turn<'_>, stanza: &Stanza, nick: &str, id: &Text) {
        let subjects = stanza.children.iter().filter(|child| child.is(CONTENT, "subject"));
        self.subject = Subject {
            texts: subjects.map(|child| child.as_str().to_owned()).collect(),
            nick: Some(nick.to_owned()),
            occupant_id: Some(id.as_str().to_owned()),
            stamp: Some(turn.now.0),
        };
        turn.write(Row::Room);
    }

    /// §7.2.15: the last thing that somebody gets who enters.
    pub(crate) fn send_subject(&self, turn: &mut Turn<'_>, to: &Jid) {
        let subject = &self.subject;
        let from = subject.nick.as_deref().and_then(|nick| self.jid.with_resource(nick).ok());
        let from = from.unwrap_or_else(|| self.jid.as_jid().clone());
        let mut message = Stanza::message(MessageType::Groupchat).from(from).to(to).id(turn.world.id());
        let texts = subject.texts.iter().filter_map(|text| Child::from_bytes(text.clone().into()));
        message.children.extend(texts);
        if message.children.is_empty() {
            message = message.with(&Tree::new(CONTENT, "subject"));
        }
        if let Some(stamp) = subject.stamp {
            message = message.with(&delay(self.jid.as_jid(), Timestamp(stamp), None));
        }
        if let Some(id) = &subject.occupant_id {
            message.children.push(occupant::id_element(&Text::from(id.as_str())));
        }
        turn.send(message);
    }
}
