//! Whole servers that find, connect to and prove one another, as `s2s.test` walks through it.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;
use waxwing_core::Config;
use waxwing_stream::tls::write_self_signed;
use waxwing_testkit::TestServer;

use super::*;
use crate::S2s;

/// A running server, and where it listens.
struct Running {
    server: TestServer,
    port: u16,
    folder: TempDir,
}

/// A server for a domain, with a certificate for it that nobody has signed.
async fn start(domain: &str, dns: &TestDns, change: impl Fn(&mut Config)) -> Running {
    let folder = tempfile::tempdir().unwrap();
    write_self_signed(folder.path(), &[domain.to_owned()]).unwrap();
    for _ in 0..20 {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let builder = TestServer::host(domain).with::<S2s>().with_listeners().config(|config| {
            config.listen.s2s = vec![(Ipv4Addr::LOCALHOST, port).into()];
            config.listen.s2s_tls = Vec::new();
            config.dns.servers = vec![dns.address()];
            config.tls.certificates = folder.path().to_owned();
            change(config);
        });
        match builder.try_start().await {
            Ok(server) => return Running { server, port, folder },
            // Somebody else took the port.
            Err(error) if error.to_string().contains("cannot be listened on") => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no free port");
}

impl Running {
    fn certificate(&self) -> PathBuf {
        self.folder.path().join("theirs.lit.crt")
    }

    /// DANE-EE, the whole certificate, by SHA-256.
    fn tlsa(&self) -> Vec<u8> {
        let certificate = CertificateDer::from_pem_file(self.certificate()).unwrap();
        [&[3, 0, 1], digest(&SHA256, &certificate).as_ref()].concat()
    }

    async fn test(&self) -> String {
        self.server
            .server()
            .command("ours.lit", "s2s.test", vec!["theirs.lit".to_owned()])
            .await
            .unwrap()
            .join("\n")
    }
}

/// Our server, which others find.
async fn ours(dns: &TestDns, demands: bool, change: impl Fn(&mut Config)) -> Running {
    let ours = start("ours.lit", dns, |config| {
        config.s2s.require_certificate = demands;
        change(config);
    })
    .await;
    // Nobody remembers the one before.
    dns.remove("_xmpp-server._tcp.ours.lit").remove("ours.lit").ttl(0);
    dns.srv("_xmpp-server._tcp.ours.lit", 0, 0, ours.port, "ours.lit")
        .a("ours.lit", Ipv4Addr::LOCALHOST)
        .ttl(300);
    ours
}

fn target(dns: &TestDns, theirs: &Running, priority: u16, weight: u16, host: &str) {
    dns.srv("_xmpp-server._tcp.theirs.lit", priority, weight, theirs.port, host).a(host, Ipv4Addr::LOCALHOST);
}

async fn signed() -> (TestDns, TempDir) {
    let (dns, folder) = (TestDns::start().await, tempfile::tempdir().unwrap());
    dns.sign("").sign("lit");
    std::fs::write(folder.path().join("root.key"), dns.trust_anchor()).unwrap();
    (dns, folder)
}

fn validate(config: &mut Config, folder: &Path) {
    config.dns.dnssec = true;
    config.dns.trust_anchor = Some(folder.join("root.key"));
}

#[tokio::test]
async fn a_wrong_certificate_where_a_valid_one_is_demanded_gives_the_turn_to_the_next_target() {
    // Of the same priority, and of the next one.
    for priority in [0, 1] {
        let dns = TestDns::start().await;
        let (wrong, right) =
            (start("theirs.lit", &dns, |_| {}).await, start("theirs.lit", &dns, |_| {}).await);
        target(&dns, &wrong, 0, 65535, "wrong.lit");
        let trusted = right.certificate();
        let trusting = |config: &mut Config| config.s2s.trusted_ca = Some(trusted.clone());
        let words = ours(&dns, true, trusting).await.test().await;
        assert!(
            words.contains("signed by nobody that is trusted here, and a valid one is demanded"),
            "{words}"
        );
        assert!(words.contains("ours.lit cannot talk to theirs.lit"), "{words}");
        target(&dns, &right, priority, 0, "right.lit");
        let words = ours(&dns, true, trusting).await.test().await;
        let at = format!("right.lit:{} at 127.0.0.1: connected, TLS 1.3, a valid certificate", right.port);
        assert!(words.starts_with("found: wrong.lit:"), "{words}");
        assert!(words.lines().any(|line| line == at), "{words}");
        assert!(words.ends_with("ours.lit can talk to theirs.lit"), "{words}");
    }
}

#[tokio::test]
async fn rfc7673_4_2_a_certificate_that_dns_names_is_valid() {
    let (dns, folder) = signed().await;
    let theirs = start("theirs.lit", &dns, |_| {}).await;
    target(&dns, &theirs, 0, 0, "xmpp.lit");
    // Nobody has signed it: without TLSA record it is worth nothing.
    let before = ours(&dns, true, |config| validate(config, folder.path())).await;
    let words = before.test().await;
    assert!(words.contains("a valid one is demanded") && words.contains("cannot talk"), "{words}");
    dns.tlsa(&format!("_{}._tcp.xmpp.lit", theirs.port), &theirs.tlsa());
    let after = ours(&dns, true, |config| validate(config, folder.path())).await;
    let words = after.test().await;
    assert!(words.contains("connected, TLS 1.3, a valid certificate by DANE"), "{words}");
    assert!(words.ends_with("ours.lit can talk to theirs.lit"), "{words}");
    // Who does not validate does not take its word for it.
    let careless = ours(&dns, true, |_| {}).await;
    assert!(careless.test().await.contains("cannot talk"));
}

#[tokio::test]
async fn rfc7673_4_2_nothing_makes_up_for_a_certificate_that_dns_does_not_name() {
    let (dns, folder) = signed().await;
    let (theirs, other) = (start("theirs.lit", &dns, |_| {}).await, start("theirs.lit", &dns, |_| {}).await);
    target(&dns, &theirs, 0, 0, "xmpp.lit");
    let trusted = theirs.certificate();
    // Dialback would do, and the certificate is trusted.
    let trusting = |config: &mut Config| {
        validate(config, folder.path());
        config.s2s.trusted_ca = Some(trusted.clone());
    };
    let before = ours(&dns, false, trusting).await;
    assert!(before.test().await.contains("ours.lit can talk to theirs.lit"));
    dns.tlsa(&format!("_{}._tcp.xmpp.lit", theirs.port), &other.tlsa());
    let after = ours(&dns, false, trusting).await;
    let words = after.test().await;
    assert!(words.contains("its certificate is none of those that DNS names (TLSA)"), "{words}");
    assert!(words.contains("ours.lit cannot talk to theirs.lit"), "{words}");
}

#[tokio::test]
async fn a_target_whose_certificate_dns_does_not_name_gives_the_turn_to_the_next() {
    let (dns, folder) = signed().await;
    let (wrong, right) = (start("theirs.lit", &dns, |_| {}).await, start("theirs.lit", &dns, |_| {}).await);
    target(&dns, &wrong, 0, 65535, "wrong.lit");
    target(&dns, &right, 0, 0, "right.lit");
    for (running, host) in [(&wrong, "wrong.lit"), (&right, "right.lit")] {
        dns.tlsa(&format!("_{}._tcp.{host}", running.port), &right.tlsa());
    }
    let ours = ours(&dns, true, |config| validate(config, folder.path())).await;
    let words = ours.test().await;
    let at =
        format!("right.lit:{} at 127.0.0.1: connected, TLS 1.3, a valid certificate by DANE", right.port);
    assert!(words.starts_with("found: wrong.lit:"), "{words}");
    assert!(words.lines().any(|line| line == at), "{words}");
    assert!(words.ends_with("ours.lit can talk to theirs.lit"), "{words}");
}

#[tokio::test]
async fn a_target_that_connects_and_says_nothing_does_not_use_up_the_time_of_the_others() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    for others in [true, false] {
        let dns = TestDns::start().await;
        dns.srv("_xmpp-server._tcp.theirs.lit", 0, 65535, port, "silent.lit")
            .a("silent.lit", Ipv4Addr::LOCALHOST);
        let theirs = start("theirs.lit", &dns, |_| {}).await;
        if others {
            target(&dns, &theirs, 0, 0, "xmpp.lit");
        }
        let section = |config: &mut Config| {
            config.modules.insert("s2s".to_owned(), "connect_time_max = \"3 s\"".parse().unwrap());
        };
        let ours = ours(&dns, false, section).await;
        let begun = std::time::Instant::now();
        let words = ours.test().await;
        // A third of the time; or all of it.
        assert!(begun.elapsed() >= Duration::from_secs(if others { 1 } else { 3 }), "{words}");
        assert!(begun.elapsed() < Duration::from_secs(if others { 3 } else { 5 }), "{words}");
        assert_eq!(words.ends_with("ours.lit can talk to theirs.lit"), others, "{words}");
        let told = format!("silent.lit:{port}: 127.0.0.1:{port}: it took too long");
        assert_eq!(words.lines().any(|line| line == told), !others, "{words}");
    }
}
