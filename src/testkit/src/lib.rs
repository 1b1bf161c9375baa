//! In-memory server, scripted clients and XML comparison for module tests
