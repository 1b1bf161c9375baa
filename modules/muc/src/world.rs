//! The world of one room: randomness, and the archive.

use waxwing_core::prelude::*;
use waxwing_log::Log;

use crate::handle::Handle;
use crate::turn::{Kept, World};

/// What a room is given for its turns.
pub(crate) struct Here<'a> {
    pub(crate) host: &'a Host,
    pub(crate) log: Option<&'a Log>,
    pub(crate) handle: &'a Handle,
}

impl World for Here<'_> {
    fn id(&self) -> Text {
        self.host.random().id()
    }

    fn keep(&self, stanza: &Stanza) -> Result<Kept, StanzaError> {
        let (Some(log), Some(account)) = (self.log, self.handle.account.get()) else {
            // A message that is not kept would have an id that leads nowhere.
            let error = StanzaError::from(Condition::ResourceConstraint).of_type(ErrorType::Wait);
            return Err(error.text("The archive of the room is not open yet."));
        };
        let (position, ticket) = log.keep(account, stanza)?;
        let id = Text::from(log.ids().id(account.number(), position));
        Ok(Kept { id, ticket: Some(ticket) })
    }
}
