//! Timestamps: [XEP-0082](https://xmpp.org/extensions/xep-0082.html).

use std::time::{Duration, SystemTime};

/// Microseconds since the Unix epoch, UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
pub struct Timestamp(pub i64);

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// 0000-01-01T00:00:00Z
const FIRST: i64 = -719_528 * DAY;
/// One microsecond before the year 10000.
const LAST: i64 = 2_932_897 * DAY - 1;

impl Timestamp {
    /// `2026-11-23T02:03:04.567Z`, milliseconds always written.
    ///
    /// What lies outside of the years 0000 to 9999, which the profile cannot write, shows as the nearest that can.
    pub fn to_rfc3339(self) -> String {
        let micros = self.0.clamp(FIRST, LAST);
        let (year, month, day) = civil(micros.div_euclid(DAY));
        let milli = micros.rem_euclid(DAY) / 1000;
        let (second, milli) = (milli / 1000, milli % 1000);
        let (minute, second) = (second / 60, second % 60);
        let (hour, minute) = (minute / 60, minute % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
    /// The DateTime profile of XEP-0082 §3.2, any offset and any number of fractional digits.
    ///
    /// Digits beyond microseconds are cut off. Years before 0000 and after 9999 are refused, as are leap seconds,
    /// which neither the profile (§2.1) nor XML Schema has.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.as_bytes();
        let year = digits(&mut rest, 4)?;
        let month = after(&mut rest, b'-').and_then(|()| digits(&mut rest, 2))?;
        let day = after(&mut rest, b'-').and_then(|()| digits(&mut rest, 2))?;
        let hour = after(&mut rest, b'T').and_then(|()| digits(&mut rest, 2))?;
        let minute = after(&mut rest, b':').and_then(|()| digits(&mut rest, 2))?;
        let second = after(&mut rest, b':').and_then(|()| digits(&mut rest, 2))?;
        if !(1..=days_in_month(year, month)?).contains(&day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let fraction = fraction(&mut rest)?;
        let offset = offset(rest)?;
        let minutes = hour * 60 + minute - offset;
        Some(Self(days(year, month, day) * DAY + (minutes * 60 + second) * SECOND + fraction))
    }
    /// The month in UTC as `yyyymm`, e.g. 202611.
    pub fn month(self) -> u32 {
        let (year, month, _) = civil(self.0.clamp(FIRST, LAST).div_euclid(DAY));
        u32::try_from(year * 100 + month).unwrap_or(0)
    }
    /// Time that has passed since `earlier`; zero if it is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
    /// A point in time later by `span`.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
    /// A point in time earlier by `span`.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self(0).plus(after),
            Err(before) => Self(0).minus(before.duration()),
        }
    }
}

fn digits(rest: &mut &[u8], count: usize) -> Option<i64> {
    let (head, tail) = rest.split_at_checked(count)?;
    let value = head
        .iter()
        .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))?;
    *rest = tail;
    Some(value)
}

fn after(rest: &mut &[u8], wanted: u8) -> Option<()> {
    *rest = rest.strip_prefix(&[wanted])?;
    Some(())
}

