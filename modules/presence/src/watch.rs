//! For modules that tell somebody else who is there.

use waxwing_core::prelude::*;

/// Told when the presence of an account's resource begins and ends. Another module provides it.
pub trait PresenceWatch: Send + Sync {
    /// A resource has become available: its initial presence (RFC 6121 §4.2), without `to`. Must not wait.
    fn began(&self, account: &AccountRef, presence: &Stanza);

    /// A resource is gone, by its own word or because its stream has ended (§4.5). Must not wait.
    fn ended(&self, account: &AccountRef, presence: &Stanza);

    /// Whether presence for accounts of this host that are away is wanted all the same: then it is brought to their
    /// gates.
    fn sees_contacts(&self) -> bool;
}
