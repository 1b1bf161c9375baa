//! The order of SRV records (RFC 2782, "Usage rules").

use waxwing_core::Random;

/// One SRV record that names a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) priority: u16,
    pub(crate) weight: u16,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) direct_tls: bool,
    pub(crate) dnssec: bool,
}

/// In the order in which to try them: lower priorities first; among equals each is the next one with a probability
/// that is its part of the sum of weights.
pub(crate) fn in_order(mut services: Vec<Service>, random: &Random) -> Vec<Service> {
    // "All those with weight 0 are placed at the beginning of the list", so that they have a very small chance.
    services.sort_by_key(|service| (service.priority, service.weight != 0));
    let mut ordered = Vec::with_capacity(services.len());
    while let Some(priority) = services.first().map(|service| service.priority) {
        let equals = services.iter().take_while(|service| service.priority == priority);
        let weights: Vec<u16> = equals.map(|service| service.weight).collect();
        ordered.push(services.remove(choose(&weights, random)));
    }
    ordered
}

/// Which of them is the next.
fn choose(weights: &[u16], random: &Random) -> usize {
    let sum = weights.iter().copied().map(u64::from).sum();
    if sum == 0 {
        // No weights, no preference: any order is right, and a new one each time spreads the load.
        let last = weights.len().saturating_sub(1);
        return usize::try_from(up_to(u64::try_from(last).unwrap_or_default(), random)).unwrap_or_default();
    }
    // "Choose a uniform random number between 0 and the sum computed (inclusive), and select the RR whose running sum
    // value is the first in the selected order which is greater than or equal to the random number selected."
    let chosen = up_to(sum, random);
    let running = weights.iter().scan(0_u64, |running, weight| {
        *running += u64::from(*weight);
        Some(*running)
    });
    running.take_while(|running| *running < chosen).count()
}

/// From 0 to `last`, both included. The bias is below 2⁻⁴⁰ for what the weights of one answer sum up to.
fn up_to(last: u64, random: &Random) -> u64 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    u64::from_be_bytes(bytes) % last.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(priority: u16, weight: u16) -> Service {
        let host = format!("{priority}-{weight}.lit");
        Service { priority, weight, host, port: 5269, direct_tls: false, dnssec: false }
    }

    /// How often each came first in 10,000 draws.
    fn firsts(services: &[Service]) -> Vec<usize> {
        let random = Random::seeded(1);
        let draws: Vec<Service> =
            (0..10_000).filter_map(|_| in_order(services.to_vec(), &random).into_iter().next()).collect();
        services.iter().map(|service| draws.iter().filter(|draw| *draw == service).count()).collect()
    }

    #[test]
    fn rfc2782_priorities_come_before_weights() {
        let services = vec![service(9, 65535), service(1, 1), service(1, 65535), service(0, 0)];
        let order = in_order(services, &Random::seeded(1));
        let priorities: Vec<u16> = order.iter().map(|service| service.priority).collect();
        assert_eq!(priorities, [0, 1, 1, 9]);
    }

    #[test]
    fn rfc2782_weights_are_parts_of_their_sum() {
        let counts = firsts(&[service(0, 10), service(0, 30), service(0, 60)]);
        for (count, wanted) in counts.iter().zip([1000, 3000, 6000]) {
            assert!(count.abs_diff(wanted) < 250, "{counts:?}");
        }
    }

    #[test]
    fn rfc2782_the_rest_is_weighed_again() {
        let services = [service(0, 1), service(0, 10), service(0, 10_000)];
        let random = Random::seeded(1);
        let seconds = (0..10_000).filter(|_| in_order(services.to_vec(), &random)[1].weight == 10).count();
        assert!(seconds.abs_diff(8333) < 250, "{seconds} instead of 10 of 12");
    }

    #[test]
    fn rfc2782_weight_0_beside_others_has_a_very_small_chance() {
        let counts = firsts(&[service(0, 999), service(0, 0)]);
        assert!((1..40).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn weights_that_are_all_0_have_the_same_chance() {
        let counts = firsts(&[
            service(0, 0),
            Service { port: 1, ..service(0, 0) },
            Service { port: 2, ..service(0, 0) },
        ]);
        assert!(counts.iter().all(|count| count.abs_diff(3333) < 250), "{counts:?}");
    }

    #[test]
    fn no_record_is_lost_or_doubled() {
        let services: Vec<Service> = (0..16).map(|number| service(number % 3, number * 4000)).collect();
        let mut order = in_order(services.clone(), &Random::seeded(5));
        assert_eq!(order, in_order(services.clone(), &Random::seeded(5)), "a seed gives one order");
        order.sort_by_key(|service| service.weight);
        assert_eq!(order, services);
        assert!(in_order(Vec::new(), &Random::seeded(5)).is_empty());
    }
}
