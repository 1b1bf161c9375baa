//! Each usage, selector and matching type, with what must not pass.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::*;

type Certificate = CertificateDer<'static>;

struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str, constraints: BasicConstraints) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(constraints);
    params
}

fn root(name: &str, constraints: BasicConstraints) -> Authority {
    let (params, key) = (params(name, constraints), KeyPair::generate().unwrap());
    Authority {
        certificate: params.self_signed(&key).unwrap().der().clone(),
        issuer: Issuer::new(params, key),
    }
}

impl Authority {
    fn new(name: &str) -> Self {
        root(name, BasicConstraints::Unconstrained)
    }

    /// An authority below this one.
    fn below(&self, name: &str) -> Self {
        let (params, key) = (params(name, BasicConstraints::Unconstrained), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der().clone()
    }

    fn trusted(&self) -> Authorities {
        let file = tempfile::NamedTempFile::new().unwrap();
        let pem = rcgen_pem(&self.certificate);
        std::fs::write(file.path(), pem).unwrap();
        Authorities::load(Some(file.path())).unwrap()
    }
}

fn rcgen_pem(der: &Certificate) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// A certificate that nobody has signed, and that was over long ago.
fn stale() -> Certificate {
    let mut params = CertificateParams::new(vec!["somebody.else".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}

fn record(usage: u8, selector: u8, matching: u8, certificate: &Certificate) -> Vec<u8> {
    let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
    let bytes = if selector == 0 { certificate.as_ref() } else { parsed.public_key().raw };
    let data = match matching {
        0 => bytes.to_vec(),
        1 => digest::digest(&digest::SHA256, bytes).as_ref().to_vec(),
        _ => digest::digest(&digest::SHA512, bytes).as_ref().to_vec(),
    };
    [vec![usage, selector, matching], data].concat()
}

/// Nobody is trusted, the domain is `capulet.lit`, the target `xmpp.hoster.lit`.
fn judge(chain: &[Certificate], records: &[Vec<u8>]) -> Result<(), Untrusted> {
    judge_with(&Authorities::nobody(), chain, records)
}

fn judge_with(
    authorities: &Authorities,
    chain: &[Certificate],
    records: &[Vec<u8>],
) -> Result<(), Untrusted> {
    let usable = Tlsa::usable(records.iter().map(Vec::as_slice));
    authorities.judge_by_dane(chain, &usable, "capulet.lit", "xmpp.hoster.lit")
}

fn forms() -> impl Iterator<Item = (u8, u8)> {
    [0, 1].into_iter().flat_map(|selector| [0, 1, 2].map(|matching| (selector, matching)))
}

#[test]
fn rfc7671_5_1_dane_ee_names_the_certificate_whatever_it_says() {
    let (shown, other) = (stale(), stale());
    for (selector, matching) in forms() {
        let chain = std::slice::from_ref(&shown);
        assert_eq!(judge(chain, &[record(3, selector, matching, &shown)]), Ok(()), "{selector} {matching}");
        let wrong = record(3, selector, matching, &other);
        assert_eq!(judge(chain, &[wrong]), Err(Untrusted::NotInDns), "{selector} {matching}");
    }
}

#[test]
fn one_record_that_fits_is_enough() {
    let (old, new) = (stale(), stale());
    let both = [record(3, 1, 1, &old), record(3, 1, 1, &new)];
    assert_eq!(judge(&[old], &both), Ok(()));
    assert_eq!(judge(&[new], &both), Ok(()));
    assert_eq!(judge(&[], &both), Err(Untrusted::None));
}

#[test]
fn a_certificate_beside_the_first_is_nobodys_dane_ee() {
    let (first, second) = (stale(), stale());
    let chain = [first, second.clone()];
    assert_eq!(judge(&chain, &[record(3, 1, 1, &second)]), Err(Untrusted::NotInDns));
}

#[test]
fn rfc7671_5_2_dane_ta_names_an_authority_in_the_chain() {
    let authority = Authority::new("One");
    let (good, other) = (authority.sign("capulet.lit", |_| {}), Authority::new("Two").certificate);
    let chain = [good, authority.certificate.clone()];
    for (selector, matching) in forms() {
        let named = record(2, selector, matching, &authority.certificate);
        assert_eq!(judge(&chain, &[named]), Ok(()), "{selector} {matching}");
        let wrong = record(2, selector, matching, &other);
        assert!(judge(&chain, &[wrong]).is_err(), "{selector} {matching}");
    }
    // Who only shows it does not have it.
    let stranger = [Authority::new("One").sign("capulet.lit", |_| {}), authority.certificate.clone()];
    assert!(judge(&stranger, &[record(2, 0, 1, &authority.certificate)]).is_err());
}

#[test]
fn rfc7671_5_2_dane_ta_may_name_an_authority_in_between() {
    let top = Authority::new("Top");
    let middle = top.below("Middle");
    let good = middle.sign("capulet.lit", |_| {});
    let chain = [good, middle.certificate.clone(), top.certificate.clone()];
    assert_eq!(judge(&chain, &[record(2, 0, 1, &middle.certificate)]), Ok(()));
    assert_eq!(judge(&chain, &[record(2, 0, 1, &top.certificate)]), Ok(()));
}

#[test]
fn rfc7671_5_2_2_a_full_authority_need_not_be_shown() {
    let authority = Authority::new("One");
    let chain = [authority.sign("capulet.lit", |_| {})];
    assert_eq!(judge(&chain, &[record(2, 0, 0, &authority.certificate)]), Ok(()));
    assert!(judge(&chain, &[record(2, 0, 1, &authority.certificate)]).is_err(), "a digest is no certificate");
}

#[test]
fn rfc7671_5_2_3_a_bare_key_has_signed_the_topmost_certificate() {
    let top = Authority::new("Top");
    let middle = top.below("Middle");
    let good = middle.sign("capulet.lit", |_| {});
    let chain = [good, middle.certificate.clone()];
    assert_eq!(judge(&chain, &[record(2, 1, 0, &top.certificate)]), Ok(()));
    let other = Authority::new("Top").certificate;
    assert!(judge(&chain, &[record(2, 1, 0, &other)]).is_err());
}

#[test]
fn rfc7671_10_2_with_dane_ta_names_and_dates_count() {
    let authority = Authority::new("One");
    let named = [record(2, 0, 1, &authority.certificate)];
    let chain = |leaf: Certificate| [leaf, authority.certificate.clone()];
    // RFC 7673 §6: the domain or the target.
    assert_eq!(judge(&chain(authority.sign("capulet.lit", |_| {})), &named), Ok(()));
    assert_eq!(judge(&chain(authority.sign("xmpp.hoster.lit", |_| {})), &named), Ok(()));
    let other = Err(Untrusted::OtherName("montague.lit".to_owned()));
    assert_eq!(judge(&chain(authority.sign("montague.lit", |_| {})), &named), other);
    let over = authority.sign("capulet.lit", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    assert_eq!(judge(&chain(over), &named), Err(Untrusted::Expired));
}

#[test]
fn rfc7671_5_2_1_the_constraints_of_a_dane_ta_hold() {
    let short = root("Short", BasicConstraints::Constrained(0));
    let middle = short.below("Middle");
    let long = [middle.sign("capulet.lit", |_| {}), middle.certificate, short.certificate.clone()];
    let named = [record(2, 0, 1, &short.certificate)];
    assert!(judge(&long, &named).is_err());
    assert_eq!(judge(&[short.sign("capulet.lit", |_| {}), short.certificate.clone()], &named), Ok(()));
    // What says to be no authority is none.
    let leaf_key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec!["leaf.lit".to_owned()]).unwrap();
    leaf.is_ca = IsCa::ExplicitNoCa;
    let leaf_certificate = leaf.self_signed(&leaf_key).unwrap().der().clone();
    let leaf = Authority { certificate: leaf_certificate.clone(), issuer: Issuer::new(leaf, leaf_key) };
    let chain = [leaf.sign("capulet.lit", |_| {}), leaf_certificate.clone()];
    assert!(judge(&chain, &[record(2, 0, 1, &leaf_certificate)]).is_err());
}

#[test]
fn rfc7671_5_3_pkix_ee_names_a_certificate_that_is_trusted_as_well() {
    let authority = Authority::new("One");
    let (good, other) = (authority.sign("capulet.lit", |_| {}), authority.sign("capulet.lit", |_| {}));
    let trusted = authority.trusted();
    for (selector, matching) in forms() {
        let named = [record(1, selector, matching, &good)];
        assert_eq!(judge_with(&trusted, std::slice::from_ref(&good), &named), Ok(()));
        assert_eq!(judge_with(&trusted, std::slice::from_ref(&other), &named), Err(Untrusted::NotInDns));
        assert_eq!(judge(std::slice::from_ref(&good), &named), Err(Untrusted::UnknownIssuer));
    }
    let elsewhere = authority.sign("montague.lit", |_| {});
    let named = [record(1, 1, 1, &elsewhere)];
    assert!(matches!(judge_with(&trusted, &[elsewhere], &named), Err(Untrusted::OtherName(_))));
}

#[test]
fn rfc7671_5_4_pkix_ta_names_who_must_be_on_the_trusted_path() {
    let top = Authority::new("Top");
    let (left, right) = (top.below("Left"), top.below("Right"));
    let chain = [left.sign("capulet.lit", |_| {}), left.certificate.clone()];
    let trusted = top.trusted();
    for (selector, matching) in forms() {
        for on_path in [&left, &top] {
            let named = [record(0, selector, matching, &on_path.certificate)];
            assert_eq!(judge_with(&trusted, &chain, &named), Ok(()), "{selector} {matching}");
            assert_eq!(judge(&chain, &named), Err(Untrusted::NotInDns), "nobody is trusted");
        }
        let named = [record(0, selector, matching, &right.certificate)];
        assert_eq!(judge_with(&trusted, &chain, &named), Err(Untrusted::NotInDns));
    }
    // Shown is not on the path.
    let shown = [chain[0].clone(), chain[1].clone(), right.certificate.clone()];
    let named = [record(0, 0, 1, &right.certificate)];
    assert_eq!(judge_with(&trusted, &shown, &named), Err(Untrusted::NotInDns));
}

#[test]
fn rfc6698_4_1_unusable_records_are_none() {
    let certificate = stale();
    let good = record(3, 1, 1, &certificate);
    assert!(Tlsa::read(&good).is_some());
    for (place, value) in [(0, 4), (0, 255), (1, 2), (1, 255), (2, 3), (2, 255)] {
        let mut bad = good.clone();
        bad[place] = value;
        assert_eq!(Tlsa::read(&bad), None, "{place} {value}");
    }
    for length in 0..good.len() {
        assert_eq!(Tlsa::read(&good[..length]), None, "{length}");
    }
    for (selector, matching) in forms() {
        let longer = [record(3, selector, matching, &certificate), vec![0]].concat();
        assert_eq!(Tlsa::read(&longer), None, "{selector} {matching}");
    }
    assert_eq!(Tlsa::read(&[3, 0, 0, b'x']), None);
}

#[test]
fn rfc7671_9_the_weaker_digest_does_not_count() {
    let (good, other) = (stale(), stale());
    let chain = std::slice::from_ref(&good);
    // The stronger one of the same usage and selector names somebody else.
    let set = [record(3, 1, 1, &good), record(3, 1, 2, &other)];
    assert_eq!(judge(chain, &set), Err(Untrusted::NotInDns));
    let set = [record(3, 1, 1, &other), record(3, 1, 2, &good)];
    assert_eq!(judge(chain, &set), Ok(()));
    // Another selector, and what is no digest, stand by themselves.
    assert_eq!(judge(chain, &[record(3, 0, 1, &good), record(3, 1, 2, &other)]), Ok(()));
    assert_eq!(judge(chain, &[record(3, 1, 0, &good), record(3, 1, 2, &other)]), Ok(()));
    // A stronger one that cannot be used is no reason.
    let broken = [vec![3, 1, 2], vec![0; 63]].concat();
    assert_eq!(judge(chain, &[record(3, 1, 1, &good), broken]), Ok(()));
}
