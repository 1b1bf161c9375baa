//! What the administrator may know of an account's push services; never node or options, which are secrets.

use std::sync::Arc;

use waxwing_core::prelude::*;

use crate::Push;
use crate::work::is_away;

impl Push {
    pub(crate) fn declare_command(self: &Arc<Self>, reg: &mut Registrar<'_>) {
        let command = Command::new("account.push", "Shows the push services of an account");
        reg.command(command.arguments(&["JID"]), self, Self::show);
    }

    async fn show(self: Arc<Self>, call: CommandCall) -> CommandResult {
        let jid = call.argument(0)?;
        let jid = BareJid::parse(jid).map_err(|error| CommandError(format!("\"{jid}\": {error}")))?;
        let account = call.host.account(jid.local().unwrap_or_default()).await?;
        let account = account.ok_or_else(|| CommandError(format!("there is no account {}", jid.as_str())))?;
        let targets = self.load(&account).await?.lock();
        let line = |entry: &crate::target::Entry| {
            let client = entry.target.row.client.as_str();
            let there = if is_away(&account, client) { "away" } else { "connected" };
            let (count, failures) = (entry.count, entry.failures);
            format!(
                "{} for {client}, {there}: {count} unseen, {failures} failures in a row",
                entry.target.jid
            )
        };
        Ok(targets.iter().map(line).collect())
    }
}
