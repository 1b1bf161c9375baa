//! A short run of every fuzz target as an ordinary test: its corpus, then mutations of that with a fixed seed.
//!
//! `WAXWING_SEED` is another seed, `WAXWING_MUTATIONS` multiplies the number of mutations.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use waxwing_fuzz::{Target, target};

/// Panics so far, those included that a server has caught to go on.
static PANICS: AtomicUsize = AtomicUsize::new(0);
static HOOK: Once = Once::new();
/// One target at a time, so that a panic has a culprit.
static ONE: Mutex<()> = Mutex::new(());

fn run(name: &str) {
    let target = target(name).expect("there is such a target");
    let mut corpus: Vec<Vec<u8>> = Vec::new();
    for entry in std::fs::read_dir(target.corpus()).expect("there is a corpus") {
        corpus.push(std::fs::read(entry.expect("it can be listed").path()).expect("it can be read"));
    }
    assert!(!corpus.is_empty());
    corpus.sort();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            before(info);
        }));
    });
    let _one = ONE.lock();
    for input in &corpus {
        check(target, input);
    }
    let mut dice = Dice(number("WAXWING_SEED", 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..u64::from(target.runs) * number("WAXWING_MUTATIONS", 1) {
        let input = mutation(&corpus, target.bytes_max, &mut dice);
        check(target, &input);
    }
}

fn check(target: &Target, input: &[u8]) {
    let before = PANICS.load(Ordering::Relaxed);
    let ended = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let panics = PANICS.load(Ordering::Relaxed) - before;
    assert!(ended.is_ok() && panics == 0, "{} panics at \"{}\"", target.name, input.escape_ascii());
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// One input of the corpus, changed in one to four ways.
fn mutation(corpus: &[Vec<u8>], bytes_max: usize, dice: &mut Dice) -> Vec<u8> {
    let mut input = dice.pick(corpus).clone();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(input.len() + 1);
        let end = (at + dice.roll(16)).min(input.len());
        match dice.roll(7) {
            0 => drop(input.drain(at..end)),
            1 => input.truncate(at),
            2 => input.insert(at, *dice.pick(b"\0 <>&;'\"/=:,.-@1\x7f\x80\xff\n")),
            3 => {
                let piece = input[at..end].to_vec();
                input.splice(at..at, piece);
            }
            4 => {
                let other = dice.pick(corpus);
                let from = dice.roll(other.len() + 1);
                let piece = other[from..(from + dice.roll(64)).min(other.len())].to_vec();
                input.splice(at..end, piece);
            }
            5 if at < input.len() => input[at] = input[at].wrapping_add(1),
            _ if at < input.len() => input[at] ^= 1 << dice.roll(8),
            _ => {}
        }
    }
    input.truncate(bytes_max);
    input
}

/// Numbers that follow from a seed (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).expect("a few")).expect("fewer")
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*

        /// None is forgotten here.
        #[test]
        fn every_target_has_a_short_run() {
            let names: Vec<&str> = waxwing_fuzz::TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets!(pieces differential jid negotiation sasl forms queries records damaged config);
