//! Errors of the operating system: those that concern one file, and those that are retried.
//!
//! A file may have a mode that forbids reading it, or be on a bad block of the disk: others can still be read. A process
//! without memory or descriptors, a dead mount and a network that fails concern every file.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::Error;
use crate::error::{Operation, UnreadableCause};
use crate::local_path::is_absent;

/// Number of attempts of a read whose error may pass. The wait between them grows.
const TRIES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(50);
const WAIT_GROWS_BY: u32 = 4;

/// `EIO`: the disk cannot read it. It may pass. The number is the same on all systems.
const EIO: i32 = 5;
/// `ENXIO`: the device of a file is missing.
const ENXIO: i32 = 6;
/// `ENODATA` and `EREMOTEIO` of Linux: as `EIO`, of a block or of a file on another machine.
const ENODATA: i32 = 61;
const EREMOTEIO: i32 = 121;
/// Other errors of Linux's filesystems about one damaged or encrypted file: `EBADMSG`, `EOVERFLOW`, `EUCLEAN`, `ENOKEY`,
/// `EKEYEXPIRED`, `EKEYREVOKED`, `EKEYREJECTED`.
const LINUX_OF_FILE: [i32; 9] = [ENODATA, 74, 75, 117, EREMOTEIO, 126, 127, 128, 129];
/// `ELOOP`, whose kind has no stable name.
const ELOOP: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };

/// Calls `act`, and again if that may help.
pub(super) fn tried<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match act() {
            Err(error) if may_pass(&error) => thread::sleep(wait),
            done => return done,
        }
        wait *= WAIT_GROWS_BY;
    }
    act()
}

/// Returns the error of a file that could not be read: it concerns this file alone, or this process.
pub(super) fn explained(
    doing: Operation,
    action: &'static str,
    path: &Path,
    location: String,
    error: io::Error,
) -> Error {
    if !concerns_the_file(&error, path) {
        return Error::io(doing, action, location, error);
    }
    let cause = if error.kind() == io::ErrorKind::PermissionDenied {
        UnreadableCause::PermissionDenied
    } else if error.raw_os_error() == Some(EIO) {
        UnreadableCause::Damaged(error)
    } else {
        UnreadableCause::Io(error)
    };
    Error::Unreadable { doing, location, cause }
}

/// Kinds of errors that concern one file.
const KINDS_OF_FILE: [io::ErrorKind; 5] = [
    io::ErrorKind::PermissionDenied,
    io::ErrorKind::IsADirectory,
    io::ErrorKind::InvalidInput,
    io::ErrorKind::InvalidFilename,
    io::ErrorKind::FileTooLarge,
];

/// Returns whether an error concerns this file alone.
fn concerns_the_file(error: &io::Error, path: &Path) -> bool {
    // The file was replaced on its server; or the whole mount is stale.
    if error.kind() == io::ErrorKind::StaleNetworkFileHandle {
        return is_reachable(path);
    }
    let is_number_of_file = |number: i32| {
        [EIO, ENXIO, ELOOP].contains(&number) || (cfg!(target_os = "linux") && LINUX_OF_FILE.contains(&number))
    };
    KINDS_OF_FILE.contains(&error.kind()) || error.raw_os_error().is_some_and(is_number_of_file)
}

/// Returns whether the folder of a file can be looked at.
fn is_reachable(path: &Path) -> bool {
    path.parent().is_some_and(|folder| match folder.metadata() {
        Ok(_) => true,
        Err(error) => is_absent(&error),
    })
}

fn may_pass(error: &io::Error) -> bool {
    [io::ErrorKind::StaleNetworkFileHandle, io::ErrorKind::TimedOut].contains(&error.kind())
        || error.raw_os_error().is_some_and(|number| {
            number == EIO || (cfg!(target_os = "linux") && [ENODATA, EREMOTEIO].contains(&number))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained_of(errno: i32, path: &Path) -> Error {
        explained(Operation::Fetch, "read it", path, "/logs/E1.gz".into(), io::Error::from_raw_os_error(errno))
    }

    #[test]
    fn errors_that_concern_one_file_are_told_apart() {
        // EPERM, EIO, ENXIO, EACCES, EISDIR, EINVAL, EFBIG, ENAMETOOLONG, ELOOP, ENODATA, EBADMSG, EOVERFLOW, EUCLEAN,
        // EREMOTEIO, ENOKEY, EKEYEXPIRED, EKEYREVOKED, EKEYREJECTED
        for errno in [1, 5, 6, 13, 21, 22, 27, 36, 40, 61, 74, 75, 117, 121, 126, 127, 128, 129] {
            let error = explained_of(errno, Path::new("/"));
            assert!(error.is_unreadable(), "{errno}");
            assert!(error.to_string().starts_with("fetch: /logs/E1.gz: cannot read it: "), "{error}");
        }
        assert!(explained_of(13, Path::new("/")).to_string().ends_with("permission denied"));
        assert!(explained_of(5, Path::new("/")).to_string().ends_with("(os error 5)"));
    }

    #[test]
    fn errors_that_concern_the_process_or_the_mount_stop_the_run() {
        // EAGAIN, ENOMEM, EBUSY, ENODEV, ENFILE, EMFILE, ENOSPC, EROFS, ENOLCK, ENOSYS, ENETDOWN, ENETUNREACH, ECONNABORTED,
        // ECONNRESET, ENOTCONN, ESHUTDOWN, ETIMEDOUT, ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH, EDQUOT
        for errno in [11, 12, 16, 19, 23, 24, 28, 30, 37, 38, 100, 101, 103, 104, 107, 108, 110, 111, 112, 113, 122] {
            assert!(!explained_of(errno, Path::new("/")).is_unreadable(), "{errno}");
        }
    }

    #[test]
    fn a_stale_handle_is_of_the_file_if_its_folder_can_be_looked_at() {
        let place = tempfile::tempdir().unwrap();
        assert!(explained_of(116, &place.path().join("E1.gz")).is_unreadable());
        // A root has no folder above it: what is stale there is the mount.
        assert!(!explained_of(116, Path::new("/")).is_unreadable());
    }

    #[test]
    fn errors_that_may_pass_are_retried_and_refusals_are_not() {
        for (errno, passes_after, tries, is_ok) in [(5, 2, 3, true), (5, 9, 3, false), (13, 1, 1, false)] {
            let mut count = 0;
            let done = tried(|| {
                count += 1;
                if count > passes_after { Ok(()) } else { Err(io::Error::from_raw_os_error(errno)) }
            });
            assert_eq!((count, done.is_ok()), (tries, is_ok), "{errno}");
        }
    }
}
