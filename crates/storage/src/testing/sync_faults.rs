//! A disk that fails to sync: the name that is being created is visible, and not on the disk.
//!
//! The fault is in a variable of the thread that creates the name, as a sync is deep in the store, and a fault around it.

use std::cell::RefCell;
use std::io;
use std::path::Path;

thread_local! {
    /// The name whose folder cannot be synced now.
    static FAILING: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Creates a name while its folder cannot be synced.
pub(super) fn with_failing_sync<T>(name: &str, create: impl FnOnce() -> T) -> T {
    FAILING.set(Some(name.to_owned()));
    let created = create();
    FAILING.set(None);
    created
}

/// Returns whether the sync of a name that was just created fails, in a store without folders.
pub(super) fn is_failing() -> bool {
    FAILING.with_borrow(Option::is_some)
}

/// Returns the error of a folder that cannot be synced once the name is in it.
pub(crate) fn check_folder(folder: &Path) -> io::Result<()> {
    FAILING.with_borrow(|failing| {
        let Some(name) = failing else { return Ok(()) };
        let file_name = name.rsplit('/').next().unwrap_or(name);
        let path = folder.join(file_name);
        if path.ends_with(name) && path.exists() { Err(failed_sync()) } else { Ok(()) }
    })
}

/// Returns the error of a disk whose cache could not be written back.
pub(super) fn failed_sync() -> io::Error {
    io::Error::other("the sync failed, for a test")
}