/// Microseconds of `.sss`; zero if there is none, `None` if no digit follows the dot.
fn fraction(rest: &mut &[u8]) -> Option<i64> {
    let Some(()) = after(rest, b'.') else { return Some(0) };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (head, tail) = rest.split_at_checked(length).filter(|_| length > 0)?;
    *rest = tail;
    let six = head.iter().copied().chain(std::iter::repeat(b'0')).take(6);
    Some(six.fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
}

/// Minutes of the time zone: `Z` or `+hh:mm` or `-hh:mm`, at most 14 hours (XML Schema Part 2 §3.2.7.3).
fn offset(rest: &[u8]) -> Option<i64> {
    let (sign, mut rest) = match rest {
        b"Z" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let hour = digits(&mut rest, 2)?;
    let minute = after(&mut rest, b':').and_then(|()| digits(&mut rest, 2))?;
    (rest.is_empty() && minute < 60 && hour * 60 + minute <= 14 * 60).then_some(sign * (hour * 60 + minute))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> Option<i64> {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if is_leap(year) { 29 } else { 28 }),
        _ => None,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar. Counts years from March, so that the leap day comes last,
/// in cycles of 400 years, which are 146,097 days long.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_cycle = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year.div_euclid(400) * 146_097 + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year - 719_468
}

/// The reverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (cycle, of_cycle) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = (cycle * 400 + year, if month < 10 { month + 3 } else { month - 9 });
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(text: &str) -> Option<i64> {
        Timestamp::parse(text).map(|time| time.0.div_euclid(SECOND))
    }

    #[test]
    fn xep0082_3_2_first_steps_on_the_moon() {
        // Examples 2 and 3.
        assert_eq!(seconds("1969-07-21T02:56:15Z"), Some(-14_159_025));
        assert_eq!(seconds("1969-07-20T21:56:15-05:00"), Some(-14_159_025));
    }

    #[test]
    fn months_are_those_of_utc() {
        for (text, month) in [
            ("2026-11-30T23:59:59.999Z", 202_611),
            ("2026-12-01T00:00:00Z", 202_612),
            ("1970-01-01T00:00:00Z", 197_001),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().month(), month, "{text}");
        }
    }

    #[test]
    fn known_dates() {
        for (text, unix) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2001-09-09T01:46:40Z", 1_000_000_000),
            ("2024-02-29T23:59:59Z", 1_709_251_199),
            ("2026-11-23T02:03:04+01:00", 1_795_395_784),
            ("2038-01-19T03:14:07Z", 2_147_483_647),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
            ("0000-01-01T00:00:00Z", -62_167_219_200),
        ] {
            assert_eq!(seconds(text), Some(unix), "{text}");
        }
        assert_eq!(Timestamp(LAST).to_rfc3339(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp(FIRST).to_rfc3339(), "0000-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(i64::MAX).to_rfc3339(), Timestamp(LAST).to_rfc3339());
        assert_eq!(Timestamp(i64::MIN).to_rfc3339(), Timestamp(FIRST).to_rfc3339());
    }

    #[test]
    fn xep0082_3_2_fractions_of_any_length() {
        assert_eq!(Timestamp::parse("1970-01-01T00:00:00.5Z"), Some(Timestamp(500_000)));
        assert_eq!(Timestamp::parse("1970-01-01T00:00:00.123456789012Z"), Some(Timestamp(123_456)));
        assert_eq!(Timestamp::parse("1969-12-31T23:59:59.9999Z"), Some(Timestamp(-100)));
        assert_eq!(Timestamp(-100).to_rfc3339(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::parse("1970-01-01T00:00:00.Z"), None);
    }

    #[test]
    fn xep0082_3_2_what_is_no_datetime() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T02:03:04",
            "2026-11-23T02:03:04z",
            "2026-11-23 02:03:04Z",
            "20261123T02:03:04Z",
            "-2026-11-23T02:03:04Z",
            "12026-11-23T02:03:04Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-11-00T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T02:60:00Z",
            "2026-11-23T02:03:60Z",
            "2026-11-23T02:03:04+0100",
            "2026-11-23T02:03:04+15:00",
            "2026-11-23T02:03:04+01:60",
            "2026-11-23T02:03:04ZZ",
            "2026-11-23T02:03:04+01:00 ",
            "２026-11-23T02:03:04Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn spans_do_not_overflow() {
        let now = Timestamp(1_000_000);
        assert_eq!(now.plus(Duration::from_secs(1)), Timestamp(2_000_000));
        assert_eq!(now.minus(Duration::from_secs(2)), Timestamp(-1_000_000));
        assert_eq!(now.plus(Duration::MAX), Timestamp(i64::MAX));
        assert_eq!(now.since(Timestamp(250_000)), Duration::from_millis(750));
        assert_eq!(Timestamp(0).since(now), Duration::ZERO);
        assert_eq!(Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_millis(5)), Timestamp(5_000));
    }

    proptest! {
        #[test]
        fn writing_and_reading_agree(micros in FIRST..LAST) {
            let text = Timestamp(micros).to_rfc3339();
            prop_assert_eq!(Timestamp::parse(&text), Some(Timestamp(micros.div_euclid(1000) * 1000)));
        }

        #[test]
        fn no_string_brings_the_parser_down(text in "[0-9TZ:.+-]{0,30}") {
            let _ = Timestamp::parse(&text);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut expected = (0, 1, 1);
        for day in FIRST / DAY..=LAST / DAY {
            assert_eq!(civil(day), expected);
            assert_eq!(days(expected.0, expected.1, expected.2), day);
            expected.2 += 1;
            if Some(expected.2) > days_in_month(expected.0, expected.1) {
                expected =
                    if expected.1 == 12 { (expected.0 + 1, 1, 1) } else { (expected.0, expected.1 + 1, 1) };
            }
        }
    }
}
