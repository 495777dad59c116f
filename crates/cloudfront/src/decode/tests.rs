//! Decoding, end to end within the crate.
