//! An ordered key-value contract with group commit on sled, fjall and memory, and typed tables above it
