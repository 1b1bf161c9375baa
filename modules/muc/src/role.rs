//! Roles ([XEP-0045 §5.1](https://xmpp.org/extensions/xep-0045.html#roles)): what lasts for a visit.

use serde::{Deserialize, Serialize};

use crate::affiliation::Affiliation;

/// What an occupant may do now; a higher one has all the privileges of the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Role {
    None,
    Visitor,
    Participant,
    Moderator,
}

impl Role {
    /// The roles that an occupant may have.
    pub(crate) const PRESENT: [Self; 3] = [Self::Moderator, Self::Participant, Self::Visitor];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Visitor => "visitor",
            Self::Participant => "participant",
            Self::Moderator => "moderator",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::Visitor, Self::Participant, Self::Moderator]
            .into_iter()
            .find(|role| role.name() == name)
    }

    /// §5.1.2: with which role somebody enters.
    pub(crate) fn at_entry(affiliation: Affiliation, moderated: bool) -> Self {
        match affiliation {
            Affiliation::Owner | Affiliation::Admin => Self::Moderator,
            Affiliation::Member => Self::Participant,
            Affiliation::None if moderated => Self::Visitor,
            Affiliation::None => Self::Participant,
            Affiliation::Outcast => Self::None,
        }
    }

    /// §5.1.3: what becomes of the role when the affiliation changes. What is gained with an affiliation is certain; who
    /// loses one is as if just entered.
    pub(crate) fn after_change(self, old: Affiliation, new: Affiliation, moderated: bool) -> Self {
        let entry = Self::at_entry(new, moderated);
        if new < old && old >= Affiliation::Admin { entry } else { self.max(entry) }
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Roles {
    pub(crate) moderator: bool,
    pub(crate) participant: bool,
    pub(crate) visitor: bool,
}

impl Roles {
    pub(crate) const ALL: Self = Self { moderator: true, participant: true, visitor: true };

    pub(crate) fn has(self, role: Role) -> bool {
        match role {
            Role::Moderator => self.moderator,
            Role::Participant => self.participant,
            Role::Visitor => self.visitor,
            Role::None => false,
        }
    }

    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        Role::PRESENT.into_iter().filter(move |role| self.has(*role)).map(Role::name)
    }

    /// None if one of them is no role.
    pub(crate) fn from_names(names: &[String]) -> Option<Self> {
        let mut roles = Self { moderator: false, participant: false, visitor: false };
        for name in names {
            match Role::from_name(name)? {
                Role::Moderator => roles.moderator = true,
                Role::Participant => roles.participant = true,
                Role::Visitor => roles.visitor = true,
                Role::None => return None,
            }
        }
        Some(roles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xep0045_5_1_2_the_table_of_initial_roles() {
        use Affiliation::*;
        for (affiliation, moderated, unmoderated) in [
            (None, Role::Visitor, Role::Participant),
            (Member, Role::Participant, Role::Participant),
            (Admin, Role::Moderator, Role::Moderator),
            (Owner, Role::Moderator, Role::Moderator),
            (Outcast, Role::None, Role::None),
        ] {
            assert_eq!(Role::at_entry(affiliation, true), moderated, "{affiliation:?}");
            assert_eq!(Role::at_entry(affiliation, false), unmoderated, "{affiliation:?}");
        }
    }

    #[test]
    fn xep0045_5_1_3_roles_follow_affiliations() {
        use Affiliation::*;
        assert_eq!(Role::Visitor.after_change(None, Member, true), Role::Participant);
        assert_eq!(Role::Participant.after_change(None, Admin, false), Role::Moderator);
        assert_eq!(Role::Moderator.after_change(Admin, None, true), Role::Visitor);
        assert_eq!(Role::Moderator.after_change(Owner, Member, false), Role::Participant);
        // Somebody made a moderator by hand stays one.
        assert_eq!(Role::Moderator.after_change(Member, None, false), Role::Moderator);
        assert_eq!(Role::Participant.after_change(Member, None, true), Role::Participant);
    }
}
