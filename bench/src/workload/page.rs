//! The newest page of an archive (XEP-0313): fifty results.

use std::time::Instant;

use crate::Fallible;
use crate::archive::{CONTACTS, PAGE, contact, page, write};
use crate::meter::Meter;
use crate::workload::Stage;

/// At least so many pages, however long they take.
const PAGES_MIN: usize = 5;

pub(super) async fn run(stage: &Stage) -> Fallible {
    if stage.round == 0 {
        for user in (0..CONTACTS).map(contact).chain(["author".to_owned()]) {
            stage.target.register(&user).await?;
        }
    }
    let mut client = stage.target.login("author", "bench").await?;
    if stage.round == 0 {
        write(&mut client, stage.sizes.archived).await?;
    }
    let query = page(&[], "<before/>");
    // Not counted: what a server reads only once.
    client.ask(&query).await?;
    let (meter, started, mut waits) = (Meter::start(stage.pid)?, Instant::now(), Vec::new());
    while started.elapsed() < stage.sizes.time || waits.len() < PAGES_MIN {
        let before = Instant::now();
        let answer = client.ask(&query).await?;
        waits.push(before.elapsed());
        let results = answer.matches("</result>").count();
        if results != PAGE {
            return Err(format!("{results} results in a page: {answer}").into());
        }
    }
    meter.stop("page", waits.len() * PAGE, waits).await
}
