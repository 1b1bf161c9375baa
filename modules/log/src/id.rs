//! The id of a row on the wire: its position through a keyed permutation.
//!
//! XEP-0313 §3 and XEP-0359 §5 want ids that nobody can guess. One block of AES over position and account is that, and
//! needs no index: what decodes to the account's own number was given out by us, everything else was not.

use aws_lc_rs::cipher::{AES_128, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use waxwing_core::StartError;
use waxwing_store::AccountNumber;

/// Turns positions into ids and back.
#[derive(Debug)]
pub struct Ids {
    encrypt: EncryptingKey,
    decrypt: DecryptingKey,
}

impl Ids {
    pub(crate) fn new(secret: &[u8; 32]) -> Result<Self, StartError> {
        let (key, _) = secret.split_at(16);
        let unbound = || UnboundCipherKey::new(&AES_128, key);
        // One block, never the same plaintext for two meanings: what a permutation is for.
        let keys = unbound()
            .and_then(EncryptingKey::ecb)
            .and_then(|encrypt| Ok(Self { encrypt, decrypt: unbound().and_then(DecryptingKey::ecb)? }));
        keys.map_err(|_| StartError::new("the keys of archive ids could not be made"))
    }

    /// The id of a row.
    pub fn id(&self, account: AccountNumber, position: u64) -> String {
        let mut block = (u128::from(position) << 64 | u128::from(account.0)).to_be_bytes();
        if self.encrypt.encrypt(&mut block).is_err() {
            // One whole block always fits.
            debug_assert!(false, "a block was not encrypted");
        }
        URL_SAFE_NO_PAD.encode(block)
    }

    /// The position that an id stands for; none if it is no id of this account.
    pub fn position(&self, account: AccountNumber, id: &str) -> Option<u64> {
        let mut block = [0; 16];
        (URL_SAFE_NO_PAD.decode_slice(id, &mut block).ok()? == block.len()).then_some(())?;
        let plain = self.decrypt.decrypt(&mut block, DecryptionContext::None).ok()?;
        let value = u128::from_be_bytes(plain.try_into().ok()?);
        let (position, number) = (value >> 64, value & u128::from(u64::MAX));
        (number == u128::from(account.0)).then(|| u64::try_from(position).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xep0313_3_ids_say_nothing_and_come_back() {
        let ids = Ids::new(&[7; 32]).unwrap();
        let (anna, bert) = (AccountNumber(1), AccountNumber(2));
        let (one, two) = (ids.id(anna, 1_700_000_000_000_000), ids.id(anna, 1_700_000_000_000_001));
        assert_eq!(one.len(), 22);
        let same = one.bytes().zip(two.bytes()).filter(|(a, b)| a == b).count();
        assert!(same < 10, "{one} {two}");
        assert_eq!(ids.position(anna, &one), Some(1_700_000_000_000_000));
        assert_eq!(ids.position(bert, &one), None, "another account's");
        let other = Ids::new(&[8; 32]).unwrap();
        assert_eq!(other.position(anna, &one), None, "another host's");
    }

    #[test]
    fn xep0313_4_1_3_what_we_did_not_give_out_is_no_id() {
        let ids = Ids::new(&[7; 32]).unwrap();
        for wrong in [
            "",
            "x",
            "AAAAAAAAAAAAAAAAAAAAAA",
            "28482-98726-73623",
            "????????????????????!!",
            &"A".repeat(5000),
        ] {
            assert_eq!(ids.position(AccountNumber(1), wrong), None, "{wrong}");
        }
    }
}
