//! Namespaces of a start tag, and what they mean for the child that it is in.

use super::{Binding, Default, Head, Mark, Open, Walk};
use crate::Limits;
use crate::lex::{Lexed, QName, RawAttribute, Span, Stop};
use crate::namespace::{self, Declared, Namespace, Outside};

impl Walk {
    /// A start tag is complete: namespaces, then what it means for the child it is in.
    pub(super) fn open(&mut self, source: &[u8], limits: &Limits, outside: &Outside) -> Lexed<()> {
        let depth = self.open.len() + 1;
        if depth > limits.depth {
            return Err(Stop::Limit("the nesting of elements", limits.depth));
        }
        if depth == 2 && self.children.len() >= limits.children {
            return Err(Stop::Limit("the number of children", limits.children));
        }
        self.at = self.tag.at;
        let bindings = self.bindings.len();
        let default = self.declare(source, limits, outside, depth)?;
        let name = self.tag.name;
        let (namespace, declared) = self.resolve_element(name, default, source, outside)?;
        if namespace == Namespace::Xml {
            self.refuse("an element in the namespace of xml:lang", limits)?;
        }
        let is_content = if name.prefix.is_empty() {
            default.content
        } else {
            namespace::is_content(namespace.bytes(source, outside), outside)
        };
        let parent_content = depth == 2 || self.open.last().is_none_or(|open| open.content);
        let content = is_content && parent_content;
        self.open.push(Open { name: name.span(), default, bindings, content });
        if depth == 1 {
            return self.open_head(namespace, default.namespace, source, limits, outside);
        }
        if depth == 2 {
            let span = Span::new(self.tag.start, 0);
            self.children.push(Mark { span, name: name.local, namespace, rewrite: false });
        }
        // Content elements are written without prefix and declaration, all others with a declaration inside the
        // child: everything else means something else in another place.
        let fits = if content { name.prefix.is_empty() && declared < 2 } else { declared >= 2 };
        let outer_attribute = self.check_attributes(source, limits, outside, |_, _| {})?;
        if !fits || outer_attribute || self.tag.attributes.iter().any(|attribute| attribute.spaced) {
            self.rewrite();
        }
        Ok(())
    }

    fn open_head(
        &mut self,
        namespace: Namespace,
        default: Namespace,
        source: &[u8],
        limits: &Limits,
        outside: &Outside,
    ) -> Lexed<()> {
        let mut attributes = std::mem::take(&mut self.spare);
        self.check_attributes(source, limits, outside, |attribute, namespace| {
            attributes.push((attribute, namespace))
        })?;
        let prefixes = self.bindings.iter().map(|binding| (binding.prefix, binding.namespace)).collect();
        self.head =
            Some(Head { name: self.tag.name, namespace, default, prefixes, attributes, end: self.tag.at });
        Ok(())
    }

    /// Takes the tag's namespace declarations into scope.
    fn declare(&mut self, source: &[u8], limits: &Limits, outside: &Outside, depth: usize) -> Lexed<Default> {
        let mut default = match self.open.last() {
            Some(open) => open.default,
            None => Default::outer(outside),
        };
        let mut unsupported = None;
        for attribute in &self.tag.attributes {
            let Some(declared) = namespace::declaration(attribute) else { continue };
            let name = attribute.value.of(source);
            if let Some(why) = namespace::misdeclared(declared, name, source) {
                return Err(Stop::ill_formed(why));
            }
            if attribute.escaped || attribute.spaced || !namespace::is_plain_uri(name) {
                unsupported = Some("a namespace name that is not a plain URI");
            }
            match declared {
                Declared::Default => {
                    let namespace =
                        if name.is_empty() { Namespace::None } else { Namespace::Inside(attribute.value) };
                    default = Default { namespace, depth, content: namespace::is_content(name, outside) };
                }
                Declared::Prefix(prefix) => {
                    // Looking up a prefix costs time by their number.
                    if self.bindings.len() >= limits.attributes {
                        return Err(Stop::Limit("the number of prefixes", limits.attributes));
                    }
                    self.bindings.push(Binding { prefix, namespace: attribute.value, depth });
                }
            }
        }
        if let Some(why) = unsupported {
            self.refuse(why, limits)?;
        }
        Ok(default)
    }

    /// The element's namespace and the depth at which it was declared.
    fn resolve_element(
        &self,
        name: QName,
        default: Default,
        source: &[u8],
        outside: &Outside,
    ) -> Lexed<(Namespace, usize)> {
        if name.prefix.is_empty() {
            return Ok((default.namespace, default.depth));
        }
        self.resolve(name.prefix, source, outside)
    }

    fn resolve(&self, prefix: Span, source: &[u8], outside: &Outside) -> Lexed<(Namespace, usize)> {
        let name = prefix.of(source);
        if name == b"xml" {
            return Ok((Namespace::Xml, usize::MAX));
        }
        if let Some(found) = self.bindings.iter().rev().find(|binding| binding.prefix.of(source) == name) {
            return Ok((Namespace::Inside(found.namespace), found.depth));
        }
        let found = outside.prefixes.iter().rposition(|(prefix, _)| prefix.as_bytes() == name);
        found
            .map(|number| (Namespace::Prefix(number), 0))
            .ok_or(Stop::ill_formed("a prefix that is not declared"))
    }

    /// Checks the tag's attributes: each name once, each prefix declared. True if one needs what is declared
    /// outside of the child. `each` gets all but the declarations.
    fn check_attributes(
        &mut self,
        source: &[u8],
        limits: &Limits,
        outside: &Outside,
        mut each: impl FnMut(RawAttribute, Namespace),
    ) -> Lexed<bool> {
        let mut outer = false;
        let mut xml_id = false;
        // Resolved once: each is compared with all before it.
        let mut resolved = std::mem::take(&mut self.resolved);
        resolved.clear();
        for (number, attribute) in self.tag.attributes.iter().enumerate() {
            let name = attribute.name;
            let before = self.tag.attributes.get(..number).unwrap_or_default();
            // XML 1.0 §3.1, WFC: Unique Att Spec
            if before.iter().any(|other| other.name.span().of(source) == name.span().of(source)) {
                return Err(Stop::ill_formed("an attribute twice"));
            }
            if attribute.declares || name.prefix.is_empty() {
                resolved.push(Namespace::None);
                if !attribute.declares {
                    each(*attribute, Namespace::None);
                }
                continue;
            }
            let (namespace, depth) = self.resolve(name.prefix, source, outside)?;
            outer |= depth < 2;
            xml_id |= namespace == Namespace::Xml && name.local.of(source) == b"id";
            // Namespaces in XML §6.3: no two attributes with the same expanded name.
            let twin = |(other, found): (&RawAttribute, &Namespace)| {
                *found != Namespace::None
                    && other.name.local.of(source) == name.local.of(source)
                    && found.bytes(source, outside) == namespace.bytes(source, outside)
            };
            if before.iter().zip(&resolved).any(twin) {
                return Err(Stop::ill_formed("an attribute twice by its expanded name"));
            }
            resolved.push(namespace);
            each(*attribute, namespace);
        }
        self.resolved = resolved;
        if xml_id {
            self.refuse("xml:id, which parsers treat differently", limits)?;
        }
        Ok(outer)
    }
}
