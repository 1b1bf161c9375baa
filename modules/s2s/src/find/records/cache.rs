//! Answers by name, each for its time, never more than so many.

use std::collections::HashMap;
use std::fmt::{self, Debug, Formatter};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Remembers answers.
pub(super) struct Cache<V> {
    size_max: usize,
    entries: Mutex<HashMap<String, Entry<V>>>,
}

struct Entry<V> {
    value: V,
    until: Instant,
}

impl<V: Clone> Cache<V> {
    pub(super) fn new(size_max: usize) -> Self {
        Self { size_max, entries: Mutex::default() }
    }

    pub(super) fn get(&self, name: &str) -> Option<V> {
        let entries = self.entries.lock();
        entries.get(name).filter(|entry| entry.until > Instant::now()).map(|entry| entry.value.clone())
    }

    /// RFC 1035 §3.2.1: what has no time to live is for this once.
    pub(super) fn put(&self, name: &str, value: V, ttl: Duration) {
        let mut entries = self.entries.lock();
        if ttl.is_zero() {
            entries.remove(name);
            return;
        }
        if entries.len() >= self.size_max && !entries.contains_key(name) {
            make_room(&mut entries, self.size_max);
        }
        entries.insert(name.to_owned(), Entry { value, until: Instant::now() + ttl });
    }
}

/// Forgets what is past its time; if that is little, also an eighth of the rest: that which would go first.
fn make_room<V>(entries: &mut HashMap<String, Entry<V>>, size_max: usize) {
    let now = Instant::now();
    entries.retain(|_, entry| entry.until > now);
    let target = size_max - size_max / 8 - 1;
    if entries.len() <= target {
        return;
    }
    let mut ends: Vec<Instant> = entries.values().map(|entry| entry.until).collect();
    ends.sort_unstable();
    let last_to_go = ends.get(entries.len() - target - 1).copied().unwrap_or(now);
    entries.retain(|_, entry| entry.until > last_to_go);
}

impl<V> Debug for Cache<V> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.debug_struct("Cache").field("size_max", &self.size_max).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(cache: &Cache<u8>) -> usize {
        cache.entries.lock().len()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_known_for_its_time_only() {
        let cache = Cache::new(8);
        cache.put("a", 1, Duration::from_secs(10));
        cache.put("never", 1, Duration::ZERO);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!((cache.get("a"), cache.get("never")), (Some(1), None));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(cache.get("a"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_cache_forgets_what_ends_first_and_never_grows() {
        let cache = Cache::new(16);
        for number in 0..1000_u64 {
            cache.put(&number.to_string(), 1, Duration::from_secs(number + 1));
            assert!(held(&cache) <= 16, "{} entries", held(&cache));
        }
        assert_eq!(cache.get("999"), Some(1));
        // All with the same end: it may forget all of them, but takes the new one.
        for number in 0..100 {
            cache.put(&format!("same {number}"), 2, Duration::from_secs(5000));
            assert!(held(&cache) <= 16);
        }
        assert_eq!(cache.get("same 99"), Some(2));
    }
}
