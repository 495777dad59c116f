//! How many files and connections this process may have open at once.
//!
//! A connection is an open file to the operating system. A run on the local disk needs few; a run on buckets takes what is
//! left, up to what it can use.
#![expect(clippy::disallowed_methods, reason = "counts this process's open files")]

use std::fs;
use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The highest limit that macOS takes where it names none.
const MACOS_MAX: u64 = 10_240;
/// What is taken to be open where it cannot be counted.
const SOME_OPEN: u64 = 16;
/// Kept for everything but connections, and at least a quarter of the limit: logs that are read from the local disk,
/// temporary files, requests for credentials.
const MIN_KEPT: u64 = 16;

/// Raises the number of files that this process may have open to the highest that it may set itself.
///
/// Where that is refused, everything goes on with fewer connections.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = |current| setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum }).is_ok();
    if limit.current == limit.maximum || raised(limit.maximum) {
        return;
    }
    if limit.current.is_some_and(|current| current < MACOS_MAX) {
        raised(Some(MACOS_MAX));
    }
}

/// Returns the number of files that this process may open besides those that are open now.
pub fn open_files_left() -> u64 {
    let (limit, open) = limit_and_open();
    limit.saturating_sub(open)
}

/// Number of descriptors that connections may take in all. It is counted once.
pub(crate) fn for_connections() -> u64 {
    static LEFT: OnceLock<u64> = OnceLock::new();
    *LEFT.get_or_init(|| {
        let (limit, open) = limit_and_open();
        left(limit, open)
    })
}

fn limit_and_open() -> (u64, u64) {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    // The folder that is read is one of them.
    let open = fs::read_dir("/dev/fd").map_or(SOME_OPEN, |open| open.count() as u64);
    (limit, open)
}

fn left(limit: u64, open: u64) -> u64 {
    limit.saturating_sub(open).saturating_sub(MIN_KEPT.max(limit / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_is_kept() {
        assert_eq!(left(64, 8), 40);
        assert_eq!(left(1024, 24), 744);
        assert_eq!(left(10, 8), 0);
        assert!(left(u64::MAX, 8) > 1 << 32);
    }
}
