//! Many clients of one server, in rooms.

use std::ops::Range;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::Fallible;
use crate::client::{Client, Target};
use crate::plan::all;
use crate::rooms::ear::{Ear, Heard};

/// The clients: each is logged in and has sent presence.
pub(crate) struct Crowd {
    pub(crate) pid: u32,
    pub(crate) heard: Arc<Heard>,
    members: Vec<WriteHalf<TlsStream<TcpStream>>>,
}

/// A room; the first of the crowd are in it.
pub(crate) struct Room {
    pub(crate) jid: String,
    pub(crate) occupants: usize,
}

/// Whose presence the occupants of a room see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Everybody,
    /// That of the room's creator (`muc#roomconfig_presencebroadcast`): so that a large room fills in time.
    Moderators,
}

impl Room {
    pub(crate) fn new(name: &str) -> Self {
        Self { jid: format!("{name}@{SERVICE}"), occupants: 0 }
    }
}

impl Crowd {
    /// Makes the accounts and logs all in: members beyond the accounts are further resources of theirs.
    pub(crate) async fn gather(target: &Arc<Target>, pid: u32, members: usize) -> Fallible<Self> {
        let accounts = members.min(ACCOUNTS);
        all((0..accounts).map(|number| {
            let target = Arc::clone(target);
            async move { target.register(&format!("crowd{number}")).await }
        }))
        .await?;
        let clients = all((0..members).map(|number| {
            let target = Arc::clone(target);
            async move {
                let resource = format!("r{}", number / accounts);
                let mut client = target.login(&format!("crowd{}", number % accounts), &resource).await?;
                client.available().await?;
                Ok(client)
            }
        }));
        Ok(Self::of(clients.await?, pid))
    }

    pub(crate) fn of(clients: Vec<Client>, pid: u32) -> Self {
        let heard = Arc::new(Heard::default());
        let mut members = Vec::new();
        for client in clients {
            let (from, to) = tokio::io::split(client.into_inner());
            tokio::spawn(listen(from, Arc::clone(&heard)));
            members.push(to);
        }
        Self { pid, heard, members }
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// One of the members says something.
    pub(crate) async fn say(&mut self, member: usize, xml: &str) -> Fallible {
        let voice = self.members.get_mut(member).ok_or("the crowd has no such member")?;
        voice.write_all(xml.as_bytes()).await?;
        Ok(voice.flush().await?)
    }

    /// The first member makes the room and is alone in it.
    pub(crate) async fn create(&mut self, room: &Room, seen: Seen) -> Fallible {
        let heard = Arc::clone(&self.heard);
        let own = heard.own.now();
        self.say(0, &entry(&room.jid, 0)).await?;
        heard.wait(&heard.own, own + 1).await?;
        let results = heard.results.now();
        let broadcast = match seen {
            Seen::Everybody => String::new(),
            Seen::Moderators => field("presencebroadcast", "moderator"),
        };
        self.say(0, &configuration(&room.jid, &broadcast)).await?;
        heard.wait(&heard.results, results + 1).await
    }

    /// More of the crowd enter a room, until so many are in it; a few at the same time.
    pub(crate) async fn enter(&mut self, room: &mut Room, occupants: usize) -> Fallible {
        let wanted = room.occupants.max(1)..occupants;
        room.occupants = occupants;
        self.enter_all(&room.jid, wanted).await
    }

    async fn enter_all(&mut self, room: &str, members: Range<usize>) -> Fallible {
        let heard = Arc::clone(&self.heard);
        let mut own = heard.own.now();
        for (count, member) in members.enumerate() {
            self.say(member, &entry(room, member)).await?;
            own += 1;
            if count >= AT_ONCE {
                heard.wait(&heard.own, own - AT_ONCE_COUNT).await?;
            }
        }
        heard.wait(&heard.own, own).await
    }
}

async fn listen(mut from: ReadHalf<TlsStream<TcpStream>>, heard: Arc<Heard>) {
    let mut ear = Ear::new();
    while let Ok(length @ 1..) = from.read(ear.room()).await {
        ear.hear(length, &heard);
    }
    heard.trouble("the server closed a connection".to_owned());
}

/// Presence that enters a room.
pub(crate) fn entry(room: &str, number: usize) -> String {
    format!("<presence to='{room}/nick{number}'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
}

/// Presence that leaves it.
pub(crate) fn exit(room: &str, number: usize) -> String {
    format!("<presence to='{room}/nick{number}' type='unavailable'/>")
}

/// The creator's answer to the form (§10.1.3), with these fields of it; the others stay as they are.
pub(crate) fn configuration(room: &str, fields: &str) -> String {
    format!(
        "<iq type='set' to='{room}' id='own'><query xmlns='http://jabber.org/protocol/muc#owner'>\
         <x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>\
         <value>http://jabber.org/protocol/muc#roomconfig</value></field>{fields}</x></query></iq>"
    )
}

pub(crate) fn field(name: &str, value: &str) -> String {
    format!("<field var='muc#roomconfig_{name}'><value>{value}</value></field>")
}

/// Where the rooms are.
pub(crate) const SERVICE: &str = "conference.localhost";
/// Accounts of the crowd.
const ACCOUNTS: usize = 1000;
/// So many enter at the same time.
const AT_ONCE: usize = 8;
const AT_ONCE_COUNT: u64 = 8;
