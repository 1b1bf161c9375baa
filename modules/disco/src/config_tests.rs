use super::*;

fn contact() -> ContactAddresses {
    ContactAddresses::default()
}

#[test]
fn xep0157_3_the_admins_are_the_default_for_abuse_and_admin() {
    let form = contact().form(&["romeo@capulet.lit".to_owned()]).unwrap().unwrap();
    assert_eq!(form.form_type(), Some("http://jabber.org/network/serverinfo"));
    assert_eq!(form.values("abuse-addresses"), ["xmpp:romeo@capulet.lit"]);
    assert_eq!(form.values("admin-addresses"), ["xmpp:romeo@capulet.lit"]);
    assert!(form.field("support-addresses").is_none());
}

#[test]
fn xep0157_3_what_is_configured_takes_their_place() {
    let abuse = vec!["mailto:abuse@capulet.lit".to_owned(), "https://capulet.lit/abuse".to_owned()];
    let contact = ContactAddresses { abuse: abuse.clone(), ..contact() };
    let form = contact.form(&["romeo@capulet.lit".to_owned()]).unwrap().unwrap();
    assert_eq!(form.values("abuse-addresses"), abuse);
    assert_eq!(form.values("admin-addresses"), ["xmpp:romeo@capulet.lit"]);
}

#[test]
fn xep0157_3_without_addresses_there_is_no_form() {
    assert_eq!(contact().form(&[]).unwrap(), None);
}

#[test]
fn xep0157_3_what_is_no_uri_stops_the_start() {
    for wrong in ["abuse@capulet.lit", "mailto:", "1x:y", "mailto:a b", "xmpp:a\"b", ""] {
        let contact = ContactAddresses { status: vec![wrong.to_owned()], ..contact() };
        let error = contact.form(&[]).unwrap_err().to_string();
        assert!(error.contains("is no URI"), "{wrong}: {error}");
    }
    assert!(contact().form(&["no address@@".to_owned()]).is_err());
}

#[test]
fn rfc5122_2_7_1_special_characters_are_encoded() {
    assert_eq!(xmpp_uri("o#brien%x@capulet.lit").unwrap(), "xmpp:o%23brien%25x@capulet.lit");
    assert_eq!(xmpp_uri("capulet.lit").unwrap(), "xmpp:capulet.lit");
}
