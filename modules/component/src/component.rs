//! A component of the config, connected or not.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::Notify;
use waxwing_core::{Delivery, External, Mailbox, Outbound};
use waxwing_xmpp::{Condition, Domain, Stanza, StreamCondition, StreamError};

use crate::config::{OnConflict, Settings};
use crate::grants::Grants;
use crate::{Metrics, handshake};

/// A component.
pub(crate) struct Component {
    name: Domain,
    mailbox_bytes_max: usize,
    metrics: Metrics,
    state: Mutex<State>,
    /// What it may do has changed.
    granted: Notify,
}

struct State {
    settings: Settings,
    link: Option<Arc<Link>>,
    /// It is in the config no more: who had begun to connect comes too late.
    removed: bool,
}

/// Why a connection is not the component's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It does not know the secret.
    Stranger,
    /// There is one, and it stays.
    Conflict,
    /// The component was taken out of the config.
    Removed,
}

/// What the server and the task of a component's connection share.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) mailbox: Mailbox,
    ending: OnceLock<StreamError>,
    ended: Notify,
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Component({})", self.name)
    }
}

impl Link {
    fn new(mailbox_bytes_max: usize) -> Self {
        Self { mailbox: Mailbox::new(mailbox_bytes_max), ending: OnceLock::new(), ended: Notify::new() }
    }

    /// Asks the task to end the stream; the first reason counts.
    fn end(&self, error: StreamError) {
        self.ending.set(error).ok();
        self.ended.notify_one();
    }

    /// Why the stream is to end.
    pub(crate) fn ending(&self) -> Option<&StreamError> {
        self.ending.get()
    }

    /// Resolves when there is a reason to end the stream. Cancel-safe.
    pub(crate) async fn ended(&self) {
        self.ended.notified().await;
    }
}

impl Component {
    pub(crate) fn new(name: Domain, settings: Settings, mailbox_bytes_max: usize, metrics: Metrics) -> Self {
        let state = Mutex::new(State { settings, link: None, removed: false });
        Self { name, mailbox_bytes_max, metrics, state, granted: Notify::new() }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &Domain {
        &self.name
    }

    /// A line for the operator.
    pub(crate) fn describe(&self) -> String {
        let link = self.state.lock().link.clone();
        match link {
            Some(link) => format!("{}: connected, {} bytes wait", self.name, link.mailbox.bytes()),
            None => format!("{}: not connected", self.name),
        }
    }

    /// A connection says so to be the component's, on a stream with this id (XEP-0114 §3).
    ///
    /// # Errors
    /// It is not, or may not be now.
    pub(crate) fn admit(&self, id: &str, proof: &str) -> Result<Arc<Link>, Refused> {
        let mut state = self.state.lock();
        if !handshake::proves(id, &state.settings.secret, proof) {
            return Err(Refused::Stranger);
        }
        if state.removed {
            return Err(Refused::Removed);
        }
        self.join(&mut state).ok_or(Refused::Conflict)
    }

    /// Takes new settings. Who has shown another secret has shown nothing.
    pub(crate) fn change(&self, settings: Settings) {
        let mut state = self.state.lock();
        if settings.secret != state.settings.secret {
            let error = StreamError::new(StreamCondition::NotAuthorized).text("The secret has changed.");
            self.vacate(&mut state, &error);
        }
        if settings.grants != state.settings.grants && state.link.is_some() {
            self.granted.notify_one();
        }
        state.settings = settings;
    }

    /// Resolves when what it may do has changed. Cancel-safe.
    pub(crate) async fn granted_anew(&self) {
        self.granted.notified().await;
    }

    /// A connection has proved to be the component's. None: there is one, and it stays.
    ///
    /// Where the old one goes, what waits for it goes to the new one, in order.
    fn join(&self, state: &mut State) -> Option<Arc<Link>> {
        if state.link.is_some() && state.settings.on_conflict == OnConflict::Refuse {
            return None;
        }
        let link = Arc::new(Link::new(self.mailbox_bytes_max));
        let error = StreamError::new(StreamCondition::Conflict).text("The component has connected anew.");
        if let Some(old) = self.vacate(state, &error) {
            // What the modules tell they tell anew.
            for delivery in old.mailbox.close().into_iter().filter(|delivery| delivery.sole) {
                // It had been in a mailbox of this size.
                link.mailbox.push(Outbound::Stanza(delivery)).ok();
            }
        }
        state.link = Some(Arc::clone(&link));
        self.metrics.connected.inc();
        Some(link)
    }

    /// The connection of this link is over. Returns what was for it, nobody got, and bounces.
    pub(crate) fn leave(&self, link: &Arc<Link>) -> Vec<Stanza> {
        let mut state = self.state.lock();
        if state.link.as_ref().is_some_and(|current| Arc::ptr_eq(current, link)) {
            state.link = None;
            self.metrics.connected.dec();
        }
        drop(state);
        let bounces = link.mailbox.close().into_iter().filter(|delivery| delivery.sole);
        bounces.filter_map(|delivery| delivery.stanza).collect()
    }

    /// It is in the config no more. Ends the connection, if there is one.
    pub(crate) fn remove(&self, error: &StreamError) {
        let mut state = self.state.lock();
        state.removed = true;
        self.vacate(&mut state, error);
    }

    fn put(&self, delivery: Delivery) -> Result<(), Condition> {
        let mut state = self.state.lock();
        // RFC 6120 §8.3.3.17: it is known where the service is, and there is no stream to it for now. Unlike
        // service-unavailable this tells the sender to try again later.
        let link = state.link.as_ref().ok_or(Condition::RemoteServerTimeout)?;
        if link.mailbox.push(Outbound::Stanza(delivery)).is_ok() {
            return Ok(());
        }
        // RFC 6120 §4.9.3.17, §8.3.3.18.
        let error = StreamError::new(StreamCondition::ResourceConstraint)
            .text("You read too slowly; too much waits for you.");
        self.vacate(&mut state, &error);
        Err(Condition::ResourceConstraint)
    }

    /// Nobody is connected from now on; who was is told why not.
    fn vacate(&self, state: &mut State, error: &StreamError) -> Option<Arc<Link>> {
        let link = state.link.take()?;
        self.metrics.connected.dec();
        link.end(error.clone());
        Some(link)
    }
}

impl External for Component {
    fn domain(&self) -> &Domain {
        &self.name
    }

