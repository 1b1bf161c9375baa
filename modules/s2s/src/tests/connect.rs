//! The race for a connection, mostly with attempts that are only told.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;

use futures::future::pending;
use futures::stream::{BoxStream, FuturesUnordered, StreamExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use waxwing_testkit::dns::{AAAA, Mood};

use super::*;
use crate::connect::{Race, Ways};
use crate::find::{Family, Found, Part};

/// Everything has time.
const LONG: Duration = Duration::from_secs(60);

fn six(number: u16) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number).into()
}

fn four(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, number).into()
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

    /// The next that connects.
    async fn race(&self, race: &mut Race<'_>) -> Option<IpAddr> {
        let next = race.next(self.begun + LONG, async |address| self.dial(address).await).await;
        next.map(|winner| winner.socket)
    }
}

/// The first that connects, else the words.
async fn run(phone: &Phone, addresses: Vec<IpAddr>, time_max: Duration) -> Result<IpAddr, String> {
    let target = target("xmpp.lit", addresses.clone());
    let mut race = Race::of(vec![target], later(vec![(0, 0, None, Ok(addresses))]));
    let next = race.next(phone.begun + time_max, async |address| phone.dial(address).await).await;
    next.map(|winner| winner.socket).ok_or_else(|| race.into_words().concat())
}

/// Answers: after so many milliseconds, of which target, of which kind, what.
type Later = Vec<Answer>;
type Answer = (u64, usize, Option<Family>, Result<Vec<IpAddr>, FindError>);

const V6: Option<Family> = Some(Family::V6);
const V4: Option<Family> = Some(Family::V4);

fn later(parts: Later) -> BoxStream<'static, Part> {
    let wait = |(after, target, family, found): Answer| async move {
        sleep(Duration::from_millis(after)).await;
        let found = found.map(|addresses| Found { addresses, ..Found::default() });
        Part { target, family, found }
    };
    parts.into_iter().map(wait).collect::<FuturesUnordered<_>>().boxed()
}

fn one(parts: Later) -> Race<'static> {
    Race::of(vec![target("xmpp.lit", vec![])], later(parts))
}

fn two(parts: Later) -> Race<'static> {
    Race::of(vec![target("one.lit", vec![]), target("two.lit", vec![])], later(parts))
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
    let dial = async |address: SocketAddr| {
        let held = Rc::clone(&alive);
        if address.ip() == six(1) {
            pending::<()>().await;
        }
        drop(held);
        Ok(address.ip())
    };
    let mut race = one(vec![(0, 0, None, Ok(vec![six(1), four(1)]))]);
    let winner = race.next(Instant::now() + LONG, dial).await.unwrap();
    assert_eq!(winner.socket, four(1));
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
    assert_eq!(error, words);
}

#[tokio::test(start_paused = true)]
async fn an_address_for_which_no_time_was_left_is_told_apart() {
    let phone = Phone::new(&[]);
    let words = run(&phone, vec![six(1), four(1)], Duration::from_millis(100)).await.unwrap_err();
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
    assert_eq!(error, "xmpp.lit:5269: 192.0.2.1:5269 did not answer in time");
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
        let words = run(&phone, vec![six(1)], LONG).await.unwrap_err();
        assert_eq!(words, "xmpp.lit:5269: [2001:db8::1]:5269 cannot be reached from here");
    }
}

#[tokio::test(start_paused = true)]
async fn rfc4291_2_5_5_2_a_mapped_ipv4_address_is_dialled_as_what_it_is() {
    let mapped = Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped();
    let phone = Phone::new(&[(four(1), Does::Connect(0))]);
    assert_eq!(run(&phone, vec![mapped.into()], LONG).await.unwrap(), four(1));
}

