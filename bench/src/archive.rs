//! The archive: filling it, paging in it, and chat while the oldest half of it goes.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Fallible;
use crate::client::{Client, Target};
use crate::meter::thousandths;
use crate::plan::{AT_ONCE, all, figure, settle};
use crate::process::{cpu_us, memory_kib};
use crate::workload::chat::{To, talk};

/// Everyone writes to them in turn.
pub(crate) const CONTACTS: usize = 50;
/// So many messages of one author are under way.
const IN_FLIGHT: u64 = 50;
/// Pages of each kind that are measured.
const PAGES: usize = 2000;
/// Messages in a page.
pub(crate) const PAGE: usize = 50;

/// Sizes of the archive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Archive {
    pub(crate) accounts: usize,
    /// In all accounts together. The contacts have as many once more.
    pub(crate) messages: usize,
}

impl Archive {
    /// All accounts write their messages, in two halves; `half STAMP` says when the second began.
    pub(crate) async fn fill(self, target: &Arc<Target>, pid: u32) -> Fallible {
        all((0..CONTACTS).map(|number| register(Arc::clone(target), contact(number)))).await?;
        all((0..self.accounts).map(|number| register(Arc::clone(target), author(number)))).await?;
        let mut contacts =
            all((0..CONTACTS).map(|number| login(Arc::clone(target), contact(number)))).await?;
        for client in &mut contacts {
            client.available().await?;
        }
        let mut readers = JoinSet::new();
        for client in contacts {
            readers.spawn(client.idle());
        }
        let (before, started) = (cpu_us(pid)?, Instant::now());
        let mut logins = Duration::ZERO;
        for half in 0..2 {
            if half == 1 {
                tokio::time::sleep(Duration::from_secs(2)).await;
                let stamp = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output()?;
                print!("half {}", String::from_utf8(stamp.stdout)?);
                logins += Duration::from_secs(2);
            }
            self.write_half(target).await?;
        }
        settle(pid).await?;
        let messages = u64::try_from(self.messages)?;
        figure("fill_seconds", (started.elapsed() - logins).as_secs());
        println!("fill_cpu_us {}", thousandths((cpu_us(pid)? - before) * 1000 / messages));
        figure("fill_memory_kib", memory_kib(pid)?);
        readers.shutdown().await;
        Ok(())
    }

    async fn write_half(self, target: &Arc<Target>) -> Fallible {
        let each = self.messages / self.accounts / 2;
        let jobs = (0..self.accounts).map(|number| {
            let target = Arc::clone(target);
            async move {
                let mut client = target.login(&author(number), "writer").await?;
                write(&mut client, each).await?;
                client.close().await
            }
        });
        all(jobs).await.map(drop)
    }

    /// Pages of four kinds: CPU of the server for one, and how long it takes to come.
    pub(crate) async fn read(self, target: &Arc<Target>, pid: u32, half: &str) -> Fallible {
        let step = (self.accounts / AT_ONCE).max(1);
        let authors = (0..self.accounts).step_by(step).take(AT_ONCE);
        let mut clients = all(authors.map(|number| login(Arc::clone(target), author(number)))).await?;
        let middle = page(&[("start", half)], "");
        let mut ids = Vec::new();
        for client in &mut clients {
            let answer = client.ask(&middle).await?;
            let id = answer.split("<first").nth(1).and_then(|rest| rest.split(['>', '<']).nth(1));
            ids.push(id.ok_or_else(|| format!("no page in the middle: {answer}"))?.to_owned());
        }
        let newest = page(&[], "<before/>");
        let mate = page(&[("with", &format!("{}@localhost", contact(1)))], "<before/>");
        let asked = |kind: &str, id: &str| match kind {
            "newest" => newest.clone(),
            "time" => middle.clone(),
            "contact" => mate.clone(),
            _ => page(&[], &format!("<after>{id}</after>")),
        };
        for kind in ["newest", "time", "contact", "id"] {
            let (before, mut waits) = (cpu_us(pid)?, Vec::new());
            for _ in 0..PAGES / clients.len() {
                for (client, id) in clients.iter_mut().zip(&ids) {
                    let query = asked(kind, id);
                    let started = Instant::now();
                    let answer = client.ask(&query).await?;
                    waits.push(started.elapsed());
                    if !answer.contains("<result ") {
                        return Err(format!("an empty page by {kind}: {answer}").into());
                    }
                }
            }
            let count = u64::try_from(waits.len())?;
            figure(&format!("page_{kind}_cpu_us"), (cpu_us(pid)? - before) / count);
            waits.sort_unstable();
            for (name, part) in [("median", 50), ("p99", 99)] {
                let wait = waits.get(waits.len() * part / 100).copied().unwrap_or_default();
                figure(&format!("page_{kind}_{name}_us"), u64::try_from(wait.as_micros())?);
            }
        }
        Ok(())
    }

