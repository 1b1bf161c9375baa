//! Modules, hosts, router, sessions, delivery: the server without any protocol feature
