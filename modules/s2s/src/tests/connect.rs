//! The race for a connection, mostly with attempts that are only told.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;

use futures::future::{BoxFuture, FutureExt, pending};
use futures::stream::{self, FuturesUnordered};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use waxwing_testkit::dns::{AAAA, Mood};

use super::*;
use crate::connect::{ConnectError, Failure, Reason, connect, race};

type Part = Result<Vec<IpAddr>, FindError>;

/// Everything has time.
const LONG: Duration = Duration::from_secs(60);

fn six(number: u16) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number).into()
}

fn four(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, number).into()
}

fn all(_: SocketAddr) -> bool {
    true
}

/// What an address does.
#[derive(Clone, Copy)]
enum Does {
    Nothing,
    Connect(u64),
    Fail(ErrorKind),
}

/// Dials by a table and notes when; what is not in it does nothing.
struct Phone {
    table: Vec<(IpAddr, Does)>,
    begun: Instant,
    dialled: RefCell<Vec<(u128, IpAddr)>>,
}

impl Phone {
    fn new(table: &[(IpAddr, Does)]) -> Self {
        Self { table: table.to_vec(), begun: Instant::now(), dialled: RefCell::default() }
    }

    async fn dial(&self, address: SocketAddr) -> io::Result<IpAddr> {
        self.dialled.borrow_mut().push((self.begun.elapsed().as_millis(), address.ip()));
        match self.table.iter().find(|(ip, _)| *ip == address.ip()).map_or(Does::Nothing, |(_, does)| *does) {
            Does::Nothing => pending().await,
            Does::Fail(kind) => Err(kind.into()),
            Does::Connect(after) => {
                sleep(Duration::from_millis(after)).await;
                Ok(address.ip())
            }
        }
    }

    fn dialled(&self) -> Vec<(u128, IpAddr)> {
        self.dialled.borrow().clone()
    }
}

async fn run(phone: &Phone, addresses: Vec<IpAddr>, time_max: Duration) -> Result<IpAddr, ConnectError> {
    let target = target("xmpp.lit", addresses.clone());
    let parts = stream::iter([Ok(addresses)]);
    race(parts, &target, time_max, all, async |address| phone.dial(address).await).await
}

#[tokio::test(start_paused = true)]
async fn rfc8305_5_the_next_address_is_tried_after_250_ms_of_silence() {
    let phone = Phone::new(&[(six(1), Does::Nothing), (four(1), Does::Connect(10))]);
    let won = run(&phone, vec![six(1), four(1)], LONG).await.unwrap();
    assert_eq!(won, four(1));
    assert_eq!(phone.dialled(), [(0, six(1)), (250, four(1))]);
}

#[tokio::test(start_paused = true)]
async fn rfc8305_5_who_connects_in_time_is_alone() {
    let phone = Phone::new(&[(six(1), Does::Connect(240)), (four(1), Does::Connect(0))]);
    assert_eq!(run(&phone, vec![six(1), four(1)], LONG).await.unwrap(), six(1));
    assert_eq!(phone.dialled(), [(0, six(1))]);
}

#[tokio::test(start_paused = true)]
async fn rfc8305_5_a_slow_first_address_may_still_win() {
    let phone = Phone::new(&[(six(1), Does::Connect(300)), (four(1), Does::Connect(100))]);
    assert_eq!(run(&phone, vec![six(1), four(1)], LONG).await.unwrap(), six(1));
}

#[tokio::test(start_paused = true)]
async fn a_failure_starts_the_next_attempt_at_once() {
    let unreachable = Does::Fail(ErrorKind::NetworkUnreachable);
    let refused = Does::Fail(ErrorKind::ConnectionRefused);
    let phone = Phone::new(&[(six(1), unreachable), (four(1), refused), (six(2), Does::Connect(5))]);
    assert_eq!(run(&phone, vec![six(1), six(2), four(1)], LONG).await.unwrap(), six(2));
    assert_eq!(phone.dialled(), [(0, six(1)), (0, four(1)), (0, six(2))]);
}

#[tokio::test(start_paused = true)]
async fn rfc8305_4_the_families_take_turns_from_ipv6_on() {
    let phone = Phone::new(&[]);
    let addresses = vec![four(1), four(2), six(1), six(2), six(3), four(3)];
    run(&phone, addresses, Duration::from_secs(2)).await.unwrap_err();
    let order: Vec<IpAddr> = phone.dialled().into_iter().map(|(_, address)| address).collect();
    assert_eq!(order, [six(1), four(1), six(2), four(2), six(3), four(3)]);
}

#[tokio::test(start_paused = true)]
async fn the_losers_are_dropped() {
    let alive = Rc::new(());
    let target = target("xmpp.lit", vec![]);
    let dial = async |address: SocketAddr| {
        let held = Rc::clone(&alive);
        if address.ip() == six(1) {
            pending::<()>().await;
        }
        drop(held);
        Ok(address.ip())
    };
    let parts = stream::iter([Ok(vec![six(1), four(1)])]);
    assert_eq!(race(parts, &target, LONG, all, dial).await.unwrap(), four(1));
    assert_eq!(Rc::strong_count(&alive), 1);
}

