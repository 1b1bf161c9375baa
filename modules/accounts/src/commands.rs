//! The administrator's commands.

use std::sync::Arc;

use waxwing_core::prelude::*;

use crate::Accounts;

impl Accounts {
    pub(crate) fn declare_commands(self: &Arc<Self>, reg: &mut Registrar<'_>) {
        let jid: &'static [&'static str] = &["JID"];
        let secret: &'static [&'static str] = &["JID", "PASSWORD"];
        reg.command(Command::new("account.add", "Makes an account").arguments(secret), self, Self::add);
        reg.command(
            Command::new("account.password", "Changes a password; all sessions end").arguments(secret),
            self,
            Self::password,
        );
        reg.command(
            Command::new("account.remove", "Removes an account with all it owns").arguments(jid),
            self,
            Self::remove,
        );
        reg.command(
            Command::new("account.disable", "Ends all sessions and refuses logins").arguments(jid),
            self,
            Self::disable,
        );
        reg.command(Command::new("account.enable", "Allows logins again").arguments(jid), self, Self::enable);
        reg.command(Command::new("account.list", "Lists the accounts of a host"), self, Self::list);
    }

    async fn add(self: Arc<Self>, call: CommandCall) -> CommandResult {
        let (local, jid) = typed(&call)?;
        self.service.create(&local, call.argument(1)?).await?;
        Ok(vec![format!("{jid} was made.")])
    }

    async fn password(self: Arc<Self>, call: CommandCall) -> CommandResult {
        let account = account(&call).await?;
        self.service.set_password(&account, call.argument(1)?, None).await?;
        Ok(vec![format!("The password of {} was changed.", account.jid().as_str())])
    }

    async fn remove(self: Arc<Self>, call: CommandCall) -> CommandResult {
        let account = account(&call).await?;
        drop(self.service.remove(&account).await?);
        Ok(vec![format!("{} was removed.", account.jid().as_str())])
    }

    async fn disable(self: Arc<Self>, call: CommandCall) -> CommandResult {
        let account = account(&call).await?;
        self.service.set_enabled(&account, false).await?;
        Ok(vec![format!("{} was disabled.", account.jid().as_str())])
    }

    async fn enable(self: Arc<Self>, call: CommandCall) -> CommandResult {
        let account = account(&call).await?;
        self.service.set_enabled(&account, true).await?;
        Ok(vec![format!("{} was enabled.", account.jid().as_str())])
    }

    async fn list(self: Arc<Self>, _: CommandCall) -> CommandResult {
        let mut lines = Vec::new();
        let mut after: Option<BareJid> = None;
        loop {
            let page = self.service.list(after.as_ref(), PAGE).await?;
            for jid in &page {
                let stored = self.service.credentials(jid.local().unwrap_or_default()).await?;
                let disabled = stored.is_some_and(|stored| !stored.enabled);
                lines.push(format!("{}{}", jid.as_str(), if disabled { " (disabled)" } else { "" }));
            }
            if page.len() < PAGE {
                return Ok(lines);
            }
            after = page.into_iter().next_back();
        }
    }
}

/// The localpart as typed, and the address as it will be.
fn typed(call: &CommandCall) -> Result<(String, BareJid), CommandError> {
    let text = call.argument(0)?;
    let jid = BareJid::parse(text).map_err(|error| CommandError(format!("\"{text}\": {error}")))?;
    let domain = call.host.domain().as_str();
    match text.split_once('@') {
        Some((local, _)) if jid.domain() == domain => Ok((local.to_owned(), jid)),
        _ => Err(CommandError(format!("\"{text}\" is no account of {domain}: write NAME@{domain}"))),
    }
}

async fn account(call: &CommandCall) -> Result<AccountRef, CommandError> {
    let (_, jid) = typed(call)?;
    let account = call.host.account(jid.local().unwrap_or_default()).await?;
    account.ok_or_else(|| CommandError(format!("there is no account {}", jid.as_str())))
}

const PAGE: usize = 256;
