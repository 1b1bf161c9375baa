//! RFC 6120: XMPP core.

mod section_11_xml;
mod section_4_streams;
mod section_5_starttls;
mod section_6_sasl;
mod section_7_binding;
mod section_8_4_namespaces;
mod section_8_stanzas;
