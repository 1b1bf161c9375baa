//! What is known of a TLS connection once its handshake is over.

use rustls::ProtocolVersion;
use rustls::server::ServerConnection;

use crate::sasl::{BindingType, ChannelBinding};

use super::Served;

/// Facts about an established TLS connection.
#[derive(Debug, Clone, Default)]
pub struct TlsFacts {
    /// SNI as the client sent it.
    pub server_name: Option<String>,
    /// Whether it is TLS 1.3.
    pub is_tls13: bool,
    /// What SASL can be bound to.
    pub bindings: Vec<ChannelBinding>,
    /// XMPP addresses in the client's certificate, if the operator's CA vouches for it (XEP-0178).
    pub client_addresses: Vec<String>,
}

impl TlsFacts {
    /// Of a connection whose handshake is over.
    pub(crate) fn of(connection: &ServerConnection, served: &Served) -> Self {
        let is_tls13 = connection.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let mut bindings = Vec::new();
        // RFC 9266 §3 allows tls-exporter on TLS 1.2 only with the extended master secret. rustls 0.23 negotiates it
        // with every client that asks, but does not tell; so TLS 1.2 has tls-server-end-point alone.
        if is_tls13 {
            // RFC 9266 §2: this label, an empty context, 32 bytes.
            let exported = connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""));
            if let Ok(data) = exported {
                bindings.push(ChannelBinding { kind: BindingType::TlsExporter, data: data.to_vec() });
            }
        }
        if let Some(data) = served.end_point() {
            bindings.push(ChannelBinding { kind: BindingType::TlsServerEndPoint, data: data.to_vec() });
        }
        Self {
            server_name: connection.server_name().map(str::to_owned),
            is_tls13,
            bindings,
            client_addresses: served.client_addresses(connection.peer_certificates().unwrap_or_default()),
        }
    }
}