#[tokio::test(start_paused = true)]
async fn rfc8305_3_ipv6_gets_50_ms_where_ipv4_is_known_first() {
    let cases = [
        (vec![(0, 0, V4, Ok(vec![four(1)])), (30, 0, V6, Ok(vec![six(1)]))], vec![(30, six(1))]),
        (vec![(0, 0, V4, Ok(vec![four(1)])), (100, 0, V6, Ok(vec![six(1)]))], vec![(50, four(1))]),
        (vec![(0, 0, V4, Ok(vec![four(1)])), (20, 0, V6, Ok(vec![]))], vec![(20, four(1))]),
        (vec![(0, 0, V4, Ok(vec![four(1)])), (20, 0, V6, Err(broken()))], vec![(20, four(1))]),
        (vec![(100, 0, V4, Ok(vec![four(1)])), (0, 0, V6, Ok(vec![six(1)]))], vec![(0, six(1))]),
    ];
    for (parts, wanted) in cases {
        let phone = Phone::new(&[(six(1), Does::Connect(40)), (four(1), Does::Connect(40))]);
        phone.race(&mut one(parts)).await.unwrap();
        assert_eq!(phone.dialled(), wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn xep0495_4_2_the_first_host_gets_50_ms_where_a_later_one_is_known_first() {
    let cases = [
        // The first host comes in time.
        (vec![(0, 1, None, Ok(vec![six(2)])), (30, 0, V6, Ok(vec![six(1)]))], vec![(30, six(1))]),
        // It does not; and what came meanwhile does not prolong the time.
        (
            vec![(0, 1, V6, Ok(vec![six(2)])), (40, 1, V4, Ok(vec![])), (60, 0, V6, Ok(vec![six(1)]))],
            vec![(50, six(2))],
        ),
        // It has no address at all: then nobody is waited for.
        (vec![(0, 1, None, Ok(vec![six(2)])), (20, 0, None, Ok(vec![]))], vec![(20, six(2))]),
        (vec![(0, 1, None, Ok(vec![six(2)])), (20, 0, None, Err(broken()))], vec![(20, six(2))]),
        // The first host alone is enough.
        (vec![(0, 0, V6, Ok(vec![six(1)])), (20, 1, None, Ok(vec![six(2)]))], vec![(0, six(1))]),
    ];
    for (parts, wanted) in cases {
        let phone = Phone::new(&[(six(1), Does::Connect(10)), (six(2), Does::Connect(10))]);
        phone.race(&mut two(parts)).await.unwrap();
        assert_eq!(phone.dialled(), wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn xep0495_4_3_the_order_of_weights_holds_among_addresses_of_a_kind() {
    let parts = vec![
        (0, 1, None, Ok(vec![six(3), four(3)])),
        (10, 0, None, Ok(vec![four(1), six(1), six(2), four(2)])),
    ];
    let phone = Phone::new(&[]);
    assert_eq!(phone.race(&mut two(parts)).await, None);
    let order: Vec<IpAddr> = phone.dialled().into_iter().map(|(_, address)| address).collect();
    assert_eq!(order, [six(1), four(1), six(2), four(2), six(3), four(3)]);
}

#[tokio::test(start_paused = true)]
async fn xep0495_4_4_a_silent_target_costs_250_ms_where_another_has_the_same_priority() {
    let parts = || vec![(0, 0, None, Ok(vec![four(1)])), (0, 1, None, Ok(vec![four(2)]))];
    let phone = Phone::new(&[(four(2), Does::Connect(0))]);
    assert_eq!(phone.race(&mut two(parts())).await, Some(four(2)));
    assert_eq!(phone.dialled(), [(0, four(1)), (250, four(2))]);
    // One that refuses costs nothing.
    let refused = Does::Fail(ErrorKind::ConnectionRefused);
    let phone = Phone::new(&[(four(1), refused), (four(2), Does::Connect(0))]);
    assert_eq!(phone.race(&mut two(parts())).await, Some(four(2)));
    assert_eq!(phone.dialled(), [(0, four(1)), (0, four(2))]);
}

#[tokio::test(start_paused = true)]
async fn the_race_goes_on_when_the_winner_was_of_no_use() {
    let slow = Does::Connect(600);
    let phone = Phone::new(&[(four(1), slow), (four(2), Does::Connect(0)), (four(3), Does::Connect(0))]);
    let mut race = two(vec![(0, 0, None, Ok(vec![four(1), four(3)])), (0, 1, None, Ok(vec![four(2)]))]);
    assert_eq!(phone.race(&mut race).await, Some(four(3)));
    race.rejected("its certificate is wrong".to_owned());
    assert_eq!(phone.race(&mut race).await, Some(four(2)));
    race.rejected("it offers no TLS".to_owned());
    // The one that was cut short comes last, and gets its time.
    assert_eq!(phone.race(&mut race).await, Some(four(1)));
    race.rejected("the connection was closed".to_owned());
    assert_eq!(phone.race(&mut race).await, None);
    let dialled = [(0, four(1)), (250, four(3)), (250, four(2)), (250, four(1))];
    assert_eq!(phone.dialled(), dialled);
    let words = [
        "one.lit:5269: 192.0.2.3:5269: its certificate is wrong, 192.0.2.1:5269: the connection was closed",
        "two.lit:5269: 192.0.2.2:5269: it offers no TLS",
    ];
    assert_eq!(race.into_words(), words);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_eight_addresses_are_tried_of_each_target() {
    let phone = Phone::new(&[]);
    let first = (1..=8).map(six).chain((1..=8).map(four)).collect();
    let second = vec![four(9)];
    phone.race(&mut two(vec![(0, 0, None, Ok(first)), (0, 1, None, Ok(second))])).await;
    let dialled = phone.dialled();
    assert_eq!(dialled.len(), 9);
    assert!(dialled.iter().any(|(_, address)| *address == four(9)));
}

fn broken() -> FindError {
    FindError::Dns("broken".to_owned())
}

#[tokio::test(start_paused = true)]
async fn addresses_that_come_late_are_tried_when_the_first_have_failed() {
    let phone =
        Phone::new(&[(six(1), Does::Fail(ErrorKind::NetworkUnreachable)), (four(1), Does::Connect(0))]);
    phone.race(&mut one(vec![(0, 0, V6, Ok(vec![six(1)])), (2000, 0, V4, Ok(vec![four(1)]))])).await.unwrap();
    assert_eq!(phone.dialled(), [(0, six(1)), (2000, four(1))]);
}

#[tokio::test(start_paused = true)]
async fn without_any_address_the_error_is_that_of_dns() {
    let phone = Phone::new(&[]);
    let none = "xmpp.lit:5269: DNS has no address for xmpp.lit";
    for (other, wanted) in [(Ok(vec![]), none), (Err(broken()), "xmpp.lit:5269: broken")] {
        let mut race = one(vec![(0, 0, V6, Ok(vec![])), (0, 0, V4, other)]);
        assert_eq!(phone.race(&mut race).await, None);
        assert_eq!(race.into_words(), [wanted]);
    }
    let mut race = one(vec![(100_000, 0, V4, Ok(vec![four(1)]))]);
    assert_eq!(phone.race(&mut race).await, None);
    assert_eq!(race.into_words(), ["xmpp.lit:5269: its addresses were not to be had in time"]);
}

#[test]
fn xep0495_4_2_aaaa_and_a_of_each_host_are_asked_for_in_order_and_once() {
    let targets = ["one.lit", "two.lit", "one.lit"]
        .map(|host| Target { addresses: Addresses::LookUp, ..target(host, vec![]) });
    assert_eq!(
        crate::find::questions(&targets),
        [
            ("one.lit".to_owned(), Family::V6),
            ("one.lit".to_owned(), Family::V4),
            ("two.lit".to_owned(), Family::V6),
            ("two.lit".to_owned(), Family::V4),
        ]
    );
}

/// A port of an address of loopback where somebody listens, or nobody.
async fn port(ip: [u8; 4], listens: bool) -> (Option<TcpListener>, u16) {
    let listener = TcpListener::bind(SocketAddr::from((ip, 0))).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listens.then_some(listener), port)
}

async fn ways(finder: &Finder) -> Ways<'_> {
    Ways::new(finder, find(finder).await.unwrap(), Instant::now() + LONG)
}

#[tokio::test]
async fn a_connection_is_made_and_sends_without_delay() {
    let (listener, port) = port([127, 0, 0, 1], true).await;
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 0, 0, port, "xmpp.lit").a("xmpp.lit", Ipv4Addr::LOCALHOST);
    let finder = finder(&dns);
    // Other threads may take it over.
    let task = tokio::spawn(async move { ways(&finder).await.next().await.unwrap() });
    let way = task.await.unwrap();
    assert!(way.socket.nodelay().unwrap());
    assert_eq!(way.address, listener.unwrap().local_addr().unwrap());
    assert_eq!(way.target.to_string(), format!("xmpp.lit:{port}"));
}

#[tokio::test]
async fn xep0495_4_1_the_next_priority_has_its_turn_when_the_one_before_is_exhausted() {
    let (_first, one) = port([127, 0, 0, 1], true).await;
    let (_second, two) = port([127, 0, 0, 2], true).await;
    let (_, closed) = port([127, 0, 0, 3], false).await;
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 1, 0, closed, "closed.lit")
        .srv(TLS, 1, 0, one, "one.lit")
        .srv(PLAIN, 2, 9, two, "two.lit");
    dns.a("closed.lit", [127, 0, 0, 3].into()).a("one.lit", [127, 0, 0, 1].into());
    dns.a("two.lit", [127, 0, 0, 2].into());
    let finder = finder(&dns);
    let mut ways = ways(&finder).await;
    assert_eq!(ways.next().await.unwrap().target.host, "one.lit");
    let asked = dns.asked();
    assert!(
        asked.iter().any(|(name, _)| name == "closed.lit"),
        "both of a priority are asked for: {asked:?}"
    );
    assert!(!asked.iter().any(|(name, _)| name == "two.lit"), "the next priority is not: {asked:?}");
    ways.rejected("its certificate is wrong".to_owned());
    assert_eq!(ways.next().await.unwrap().target.host, "two.lit");
    ways.rejected("it offers no TLS".to_owned());
    assert!(ways.next().await.is_none());
    let mut words = ways.take_words();
    words.sort();
    let wanted = [
        format!("closed.lit:{closed}: 127.0.0.3:{closed} refused the connection"),
        format!("one.lit:{one} (direct TLS): 127.0.0.1:{one}: its certificate is wrong"),
        format!("two.lit:{two}: 127.0.0.2:{two}: it offers no TLS"),
    ];
    assert_eq!(words, wanted);
}

#[tokio::test]
async fn priorities_are_not_raced_even_if_the_first_says_nothing() {
    // A port that accepts no connection: its queue is full.
    let full = tokio::net::TcpSocket::new_v4().unwrap();
    full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = full.listen(1).unwrap();
    let silent = full.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(Ok(socket)) =
        tokio::time::timeout(Duration::from_millis(200), tokio::net::TcpStream::connect(silent)).await
    {
        held.push(socket);
    }
    let (_open, open) = port([127, 0, 0, 2], true).await;
    for (priority, waits) in [(1, true), (0, false)] {
        let dns = TestDns::start().await;
        dns.srv(PLAIN, 0, 65535, silent.port(), "silent.lit").srv(PLAIN, priority, 0, open, "open.lit");
        dns.a("silent.lit", Ipv4Addr::LOCALHOST).a("open.lit", [127, 0, 0, 2].into());
        let finder = finder(&dns);
        let targets = find(&finder).await.unwrap();
        let mut ways = Ways::new(&finder, targets, Instant::now() + LONG);
        let next = tokio::time::timeout(Duration::from_secs(3), ways.next()).await;
        assert_eq!(next.is_err(), waits, "priority {priority}");
        if let Ok(way) = next {
            assert_eq!(way.unwrap().target.host, "open.lit");
        }
    }
}

#[tokio::test]
async fn what_there_was_no_time_for_is_told() {
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 0, 0, 5269, "one.lit").srv(PLAIN, 1, 0, 5269, "two.lit");
    dns.mood("one.lit", None, Mood::Silent);
    let finder = finder(&dns);
    let targets = find(&finder).await.unwrap();
    let mut ways = Ways::new(&finder, targets, Instant::now() + Duration::from_millis(100));
    assert!(ways.next().await.is_none());
    let wanted = [
        "one.lit:5269: its addresses were not to be had in time",
        "two.lit:5269 was not tried for lack of time",
    ];
    assert_eq!(ways.take_words(), wanted);
}

#[tokio::test]
async fn a_name_server_without_a_word_about_ipv6_does_not_hold_up_ipv4() {
    let (_listener, port) = port([127, 0, 0, 1], true).await;
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 0, 0, port, "xmpp.lit").a("xmpp.lit", Ipv4Addr::LOCALHOST);
    dns.mood("", Some(AAAA), Mood::Silent);
    let finder = finder(&dns);
    let begun = std::time::Instant::now();
    ways(&finder).await.next().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn rfc6120_3_2_1_a_target_without_address_is_not_replaced_by_the_domain() {
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 0, 0, 5269, "gone.lit").a("capulet.lit", Ipv4Addr::LOCALHOST);
    let finder = finder(&dns);
    let mut ways = ways(&finder).await;
    assert!(ways.next().await.is_none());
    assert_eq!(ways.take_words(), ["gone.lit:5269: DNS has no address for gone.lit"]);
}
