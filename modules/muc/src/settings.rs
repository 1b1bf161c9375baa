//! How a room is configured ([XEP-0045 §10.2](https://xmpp.org/extensions/xep-0045.html#roomconfig)).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::Defaults;
use crate::role::{Role, Roles};

/// What the owners of a room have chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) lang: String,
    /// The address of a node for the room, as a URI.
    pub(crate) pubsub: String,
    /// It stays when the last occupant goes.
    pub(crate) persistent: bool,
    /// It is in the list of rooms.
    pub(crate) public: bool,
    pub(crate) members_only: bool,
    pub(crate) moderated: bool,
    pub(crate) password: Option<Password>,
    /// Everybody sees real addresses; otherwise moderators alone.
    pub(crate) non_anonymous: bool,
    pub(crate) max_users: usize,
    /// Whether whoever has voice may change the subject.
    pub(crate) change_subject: bool,
    /// Whether members may invite into a members-only room.
    pub(crate) allow_invites: bool,
    pub(crate) allow_pm: AllowPm,
    /// Whose presence everybody gets.
    pub(crate) presence: Roles,
    /// Who may read the member list of a non-anonymous room.
    pub(crate) member_list: Roles,
    /// What is said is archived.
    pub(crate) logging: bool,
    /// Messages of history that somebody who enters gets at most.
    pub(crate) history_max: usize,
    /// Whether people may register a nickname and so become members.
    pub(crate) registration: bool,
    /// Seconds between two messages of one user (XEP-0500); 0: no such limit.
    pub(crate) slow_mode: u32,
    /// Whether members who are away are told that somebody has mentioned them (XEP-0452).
    pub(crate) forward_mentions: bool,
}

/// The password of a room. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Password(pub(crate) String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Password {
    /// In constant time.
    pub(crate) fn is(&self, given: Option<&str>) -> bool {
        let given = given.unwrap_or_default();
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.as_bytes(), given.as_bytes()).is_ok()
    }
}

/// Roles that may send private messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AllowPm {
    Anyone,
    Participants,
    Moderators,
    Nobody,
}

impl AllowPm {
    pub(crate) const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Anyone, "anyone", "Anyone"),
        (Self::Participants, "participants", "Anyone with Voice"),
        (Self::Moderators, "moderators", "Moderators Only"),
        (Self::Nobody, "none", "Nobody"),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(pm, ..)| *pm == self).map_or("none", |(_, name, _)| name)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known, _)| *known == name).map(|(pm, ..)| pm)
    }

    /// Whether somebody of this role may send one.
    pub(crate) fn allows(self, role: Role) -> bool {
        match self {
            Self::Anyone => role > Role::None,
            Self::Participants => role >= Role::Participant,
            Self::Moderators => role >= Role::Moderator,
            Self::Nobody => false,
        }
    }
}

impl Settings {
    /// §10.1.1: the configuration that a new room starts with.
    pub(crate) fn new(defaults: &Defaults, occupants_max: usize) -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            lang: String::new(),
            pubsub: String::new(),
            persistent: defaults.persistent,
            public: defaults.public,
            members_only: defaults.members_only,
            moderated: defaults.moderated,
            password: None,
            non_anonymous: defaults.non_anonymous,
            max_users: defaults.max_users.min(occupants_max),
            change_subject: defaults.change_subject,
            allow_invites: defaults.allow_invites,
            allow_pm: AllowPm::Anyone,
            presence: Roles::ALL,
            member_list: Roles::ALL,
            logging: defaults.logging,
            history_max: defaults.history,
            registration: true,
            slow_mode: 0,
            forward_mentions: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xep0045_7_5_who_may_send_private_messages() {
        for (pm, visitor, participant, moderator) in [
            (AllowPm::Anyone, true, true, true),
            (AllowPm::Participants, false, true, true),
            (AllowPm::Moderators, false, false, true),
            (AllowPm::Nobody, false, false, false),
        ] {
            let allowed = [Role::Visitor, Role::Participant, Role::Moderator].map(|role| pm.allows(role));
            assert_eq!(allowed, [visitor, participant, moderator], "{pm:?}");
            assert!(!pm.allows(Role::None));
            assert_eq!(AllowPm::from_name(pm.name()), Some(pm));
        }
    }

    #[test]
    fn a_password_does_not_show() {
        let password = Password("cauldronburn".to_owned());
        assert_eq!(format!("{password:?}"), "Password(…)");
        assert!(password.is(Some("cauldronburn")));
        assert!(!password.is(Some("cauldron")) && !password.is(None));
    }
}
