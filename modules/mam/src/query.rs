//! What a client asks its archive ([XEP-0313 §4](https://xmpp.org/extensions/xep-0313.html#query)).

use waxwing_core::prelude::*;
use waxwing_core::store_failed;
use waxwing_log::{Log, Query};
use waxwing_xmpp::{Form, Timestamp};

use crate::NS;
use crate::rsm::Rsm;

/// A query as it came.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) queryid: Option<String>,
    pub(crate) with: Option<Jid>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    before_id: Option<String>,
    after_id: Option<String>,
    pub(crate) ids: Vec<String>,
    pub(crate) rsm: Rsm,
    pub(crate) flip: bool,
}

impl Asked {
    pub(crate) fn read(query: &Tree) -> Result<Self, StanzaError> {
        let mut asked = Self {
            queryid: query.attr("queryid").map(str::to_owned),
            rsm: Rsm::read(query)?,
            flip: query.child(NS, "flip-page").is_some(),
            ..Self::default()
        };
        if let Some(form) = query.child(ns::DATA_FORMS, "x") {
            asked.read_form(form)?;
        }
        Ok(asked)
    }

    /// §4.1.
    fn read_form(&mut self, form: &Tree) -> Result<(), StanzaError> {
        let bad = StanzaError::bad_request;
        let form = Form::from_tree(form).ok_or_else(|| bad("The form is none."))?;
        if form.value("FORM_TYPE") != Some(NS) {
            return Err(bad("The form is of another type."));
        }
        for field in &form.fields {
            let value = field.values.first().map(|value| value.trim()).unwrap_or_default();
            let id = || Some(value.to_owned());
            match field.var.as_str() {
                "FORM_TYPE" => {}
                "with" => {
                    let jid = Jid::parse(value);
                    self.with = Some(jid.map_err(|error| {
                        StanzaError::new(Condition::JidMalformed).text(error.to_string())
                    })?);
                }
                "start" => self.start = Some(time(value)?),
                "end" => self.end = Some(time(value)?),
                "before-id" => self.before_id = id(),
                "after-id" => self.after_id = id(),
                "ids" => self.ids.clone_from(&field.values),
                _ => return Err(Condition::FeatureNotImplemented.into()),
            }
        }
        Ok(())
    }

    /// Whether all rows match.
    pub(crate) fn is_unfiltered(&self) -> bool {
        self.with.is_none()
            && self.start.is_none()
            && self.end.is_none()
            && self.before_id.is_none()
            && self.after_id.is_none()
            && self.ids.is_empty()
    }

    /// The rows that match, without the page; `max` of them.
    pub(crate) async fn matching(
        &self,
        log: &Log,
        account: &Account,
        max: usize,
    ) -> Result<Query, StanzaError> {
        let mut query = Query { with: self.with.clone(), max, ..Query::default() };
        // Stamps on the wire have milliseconds, positions microseconds: a stamp stands for all of its millisecond.
        if let Some(start) = self.start {
            query.after = (start.0 > 0).then(|| positive(start.0.saturating_sub(1)));
        }
        if let Some(end) = self.end {
            query.before = Some(positive(end.0.div_euclid(1000).saturating_add(1).saturating_mul(1000)));
        }
        if let Some(id) = &self.after_id {
            query.after = query.after.max(Some(position(log, account, id).await?));
        }
        if let Some(id) = &self.before_id {
            narrow(&mut query.before, position(log, account, id).await?);
        }
        Ok(query)
    }

    /// The rows of the page (§4.3).
    pub(crate) async fn page(&self, log: &Log, account: &Account, max: usize) -> Result<Query, StanzaError> {
        let mut query = self.matching(log, account, max).await?;
        if let Some(id) = &self.rsm.after {
            query.after = query.after.max(Some(position(log, account, id).await?));
        }
        if let Some(id) = &self.rsm.before {
            query.backwards = true;
            if !id.is_empty() {
                narrow(&mut query.before, position(log, account, id).await?);
            }
        }
        Ok(query)
    }
}

fn narrow(before: &mut Option<u64>, to: u64) {
    *before = Some(before.map_or(to, |before| before.min(to)));
}

fn positive(micros: i64) -> u64 {
    u64::try_from(micros).unwrap_or(0)
}

/// XEP-0082 §3.2.
fn time(text: &str) -> Result<Timestamp, StanzaError> {
    Timestamp::parse(text)
        .ok_or_else(|| StanzaError::bad_request("A time is written like 2026-11-25T10:00:00Z."))
}

/// §4.1.3, §4.3.2: an id of this archive, or `item-not-found`.
async fn position(log: &Log, account: &Account, id: &str) -> Result<u64, StanzaError> {
    let position = log.ids().position(account.number(), id).ok_or(Condition::ItemNotFound)?;
    match log.is_position(account, position).await.map_err(store_failed)? {
        true => Ok(position),
        false => Err(Condition::ItemNotFound.into()),
    }
}
