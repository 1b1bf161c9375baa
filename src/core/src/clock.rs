//! Time and randomness, injected so that tests can hold them still.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use waxwing_xml::Text;
use waxwing_xmpp::datetime::Timestamp;

/// Tells the wall-clock time. Durations and timers are tokio's (which tests can pause).
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that a test sets; microseconds since the epoch.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still at `at`.
    pub fn fixed(at: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(at.0)))
    }

    /// Now, in UTC.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Fixed(micros) => Timestamp(micros.load(Ordering::Relaxed)),
            Self::System => {
                let since =
                    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
            }
        }
    }
}

/// Makes random bytes: from the operating system, or from a seed in tests.
#[derive(Debug, Clone, Default)]
pub enum Random {
    /// The operating system's generator (through the TLS library).
    #[default]
    System,
    /// A counter that is hashed: the same bytes in every run. Never for production.
    Seeded(Arc<AtomicU64>),
}

impl Random {
    /// Bytes that repeat from run to run.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(AtomicU64::new(seed)))
    }

    /// Fills `bytes`.
    ///
    /// # Panics
    /// If the operating system has no randomness to give: nothing safe can be done then.
    #[expect(clippy::expect_used, reason = "without randomness the server must not go on")]
    pub fn fill(&self, bytes: &mut [u8]) {
        match self {
            Self::System => SystemRandom::new().fill(bytes).expect("the operating system gives random bytes"),
            Self::Seeded(state) => {
                for chunk in bytes.chunks_mut(8) {
                    let word = mix(state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed)).to_be_bytes();
                    chunk.copy_from_slice(word.get(..chunk.len()).unwrap_or_default());
                }
            }
        }
    }

    /// A name of 128 random bits in lower-case base 32: for stream ids, stanza ids and resources.
    pub fn id(&self) -> Text {
        let mut bytes = [0_u8; 16];
        self.fill(&mut bytes);
        Text::from(base32(&bytes))
    }
}

/// SplitMix64's output function.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn base32(bytes: &[u8; 16]) -> String {
    const DIGITS: [char; 32] = [
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't',
        'u', 'v', 'w', 'x', 'y', 'z', '2', '3', '4', '5', '6', '7',
    ];
    let mut bits = u128::from_be_bytes(*bytes);
    let mut out = String::with_capacity(26);
    for _ in 0..26 {
        let digit = usize::try_from(bits & 31).unwrap_or_default();
        out.push(DIGITS.get(digit).copied().unwrap_or('a'));
        bits >>= 5;
    }
    out
}
