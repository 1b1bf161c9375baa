//! The begin of a component's stream, without I/O ([XEP-0114 §3](https://xmpp.org/extensions/xep-0114.html#proto)).

use std::fmt::Write;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use waxwing_stream::{Secret, token};
use waxwing_xml::{CONTENT, Element, Item, Root, Text, escape_attribute};
use waxwing_xmpp::{Domain, StreamCondition, StreamError, ns};

use crate::component::Component;

/// What the handshake asks.
pub(crate) trait Directory {
    /// The component of this name.
    fn component(&self, name: &Domain) -> Option<Arc<Component>>;
    /// A host of ours, for our header when there is no component of the wanted name. May be empty.
    fn own_name(&self) -> String;
}

/// The begin of one stream.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// Unpredictable: what the component proves, it proves for this stream only.
    id: String,
    header_sent: bool,
    closed: bool,
    component: Option<Arc<Component>>,
    lang: Option<Text>,
}

/// What a component has said.
#[derive(Debug)]
pub(crate) enum Said {
    /// Which component it wants to be.
    Name,
    /// That it is this one. Nobody has checked that yet.
    Proof(Arc<Component>, Text),
    /// Good-bye.
    End,
}

impl Handshake {
    pub(crate) fn new() -> Self {
        Self { id: token(), header_sent: false, closed: false, component: None, lang: None }
    }

    /// The id of the stream.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The name that was asked for, for the log.
    pub(crate) fn name(&self) -> Option<&Domain> {
        self.component.as_deref().map(Component::name)
    }

    /// The language of the component's stanzas, unless they say something else.
    pub(crate) fn lang(&self) -> Option<&Text> {
        self.lang.as_ref()
    }

    /// Takes an item of the scanner.
    ///
    /// # Errors
    /// Why the stream ends.
    pub(crate) fn item(
        &mut self,
        item: Item,
        directory: &dyn Directory,
        out: &mut Vec<u8>,
    ) -> Result<Said, StreamError> {
        match item {
            Item::Root(root) => self.header(&root, directory, out).map(|()| Said::Name),
            Item::Element(element)
                if element.namespace.as_str() == ns::STREAMS && element.name.as_str() == "error" =>
            {
                Ok(Said::End)
            }
            Item::Element(element) => self.proof(&element),
            // The scanner refuses nothing before login: it fails.
            Item::Refused(_) => Err(StreamCondition::PolicyViolation.into()),
            Item::RootEnd => Ok(Said::End),
        }
    }

    fn header(
        &mut self,
        root: &Root,
        directory: &dyn Directory,
        out: &mut Vec<u8>,
    ) -> Result<(), StreamError> {
        let wanted = wanted(root);
        let component = wanted.as_ref().ok().and_then(|name| directory.component(name));
        match &component {
            Some(component) => self.write_header(component.name().as_str(), out),
            None => self.write_header(&directory.own_name(), out),
        }
        wanted?;
        let lang = attribute(root, ns::XML, "lang").filter(|lang| !lang.as_str().is_empty());
        self.lang = lang.map(Text::detach);
        self.component = Some(component.ok_or(StreamCondition::HostUnknown)?);
        Ok(())
    }

    fn proof(&self, element: &Element) -> Result<Said, StreamError> {
        let handshake = element.name.as_str() == "handshake" && element.namespace.as_str() == CONTENT;
        match &self.component {
            Some(component) if handshake && element.children.is_empty() => {
                Ok(Said::Proof(Arc::clone(component), element.text.clone()))
            }
            // RFC 6120 §4.9.3.12: nothing but the handshake may come before it.
            _ => Err(StreamError::new(StreamCondition::NotAuthorized).text("A handshake comes first.")),
        }
    }

    /// Ends our stream: our header if it was not sent yet (RFC 6120 §4.9.1.2), the error if there is one, the end.
    pub(crate) fn close(
        &mut self,
        error: Option<&StreamError>,
        directory: &dyn Directory,
        out: &mut Vec<u8>,
    ) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        if !self.header_sent {
            self.write_header(&directory.own_name(), out);
        }
        if let Some(error) = error {
            error.write(out);
        }
        out.extend_from_slice(b"</stream:stream>");
    }

    /// Without version: there are no stream features here.
    fn write_header(&mut self, from: &str, out: &mut Vec<u8>) {
        self.header_sent = true;
        out.extend_from_slice(b"<?xml version='1.0'?><stream:stream xmlns='");
        out.extend_from_slice(NS.as_bytes());
        out.extend_from_slice(b"' xmlns:stream='");
        out.extend_from_slice(ns::STREAMS.as_bytes());
        out.extend_from_slice(b"' from='");
        escape_attribute(from, out);
        out.extend_from_slice(b"' id='");
        escape_attribute(&self.id, out);
        out.extend_from_slice(b"'>");
    }
}

/// Tells the component that it is believed.
pub(crate) fn accept(out: &mut Vec<u8>) {
    out.extend_from_slice(b"<handshake/>");
}

/// The name in a header, if all is right with it.
fn wanted(root: &Root) -> Result<Domain, StreamError> {
    let fault = if root.namespace.as_str() != ns::STREAMS {
        // RFC 6120 §4.8.1.
        Some(StreamCondition::InvalidNamespace)
    } else if root.name.as_str() != "stream" {
        Some(StreamCondition::BadFormat)
    } else if root.prefix.as_str() != "stream" {
        // §4.8.5 lets us insist on the prefix.
        Some(StreamCondition::BadNamespacePrefix)
    } else if root.content.as_str() != NS {
        // XEP-0114 §3.
        Some(StreamCondition::InvalidNamespace)
    } else {
        None
    };
    if let Some(condition) = fault {
        return Err(condition.into());
    }
    let to = attribute(root, "", "to").map(Text::as_str).unwrap_or_default();
    Domain::parse(to).map_err(|_| {
        StreamError::new(StreamCondition::ImproperAddressing)
            .text("The stream header needs a 'to' with the component's name.")
    })
}

fn attribute<'a>(root: &'a Root, namespace: &str, name: &str) -> Option<&'a Text> {
    let wanted = root
        .attributes
        .iter()
        .find(|attribute| attribute.name.as_str() == name && attribute.namespace.as_str() == namespace);
    wanted.map(|attribute| &attribute.value)
}

/// XEP-0114 §3: SHA-1 of id and secret, in lower-case hexadecimal digits.
pub(crate) fn expected(id: &str, secret: &Secret) -> String {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    context.update(id.as_bytes());
    context.update(secret.expose());
    let mut text = String::with_capacity(40);
    for byte in context.finish().as_ref() {
        // Writing into a String cannot fail.
        write!(text, "{byte:02x}").ok();
    }
    text
}

/// Whether `proof` shows knowledge of the secret, found out in the same time wherever it is wrong.
pub(crate) fn proves(id: &str, secret: &Secret, proof: &str) -> bool {
    verify_slices_are_equal(expected(id, secret).as_bytes(), proof.trim().as_bytes()).is_ok()
}

/// XEP-0114.
pub(crate) const NS: &str = "jabber:component:accept";

#[cfg(test)]
#[path = "tests/handshake.rs"]
mod tests;
