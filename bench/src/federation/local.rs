//! The users of the server under test.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::Fallible;
use crate::client::Target;
use crate::federation::authority::Authority;
use crate::federation::line::{Line, Voice};
use crate::federation::network::{HERE, Network};
use crate::federation::subject::Ports;
use crate::federation::xml::name;

/// How many there are.
pub(crate) const USERS: usize = 8;

/// One who is online.
pub(crate) struct Local {
    pub(crate) jid: String,
    pub(crate) voice: Voice,
}

/// Makes the accounts and logs all in; what comes to them is told to the network.
pub(crate) async fn all(network: &Arc<Network>, ports: Ports, authority: &Authority) -> Fallible<Vec<Local>> {
    let target = Target::new(HERE, ports.c2s, authority.client()?)?;
    let mut locals = Vec::new();
    for number in 0..USERS {
        let user = format!("user{number}");
        register(&target, &user).await?;
        let mut client = target.login(&user, "bench").await?;
        client.available().await?;
        let heard = Arc::clone(network);
        let voice = Line::new(client.into_inner()).split(move |element| {
            if name(element) == "message" {
                heard.incoming.hear(element);
            }
        });
        locals.push(Local { jid: format!("{user}@{HERE}"), voice });
    }
    Ok(locals)
}

/// A port may be open before its host is up.
async fn register(target: &Target, user: &str) -> Fallible {
    for _ in 0..50 {
        if target.register(user).await.is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    target.register(user).await
}

/// A message as people write them.
pub(crate) fn message(from: &str, to: &str, id: &str) -> String {
    let from = if from.is_empty() { String::new() } else { format!(" from='{from}'") };
    format!(
        "<message{from} to='{to}' type='chat' id='{id}'><body>The quick brown fox jumps over the lazy dog, and then \
         it has a rest.</body></message>"
    )
}
