//! RFC 6121 §8.5.4, Table 1: one test for each cell, and for type "error" by §8.5.2 and §8.5.3.
//!
//! Prosody and ejabberd deliver a normal message for a resource that is gone as if it were for the bare JID; the table
//! has S/E, and §8.5.3.2.1 a MUST, so that the tests ask for that.
//!
//! Where the table says O/E, the sender gets an error or the next available session the message.

use crate::harness::*;

/// Where the message goes.
enum To {
    Bare,
    /// The full JID of the first session.
    Match,
    /// A full JID of which there is no session.
    NoMatch,
}

/// What the table says.
enum Want {
    /// E: an error to the sender, which SHOULD be service-unavailable.
    Bounced,
    /// O/E: an error to the sender, or the message comes to the next session that is available.
    StoredOrBounced,
    /// S: nothing at all.
    Ignored,
    /// S/E: the server may choose.
    IgnoredOrBounced,
    /// D: to the session addressed, and to no other.
    Delivered,
    /// M/A: to the most available or to all, never to a negative one.
    MostOrAll,
    /// A: to all of the non-negative ones.
    All,
}

/// Sends a message of that type to an account with sessions of these priorities; `None` is no account.
fn row(priorities: Option<&[i32]>, to: To, kind: &str, want: Want) {
    let alice = online();
    let account = priorities.map(|_| user());
    let sessions: Vec<(i32, Client)> = match (&account, priorities) {
        (Some(bob), Some(priorities)) => priorities
            .iter()
            .enumerate()
            .map(|(i, p)| (*p, bob.session_online(&format!("s{i}"), *p)))
            .collect(),
        _ => Vec::new(),
    };
    let bare = account.as_ref().map_or_else(|| format!("{}@localhost", fresh("nobody")), Client::bare);
    if let Some(bob) = &account {
        bob.log_out();
    }
    settle();
    let to = match to {
        To::Bare => bare,
        To::Match => format!("{bare}/s0"),
        To::NoMatch => format!("{bare}/absent"),
    };
    let kind_attribute = if kind.is_empty() { String::new() } else { format!("type='{kind}'") };
    let payload = if kind == "error" {
        "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    } else {
        ""
    };
    send!(alice, "<message to='{to}' id='m1' {kind_attribute}><body>hi</body>{payload}</message>");
    barrier();
    let pattern = format!("<message from='{alice}' id='m1'><body>hi</body></message>");
    let stored = matches!(want, Want::StoredOrBounced);
    let bounced = check(&alice, &sessions, &pattern, want);
    if let Some(bob) = account.filter(|_| stored && !bounced) {
        let next = bob.session("next");
        next.send("<presence/>");
        next.expect(&pattern);
    }
}

/// Returns whether the sender got an error.
fn check(alice: &Client, sessions: &[(i32, Client)], pattern: &str, want: Want) -> bool {
    let wanted = Element::parse(pattern);
    let got: Vec<bool> =
        sessions.iter().map(|(_, s)| s.unclaimed(|e| e.matches(&wanted)).is_some()).collect();
    let best = sessions.iter().map(|(p, _)| *p).max().unwrap_or(-1);
    let allowed_errors: &[bool] = match want {
        Want::Bounced => &[true],
        Want::IgnoredOrBounced | Want::StoredOrBounced => &[true, false],
        _ => &[false],
    };
    for ((priority, session), got) in sessions.iter().zip(&got) {
        let may = match want {
            Want::Bounced | Want::StoredOrBounced | Want::Ignored | Want::IgnoredOrBounced => !*got,
            Want::Delivered => true,
            Want::MostOrAll => (*got || *priority < best) && (!*got || *priority >= 0),
            Want::All => *got == (*priority >= 0),
        };
        assert!(
            may,
            "the session with priority {priority} got the message: {got}\n{}\n{}",
            **alice, **session
        );
    }
    if matches!(want, Want::Delivered) {
        let first_only: Vec<bool> = (0..got.len()).map(|i| i == 0).collect();
        assert_eq!(got, first_only, "which sessions got the message\n{}", **alice);
    }
    let error = alice.unclaimed(|e| e.name == "message");
    assert!(allowed_errors.contains(&error.is_some()), "the sender got {error:?}\n{}", **alice);
    if let Some(error) = &error {
        error.must("<message type='error' id='m1'/>").must_fail("service-unavailable");
    }
    error.is_some()
}

