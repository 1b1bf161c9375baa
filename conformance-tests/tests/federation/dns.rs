//! A name server of our own: a table, asked over UDP on loopback.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

/// One answer.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    A([u8; 4]),
    Srv { priority: u16, weight: u16, port: u16, target: String },
}

type Table = HashMap<(String, u16), Vec<Record>>;

/// A running name server.
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    table: Arc<Mutex<Table>>,
}

impl Dns {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("it is bound");
        let table = Table::from([(("localhost".to_owned(), A), vec![Record::A([127, 0, 0, 1])])]);
        let table = Arc::new(Mutex::new(table));
        let served = Arc::clone(&table);
        thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                let answer = answer(&query[..length], &served.lock().expect("no other panicked"));
                if let Some(answer) = answer {
                    // Who asks no more is not answered.
                    socket.send_to(&answer, from).ok();
                }
            }
        });
        Self { address, table }
    }

    pub(crate) fn service(&self, name: &str, port: u16, target: &str) {
        self.add(name, SRV, Record::Srv { priority: 1, weight: 1, port, target: target.to_owned() });
    }

    /// What was there is forgotten.
    pub(crate) fn moved(&self, name: &str, port: u16, target: &str) {
        self.table.lock().expect("no other panicked").remove(&(name.to_owned(), SRV));
        self.service(name, port, target);
    }

    fn add(&self, name: &str, kind: u16, record: Record) {
        let mut table = self.table.lock().expect("no other panicked");
        table.entry((name.to_owned(), kind)).or_default().push(record);
    }
}

/// RFC 1035 §4: the question, and what the table has. A name of the table without such a record: no error, no answer.
fn answer(query: &[u8], table: &Table) -> Option<Vec<u8>> {
    let (name, end) = name(query, 12)?;
    let kind = u16::from_be_bytes([*query.get(end)?, *query.get(end + 1)?]);
    let records = table.get(&(name.clone(), kind)).cloned().unwrap_or_default();
    let known = table.keys().any(|(other, _)| *other == name || other.ends_with(&format!(".{name}")));
    let mut out = query.get(..2)?.to_vec();
    // An authoritative response; NXDOMAIN for what is not known.
    out.extend([0x85, if known { 0x80 } else { 0x83 }]);
    out.extend([0, 1]);
    out.extend(u16::try_from(records.len()).ok()?.to_be_bytes());
    out.extend([0; 4]);
    out.extend(query.get(12..end + 4)?);
    for record in records {
        // The name of the question, class IN, a minute.
        out.extend([0xc0, 12]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 60]);
        let data = match record {
            Record::A(address) => address.to_vec(),
            Record::Srv { priority, weight, port, target } => {
                let mut data: Vec<u8> =
                    [priority, weight, port].into_iter().flat_map(u16::to_be_bytes).collect();
                for label in target.split('.') {
                    data.push(u8::try_from(label.len()).ok()?);
                    data.extend(label.as_bytes());
                }
                data.push(0);
                data
            }
        };
        out.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        out.extend(data);
    }
    Some(out)
}

/// A name without compression, in lower case, and where it ends.
fn name(query: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = query.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
}

const A: u16 = 1;
const SRV: u16 = 33;
