//! vCards, and the hash of their photo in presence.
//!
//! Specs: [XEP-0054](https://xmpp.org/extensions/xep-0054.html),
//! [XEP-0153](https://xmpp.org/extensions/xep-0153.html), and of
//! [XEP-0398](https://xmpp.org/extensions/xep-0398.html) the rules for presence (§4).
//!
//! A vCard is readable by everybody (XEP-0054 §5). An account without one answers others as an account that does
//! not exist (§3.3).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use waxwing_core::config::Bytes;
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_xml::Text;

mod photo;
mod table;
mod update;

pub use photo::hashes as photo_hashes;
use table::{Cards, Photos};
use update::Stated;

/// `[host.<name>.modules.vcard]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Bytes of a vCard; a larger one is refused with `policy-violation`.
    pub bytes_max: Bytes,
    /// True: the server adds the hash of the photo to presence (XEP-0398 §4).
    pub photo_hash: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { bytes_max: Bytes(128 << 10), photo_hash: true }
    }
}

/// Keeps vCards.
#[derive(Debug)]
pub struct VCard {
    config: Config,
    cards: TableRef<Cards>,
    photos: TableRef<Photos>,
    photo: AccountSlot<Photo>,
    session: SessionSlot<OwnPhoto>,
    /// Changes refused because of the limit.
    full: Counter,
}

/// The hash of the account's photo, as the next presence shows it. Changed under its lock together with the store.
#[derive(Debug, Default)]
struct Photo(Mutex<Option<Text>>);

/// Whether the client states a photo by itself in the presence it sends to all.
#[derive(Debug, Default)]
struct OwnPhoto(AtomicBool);

impl Module for VCard {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("vcard", "Keeps vCards and shows photo hashes in presence")
        .specs(&[
            Spec::xep(54, "1.3.0"),
            Spec::xep(153, "1.1.1"),
            Spec::xep(398, "1.0.0").partial("§4 only: presence; no conversion to and from PEP"),
        ]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            config,
            cards: reg.table()?,
            photos: reg.table()?,
            photo: reg.account_slot(),
            session: reg.session_slot(),
            full: reg.counter("full", "vCards refused because they were too large."),
        });
        // XEP-0054 §4.
        reg.feature(DiscoOn::Host, NS);
        reg.feature(DiscoOn::Account, NS);
        for to in [IqTo::Own, IqTo::Account] {
            reg.iq(Iq::get(to, NS, "vCard"), &this, Self::get)?;
        }
        reg.iq(Iq::set(IqTo::Own, NS, "vCard"), &this, Self::set)?;
        // §3.2: nobody writes another's vCard; whether that one exists is not told (RFC 6120 §13.11).
        for to in [IqTo::Account, IqTo::Missing] {
            reg.iq(Iq::set(to, NS, "vCard"), &this, Self::refuse)?;
        }
        if this.config.photo_hash {
            reg.gate(Side::Sent, Gate::Rewrite, Kinds::AVAILABILITY, &this, Self::show_photo);
        }
        Ok(this)
    }
}

impl VCard {
    /// XEP-0054 §3.1, §3.3.
    async fn get(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let account = iq.account()?;
        let stored = self.cards.get(account.number(), &()).await.map_err(store_failed)?;
        match stored.as_deref().and_then(Tree::parse) {
            Some(card) => Ok(Reply::tree(&card)),
            // §3.1: item-not-found tells the account itself that it has none.
            None if iq.to == IqTo::Own => Err(Condition::ItemNotFound.into()),
            // §3.3: the same as if the account did not exist.
            None => Err(Condition::ServiceUnavailable.into()),
        }
    }

