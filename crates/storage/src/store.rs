//! Stage 9. Data file bytes in, stored object out.
//!
//! **Invariants**
//! - A name is written once. It appears whole, or not at all, and is never replaced: of several writers one wins and the
//!   others hear [`Error::AlreadyExists`].
//! - When a write is done, it outlives a power loss.
//! - Bytes that are not stored yet never stand where a reader lists.
//!
//! ```text
//! stage() -> append, append, ... -> put_if_absent("year=2025/.../part-0000000001-00001-000.parquet")
//! ```
//!
//! **Errors.** After an error of a write the name may stand or not, as after a lost reply: read it back and compare.
//!
//! **Not here:** how a disk keeps these promises is in `local.rs`; which names there are is the layout's.

use std::path::Path;
use std::sync::Arc;

use crate::local::{LocalStaged, LocalStore};
use crate::{Error, LocalFolder};

/// A root below which names are written once. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    local: Arc<LocalStore>,
}

impl Store {
    /// A store in the folder `root`, whose staged files wait in the folder `temp`.
    ///
    /// Both may be absent: nothing is created before the first write. They have to be on one filesystem. Where `temp` lies
    /// in `root`, it does not belong to the store: it counts neither in [`Store::is_empty`] nor in [`Store::list`].
    ///
    /// # Errors
    ///
    /// Something that is not a folder stands in the way of `root` or `temp`, or they cannot be looked at.
    pub fn open_local(root: &Path, temp: &Path) -> Result<Self, Error> {
        Ok(Self { local: Arc::new(LocalStore::open(root, temp)?) })
    }

    /// The canonical path of the root.
    pub fn root(&self) -> &Path {
        self.local.root()
    }

    /// Whether the root is there.
    ///
    /// # Errors
    ///
    /// It cannot be told.
    pub fn root_exists(&self) -> Result<bool, Error> {
        self.local.root_exists()
    }

    /// Whether the root is absent or has nothing in it.
    ///
    /// # Errors
    ///
    /// The root cannot be read: nothing is known about what it holds.
    pub fn is_empty(&self) -> Result<bool, Error> {
        self.local.is_empty()
    }

    /// Begins a file that is written in pieces and then put under its name.
    ///
    /// # Errors
    ///
    /// The temporary file cannot be made.
    pub fn stage(&self) -> Result<Staged, Error> {
        Ok(Staged { staged: self.local.stage()?, store: self.clone() })
    }

    /// Writes a name, unless it exists.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`]: another writer, or an earlier try, was first, and what it wrote is untouched.
    pub fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        check_name(name)?;
        let mut staged = self.stage()?;
        staged.append(bytes)?;
        staged.put_if_absent(name).map(|_bytes| ())
    }

    /// All bytes of a name.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], or the name cannot be read.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        check_name(name)?;
        self.local.read(name)
    }

    /// The last bytes under a name, at most `bytes` of them.
    ///
    /// # Errors
    ///
    /// As [`Store::read`].
    pub fn read_tail(&self, name: &str, bytes: u64) -> Result<Vec<u8>, Error> {
        check_name(name)?;
        self.local.read_tail(name, bytes)
    }

    /// Whether anything stands under a name.
    ///
    /// # Errors
    ///
    /// It cannot be told.
    pub fn exists(&self, name: &str) -> Result<bool, Error> {
        check_name(name)?;
        self.local.exists(name)
    }

    /// All names that begin with `prefix`, in byte order; `""` for all of them. A prefix is text, not a folder: `log/1`
    /// finds `log/10`. Files that another hand put there are listed as well.
    ///
    /// # Errors
    ///
    /// A folder cannot be read, or a name is not UTF-8: an incomplete list is never given.
    pub fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !folder.is_empty() {
            check_name(folder)?;
        }
        let mut names = self.local.list(folder, prefix)?;
        names.sort_unstable();
        Ok(names)
    }
}

/// The store of a table or of its state, with its temporary files in `temp`.
impl LocalFolder {
    /// Opens this folder as a store, as [`Store::open_local`].
    ///
    /// # Errors
    ///
    /// As [`Store::open_local`].
    pub fn open_store(&self, temp: &Path) -> Result<Store, Error> {
        Store::open_local(self.path(), temp)
    }
}

/// A file that is being written and has no name yet. Dropping it removes it.
///
/// It holds no file descriptor between two calls, so that ten thousand may wait at once. Append large pieces.
#[derive(Debug)]
pub struct Staged {
    staged: LocalStaged,
    store: Store,
}

impl Staged {
    /// Adds bytes at the end.
    ///
    /// # Errors
    ///
    /// They could not all be written. The file cannot be put any more: drop it.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.staged.append(bytes)
    }

    /// The bytes appended so far.
    pub fn len_bytes(&self) -> u64 {
        self.staged.len_bytes()
    }

    /// Puts the file under its name, unless that exists, and gives its size in bytes. Folders are made as needed.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`]: the name was written before, and what stands there is untouched. Any other: the name may
    /// stand or not.
    pub fn put_if_absent(self, name: &str) -> Result<u64, Error> {
        check_name(name)?;
        self.store.local.put_if_absent(&self.staged, name)?;
        Ok(self.staged.len_bytes())
    }
}

/// Names are relative, and every segment names a thing: so that no name leads out of the root.
fn check_name(name: &str) -> Result<(), Error> {
    let bad = |reason| Err(Error::BadName { name: name.escape_debug().to_string(), reason });
    if name.is_empty() {
        return bad("it is empty");
    }
    if name.starts_with('/') {
        return bad("it begins with `/`");
    }
    if name.contains('\0') {
        return bad("it has a zero byte");
    }
    if name.split('/').any(str::is_empty) {
        return bad("a segment is empty");
    }
    if name.split('/').any(|segment| segment == "." || segment == "..") {
        return bad("a segment is `.` or `..`");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
