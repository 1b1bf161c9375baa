//! What the administrator may know of a log (numbers, never what was said) and decide.

use std::sync::Arc;

use waxwing_core::config::Lifetime;
use waxwing_core::prelude::*;

use crate::{Log, Query};

impl Log {
    pub(crate) fn declare_commands(self: &Arc<Self>, reg: &mut Registrar<'_>) {
        let command = Command::new("account.log", "Shows how long an account's log is and what is owed");
        reg.command(command.arguments(&["JID"]), self, Self::show);
        let command = Command::new("account.retention", "Sets how much of an account's log stays");
        let arguments = &["JID", "KEEP_FOR", "MESSAGES_MAX", "BYTES_MAX"];
        reg.command(command.arguments(arguments), self, Self::set_retention);
    }

    /// For each limit: a new one, `default` for the config's, `-` to leave it.
    async fn set_retention(self: Arc<Self>, call: CommandCall) -> CommandResult {
        let account = named(&call).await?;
        let (keep_for, messages, bytes) = (call.argument(1)?, call.argument(2)?, call.argument(3)?);
        let limits = self.set_limits(&account, keep_for, messages, bytes).await?;
        let count = |max: Option<u64>| max.map_or("no limit".to_owned(), |max| max.to_string());
        Ok(vec![
            format!("kept for: {}", Lifetime(limits.keep_for)),
            format!("messages: {}", count(limits.messages_max)),
            format!("bytes: {}", count(limits.bytes_max)),
        ])
    }

    async fn show(self: Arc<Self>, call: CommandCall) -> CommandResult {
        let account = named(&call).await?;
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

/// The account that a command names first.
async fn named(call: &CommandCall) -> Result<AccountRef, CommandError> {
    let jid = call.argument(0)?;
    let jid = BareJid::parse(jid).map_err(|error| CommandError(format!("\"{jid}\": {error}")))?;
    let account = call.host.account(jid.local().unwrap_or_default()).await?;
    account.ok_or_else(|| CommandError(format!("there is no account {}", jid.as_str())))
}
