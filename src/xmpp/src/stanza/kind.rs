//! Which stanza it is, and its type attribute.

/// Which stanza, and its type attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// RFC 6121 §5.
    Message(MessageType),
    /// RFC 6121 §4.
    Presence(PresenceType),
    /// RFC 6120 §8.2.3.
    Iq(IqType),
}

/// RFC 6121 §5.2.2; an unknown type reads as `Normal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the RFC's")]
pub enum MessageType {
    Normal,
    Chat,
    Groupchat,
    Headline,
    Error,
}

/// RFC 6121 §4.7.1; no type attribute is `Available`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the RFC's")]
pub enum PresenceType {
    Available,
    Unavailable,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
    Probe,
    Error,
}

/// RFC 6120 §8.2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the RFC's")]
pub enum IqType {
    Get,
    Set,
    Result,
    Error,
}

/// RFC 6121 §4.7.2.1; no `<show/>` is plain availability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the RFC's")]
pub enum Show {
    Away,
    Chat,
    Dnd,
    Xa,
}

impl Kind {
    /// `message`, `presence` or `iq`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Presence(_) => "presence",
            Self::Iq(_) => "iq",
        }
    }

    /// Whether the type is `error`.
    pub fn is_error(self) -> bool {
        self.type_name() == Some("error")
    }

    /// The `type` attribute; `None` where the default is meant, which is not written (RFC 6121 §5.2.2, §4.7.1).
    pub fn type_name(self) -> Option<&'static str> {
        match self {
            Self::Message(kind) => kind.name(),
            Self::Presence(kind) => kind.name(),
            Self::Iq(kind) => Some(kind.name()),
        }
    }

    /// RFC 6120 §8.3.1 rule 8 and §8.2.3 rule 4: nobody answers an error or a result with an error.
    pub(crate) fn of_error_reply(self) -> Option<Self> {
        match self {
            Self::Message(MessageType::Error) | Self::Presence(PresenceType::Error) => None,
            Self::Iq(IqType::Result | IqType::Error) => None,
            Self::Message(_) => Some(Self::Message(MessageType::Error)),
            Self::Presence(_) => Some(Self::Presence(PresenceType::Error)),
            Self::Iq(_) => Some(Self::Iq(IqType::Error)),
        }
    }
}

impl MessageType {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Normal => None,
            Self::Chat => Some("chat"),
            Self::Groupchat => Some("groupchat"),
            Self::Headline => Some("headline"),
            Self::Error => Some("error"),
        }
    }

    /// RFC 6121 §5.2.2: an absent or unknown type is `normal`.
    pub(crate) fn read(name: Option<&str>) -> Self {
        match name {
            Some("chat") => Self::Chat,
            Some("groupchat") => Self::Groupchat,
            Some("headline") => Self::Headline,
            Some("error") => Self::Error,
            _ => Self::Normal,
        }
    }
}

impl PresenceType {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Available => None,
            Self::Unavailable => Some("unavailable"),
            Self::Subscribe => Some("subscribe"),
            Self::Subscribed => Some("subscribed"),
            Self::Unsubscribe => Some("unsubscribe"),
            Self::Unsubscribed => Some("unsubscribed"),
            Self::Probe => Some("probe"),
            Self::Error => Some("error"),
        }
    }

    /// RFC 6121 §4.7.1: there is no value `available`; an unknown one is `None`, to be answered with `bad-request`.
    pub(crate) fn read(name: Option<&str>) -> Option<Self> {
        match name {
            None => Some(Self::Available),
            Some("unavailable") => Some(Self::Unavailable),
            Some("subscribe") => Some(Self::Subscribe),
            Some("subscribed") => Some(Self::Subscribed),
            Some("unsubscribe") => Some(Self::Unsubscribe),
            Some("unsubscribed") => Some(Self::Unsubscribed),
            Some("probe") => Some(Self::Probe),
            Some("error") => Some(Self::Error),
            Some(_) => None,
        }
    }
}

impl IqType {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Result => "result",
            Self::Error => "error",
        }
    }

    /// RFC 6120 §8.2.3 rule 2: the type is required and one of four.
    pub(crate) fn read(name: Option<&str>) -> Option<Self> {
        match name {
            Some("get") => Some(Self::Get),
            Some("set") => Some(Self::Set),
            Some("result") => Some(Self::Result),
            Some("error") => Some(Self::Error),
            _ => None,
        }
    }
}

impl Show {
    /// The text of the element.
    pub fn name(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Chat => "chat",
            Self::Dnd => "dnd",
            Self::Xa => "xa",
        }
    }

    /// Reads the text of the element.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Away, Self::Chat, Self::Dnd, Self::Xa].into_iter().find(|show| show.name() == name)
    }
}
