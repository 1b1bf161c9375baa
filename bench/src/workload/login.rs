//! Login: TCP, a full TLS handshake, SCRAM, a bound resource, and the end of the stream.

use std::sync::Arc;
use std::time::Instant;

use crate::Fallible;
use crate::client::Begin;
use crate::meter::Meter;
use crate::plan::all;
use crate::scram::Hash;
use crate::workload::Stage;

const WAYS: [(&str, Begin, Hash); 4] = [
    ("login_sha1", Begin::StartTls, Hash::Sha1),
    ("login_sha256", Begin::StartTls, Hash::Sha256),
    ("login_direct_sha1", Begin::Direct, Hash::Sha1),
    ("login_direct_sha256", Begin::Direct, Hash::Sha256),
];

/// Every way that the server offers. Prosody and ejabberd store the keys of one mechanism only.
pub(super) async fn run(stage: &Stage) -> Fallible {
    let accounts = stage.sizes.logins / 4;
    if stage.round == 0 {
        stage.accounts("login", 0..accounts).await?;
    }
    let features = stage.target.features().await?;
    for (name, begin, hash) in WAYS {
        if !features.contains(&format!("<mechanism>{}</mechanism>", hash.mechanism())) {
            continue;
        }
        let meter = Meter::start(stage.pid)?;
        let jobs = (0..stage.sizes.logins).map(|number| {
            let (target, user) = (Arc::clone(&stage.target), format!("login{}", number % accounts));
            async move {
                let started = Instant::now();
                let client = target.login_by(begin, hash, &user, &format!("r{number}")).await?;
                let wait = started.elapsed();
                client.close().await?;
                Ok(wait)
            }
        });
        let waits = all(jobs).await?;
        meter.stop(name, waits.len(), waits).await?;
    }
    Ok(())
}
