//! Who answers for a stanza: the write tickets behind it.

use smallvec::SmallVec;
use waxwing_store::{StoreError, Ticket};

/// Carried by each inbound stanza; whoever takes responsibility for it attaches its write ticket. The stanza
/// counts as handled (XEP-0198 `h`, an IQ result) only when all of them are durable.
#[derive(Debug, Clone, Default)]
pub struct Custody {
    tickets: SmallVec<[Ticket; 1]>,
}

impl Custody {
    /// Nothing to wait for: chat states, presence, IQ get live in memory only.
    pub fn memory() -> Self {
        Self::default()
    }

    /// Makes this stanza wait for `ticket`.
    pub fn attach(&mut self, ticket: Ticket) {
        self.tickets.push(ticket);
    }

    /// Takes over what another custody waits for.
    pub fn join(&mut self, other: Self) {
        self.tickets.extend(other.tickets);
    }

    /// Whether everything is on disk by now.
    pub fn is_durable(&self) -> bool {
        self.tickets.iter().all(Ticket::is_durable)
    }

    /// How the writes ended: none while one of them is under way, unless another has failed.
    pub fn outcome(&self) -> Option<Result<(), StoreError>> {
        let mut outcome = Some(Ok(()));
        for ticket in &self.tickets {
            match ticket.outcome() {
                Some(Ok(())) => {}
                Some(failed) => return Some(failed),
                None => outcome = None,
            }
        }
        outcome
    }

    /// Waits until everything is on disk.
    ///
    /// # Errors
    /// The first write that failed: the stanza must not be acknowledged.
    pub async fn durable(&self) -> Result<(), StoreError> {
        for ticket in &self.tickets {
            ticket.durable().await?;
        }
        Ok(())
    }
}