    fn serves_subdomains(&self) -> bool {
        self.state.lock().settings.subdomains
    }

    fn is_connected(&self) -> bool {
        self.state.lock().link.is_some()
    }

    fn deliver(&self, stanza: &Stanza) -> Result<(), Condition> {
        self.put(Delivery::new(stanza.clone(), true))
    }

    fn inform(&self, stanza: &Stanza) {
        // Who is too slow is told anew when it is back.
        self.put(Delivery::new(stanza.clone(), false)).ok();
    }

    fn is_busy(&self) -> bool {
        let link = self.state.lock().link.clone();
        link.is_some_and(|link| link.mailbox.bytes() > self.mailbox_bytes_max / 4)
    }

    fn grant(&self, of: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        let grants: Arc<dyn Any + Send + Sync> = Arc::<Grants>::clone(&self.state.lock().settings.grants);
        (of == TypeId::of::<Grants>()).then_some(grants)
    }
}

#[cfg(test)]
mod tests {
    use waxwing_stream::Secret;

    use super::*;
    use crate::tests::component;

    impl Component {
        /// As if it had shown the secret.
        pub(crate) fn connect(&self) -> Option<Arc<Link>> {
            self.join(&mut self.state.lock())
        }
    }

    #[test]
    fn who_had_begun_to_connect_when_the_component_was_removed_comes_too_late() {
        let component = component(OnConflict::Refuse, 1000);
        let secret = component.state.lock().settings.secret.clone();
        let proof = handshake::expected("stream-1", &secret);
        assert_eq!(component.admit("stream-2", &proof).unwrap_err(), Refused::Stranger);
        let link = component.admit("stream-1", &proof).unwrap();
        assert_eq!(component.admit("stream-1", &proof).unwrap_err(), Refused::Conflict);
        component.remove(&StreamError::new(StreamCondition::HostGone));
        assert_eq!(link.ending().unwrap().condition, StreamCondition::HostGone);
        assert_eq!(component.admit("stream-1", &proof).unwrap_err(), Refused::Removed);
        assert!(!component.is_connected());
    }

