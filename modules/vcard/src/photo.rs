//! The photo of a vCard and its hash.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use waxwing_xml::{Text, Tree};

use crate::NS;

/// XEP-0153 §3.1: the SHA-1 of the image data itself, in lower-case hexadecimal digits. None if there is no image,
/// or none that can be read.
pub(crate) fn hash(card: &Tree) -> Option<Text> {
    hashes(card).into_iter().next()
}

/// The hashes of all photos of a vCard, in their order (XEP-0486 §5.1: a room may have its avatar in several formats).
pub fn hashes(card: &Tree) -> Vec<Text> {
    let images = card.children_named(NS, "PHOTO").filter_map(image);
    let hash = |image: Vec<u8>| {
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &image);
        Text::from(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    images.map(hash).collect()
}

/// XEP-0153 §4.5, §4.6 rule 5: base64 in `<BINVAL/>`; white space is ignored.
fn image(photo: &Tree) -> Option<Vec<u8>> {
    let text: Vec<u8> =
        photo.child_text(NS, "BINVAL")?.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let image = BASE64.decode(text).ok()?;
    (!image.is_empty()).then_some(image)
}

/// Clients differ in whether they pad.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