    /// XEP-0054 §3.2: the whole vCard is replaced.
    async fn set(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let account = iq.account()?;
        if iq.payload.bytes().len() > self.config.bytes_max.0 {
            self.full.inc();
            let text = format!("A vCard may take {} bytes.", self.config.bytes_max.0);
            return Err(StanzaError::from(Condition::PolicyViolation).text(text));
        }
        let hash = photo::hash(&iq.tree());
        let shown = self.shown(account).await?;
        let (ticket, changed) = {
            let mut shown = shown.0.lock();
            let ticket = self.store(account.number(), &iq.payload, hash.as_ref()).map_err(store_failed)?;
            let old = std::mem::replace(&mut *shown, hash.clone());
            (ticket, old != hash)
        };
        if changed && self.config.photo_hash {
            // Who acts in the account's name (XEP-0356) has no session: then all show it.
            match iq.session() {
                Ok(session) => self.show_again(session).await,
                Err(_) => {
                    for session in account.sessions() {
                        self.show_again(&session).await;
                    }
                }
            }
        }
        Ok(Reply::empty().after(ticket))
    }

    /// XEP-0054 §3.2: forbidden.
    async fn refuse(self: Arc<Self>, _: IqRequest) -> IqResult {
        Err(Condition::Forbidden.into())
    }

    fn store(&self, account: AccountNumber, card: &Child, hash: Option<&Text>) -> Result<Ticket, StoreError> {
        let mut batch = Batch::new(Partition::Main);
        self.cards.put_into(&mut batch, account, &(), &card.as_str().to_owned())?;
        match hash {
            Some(hash) => self.photos.put_into(&mut batch, account, &(), &hash.as_str().to_owned())?,
            None => self.photos.delete_from(&mut batch, account, &())?,
        }
        self.cards.store().apply(batch)
    }

    /// The photo of an account, loaded at the first use.
    async fn shown<'a>(&self, account: &'a Account) -> Result<&'a Photo, StanzaError> {
        let load = async {
            let hash = self.photos.get(account.number(), &()).await?;
            Ok::<_, StoreError>(Photo(Mutex::new(hash.map(Text::from))))
        };
        self.photo.load(account, load).await.map_err(store_failed)
    }

    /// XEP-0398 §4: the server puts the hash into every available presence, directed ones included, in which the
    /// client does not state a photo by itself.
    fn show_photo<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let session = event.origin.session().cloned();
        let (Kind::Presence(PresenceType::Available), Some(session)) = (event.stanza.kind, session) else {
            return Hooked::pass();
        };
        let stated = update::stated(&event.stanza);
        if event.stanza.to.is_none() {
            self.session.get(&session).0.store(stated == Stated::Photo, Ordering::Relaxed);
        }
        if stated == Stated::Photo {
            return Hooked::pass();
        }
        if let Some(photo) = self.photo.peek(session.account()) {
            update::show(&mut event.stanza, stated, photo.0.lock().as_ref());
            return Hooked::pass();
        }
        Hooked::wait(async move {
            let photo = self.shown(session.account()).await?;
            update::show(&mut event.stanza, stated, photo.0.lock().as_ref());
            Ok(Flow::Continue)
        })
    }

    /// XEP-0153 §3.1, of the server instead of the client: after a new photo the resource that uploaded it sends its
    /// presence again. Other resources show the new hash with their next presence: only the task of the resource
    /// itself can send its presence without overtaking what it sends at the same moment.
    async fn show_again(&self, session: &SessionRef) {
        let Some(mut presence) = session.presence() else { return };
        if self.session.get(session).0.load(Ordering::Relaxed) {
            return;
        }
        // As from a client that is not ready: `show_photo` puts in the new hash, or that there is no photo any more.
        update::unready(&mut presence);
        // An error is a wrong 'from': the session's own presence has its own.
        if session.host().router().from_client(session, presence).await.is_err() {
            tracing::error!(session = session.id().0, "A presence of ours was refused.");
        }
    }
}

const NS: &str = "vcard-temp";

#[cfg(test)]
mod tests;

#[cfg(test)]
#[path = "together_tests.rs"]
mod together;
