//! Client connections: listeners, negotiation, resource binding
