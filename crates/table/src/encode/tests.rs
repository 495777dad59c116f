//! Encoding, end to end within the crate.