macro_rules! rows {
    ($($name:ident: $priorities:expr, $to:ident, $kind:literal, $want:ident;)*) => {
        $(#[test] fn $name() { row($priorities, To::$to, $kind, Want::$want); })*
    };
}

mod account_does_not_exist {
    use super::*;

    rows! {
        normal_to_bare_jid_is_ignored_or_bounced: None, Bare, "normal", IgnoredOrBounced;
        chat_to_bare_jid_is_ignored_or_bounced: None, Bare, "chat", IgnoredOrBounced;
        groupchat_to_bare_jid_is_bounced: None, Bare, "groupchat", Bounced;
        headline_to_bare_jid_is_ignored: None, Bare, "headline", Ignored;
        error_to_bare_jid_is_ignored: None, Bare, "error", Ignored;
        normal_to_full_jid_is_ignored_or_bounced: None, NoMatch, "normal", IgnoredOrBounced;
        chat_to_full_jid_is_ignored_or_bounced: None, NoMatch, "chat", IgnoredOrBounced;
        groupchat_to_full_jid_is_ignored_or_bounced: None, NoMatch, "groupchat", IgnoredOrBounced;
        headline_to_full_jid_is_ignored_or_bounced: None, NoMatch, "headline", IgnoredOrBounced;
        error_to_full_jid_is_ignored: None, NoMatch, "error", Ignored;
    }
}

mod no_active_resources {
    use super::*;

    rows! {
        normal_to_bare_jid_is_stored_or_bounced: Some(&[]), Bare, "normal", StoredOrBounced;
        chat_to_bare_jid_is_stored_or_bounced: Some(&[]), Bare, "chat", StoredOrBounced;
        groupchat_to_bare_jid_is_bounced: Some(&[]), Bare, "groupchat", Bounced;
        headline_to_bare_jid_is_ignored: Some(&[]), Bare, "headline", Ignored;
        error_to_bare_jid_is_ignored: Some(&[]), Bare, "error", Ignored;
        normal_to_full_jid_is_ignored_or_bounced: Some(&[]), NoMatch, "normal", IgnoredOrBounced;
        chat_to_full_jid_is_stored_or_bounced: Some(&[]), NoMatch, "chat", StoredOrBounced;
        groupchat_to_full_jid_is_ignored_or_bounced: Some(&[]), NoMatch, "groupchat", IgnoredOrBounced;
        headline_to_full_jid_is_ignored_or_bounced: Some(&[]), NoMatch, "headline", IgnoredOrBounced;
        error_to_full_jid_is_ignored: Some(&[]), NoMatch, "error", Ignored;
    }
}

mod only_a_negative_resource {
    use super::*;

    rows! {
        normal_to_bare_jid_is_stored_or_bounced: Some(&[-1]), Bare, "normal", StoredOrBounced;
        chat_to_bare_jid_is_stored_or_bounced: Some(&[-1]), Bare, "chat", StoredOrBounced;
        groupchat_to_bare_jid_is_bounced: Some(&[-1]), Bare, "groupchat", Bounced;
        headline_to_bare_jid_is_ignored: Some(&[-1]), Bare, "headline", Ignored;
        error_to_bare_jid_is_ignored: Some(&[-1]), Bare, "error", Ignored;
        normal_to_its_full_jid_is_delivered: Some(&[-1]), Match, "normal", Delivered;
        chat_to_its_full_jid_is_delivered: Some(&[-1]), Match, "chat", Delivered;
        groupchat_to_its_full_jid_is_delivered: Some(&[-1]), Match, "groupchat", Delivered;
        headline_to_its_full_jid_is_delivered: Some(&[-1]), Match, "headline", Delivered;
        error_to_its_full_jid_is_delivered: Some(&[-1]), Match, "error", Delivered;
        normal_to_another_full_jid_is_ignored_or_bounced: Some(&[-1]), NoMatch, "normal", IgnoredOrBounced;
        chat_to_another_full_jid_is_stored_or_bounced: Some(&[-1]), NoMatch, "chat", StoredOrBounced;
        groupchat_to_another_full_jid_is_ignored_or_bounced: Some(&[-1]), NoMatch, "groupchat", IgnoredOrBounced;
        headline_to_another_full_jid_is_ignored_or_bounced: Some(&[-1]), NoMatch, "headline", IgnoredOrBounced;
        error_to_another_full_jid_is_ignored: Some(&[-1]), NoMatch, "error", Ignored;
    }
}

mod one_non_negative_resource {
    use super::*;

    rows! {
        normal_to_bare_jid_is_delivered: Some(&[0]), Bare, "normal", Delivered;
        chat_to_bare_jid_is_delivered: Some(&[0]), Bare, "chat", Delivered;
        groupchat_to_bare_jid_is_bounced: Some(&[0]), Bare, "groupchat", Bounced;
        headline_to_bare_jid_is_delivered: Some(&[0]), Bare, "headline", Delivered;
        error_to_bare_jid_is_ignored: Some(&[0]), Bare, "error", Ignored;
        normal_to_its_full_jid_is_delivered: Some(&[0]), Match, "normal", Delivered;
        chat_to_its_full_jid_is_delivered: Some(&[0]), Match, "chat", Delivered;
        groupchat_to_its_full_jid_is_delivered: Some(&[0]), Match, "groupchat", Delivered;
        headline_to_its_full_jid_is_delivered: Some(&[0]), Match, "headline", Delivered;
        error_to_its_full_jid_is_delivered: Some(&[0]), Match, "error", Delivered;
        normal_to_another_full_jid_is_ignored_or_bounced: Some(&[0]), NoMatch, "normal", IgnoredOrBounced;
        chat_to_another_full_jid_is_delivered: Some(&[0]), NoMatch, "chat", Delivered;
        groupchat_to_another_full_jid_is_ignored_or_bounced: Some(&[0]), NoMatch, "groupchat", IgnoredOrBounced;
        headline_to_another_full_jid_is_ignored_or_bounced: Some(&[0]), NoMatch, "headline", IgnoredOrBounced;
        error_to_another_full_jid_is_ignored: Some(&[0]), NoMatch, "error", Ignored;
    }
}

mod several_non_negative_resources {
    use super::*;

    rows! {
        normal_to_bare_jid_reaches_the_most_available: Some(&[0, 5]), Bare, "normal", MostOrAll;
        chat_to_bare_jid_reaches_the_most_available: Some(&[0, 5]), Bare, "chat", MostOrAll;
        groupchat_to_bare_jid_is_bounced: Some(&[0, 5]), Bare, "groupchat", Bounced;
        headline_to_bare_jid_reaches_all: Some(&[0, 5]), Bare, "headline", All;
        error_to_bare_jid_is_ignored: Some(&[0, 5]), Bare, "error", Ignored;
        normal_to_its_full_jid_is_delivered: Some(&[0, 5]), Match, "normal", Delivered;
        chat_to_its_full_jid_is_delivered: Some(&[0, 5]), Match, "chat", Delivered;
        groupchat_to_its_full_jid_is_delivered: Some(&[0, 5]), Match, "groupchat", Delivered;
        headline_to_its_full_jid_is_delivered: Some(&[0, 5]), Match, "headline", Delivered;
        error_to_its_full_jid_is_delivered: Some(&[0, 5]), Match, "error", Delivered;
        normal_to_another_full_jid_is_ignored_or_bounced: Some(&[0, 5]), NoMatch, "normal", IgnoredOrBounced;
        chat_to_another_full_jid_reaches_the_most_available: Some(&[0, 5]), NoMatch, "chat", MostOrAll;
        groupchat_to_another_full_jid_is_ignored_or_bounced: Some(&[0, 5]), NoMatch, "groupchat", IgnoredOrBounced;
        headline_to_another_full_jid_is_ignored_or_bounced: Some(&[0, 5]), NoMatch, "headline", IgnoredOrBounced;
        error_to_another_full_jid_is_ignored: Some(&[0, 5]), NoMatch, "error", Ignored;
    }
}

mod negative_beside_non_negative_resources {
    use super::*;

    rows! {
        normal_to_bare_jid_skips_the_negative_one: Some(&[-1, 0]), Bare, "normal", MostOrAll;
        chat_to_bare_jid_skips_the_negative_one: Some(&[-1, 0]), Bare, "chat", MostOrAll;
        headline_to_bare_jid_skips_the_negative_one: Some(&[-1, 0, 1]), Bare, "headline", All;
        chat_to_another_full_jid_skips_the_negative_one: Some(&[-1, 0]), NoMatch, "chat", MostOrAll;
        chat_to_the_negative_ones_full_jid_is_delivered: Some(&[-1, 0]), Match, "chat", Delivered;
        equal_priorities_leave_nobody_out_of_most_available_or_all: Some(&[-5, 3]), Bare, "chat", MostOrAll;
    }
}
