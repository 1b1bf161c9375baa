//! Config values with units: durations, sizes, networks.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ConfigError;

/// A length of time, written `"30 s"`, `"2 min"`, `"1 h"`, `"7 days"` or `"250 ms"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub std::time::Duration);

/// How long something stays: a length of time as [`Duration`] is written, or `"forever"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime(pub Option<std::time::Duration>);

/// A size, written `"64 KiB"`, `"1 MiB"`, `"2 GiB"` or `"512 B"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub usize);

/// A network, written `"127.0.0.0/8"` or `"::1"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Duration {
    /// So many seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(std::time::Duration::from_secs(count))
    }
}

impl Lifetime {
    /// So many days.
    pub const fn days(count: u64) -> Self {
        Self(Some(std::time::Duration::from_secs(count * 86_400)))
    }
}

impl Network {
    /// Whether the address lies in it; an IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(it)) => same_bits(&net.octets(), &it.octets(), self.bits),
            (IpAddr::V6(net), IpAddr::V6(it)) => same_bits(&net.octets(), &it.octets(), self.bits),
            _ => false,
        }
    }
}

fn same_bits(a: &[u8], b: &[u8], bits: u8) -> bool {
    let mut left = u32::from(bits);
    a.iter().zip(b).all(|(a, b)| {
        let here = left.min(8);
        left -= here;
        let mask = if here == 0 { 0 } else { u8::MAX << (8 - here) };
        a & mask == b & mask
    })
}

/// Splits `"64 KiB"` into number and unit.
fn quantity(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim()))
}

impl FromStr for Duration {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("\"{text}\" is no length of time: write \"30 s\", \"2 min\", \"1 h\" or \"7 days\"");
        let (count, unit) = quantity(text).ok_or_else(wrong)?;
        let unit_ms: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "min" => 60_000,
            "h" => 3_600_000,
            "day" | "days" => 86_400_000,
            _ => return Err(wrong()),
        };
        Ok(Self(std::time::Duration::from_millis(count.checked_mul(unit_ms).ok_or_else(wrong)?)))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let units = [(86_400_000, "days"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
        match units.iter().find(|(size, _)| ms >= *size && ms.is_multiple_of(*size)) {
            Some((size, unit)) => write!(f, "{} {unit}", ms / size),
            None => write!(f, "{ms} ms"),
        }
    }
}

impl FromStr for Lifetime {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            FOREVER => Ok(Self(None)),
            _ => {
                let length: Duration =
                    text.parse().map_err(|reason| format!("{reason}; or \"{FOREVER}\""))?;
                Ok(Self(Some(length.0)))
            }
        }
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str(FOREVER),
            Some(length) => Duration(length).fmt(f),
        }
    }
}

const FOREVER: &str = "forever";

impl FromStr for Bytes {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no size: write \"512 B\", \"64 KiB\", \"1 MiB\" or \"2 GiB\"");
        let (count, unit) = quantity(text).ok_or_else(wrong)?;
        let shift = match unit {
            "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return Err(wrong()),
        };
        let bytes = count.checked_mul(1 << shift).and_then(|bytes| usize::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1_usize << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units.iter().find(|(size, _)| self.0 >= *size && self.0.is_multiple_of(*size)) {
            Some((size, unit)) => write!(f, "{} {unit}", self.0 / size),
            None => write!(f, "{} B", self.0),
        }
    }
}

impl FromStr for Network {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no network: write \"127.0.0.0/8\" or \"::1\"");
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| wrong()))?;
        if bits > most { Err(wrong()) } else { Ok(Self { address, bits }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

macro_rules! as_text {
    ($($kind:ty),*) => {$(
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
as_text!(Duration, Lifetime, Bytes, Network);

/// Puts `a.b.c=value` over a table; the value is TOML, or else taken as a string.
pub(super) fn overlay(table: &mut toml::Table, setting: &str) -> Result<(), ConfigError> {
    let wrong = |reason: String| ConfigError::plain(format!("--set {setting}: {reason}"));
    let text = match setting.split_once('=') {
        Some((key, value)) if !value.is_empty() => (key.trim(), value.trim()),
        _ => return Err(wrong("write KEY=VALUE".to_owned())),
    };
    let parsed: Result<toml::Table, _> = format!("{} = {}", text.0, text.1).parse();
    let parsed = parsed.or_else(|_| format!("{} = {:?}", text.0, text.1).parse());
    merge(table, parsed.map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?);
    Ok(())
}

fn merge(table: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => merge(below, above),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}
