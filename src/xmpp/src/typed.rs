//! Typed payloads: a child as one of the types of `xmpp_parsers`.

use waxwing_xml::{CONTENT, Child};

use crate::StanzaError;

/// Reads a child into a type that knows it, e.g. `xmpp_parsers::disco::DiscoInfoQuery`.
///
/// For payloads that we consume; never for what is forwarded, since such types drop what they do not know.
///
/// # Errors
/// `bad-request` if the child is not what the type demands.
pub fn typed<T: xso::FromXml>(child: &Child) -> Result<T, StanzaError> {
    let bytes = child.bytes();
    let read = if child.namespace() == CONTENT {
        // A child in the content namespace declares none: the stream does.
        xso::from_bytes(&declared(bytes, child.name()))
    } else {
        xso::from_bytes(bytes)
    };
    read.map_err(|error| StanzaError::bad_request(error.to_string()))
}

/// The element with the content namespace declared on it.
fn declared(bytes: &[u8], name: &str) -> Vec<u8> {
    let (start, rest) = bytes.split_at_checked(1 + name.len()).unwrap_or((bytes, &[]));
    [start, b" xmlns='", CONTENT.as_bytes(), b"'", rest].concat()
}
