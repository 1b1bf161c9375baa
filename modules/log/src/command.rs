//! What the administrator may know of a log: numbers, never what was said.

use std::sync::Arc;

use waxwing_core::prelude::*;

use crate::{Log, Query};

impl Log {
    pub(crate) fn declare_command(self: &Arc<Self>, reg: &mut Registrar<'_>) {
        let command = Command::new("account.log", "Shows how long an account's log is and what is owed");
        reg.command(command.arguments(&["JID"]), self, Self::show);
    }

    async fn show(self: Arc<Self>, call: CommandCall) -> CommandResult {
        let jid = call.argument(0)?;
        let jid = BareJid::parse(jid).map_err(|error| CommandError(format!("\"{jid}\": {error}")))?;
        let account = call.host.account(jid.local().unwrap_or_default()).await?;
        let account = account.ok_or_else(|| CommandError(format!("there is no account {}", jid.as_str())))?;
        let (rows, bytes, owed) = {
            let state = self.load(&account).await?.lock();
            (state.rows, state.bytes, state.owed_count())
        };
        let mut lines = vec![format!("{rows} messages in the archive, {bytes} bytes in all, {owed} owed")];
        for (what, backwards) in [("oldest", false), ("newest", true)] {
            let page = self.page(&account, &Query { backwards, max: 1, ..Query::default() }).await?;
            let stamp = page.entries.first().map(|entry| self.stamp(entry.position).to_rfc3339());
            lines.push(format!("{what}: {}", stamp.as_deref().unwrap_or("none")));
        }
        for session in account.sessions() {
            let held = self.load(&account).await?.lock().held_by(session.id());
            lines.push(format!(
                "{}: {}, {held} owed and handed over, {} not acknowledged",
                session.jid(),
                if session.is_asleep() { "asleep" } else { "connected" },
                session.unacked_count(),
            ));
        }
        Ok(lines)
    }
}
