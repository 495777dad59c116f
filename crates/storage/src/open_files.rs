//! The limit of files and connections that this process may have open at once.
//!
//! To the operating system a connection is an open file. A run on the local disk needs few; a run on buckets uses the
//! rest, up to the number of requests that it sends at once.
#![expect(clippy::disallowed_methods, reason = "counts this process's open files")]

use std::fs::{self, File};
use std::io;
use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Highest limit that macOS accepts if its hard limit is infinite.
const MACOS_MAX: u64 = 10_240;
/// Number of files that are assumed to be open if they cannot be counted.
const SOME_OPEN: u64 = 16;
/// Least number of descriptors kept for everything but connections: logs on the local disk, temporary files, requests
/// for credentials. A quarter of the limit is kept if that is more.
const MIN_KEPT: u64 = 16;

/// Raises this process's limit of open files as far as it may.
///
/// If that is refused, the run uses fewer connections.
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

/// Checks that this number of files can be open at once besides those that are open now: libraries panic if one cannot be
/// opened.
///
/// # Errors
/// The operating system's.
pub(crate) fn can_open(count: usize) -> io::Result<()> {
    (0..count).map(|_| File::open("/dev/null")).collect::<io::Result<Vec<File>>>().map(drop)
}

/// Returns whether an error says that this process has too many files open.
pub(crate) fn is_limit(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::MFILE.raw_os_error())
}

/// Returns the limit of open files, as text.
pub(crate) fn limit_text() -> String {
    let limit = getrlimit(Resource::Nofile).current.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    format!("`ulimit -n` ({limit} open files of this process)")
}

/// Returns the number of descriptors that connections may use in all, counted once.
pub(crate) fn for_connections() -> u64 {
    static LEFT: OnceLock<u64> = OnceLock::new();
    *LEFT.get_or_init(|| {
        let (limit, open) = limit_and_open();
        left(limit, open)
    })
}

fn limit_and_open() -> (u64, u64) {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    // The count includes the descriptor of this folder.
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
    fn descriptors_for_other_uses_are_kept() {
        assert_eq!(left(64, 8), 40);
        assert_eq!(left(1024, 24), 744);
        assert_eq!(left(10, 8), 0);
        assert!(left(u64::MAX, 8) > 1 << 32);
    }
}
