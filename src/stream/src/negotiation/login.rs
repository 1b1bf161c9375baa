//! SASL as XMPP carries it: [RFC 6120 §6](https://www.rfc-editor.org/rfc/rfc6120#section-6).

use waxwing_xml::Element;
use waxwing_xmpp::{BareJid, Domain, ns};

use crate::sasl::{
    Exchange, Failure, FailureCondition, Mechanism, Step, Success, Terms, decode_base64, encode_base64,
};
use crate::tls::TlsFacts;

use super::machine::HostOffer;

/// The login of one stream.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) terms: Terms,
    exchange: Option<Exchange>,
}

impl Login {
    /// What may be used here: `tls` is `None` on a stream in the clear.
    pub(super) fn new(domain: &Domain, offer: &HostOffer, tls: Option<&TlsFacts>) -> Self {
        let bindings = tls.map(|facts| facts.bindings.clone()).unwrap_or_default();
        let addresses = tls.map(|facts| facts.client_addresses.as_slice()).unwrap_or_default();
        let certificate: Vec<BareJid> = addresses
            .iter()
            .filter_map(|address| BareJid::parse(address).ok())
            .filter(|address| address.domain() == domain.as_str() && address.local().is_some())
            .collect();
        let usable = |mechanism: &Mechanism| match mechanism {
            Mechanism::ScramPlus(_) => !bindings.is_empty(),
            // RFC 6120 §6.3.4: only where the certificate would do.
            Mechanism::External => !certificate.is_empty(),
            _ => tls.is_some() || offer.allow_plaintext,
        };
        let mechanisms = Mechanism::ALL
            .into_iter()
            .filter(|mechanism| offer.mechanisms.contains(mechanism))
            .filter(usable)
            .collect();
        let terms = Terms {
            domain: domain.clone(),
            mechanisms,
            bindings,
            downgrade_protection: offer.downgrade_protection,
            certificate,
            decoy: offer.decoy.clone(),
        };
        Self { terms, exchange: None }
    }

    /// `<auth/>`, `<response/>` or `<abort/>`; `None`: it is none of them.
    pub(super) fn element(&mut self, element: &Element) -> Option<Step> {
        let text = element.text.as_str();
        let step = match element.name.as_str() {
            // A second <auth/> begins anew; the exchange before it is forgotten.
            "auth" => self.auth(element, text),
            "response" => self.respond(text),
            "abort" => Err(FailureCondition::Aborted.into()),
            _ => return None,
        };
        Some(self.settle(step.unwrap_or_else(Step::Failure)))
    }

    /// What the driver found out.
    pub(super) fn answer(&mut self, answer: crate::sasl::Answer) -> Step {
        let step = match &mut self.exchange {
            Some(exchange) => exchange.answer(answer),
            None => Step::Failure(FailureCondition::TemporaryAuthFailure.into()),
        };
        self.settle(step)
    }

    fn auth(&mut self, element: &Element, text: &str) -> Result<Step, Failure> {
        self.exchange = None;
        let attribute = element.attributes.iter().find(|attribute| attribute.name.as_str() == "mechanism");
        let name = attribute.map(|attribute| attribute.value.as_str()).unwrap_or_default();
        if self.terms.mechanisms.is_empty() && Mechanism::parse(name).is_some() {
            // RFC 6120 §6.5.4: nothing is offered before TLS.
            return Err(FailureCondition::EncryptionRequired.into());
        }
        let mut exchange = Exchange::begin(&self.terms, name)?;
        let initial = match text {
            "" => None,
            text => Some(decode_base64(text)?),
        };
        if !element.children.is_empty() {
            return Err(FailureCondition::MalformedRequest.into());
        }
        let step = exchange.initial(initial.as_deref());
        self.exchange = Some(exchange);
        Ok(step)
    }

    fn respond(&mut self, text: &str) -> Result<Step, Failure> {
        let exchange = self.exchange.as_mut().ok_or(FailureCondition::MalformedRequest)?;
        Ok(exchange.respond(&decode_base64(text)?))
    }

    /// An exchange that is over is forgotten.
    fn settle(&mut self, step: Step) -> Step {
        if matches!(step, Step::Failure(_) | Step::Success(_)) {
            self.exchange = None;
        }
        step
    }
}

/// `<challenge/>`.
pub(super) fn challenge(data: &[u8]) -> Vec<u8> {
    // A challenge without data has no text: RFC 6120 §6.3.10 has "=" only where data may be left out.
    let text = if data.is_empty() { String::new() } else { encode_base64(data) };
    element("challenge", &text)
}

/// `<success/>`.
pub(super) fn success(success: &Success) -> Vec<u8> {
    element("success", &success.data.as_deref().map(encode_base64).unwrap_or_default())
}

/// `<failure/>`.
pub(super) fn failure(failure: Failure) -> Vec<u8> {
    // The texts are ours and hold nothing to escape.
    let text = failure.text.map(|text| format!("<text xml:lang='en'>{text}</text>")).unwrap_or_default();
    element("failure", &format!("<{}/>{text}", failure.condition.name()))
}

fn element(name: &str, inner: &str) -> Vec<u8> {
    match inner {
        "" => format!("<{name} xmlns='{}'/>", ns::SASL),
        inner => format!("<{name} xmlns='{}'>{inner}</{name}>", ns::SASL),
    }
    .into_bytes()
}
