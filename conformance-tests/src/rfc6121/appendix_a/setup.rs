//! Brings two users into a state, and reads the state they are in.

use crate::harness::*;

/// A subscription state, from the user's side: may see, asked to see; may be seen, was asked to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    to: Side,
    from: Side,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    No,
    Pending,
    Yes,
}

pub(super) const NONE_STATE: State = State { to: Side::No, from: Side::No };
pub(super) const NONE_OUT: State = State { to: Side::Pending, from: Side::No };
pub(super) const NONE_IN: State = State { to: Side::No, from: Side::Pending };
pub(super) const NONE_OUT_IN: State = State { to: Side::Pending, from: Side::Pending };
pub(super) const TO: State = State { to: Side::Yes, from: Side::No };
pub(super) const TO_IN: State = State { to: Side::Yes, from: Side::Pending };
pub(super) const FROM: State = State { to: Side::No, from: Side::Yes };
pub(super) const FROM_OUT: State = State { to: Side::Pending, from: Side::Yes };
pub(super) const BOTH: State = State { to: Side::Yes, from: Side::Yes };

impl State {
    /// The same as the other side sees it.
    fn mirrored(self) -> Self {
        Self { to: self.from, from: self.to }
    }
}

/// A user in that state towards a contact. Both are available, interested in their rosters, and have nothing unread.
pub(super) fn pair(state: State) -> (Client, Client) {
    let (user, contact) = (online(), online());
    request!(user, "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='{contact:#}'/></query></iq>");
    request!(contact, "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='{user:#}'/></query></iq>");
    ask(&user, &contact, state.to);
    ask(&contact, &user, state.from);
    assert_eq!(state_of(&user, &contact), state, "the state before\n{}", *user);
    assert_eq!(state_of(&contact, &user), state.mirrored(), "the contact's state before\n{}", *contact);
    settle();
    (user, contact)
}

fn ask(from: &Client, to: &Client, side: Side) {
    match side {
        Side::No => {}
        Side::Yes => subscribe(from, to),
        Side::Pending => send!(from, "<presence to='{to:#}' type='subscribe'/>"),
    }
    settle();
}

/// The state of a user towards a contact. A request waiting for the user's answer is not in the roster, but the
/// server delivers it to each new session (§3.1.3).
pub(super) fn state_of(user: &Client, contact: &Client) -> State {
    let item = user.roster_item(&contact.bare());
    let subscription = item.as_ref().and_then(|i| i.attr("subscription")).unwrap_or("none").to_owned();
    let asked = item.as_ref().and_then(|i| i.attr("ask")) == Some("subscribe");
    let probe = user.session(&fresh("probe"));
    probe.send("<presence/>");
    barrier();
    let wanted = Element::parse(&format!("<presence from='{contact:#}' type='subscribe'/>"));
    let waiting = probe.unclaimed(|e| e.matches(&wanted)).is_some();
    probe.log_out();
    let side = |yes, pending| match (yes, pending) {
        (true, _) => Side::Yes,
        (false, true) => Side::Pending,
        (false, false) => Side::No,
    };
    State {
        to: side(matches!(subscription.as_str(), "to" | "both"), asked),
        from: side(matches!(subscription.as_str(), "from" | "both"), waiting),
    }
}
