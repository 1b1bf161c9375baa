use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use waxwing_core::Random;
use waxwing_core::config::Dns;
use waxwing_testkit::dns::TestDns;
use waxwing_xmpp::Domain;

use crate::find::{Addresses, FindError, Finder, Target};

mod connect;
mod dane;
mod dns;
mod find;
mod offers;
mod walk;

const PLAIN: &str = "_xmpp-server._tcp.capulet.lit";
const TLS: &str = "_xmpps-server._tcp.capulet.lit";
const ONE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const TWO: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const SIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

fn finder(dns: &TestDns) -> Finder {
    Finder::new(&Dns { servers: vec![dns.address()], ..Dns::default() }, Random::seeded(7)).unwrap()
}

/// A finder that gives up soon.
fn hasty(dns: &TestDns) -> Finder {
    finder(dns).time_max(Duration::from_millis(300))
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

async fn find(finder: &Finder) -> Result<Vec<Target>, FindError> {
    finder.find(&domain("capulet.lit")).await
}

/// Targets as `host:port`, with a star for direct TLS.
fn shown(targets: &[Target]) -> Vec<String> {
    let star = |target: &Target| if target.direct_tls { "*" } else { "" };
    targets.iter().map(|target| format!("{}:{}{}", target.host, target.port, star(target))).collect()
}

fn target(host: &str, addresses: Vec<IpAddr>) -> Target {
    let addresses = Addresses::Known(addresses);
    Target { host: host.to_owned(), port: 5269, priority: 0, direct_tls: false, addresses, dnssec: false }
}