    fn message(id: &str) -> Stanza {
        Stanza::parse(&format!("<message id='{id}' to='a@irc.example.org'/>")).unwrap()
    }

    fn ids(stanzas: impl IntoIterator<Item = Stanza>) -> Vec<String> {
        stanzas.into_iter().map(|stanza| stanza.id.unwrap().as_str().to_owned()).collect()
    }

    #[test]
    fn who_is_not_connected_gets_nothing() {
        let component = component(OnConflict::Refuse, 1000);
        assert_eq!(component.deliver(&message("1")), Err(Condition::RemoteServerTimeout));
        let link = component.connect().unwrap();
        assert_eq!(component.deliver(&message("2")), Ok(()));
        assert_eq!(ids(component.leave(&link)), ["2"]);
        assert_eq!(component.deliver(&message("3")), Err(Condition::RemoteServerTimeout));
        assert_eq!(component.metrics.connected.get(), 0);
    }

    #[test]
    fn what_a_component_is_told_does_not_come_back() {
        let component = component(OnConflict::Refuse, 1000);
        component.inform(&message("0"));
        let link = component.connect().unwrap();
        component.inform(&message("1"));
        component.deliver(&message("2")).unwrap();
        component.inform(&message("3"));
        assert_eq!(ids(component.leave(&link)), ["2"]);
    }

    #[test]
    fn who_has_a_quarter_of_its_mailbox_before_it_is_busy() {
        let component = component(OnConflict::Refuse, 1200);
        assert!(!component.is_busy());
        let link = component.connect().unwrap();
        component.deliver(&message("1")).unwrap();
        assert!(!component.is_busy());
        component.deliver(&message("2")).unwrap();
        assert!(component.is_busy());
        link.mailbox.pop().unwrap();
        assert!(!component.is_busy());
    }

    #[test]
    fn a_full_mailbox_ends_the_stream_and_what_waited_is_given_back() {
        let component = component(OnConflict::Refuse, 500);
        let link = component.connect().unwrap();
        let results: Vec<_> = (0..4).map(|id| component.deliver(&message(&id.to_string()))).collect();
        let full = Err(Condition::ResourceConstraint);
        assert_eq!(results, [Ok(()), Ok(()), full, Err(Condition::RemoteServerTimeout)]);
        assert_eq!(link.ending().unwrap().condition, StreamCondition::ResourceConstraint);
        assert_eq!(ids(component.leave(&link)), ["0", "1"]);
        // The next one begins anew, and the old one's end does not concern it.
        let next = component.connect().unwrap();
        assert!(component.leave(&link).is_empty() && component.is_connected() && next.ending().is_none());
        assert_eq!(component.metrics.connected.get(), 1);
    }

    #[test]
    fn the_second_of_a_name_is_refused_or_takes_over_with_what_waits() {
        let refuses = component(OnConflict::Refuse, 10_000);
        let first = refuses.connect().unwrap();
        assert!(refuses.connect().is_none() && first.ending().is_none());
        let replaces = component(OnConflict::Replace, 10_000);
        let first = replaces.connect().unwrap();
        for id in ["1", "2"] {
            replaces.deliver(&message(id)).unwrap();
            // What it was told is told anew to who comes next.
            replaces.inform(&message("told"));
        }
        let second = replaces.connect().unwrap();
        replaces.deliver(&message("3")).unwrap();
        assert_eq!(first.ending().unwrap().condition, StreamCondition::Conflict);
        assert!(replaces.leave(&first).is_empty());
        let waiting = std::iter::from_fn(|| second.mailbox.pop()).filter_map(|delivery| delivery.stanza);
        assert_eq!(ids(waiting), ["1", "2", "3"]);
        assert_eq!(replaces.metrics.connected.get(), 1);
    }

    #[test]
    fn a_new_secret_ends_the_stream_and_other_settings_do_not() {
        let component = component(OnConflict::Refuse, 1000);
        let link = component.connect().unwrap();
        let mut settings = component.state.lock().settings.clone();
        settings.subdomains = true;
        component.change(settings.clone());
        assert!(link.ending().is_none() && component.serves_subdomains());
        settings.secret = Secret::new(b"another".as_slice());
        component.change(settings);
        assert_eq!(link.ending().unwrap().condition, StreamCondition::NotAuthorized);
        assert!(!component.is_connected());
    }
}