#[tokio::test(start_paused = true)]
async fn the_whole_is_bounded_in_time_and_says_what_became_of_each() {
    let phone = Phone::new(&[(four(2), Does::Fail(ErrorKind::ConnectionRefused))]);
    let addresses = vec![four(2), four(1), six(1)];
    let error = run(&phone, addresses, Duration::from_secs(3)).await.unwrap_err();
    assert_eq!(phone.begun.elapsed(), Duration::from_secs(3));
    let words = "xmpp.lit:5269: 192.0.2.2:5269 refused the connection, \
                 [2001:db8::1]:5269 did not answer in time, 192.0.2.1:5269 did not answer in time";
    assert_eq!(error.to_string(), words);
}

#[tokio::test(start_paused = true)]
async fn an_address_for_which_no_time_was_left_is_told_apart() {
    let phone = Phone::new(&[]);
    let words = run(&phone, vec![six(1), four(1)], Duration::from_millis(100)).await.unwrap_err().to_string();
    let wanted = "xmpp.lit:5269: [2001:db8::1]:5269 did not answer in time, \
                  192.0.2.1:5269 was not tried for lack of time";
    assert_eq!(words, wanted);
    assert_eq!(phone.dialled(), [(0, six(1))]);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_bounded_in_time() {
    let phone = Phone::new(&[]);
    let error = run(&phone, vec![four(1)], LONG).await.unwrap_err();
    assert_eq!(phone.begun.elapsed(), Duration::from_secs(10));
    let address = SocketAddr::new(four(1), 5269);
    let failures = vec![Failure { address, reason: Reason::TimedOut }];
    assert_eq!(error, ConnectError::Failed { target: "xmpp.lit:5269".to_owned(), failures });
}

#[tokio::test(start_paused = true)]
async fn no_more_than_eight_addresses_are_tried() {
    let phone = Phone::new(&[]);
    let addresses = (1..=8).map(six).chain((1..=8).map(four)).collect();
    run(&phone, addresses, LONG).await.unwrap_err();
    assert_eq!(phone.dialled().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_network_of_one_kind_is_no_obstacle() {
    for kind in [ErrorKind::NetworkUnreachable, ErrorKind::HostUnreachable, ErrorKind::AddrNotAvailable] {
        let phone = Phone::new(&[(six(1), Does::Fail(kind)), (four(1), Does::Connect(0))]);
        assert_eq!(run(&phone, vec![six(1), four(1)], LONG).await.unwrap(), four(1));
        let phone = Phone::new(&[(four(1), Does::Fail(kind)), (six(1), Does::Connect(0))]);
        assert_eq!(run(&phone, vec![six(1), four(1)], LONG).await.unwrap(), six(1));
        let phone = Phone::new(&[(six(1), Does::Fail(kind))]);
        let words = run(&phone, vec![six(1)], LONG).await.unwrap_err().to_string();
        assert_eq!(words, "xmpp.lit:5269: [2001:db8::1]:5269 cannot be reached from here");
    }
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_address_is_not_dialled() {
    let phone = Phone::new(&[(six(1), Does::Connect(0)), (four(1), Does::Connect(0))]);
    let target = target("xmpp.lit", vec![]);
    let dial = async |address| phone.dial(address).await;
    let parts = stream::iter([Ok(vec![six(1), four(1)])]);
    assert_eq!(race(parts, &target, LONG, |address| address.is_ipv4(), dial).await.unwrap(), four(1));
    assert_eq!(phone.dialled(), [(0, four(1))]);
    let parts = stream::iter([Ok(vec![four(1)])]);
    let error = race(parts, &target, LONG, |_| false, dial).await.unwrap_err();
    assert_eq!(error.to_string(), "xmpp.lit:5269: 192.0.2.1:5269 is forbidden by our settings");
    assert_eq!(phone.dialled().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rfc4291_2_5_5_2_a_mapped_ipv4_address_is_judged_as_what_it_is() {
    let mapped = Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped();
    let phone = Phone::new(&[(four(1), Does::Connect(0))]);
    let target = target("xmpp.lit", vec![]);
    let dial = async |address| phone.dial(address).await;
    for allowed in [true, false] {
        let parts = stream::iter([Ok(vec![mapped.into()])]);
        let judge = |address: SocketAddr| allowed || address.ip() != four(1);
        assert_eq!(race(parts, &target, LONG, judge, dial).await.is_ok(), allowed);
    }
    assert_eq!(phone.dialled().len(), 1);
}

/// Answers that come after so many milliseconds.
fn later(parts: Vec<(u64, Part)>) -> FuturesUnordered<BoxFuture<'static, Part>> {
    let wait = |(after, part): (u64, Part)| {
        async move {
            sleep(Duration::from_millis(after)).await;
            part
        }
        .boxed()
    };
    parts.into_iter().map(wait).collect()
}

#[tokio::test(start_paused = true)]
async fn rfc8305_3_ipv6_gets_50_ms_where_ipv4_is_known_first() {
    let cases = [
        (vec![(0, Ok(vec![four(1)])), (30, Ok(vec![six(1)]))], vec![(30, six(1))]),
        (vec![(0, Ok(vec![four(1)])), (100, Ok(vec![six(1)]))], vec![(50, four(1))]),
        (vec![(0, Ok(vec![four(1)])), (20, Ok(vec![]))], vec![(20, four(1))]),
        (vec![(0, Ok(vec![four(1)])), (20, Err(FindError::Dns("broken".to_owned())))], vec![(20, four(1))]),
        (vec![(100, Ok(vec![four(1)])), (0, Ok(vec![six(1)]))], vec![(0, six(1))]),
    ];
    for (parts, wanted) in cases {
        let phone = Phone::new(&[(six(1), Does::Connect(40)), (four(1), Does::Connect(40))]);
        let target = target("xmpp.lit", vec![]);
        race(later(parts), &target, LONG, all, async |address| phone.dial(address).await).await.unwrap();
        assert_eq!(phone.dialled(), wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn addresses_that_come_late_are_tried_when_the_first_have_failed() {
    let phone =
        Phone::new(&[(six(1), Does::Fail(ErrorKind::NetworkUnreachable)), (four(1), Does::Connect(0))]);
    let target = target("xmpp.lit", vec![]);
    let parts = later(vec![(0, Ok(vec![six(1)])), (2000, Ok(vec![four(1)]))]);
    race(parts, &target, LONG, all, async |address| phone.dial(address).await).await.unwrap();
    assert_eq!(phone.dialled(), [(0, six(1)), (2000, four(1))]);
}

#[tokio::test(start_paused = true)]
async fn without_any_address_the_error_is_that_of_dns() {
    let phone = Phone::new(&[]);
    let target = target("xmpp.lit", vec![]);
    let broken = FindError::Dns("broken".to_owned());
    let none = FindError::NoSuchDomain("xmpp.lit".to_owned());
    let cases = [(Ok(vec![]), none), (Err(broken.clone()), broken)];
    for (other, wanted) in cases {
        let parts = later(vec![(0, Ok(vec![])), (0, other)]);
        let error =
            race(parts, &target, LONG, all, async |address| phone.dial(address).await).await.unwrap_err();
        assert_eq!(error, ConnectError::Find(wanted));
    }
    let parts = later(vec![(100_000, Ok(vec![four(1)]))]);
    let error = race(parts, &target, LONG, all, async |address| phone.dial(address).await).await.unwrap_err();
    assert_eq!(error.to_string(), "the addresses of xmpp.lit were not to be had within 60 s");
}

#[tokio::test]
async fn a_connection_is_made_and_sends_without_delay() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 0, 0, port, "xmpp.lit").a("xmpp.lit", Ipv4Addr::LOCALHOST);
    let finder = finder(&dns);
    let targets = find(&finder).await.unwrap();
    let task = tokio::spawn(async move { connect(&finder, &targets[0], LONG, all).await });
    let socket = task.await.unwrap().unwrap();
    assert!(socket.nodelay().unwrap());
    assert_eq!(socket.peer_addr().unwrap(), listener.local_addr().unwrap());
}

#[tokio::test]
async fn a_refused_connection_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 0, 0, port, "xmpp.lit").a("xmpp.lit", Ipv4Addr::LOCALHOST);
    let finder = finder(&dns);
    let targets = find(&finder).await.unwrap();
    let words = connect(&finder, &targets[0], LONG, all).await.unwrap_err().to_string();
    assert_eq!(words, format!("xmpp.lit:{port}: 127.0.0.1:{port} refused the connection"));
}

#[tokio::test]
async fn a_name_server_without_a_word_about_ipv6_does_not_hold_up_ipv4() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 0, 0, port, "xmpp.lit").a("xmpp.lit", Ipv4Addr::LOCALHOST);
    dns.mood("", Some(AAAA), Mood::Silent);
    let finder = finder(&dns);
    let targets = find(&finder).await.unwrap();
    let begun = std::time::Instant::now();
    connect(&finder, &targets[0], LONG, all).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn rfc6120_3_2_1_a_target_without_address_is_not_replaced_by_the_domain() {
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 0, 0, 5269, "gone.lit").a("capulet.lit", Ipv4Addr::LOCALHOST);
    let finder = finder(&dns);
    let targets = find(&finder).await.unwrap();
    let error = connect(&finder, &targets[0], LONG, all).await.unwrap_err();
    assert_eq!(error, ConnectError::Find(FindError::NoSuchDomain("gone.lit".to_owned())));
}
