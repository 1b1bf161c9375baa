//! Keys: encodings order as keys do and come back as they were.

use std::fmt::Debug;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::key::{decode, encode};
use crate::{KeyCodec, KeyRange};

fn holds<K: KeyCodec + Ord + Debug + Clone>(a: &K, b: &K) {
    let (left, right) = (encode(a), encode(b));
    assert_eq!(left.cmp(&right), a.cmp(b), "{a:?} {b:?}");
    assert_eq!(decode::<K>(&left).as_ref(), Some(a));
}

/// Short strings over few letters, so that prefixes and zero bytes occur all the time.
fn string() -> impl Strategy<Value = String> {
    vec(prop_oneof![Just('\0'), Just('a'), Just('b'), Just('\u{1}'), Just('ÿ'), Just('😀')], 0..5)
        .prop_map(|chars| chars.into_iter().collect())
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(prop_oneof![Just(0_u8), Just(1), Just(0xff), any::<u8>()], 0..5).prop_map(Bytes::from)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn single_keys(a: (u8, u16, u32, u64), b: (u8, u16, u32, u64), i: i64, j: i64, x: u128, y: u128) {
        holds(&a, &b);
        holds(&i, &j);
        holds(&x, &y);
        holds(&(i, a.0), &(j, b.0));
    }

    #[test]
    fn strings_and_bytes(a in string(), b in string(), c in bytes(), d in bytes()) {
        holds(&a, &b);
        holds(&c, &d);
        holds(&(a.clone(), c.clone()), &(b.clone(), d.clone()));
        holds(&(c, a, true), &(d, b, false));
    }

    #[test]
    fn tuples(a in (string(), any::<u64>(), bytes(), any::<i64>()), b in (string(), any::<u64>(), bytes(), any::<i64>())) {
        holds(&a, &b);
        holds(&(a.0.clone(), a.1), &(a.0.clone(), b.1));
        holds(&((), a.2.clone(), [1_u8, 2]), &((), b.2.clone(), [1_u8, 3]));
    }

    /// A prefix of elements covers exactly the keys that begin with them.
    #[test]
    fn element_prefixes(a in string(), b in string(), n: u32) {
        let range = KeyRange::prefix(&encode(&(&a,)));
        let key = Bytes::from(encode(&(&b, n)));
        let inside = std::ops::RangeBounds::contains(&(range.lower, range.upper), &key);
        prop_assert_eq!(inside, a == b);
    }

    /// Reading a damaged key fails or gives something; it never panics.
    #[test]
    fn any_bytes_are_read_without_panic(input in vec(any::<u8>(), 0..20)) {
        let key = decode::<(String, Bytes, u64, bool)>(&input);
        prop_assert!(key.is_none_or(|key| encode(&key) == input));
    }
}

#[test]
fn what_is_left_over_is_no_key() {
    assert_eq!(decode::<u8>(&[1, 2]), None);
    assert_eq!(decode::<u16>(&[1]), None);
    assert_eq!(decode::<String>(b"a\0"), None);
    assert_eq!(decode::<String>(b"a\0\x01"), None);
    assert_eq!(decode::<String>(b"\xff\0\0"), None);
    assert_eq!(decode::<bool>(&[2]), None);
    assert_eq!(decode::<()>(&[]), Some(()));
}
