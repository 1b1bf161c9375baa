//! Who answers for a stanza: the write tickets behind it.

use smallvec::SmallVec;
use tokio::sync::watch;
use waxwing_store::{StoreError, Ticket};

/// Carried by each inbound stanza; whoever takes responsibility for it attaches its write ticket. The stanza
/// counts as handled (XEP-0198 `h`, an IQ result) only when all of them are durable.
#[derive(Debug, Clone, Default)]
pub struct Custody {
    tickets: SmallVec<[Ticket; 1]>,
    /// What is not known yet.
    later: Vec<watch::Receiver<Option<Self>>>,
}

/// Says later what a stanza waits for. If it is dropped before, the stanza waits for nothing more.
#[derive(Debug)]
pub struct Promise(watch::Sender<Option<Custody>>);

impl Promise {
    /// From now on the stanza waits for this.
    pub fn keep(self, custody: Custody) {
        self.0.send_replace(Some(custody));
    }
}

impl Custody {
    /// Nothing to wait for: chat states, presence, IQ get live in memory only.
    pub fn memory() -> Self {
        Self::default()
    }

    /// A stanza is on its way, and who has it will say what it waits for. Whoever has sent it need not stand still
    /// meanwhile.
    pub fn later() -> (Promise, Self) {
        let (sender, receiver) = watch::channel(None);
        (Promise(sender), Self { later: vec![receiver], ..Self::default() })
    }

    /// Makes this stanza wait for `ticket`.
    pub fn attach(&mut self, ticket: Ticket) {
        self.tickets.push(ticket);
    }

    /// Takes over what another custody waits for.
    pub fn join(&mut self, other: Self) {
        self.tickets.extend(other.tickets);
        self.later.extend(other.later);
    }

    /// Whether everything is on disk by now.
    pub fn is_durable(&self) -> bool {
        self.tickets.iter().all(Ticket::is_durable)
            && self.later.iter().all(|later| matches!(known(later), Some(Ok(()))))
    }

    /// How the writes ended: none while one of them is under way, unless another has failed.
    pub fn outcome(&self) -> Option<Result<(), StoreError>> {
        let mut outcome = Some(Ok(()));
        let later = self.later.iter().map(known);
        for ended in self.tickets.iter().map(Ticket::outcome).chain(later) {
            match ended {
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
        for later in &self.later {
            let mut later = later.clone();
            // An error: it was dropped.
            let known = later.wait_for(Option::is_some).await.ok().and_then(|known| known.clone());
            if let Some(custody) = known {
                Box::pin(custody.durable()).await?;
            }
        }
        Ok(())
    }
}

/// How it ended, where that is known.
fn known(later: &watch::Receiver<Option<Custody>>) -> Option<Result<(), StoreError>> {
    // Before the value is looked at: who keeps a promise drops it right after.
    let dropped = later.has_changed().is_err();
    match &*later.borrow() {
        Some(custody) => custody.outcome(),
        None => dropped.then_some(Ok(())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_known_yet_is_waited_for() {
        let (promise, custody) = Custody::later();
        let mut all = Custody::memory();
        all.join(custody);
        assert!(!all.is_durable() && all.outcome().is_none());
        let waiting = tokio::spawn({
            let all = all.clone();
            async move { all.durable().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let (second, custody) = Custody::later();
        promise.keep(custody);
        assert!(!all.is_durable() && all.outcome().is_none());
        second.keep(Custody::memory());
        assert!(all.is_durable() && matches!(all.outcome(), Some(Ok(()))));
        waiting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn nobody_waits_for_who_is_gone() {
        let (promise, custody) = Custody::later();
        drop(promise);
        assert!(custody.is_durable());
        custody.durable().await.unwrap();
    }
}
