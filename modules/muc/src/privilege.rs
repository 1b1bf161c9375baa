//! Who may do what to whom ([XEP-0045 §5](https://xmpp.org/extensions/xep-0045.html#associations), §8 to §10), as pure
//! functions.

use waxwing_xmpp::Condition;

use crate::affiliation::Affiliation;
use crate::role::Role;

/// How the two sides of an action stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sides {
    /// Who acts.
    pub(crate) actor: (Affiliation, Role),
    /// Whom it concerns.
    pub(crate) target: (Affiliation, Role),
    /// Both are one user.
    pub(crate) own: bool,
}

/// Whether an affiliation may be changed (§9, §10). That an owner is left is another question.
///
/// # Errors
/// `forbidden` for who may change no such list, `not-allowed` for whom it concerns, `conflict` for oneself.
pub(crate) fn may_set_affiliation(sides: Sides, new: Affiliation) -> Result<(), Condition> {
    let (actor, old) = (sides.actor.0, sides.target.0);
    // §9: what is not said otherwise is for admins.
    if actor < Affiliation::Admin {
        return Err(Condition::Forbidden);
    }
    // §9.1: nobody bans himself.
    if sides.own && new == Affiliation::Outcast {
        return Err(Condition::Conflict);
    }
    // §10.3, §10.6: owners make owners and admins.
    if new >= Affiliation::Admin && actor < Affiliation::Owner {
        return Err(Condition::Forbidden);
    }
    // §5.2.2, §9.1: … and they alone change them. Whoever leaves may do so.
    if old >= Affiliation::Admin && actor < Affiliation::Owner && !sides.own {
        return Err(Condition::NotAllowed);
    }
    Ok(())
}

/// Whether a role may be changed (§8, §9.6, §9.7).
///
/// # Errors
/// `forbidden` for who may change no such role, `not-allowed` for whom it concerns.
pub(crate) fn may_set_role(sides: Sides, new: Role) -> Result<(), Condition> {
    let ((actor, actor_role), (target, target_role)) = (sides.actor, sides.target);
    if actor_role < Role::Moderator && actor < Affiliation::Admin {
        return Err(Condition::Forbidden);
    }
    let by_admin = actor >= Affiliation::Admin;
    // §5.1.3, §9.6: admins make moderators, and unmake them.
    if (new == Role::Moderator || target_role == Role::Moderator && !sides.own) && !by_admin {
        return Err(if new == Role::None { Condition::NotAllowed } else { Condition::Forbidden });
    }
    match new {
        // §8.2: a kick reaches whoever does not stand higher.
        Role::None if target > actor => Err(Condition::NotAllowed),
        Role::None | Role::Moderator => Ok(()),
        // §8.4, §9.7: admins and owners keep voice and moderator status.
        Role::Visitor | Role::Participant if target >= Affiliation::Admin => Err(Condition::NotAllowed),
        // §8.4: at or above the moderator's level. People without affiliation have no level.
        Role::Visitor if target >= Affiliation::Member && target >= actor => Err(Condition::NotAllowed),
        Role::Visitor | Role::Participant => Ok(()),
    }
}

/// What somebody has to do with a list that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    pub(crate) affiliation: Affiliation,
    /// None for who is not in the room.
    pub(crate) role: Role,
    /// The room is non-anonymous.
    pub(crate) non_anonymous: bool,
    /// The room lets this role read the member list.
    pub(crate) listed: bool,
}

/// Whether the list of everybody with an affiliation may be read.
pub(crate) fn may_list(asker: Asker, list: Affiliation) -> bool {
    let open = asker.non_anonymous
        && (asker.affiliation >= Affiliation::Member || (asker.role > Role::None && asker.listed));
    match list {
        // §9.2.
        Affiliation::Outcast => asker.affiliation >= Affiliation::Admin,
        // §9.5; §5.2.1: not in a semi-anonymous room, where it would tell addresses.
        Affiliation::Member => {
            asker.affiliation >= Affiliation::Admin || open && asker.affiliation >= Affiliation::None
        }
        // §10.5, §10.8.
        Affiliation::Owner | Affiliation::Admin => {
            asker.affiliation >= Affiliation::Owner || open && asker.affiliation >= Affiliation::None
        }
        Affiliation::None => false,
    }
}

