//! Knowledge of a caller about the keys of a bucket: a listing passes over those that are not wanted.

/// Knowledge of how keys are made, so that a listing need not go through all of them.
pub trait KeyGuide: Send + Sync {
    /// Returns whether a key may be wanted; if not, how far the keys after it are not wanted either.
    fn look(&self, key: &str) -> Look;

    /// Returns where the keys after a page may be cut into parts that are listed at once, in byte order. The page holds the
    /// keys from the first of `page` to the second; it ends a run of `pages` pages that were listed one after another.
    fn cuts(&self, page: [&str; 2], pages: u32) -> Vec<String>;
}

/// A guide's verdict on a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It may be wanted.
    Wanted,
    /// It is not wanted, and no other key up to and including this text.
    NotUpTo(String),
}

/// A guide that knows nothing: every key may be wanted.
#[derive(Clone, Copy, Debug)]
pub struct Everything;

impl KeyGuide for Everything {
    fn look(&self, _key: &str) -> Look {
        Look::Wanted
    }

    fn cuts(&self, _page: [&str; 2], _pages: u32) -> Vec<String> {
        Vec::new()
    }
}
