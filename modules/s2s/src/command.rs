//! What the operator sees: `waxwing s2s list` and `waxwing s2s test DOMAIN`.

use std::sync::Arc;

use tokio::time::timeout;
use waxwing_core::prelude::*;
use waxwing_core::{CommandCall, CommandError, CommandResult};

use crate::S2s;
use crate::find::{FindError, Target};

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
        for target in &targets {
            let patience = self.config.connect_time_max.0;
            let walked = timeout(patience, Box::pin(self.walk(&local, &remote, target, &mut lines))).await;
            if walked == Ok(true) {
                lines.push(format!("{local} can talk to {remote}"));
                return Ok(lines);
            }
            if walked.is_err() {
                lines.push(format!("{target}: took longer than {} s", patience.as_secs()));
            }
        }
        lines.push(format!("{local} cannot talk to {remote}"));
        Ok(lines)
    }

    /// One target. True: we may send.
    async fn walk(&self, local: &Domain, remote: &Domain, target: &Target, lines: &mut Vec<String>) -> bool {
        let opened = match self.negotiate(local, remote, target).await {
            Ok(opened) => opened,
            Err(failure) => {
                lines.push(format!("{target}: {failure}"));
                lines.push("Does the server there run, with TLS, its port open to this machine?".to_owned());
                return false;
            }
        };
        let tls = opened.wire.connection.tls_version().unwrap_or("no TLS");
        let worth = opened.certificate.as_ref().map_or_else(String::as_str, |()| "a valid certificate");
        lines.push(format!("{target}: connected, {tls}, {worth}"));
        match self.prove(local, remote, opened).await {
            Ok(outgoing) => {
                lines.push(format!("{target}: we are proven by {}", outgoing.proof));
                true
            }
            Err(failure) => {
                lines.push(format!("{target}: {failure}"));
                lines.push(format!(
                    "It has to trust the certificate of {local}, or find {local} by DNS and reach this server."
                ));
                false
            }
        }
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