/// Whether the list of everybody with a role may be read (§8.5, §9.8).
pub(crate) fn may_list_role(affiliation: Affiliation, role: Role, list: Role) -> bool {
    match list {
        Role::Moderator => affiliation >= Affiliation::Admin,
        Role::Participant | Role::Visitor => role == Role::Moderator || affiliation >= Affiliation::Admin,
        Role::None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Affiliation::{Admin, Member, None as Nobody, Outcast, Owner};

    fn affiliation(actor: Affiliation, old: Affiliation, new: Affiliation) -> Result<(), Condition> {
        let sides = Sides { actor: (actor, Role::Participant), target: (old, Role::None), own: false };
        may_set_affiliation(sides, new)
    }

    /// Each change that the table of §5.2.2 names, and who makes it.
    #[test]
    fn xep0045_5_2_2_the_affiliation_state_chart() {
        for old in Affiliation::ALL {
            for new in Affiliation::ALL.into_iter().filter(|new| *new != old) {
                let by_admin = old < Admin && new < Admin;
                assert_eq!(affiliation(Owner, old, new), Ok(()), "{old:?} {new:?}");
                assert_eq!(affiliation(Admin, old, new).is_ok(), by_admin, "{old:?} {new:?}");
                for actor in [Member, Nobody, Outcast] {
                    assert_eq!(affiliation(actor, old, new), Err(Condition::Forbidden), "{actor:?}");
                }
            }
        }
        assert_eq!(affiliation(Admin, Owner, Outcast), Err(Condition::NotAllowed));
        assert_eq!(affiliation(Admin, Member, Owner), Err(Condition::Forbidden));
    }

    #[test]
    fn xep0045_9_1_nobody_bans_himself() {
        let own = Sides { actor: (Owner, Role::Moderator), target: (Owner, Role::Moderator), own: true };
        assert_eq!(may_set_affiliation(own, Outcast), Err(Condition::Conflict));
        assert_eq!(may_set_affiliation(own, Member), Ok(()));
    }

    fn role(actor: (Affiliation, Role), target: (Affiliation, Role), new: Role) -> Result<(), Condition> {
        may_set_role(Sides { actor, target, own: false }, new)
    }

    #[test]
    fn xep0045_5_1_3_the_role_state_chart() {
        let moderator = (Nobody, Role::Moderator);
        let admin = (Admin, Role::Moderator);
        let owner = (Owner, Role::Moderator);
        let (visitor, participant) = ((Nobody, Role::Visitor), (Nobody, Role::Participant));
        for target in [visitor, participant] {
            assert_eq!(role(moderator, target, Role::None), Ok(()));
            assert_eq!(role(moderator, target, Role::Participant), Ok(()));
            assert_eq!(role(moderator, target, Role::Visitor), Ok(()));
            assert_eq!(role(moderator, target, Role::Moderator), Err(Condition::Forbidden));
            assert_eq!(role(admin, target, Role::Moderator), Ok(()));
        }
        // Moderators are the business of admins; admins and owners keep what they have.
        assert_eq!(role(moderator, (Nobody, Role::Moderator), Role::None), Err(Condition::NotAllowed));
        assert_eq!(role(admin, (Nobody, Role::Moderator), Role::Participant), Ok(()));
        for target in [admin, owner] {
            assert_eq!(role(owner, target, Role::Participant), Err(Condition::NotAllowed));
            assert_eq!(role(owner, target, Role::Visitor), Err(Condition::NotAllowed));
            assert!(role(moderator, target, Role::None).is_err());
        }
        assert_eq!(role(admin, owner, Role::None), Err(Condition::NotAllowed));
        assert_eq!(role(owner, admin, Role::None), Ok(()));
        assert_eq!(role((Nobody, Role::Participant), visitor, Role::Participant), Err(Condition::Forbidden));
        let member = (Member, Role::Moderator);
        assert_eq!(role(member, (Member, Role::Participant), Role::Visitor), Err(Condition::NotAllowed));
        assert_eq!(role(member, participant, Role::Visitor), Ok(()));
    }

    /// §9.5, §10.5, §10.8: the whole matrix of lists.
    #[test]
    fn xep0045_9_5_who_may_read_which_list() {
        for non_anonymous in [false, true] {
            for affiliation in Affiliation::ALL {
                for role in [Role::None, Role::Visitor, Role::Participant] {
                    let asker = Asker { affiliation, role, non_anonymous, listed: true };
                    let open = non_anonymous
                        && affiliation != Outcast
                        && (affiliation >= Member || role > Role::None);
                    let expected = [
                        (Outcast, affiliation >= Admin),
                        (Nobody, false),
                        (Member, affiliation >= Admin || open),
                        (Admin, affiliation >= Owner || open),
                        (Owner, affiliation >= Owner || open),
                    ];
                    for (list, allowed) in expected {
                        assert_eq!(may_list(asker, list), allowed, "{asker:?} {list:?}");
                    }
                }
            }
        }
        let visitor = Asker { affiliation: Nobody, role: Role::Visitor, non_anonymous: true, listed: false };
        assert!(!may_list(visitor, Member));
    }
}
