//! TLS for servers: certificates per host from a folder, read again when they change, and what a connection can prove.
//!
//! TLS 1.2 and 1.3 with the provider's suites, which are those that BCP 195 recommends
//! ([RFC 9325 §4.2](https://www.rfc-editor.org/rfc/rfc9325#section-4.2)); no renegotiation and no compression, because
//! rustls has neither; no early data.
//!
//! The certificate is chosen after the client's hello has been read and before the handshake goes on (rustls'
//! `Acceptor`), so that it is known which one was served: `tls-server-end-point` needs it, and a reload between the
//! two cannot make it wrong.
//!
//! Specs: [RFC 7590](https://www.rfc-editor.org/rfc/rfc7590), [XEP-0368](https://xmpp.org/extensions/xep-0368.html),
//! [RFC 9525 §6](https://www.rfc-editor.org/rfc/rfc9525#section-6), [RFC 5929 §4](https://www.rfc-editor.org/rfc/rfc5929#section-4),
//! [RFC 9266](https://www.rfc-editor.org/rfc/rfc9266), [RFC 7671](https://www.rfc-editor.org/rfc/rfc7671).

mod certificates;
mod client_certificate;
mod dane;
mod facts;
mod files;
mod identity;
mod peers;
mod self_signed;

pub use certificates::{CertificateProblem, Certificates, Served, Settings};
pub use client_certificate::ClientCertificates;
pub use dane::Tlsa;
pub use facts::TlsFacts;
pub use identity::{Identity, Matching};
pub use peers::{ALPN, Authorities, Untrusted, client_config};
pub use self_signed::write_self_signed;