    /// Fifty pairs chat; `name` tells what goes on meanwhile. The messages of the first author are counted before and
    /// after.
    pub(crate) async fn chat(self, target: &Arc<Target>, pid: u32, name: &str, time: Duration) -> Fallible {
        let mut owner = target.login(&author(0), "counter").await?;
        let mut clients = Vec::new();
        for number in 0..CONTACTS * 2 {
            let user = format!("chat{number}");
            target.register(&user).await?;
            let mut client = target.login(&user, "chat").await?;
            client.available().await?;
            clients.push(client);
        }
        let mut pairs = Vec::new();
        while let (Some(from), Some(to)) = (clients.pop(), clients.pop()) {
            pairs.push((from, to));
        }
        pairs = talk(pairs, To::FullJid, 1, Duration::from_millis(500)).await?.0;
        figure(&format!("{name}_count_before"), count(&mut owner).await?);
        let (before, started) = (cpu_us(pid)?, Instant::now());
        let sum = u64::try_from(talk(pairs, To::FullJid, 1, time).await?.1.len())?;
        let milliseconds = u64::try_from(started.elapsed().as_millis())?;
        let each = thousandths((cpu_us(pid)? - before) * 1000 / sum.max(1));
        println!("{name}_chat_cpu_us {each}");
        figure(&format!("{name}_messages_per_second"), sum * 1000 / milliseconds.max(1));
        figure(&format!("{name}_count_after"), count(&mut owner).await?);
        Ok(())
    }
}

/// Writes to one contact after the other; a ping that is answered says that all before it is taken.
pub(crate) async fn write(client: &mut Client, messages: usize) -> Fallible {
    let mut waiting = 0;
    for number in 0..messages {
        let to = contact(number % CONTACTS);
        client
            .send(&format!(
                "<message to='{to}@localhost' type='chat' id='c0ffee42'><body>The quick brown fox jumps over \
                 the lazy dog, and then it has a rest.</body></message>"
            ))
            .await?;
        waiting += 1;
        if waiting == IN_FLIGHT || number + 1 == messages {
            client.ask("<ping xmlns='urn:xmpp:ping'/>").await?;
            waiting = 0;
        }
    }
    Ok(())
}

/// A query for one page.
pub(crate) fn page(fields: &[(&str, &str)], place: &str) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        form += &format!("<field var='{name}'><value>{value}</value></field>");
    }
    format!(
        "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' \
         type='hidden'><value>urn:xmpp:mam:2</value></field>{form}</x>\
         <set xmlns='http://jabber.org/protocol/rsm'><max>{PAGE}</max>{place}</set></query>"
    )
}

/// Messages in the client's own archive.
async fn count(client: &mut Client) -> Fallible<u64> {
    let answer = client
        .ask(
            "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>0</max></set></query>",
        )
        .await?;
    let count = answer.split("<count>").nth(1).and_then(|rest| rest.split('<').next());
    Ok(count.ok_or_else(|| format!("no count: {answer}"))?.parse()?)
}

async fn register(target: Arc<Target>, user: String) -> Fallible {
    target.register(&user).await
}

async fn login(target: Arc<Target>, user: String) -> Fallible<Client> {
    target.login(&user, "bench").await
}

fn author(number: usize) -> String {
    format!("author{number}")
}

pub(crate) fn contact(number: usize) -> String {
    format!("contact{number}")
}
