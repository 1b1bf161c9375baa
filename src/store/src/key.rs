//! Order-preserving encodings of keys: bytes compare as the keys do, tuples element by element.

use bytes::Bytes;

/// Something that can be written as a key, or as the first part of one.
pub trait EncodeKey {
    /// Appends the encoding. For any two values of one type the encodings order as the values do.
    fn encode_key(&self, out: &mut Vec<u8>);
}

/// A type of keys that can be read back.
pub trait KeyCodec: EncodeKey + Sized {
    /// Takes one key off the front of `input`; none if the bytes are not one.
    fn decode_key(input: &mut &[u8]) -> Option<Self>;
}

/// The encoding of one whole key.
pub fn encode(key: &impl EncodeKey) -> Vec<u8> {
    let mut out = Vec::new();
    key.encode_key(&mut out);
    out
}

/// Reads one whole key; none if anything is left over.
pub fn decode<K: KeyCodec>(mut input: &[u8]) -> Option<K> {
    let key = K::decode_key(&mut input)?;
    input.is_empty().then_some(key)
}

macro_rules! unsigned {
    ($($int:ty),*) => {$(
        impl EncodeKey for $int {
            fn encode_key(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
        }

        impl KeyCodec for $int {
            fn decode_key(input: &mut &[u8]) -> Option<Self> {
                let (bytes, rest) = input.split_first_chunk()?;
                *input = rest;
                Some(Self::from_be_bytes(*bytes))
            }
        }
    )*};
}

unsigned!(u8, u16, u32, u64, u128);

impl EncodeKey for i64 {
    fn encode_key(&self, out: &mut Vec<u8>) {
        // The sign bit turned over puts negative numbers before positive ones.
        (self.cast_unsigned() ^ SIGN).encode_key(out);
    }
}

impl KeyCodec for i64 {
    fn decode_key(input: &mut &[u8]) -> Option<Self> {
        Some((u64::decode_key(input)? ^ SIGN).cast_signed())
    }
}

const SIGN: u64 = 1 << 63;

impl EncodeKey for bool {
    fn encode_key(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl KeyCodec for bool {
    fn decode_key(input: &mut &[u8]) -> Option<Self> {
        match u8::decode_key(input)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl EncodeKey for [u8] {
    fn encode_key(&self, out: &mut Vec<u8>) {
        // A zero byte is escaped and the end is two of them, so that a shorter string comes before its extensions
        // whatever follows it in a tuple.
        for part in self.split_inclusive(|byte| *byte == 0) {
            out.extend_from_slice(part);
            if part.ends_with(&[0]) {
                out.push(ESCAPED_ZERO);
            }
        }
        out.extend_from_slice(&[0, END]);
    }
}

const END: u8 = 0;
const ESCAPED_ZERO: u8 = 0xff;

fn decode_bytes(input: &mut &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let zero = input.iter().position(|byte| *byte == 0)?;
        let (part, rest) = input.split_at_checked(zero)?;
        out.extend_from_slice(part);
        let (mark, rest) = rest.get(1..)?.split_first()?;
        *input = rest;
        match *mark {
            END => return Some(out),
            ESCAPED_ZERO => out.push(0),
            _ => return None,
        }
    }
}

impl EncodeKey for Bytes {
    fn encode_key(&self, out: &mut Vec<u8>) {
        self.as_ref().encode_key(out);
    }
}

impl KeyCodec for Bytes {
    fn decode_key(input: &mut &[u8]) -> Option<Self> {
        decode_bytes(input).map(Self::from)
    }
}

impl EncodeKey for str {
    fn encode_key(&self, out: &mut Vec<u8>) {
        self.as_bytes().encode_key(out);
    }
}

impl EncodeKey for String {
    fn encode_key(&self, out: &mut Vec<u8>) {
        self.as_bytes().encode_key(out);
    }
}

impl KeyCodec for String {
    fn decode_key(input: &mut &[u8]) -> Option<Self> {
        Self::from_utf8(decode_bytes(input)?).ok()
    }
}

impl<T: EncodeKey + ?Sized> EncodeKey for &T {
    fn encode_key(&self, out: &mut Vec<u8>) {
        (**self).encode_key(out);
    }
}

impl<const N: usize> EncodeKey for [u8; N] {
    /// A fixed length needs neither escape nor end.
    fn encode_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

impl<const N: usize> KeyCodec for [u8; N] {
    fn decode_key(input: &mut &[u8]) -> Option<Self> {
        let (bytes, rest) = input.split_first_chunk()?;
        *input = rest;
        Some(*bytes)
    }
}

impl EncodeKey for () {
    fn encode_key(&self, _: &mut Vec<u8>) {}
}

impl KeyCodec for () {
    fn decode_key(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

macro_rules! tuple {
    ($($name:ident $index:tt),+) => {
        impl<$($name: EncodeKey),+> EncodeKey for ($($name,)+) {
            fn encode_key(&self, out: &mut Vec<u8>) {
                $(self.$index.encode_key(out);)+
            }
        }

        impl<$($name: KeyCodec),+> KeyCodec for ($($name,)+) {
            fn decode_key(input: &mut &[u8]) -> Option<Self> {
                Some(($($name::decode_key(input)?,)+))
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
