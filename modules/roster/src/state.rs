//! Subscription states: [RFC 6121 appendix A.1](https://www.rfc-editor.org/rfc/rfc6121#appendix-A.1).

/// What an account and one contact may see of each other. The nine states of the RFC are the combinations without
/// `to` and `pending_out` at once, and without `from` and `pending_in` at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// The user has a subscription to the contact's presence.
    pub to: bool,
    /// The contact has a subscription to the user's presence.
    pub from: bool,
    /// The user has asked and the contact has not answered.
    pub pending_out: bool,
    /// The contact has asked and the user has not answered.
    pub pending_in: bool,
    /// The user has said yes before the contact asked (§3.4).
    pub approved: bool,
}

impl State {
    /// The `subscription` attribute (§2.1.2.5).
    pub fn subscription(self) -> &'static str {
        match (self.to, self.from) {
            (false, false) => "none",
            (true, false) => "to",
            (false, true) => "from",
            (true, true) => "both",
        }
    }

    /// Whether a contact in this state has to be in the roster. A pending request alone does not put it there
    /// (§3.1.3).
    pub(crate) fn needs_item(self) -> bool {
        self.to || self.from || self.pending_out || self.approved
    }
}
