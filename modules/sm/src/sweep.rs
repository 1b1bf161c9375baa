//! Sessions that nobody comes back to.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::info;

use crate::{Sm, Stream};

impl Sm {
    /// Ends sessions that have slept too long, or were asked to close while they slept.
    pub(crate) async fn sweep(self: Arc<Self>) {
        let now = Instant::now();
        let over = |stream: &&Arc<Stream>| {
            let expires = *stream.expires.lock();
            let closing = stream.session.close_reason().is_some();
            expires.is_some_and(|at| at <= now || closing)
        };
        let streams: Vec<Arc<Stream>> = self.by_id.lock().values().filter(over).cloned().collect();
        for stream in streams {
            let Ok(_one) = stream.resuming.try_lock() else { continue };
            if stream.session.is_asleep() {
                self.metrics.expired.inc();
                info!(session = stream.session.id().0, jid = %stream.session.jid(), "Session ended: nobody came back.");
                self.give_up(&stream).await;
            }
        }
    }
}
