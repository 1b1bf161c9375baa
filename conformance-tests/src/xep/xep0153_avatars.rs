//! XEP-0153: avatars in vCards.

use crate::harness::*;

const IMAGE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// §3.1: the image comes back as it was.
#[test]
fn an_image_comes_back_as_it_was() {
    let (alice, bob) = (user(), user());
    request!(
        alice,
        "<iq type='set'><vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>{IMAGE}</BINVAL></PHOTO></vCard></iq>"
    )
    .must("<iq type='result'/>");
    let card = request!(bob, "<iq type='get' to='{alice:#}'><vCard xmlns='vcard-temp'/></iq>");
    let text = card.need_child("vCard").need_child("PHOTO").need_child("BINVAL").text();
    assert_eq!(text.split_whitespace().collect::<String>(), IMAGE);
}

/// §3.2: the hash in presence reaches the contacts.
#[test]
fn the_hash_in_presence_reaches_contacts() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    let hash = "01b87fcd030b72895ff8e88db57ec525450f000d";
    send!(alice, "<presence><x xmlns='vcard-temp:x:update'><photo>{hash}</photo></x></presence>");
    expect!(
        bob,
        "<presence from='{alice}'><x xmlns='vcard-temp:x:update'><photo>{hash}</photo></x></presence>"
    );
}

/// §4.1: image data may have 8 KiB, so that much fits.
#[test]
fn an_image_of_8_kib_fits() {
    let alice = user();
    let image = base64(&vec![7; 8192]);
    request!(
        alice,
        "<iq type='set'><vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>{image}</BINVAL></PHOTO></vCard></iq>"
    )
    .must("<iq type='result'/>");
}
