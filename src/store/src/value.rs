//! The one codec of values: a version byte, a key id, then the value in postcard.

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeOwned, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::RowError;

/// Bytes that are a value as they are, for example those of a stanza.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Raw(pub Bytes);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Raw, E> {
        Ok(Raw(Bytes::copy_from_slice(bytes)))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Raw, E> {
        Ok(Raw(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(Raw(bytes.into()))
    }
}

/// Writes a row of version `version`.
pub(crate) fn encode<V: Serialize>(version: u8, value: &V) -> Result<Bytes, RowError> {
    let row = postcard::to_extend(value, vec![version, PLAIN]).map_err(RowError::Value)?;
    Ok(row.into())
}

/// Splits a row into its version and its plain bytes.
pub(crate) fn open(row: &[u8]) -> Result<(u8, &[u8]), RowError> {
    match row {
        [version, PLAIN, value @ ..] => Ok((*version, value)),
        [_, key_id, ..] => Err(RowError::KeyId(*key_id)),
        _ => Err(RowError::Short),
    }
}

/// Reads the plain bytes of a row as a value; all of them.
pub(crate) fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, RowError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(RowError::Value(postcard::Error::SerdeDeCustom)),
        Err(error) => Err(RowError::Value(error)),
    }
}

/// Not encrypted.
const PLAIN: u8 = 0;
