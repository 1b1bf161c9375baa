//! What the operator sees: `waxwing s2s list` and `waxwing s2s test DOMAIN`.

use std::sync::Arc;

use tokio::time::Instant;
use waxwing_core::prelude::*;
use waxwing_core::{CommandCall, CommandError, CommandResult};

use crate::S2s;
use crate::connect::Ways;
use crate::find::FindError;

/// A stream that another server has opened.
#[derive(Debug)]
pub(crate) struct Guest {
    peer: String,
    tls: &'static str,
    /// Which domains were proven, and how.
    pub(crate) proven: Vec<String>,
}

impl Guest {
    pub(crate) fn new(peer: &str, tls: &'static str) -> Self {
        Self { peer: peer.to_owned(), tls, proven: Vec::new() }
    }
}

impl S2s {
    /// # Errors
    /// There is no federation.
    pub(crate) fn is_on(&self) -> Result<(), CommandError> {
        let words = "this server talks to no others: listen.s2s and listen.s2s_tls are empty";
        self.federates.then_some(()).ok_or_else(|| CommandError(words.to_owned()))
    }

    /// One line for each pair of domains that something goes or was to go to, and for each stream that comes in.
    pub(crate) fn list(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.links.lock().values().map(|link| link.describe()).collect();
        lines.sort();
        lines.extend(
            self.guests
                .lock()
                .values()
                .map(|guest| format!("from {}: {}, {}", guest.peer, guest.proven.join(", "), guest.tls)),
        );
        if lines.is_empty() {
            lines.push("no other server is talked to".to_owned());
        }
        lines
    }

    /// Walks through finding, connecting, TLS and proof.
    pub(crate) async fn examine(self: Arc<Self>, call: CommandCall) -> CommandResult {
        self.is_on()?;
        let name = call.argument(0)?;
        let wrong =
            |reason: &dyn std::fmt::Display| CommandError(format!("\"{name}\" is no domain: {reason}"));
        let remote = Domain::parse(name).map_err(|reason| wrong(&reason))?;
        let local = call.host.domain().clone();
        if self.home(&remote).is_some() {
            return Err(CommandError(format!("{remote} is served here")));
        }
        if !self.config.permits(&remote) {
            let words =
                format!("{remote} is blocked, or not among those allowed: see modules.s2s in the config");
            return Err(CommandError(words));
        }
        let targets = match self.finder.find(&remote).await {
            Ok(targets) => targets,
            Err(error) => return Ok(vec![format!("not found: {error}"), advice(&error).to_owned()]),
        };
        let mut lines: Vec<String> = targets.iter().map(|target| format!("found: {target}")).collect();
        let deadline = Instant::now() + self.config.connect_time_max.0;
        let mut ways = Ways::new(&self.finder, targets, deadline);
        let talks = Box::pin(self.walk(&local, &remote, &mut ways, &mut lines)).await;
        lines.push(format!("{local} {} talk to {remote}", if talks { "can" } else { "cannot" }));
        Ok(lines)
    }

    /// Walks as a stream would. True: we may send.
    async fn walk(
        &self,
        local: &Domain,
        remote: &Domain,
        ways: &mut Ways<'_>,
        lines: &mut Vec<String>,
    ) -> bool {
        let mut advice = "Does the server there run, with TLS, its port open to this machine?".to_owned();
        while let Some(way) = ways.next().await {
            let place = format!("{} at {}", way.target, way.address.ip());
            let patience = self.patience(ways);
            let failure = match self.negotiate(local, remote, way, patience).await {
                Ok(opened) => {
                    lines.push(format!("{place}: connected, {}", opened.describe()));
                    advice = format!(
                        "It has to trust the certificate of {local}, or find {local} by DNS and reach this server."
                    );
                    match self.prove(local, remote, opened, patience).await {
                        Ok(outgoing) => {
                            lines.push(format!("{place}: we are proven by {}", outgoing.proof));
                            return true;
                        }
                        Err(failure) => failure,
                    }
                }
                Err(failure) => failure,
            };
            ways.rejected(failure.words);
        }
        lines.extend(ways.take_words());
        lines.push(advice);
        false
    }
}

fn advice(error: &FindError) -> &'static str {
    match error {
        FindError::NoSuchDomain(_) => "Is the domain spelled right? It needs SRV records or an address.",
        FindError::NotOffered(_) => "Its operator does not want to be reached.",
        FindError::Dns(_) | FindError::Timeout(_) => {
            "Do the name servers of this machine, or of [dns], answer?"
        }
    }
}
