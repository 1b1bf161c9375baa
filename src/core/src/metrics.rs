//! Counters and gauges, declared at start, labelled by host and module.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Counts up.
pub type Counter = prometheus_client::metrics::counter::Counter;
/// Goes up and down.
pub type Gauge = prometheus_client::metrics::gauge::Gauge<i64, AtomicI64>;

type Labels = Vec<(String, String)>;

/// All metrics of the process.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    registry: Registry,
    counters: BTreeMap<String, Family<Labels, Counter>>,
    gauges: BTreeMap<String, Family<Labels, Gauge>>,
}

impl Metrics {
    /// A counter `NAME_total` with these labels; the same one if it was declared before.
    pub fn counter(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Counter {
        let mut inner = self.0.lock();
        let family = match inner.counters.get(name) {
            Some(family) => family.clone(),
            None => {
                let family = Family::<Labels, Counter>::default();
                inner.registry.register(name, help, family.clone());
                inner.counters.insert(name.to_owned(), family.clone());
                family
            }
        };
        family.get_or_create(&owned(labels)).clone()
    }

    /// A gauge with these labels; the same one if it was declared before.
    pub fn gauge(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Gauge {
        let mut inner = self.0.lock();
        let family = match inner.gauges.get(name) {
            Some(family) => family.clone(),
            None => {
                let family = Family::<Labels, Gauge>::default();
                inner.registry.register(name, help, family.clone());
                inner.gauges.insert(name.to_owned(), family.clone());
                family
            }
        };
        family.get_or_create(&owned(labels)).clone()
    }

    /// All of them in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        if encode(&mut text, &self.0.lock().registry).is_err() {
            text.clear();
        }
        text
    }
}

fn owned(labels: &[(&str, &str)]) -> Labels {
    labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_declared_by_two_hosts_is_one_family_with_two_labels() {
        let metrics = Metrics::default();
        for host in ["a.example", "b.example"] {
            metrics.counter("roster_pushes", "Pushes.", &[("host", host)]).inc();
        }
        metrics.counter("roster_pushes", "Pushes.", &[("host", "a.example")]).inc();
        let text = metrics.encode();
        assert_eq!(text.matches("# TYPE roster_pushes counter").count(), 1, "{text}");
        assert!(text.contains("roster_pushes_total{host=\"a.example\"} 2"), "{text}");
        assert!(text.contains("roster_pushes_total{host=\"b.example\"} 1"), "{text}");
    }
}
