//! Stream negotiation as a state machine without I/O, SASL, TLS and the tokio transport
