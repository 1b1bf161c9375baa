//! Rows of every table, and stanzas as the store keeps them: read, or refused as damaged. The first byte chooses the table,
//! the second says how long the key is.

use std::sync::LazyLock;

use waxwing_store::{ReadRow, Store};
use waxwing_xmpp::Stanza;

use crate::damaged;

pub(crate) fn run(data: &[u8]) {
    if let Some(stanza) = Stanza::from_store_bytes(data) {
        let again = Stanza::from_store_bytes(&stanza.to_store_bytes());
        assert_eq!(again.map(|stanza| stanza.to_xml()), Some(stanza.to_xml()));
    }
    let [table, length, rest @ ..] = data else { return };
    let (_, read) = TABLES[usize::from(*table) % TABLES.len()];
    let (key, row) = rest.split_at(usize::from(*length).min(rest.len()));
    let _ = read(key, row);
    // With the head of the codec, so that the value is read.
    let _ = read(key, &[&[1, 0], row].concat());
}

static TABLES: LazyLock<Vec<(&str, ReadRow)>> = LazyLock::new(|| {
    let store = Store::memory();
    damaged::start_everything(&store);
    let tables = store.tables();
    assert!(tables.len() >= 30, "{tables:?}");
    tables
});
