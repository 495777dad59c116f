//! Stage 1. Prefix in, objects out.
//!
//! **Invariants**
//! - Objects are sorted by the bytes of (source, key), and each identity stands once, however many ways lead to it.
//! - The result depends on the sources and on what the disk holds: not on the order of the sources or of the folders'
//!   entries.
//! - A name that a plain path from a source leads to wins over one that a link leads to; of nested sources the outermost
//!   gives the name; of several links the one whose name sorts first.
//!
//! **Errors.** What cannot be listed becomes a [`ListFailure`] and the rest goes on. Only the wish to stop ends a listing.
//!
//! **Not here:** which of the objects are wanted, by pattern or by hour, is decided by the planner.
#![expect(clippy::disallowed_methods, reason = "walks folders and resolves links; every failure names its place")]

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::object::Version;
use crate::uri::{SourceKind, file_url, kind_of};
use crate::{Error, Object, Source};

/// Entries between two looks at `stop` and two calls of `on_progress`.
const ENTRIES_PER_LOOK: u32 = 512;

/// Linux's and the BSDs' numbers for too many links in a path; `std` has no stable name for the kind.
const ELOOP: [i32; 2] = [40, 62];

/// What a listing found.
#[derive(Debug, Default)]
pub struct Listing {
    /// Sorted by (source, key), each identity once.
    pub objects: Vec<Object>,
    /// What could not be listed, sorted by location.
    pub failures: Vec<ListFailure>,
}

/// Something below a source that could not be listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListFailure {
    /// What it is: a printable URL.
    pub location: String,
    /// Why: an unreadable folder, a name that is not UTF-8, a link that leads nowhere, a named pipe.
    pub reason: String,
}

/// All objects below `sources`.
///
/// `on_progress` hears how many objects were found so far, `stop` is asked now and then. Links to files and folders are
/// followed; an object's identity is its canonical path, so that it is listed once however it is reached.
///
/// # Errors
///
/// [`Error::Stopped`], as soon as `stop` says so. What cannot be listed is in [`Listing::failures`] instead.
pub fn list(sources: &[Source], on_progress: &mut dyn FnMut(u64), stop: &dyn Fn() -> bool) -> Result<Listing, Error> {
    let mut walk = Walk {
        listing: Listing::default(),
        visited: HashSet::new(),
        links: BTreeSet::new(),
        entries: 0,
        on_progress,
        stop,
    };
    // Outermost first: a folder that holds another sorts before it, and what was visited is not visited again.
    let mut folders: Vec<&str> = Vec::new();
    let mut files: Vec<(bool, &str, &str)> = Vec::new();
    for source in sources {
        match source.kind() {
            SourceKind::Folder => folders.push(source.path()),
            SourceKind::File { name } => {
                let by_link = source.path().rsplit('/').next() != Some(name);
                files.push((by_link, name, source.path()));
            }
        }
    }
    folders.sort_unstable();
    files.sort_unstable();
    for path in folders {
        walk.tree(path, "")?;
    }
    for (_, name, path) in files {
        walk.target(path, name, path)?;
    }
    while let Some((name, path)) = walk.links.pop_first() {
        walk.link(&name, &path)?;
    }
    let Walk { mut listing, on_progress, .. } = walk;
    // Stable, so that of equal identities the one found first stays.
    listing.objects.sort();
    listing.objects.dedup();
    listing.failures.sort();
    on_progress(listing.objects.len() as u64);
    Ok(listing)
}

/// A listing under way.
struct Walk<'a> {
    listing: Listing,
    /// Canonical paths of the folders that were read.
    visited: HashSet<String>,
    /// (name, path) of links to follow once all plain paths are listed.
    links: BTreeSet<(String, String)>,
    entries: u32,
    on_progress: &'a mut dyn FnMut(u64),
    stop: &'a dyn Fn() -> bool,
}

/// A folder to read: `path` and `name` end in `/`, or `name` is empty at the source itself.
struct Folder {
    path: String,
    name: String,
}

impl Walk<'_> {
    /// Lists the canonical folder `path` and what is below it, without following links.
    fn tree(&mut self, path: &str, name: &str) -> Result<(), Error> {
        let slashed =
            |text: &str| if text.is_empty() || text.ends_with('/') { text.into() } else { format!("{text}/") };
        let mut waiting = vec![Folder { path: slashed(path), name: slashed(name) }];
        while let Some(folder) = waiting.pop() {
            self.look(true)?;
            if self.visited.insert(folder.path.clone()) {
                self.folder(&folder, &mut waiting)?;
            }
        }
        Ok(())
    }

    /// Lists the files of one folder and puts its folders into `waiting`.
    fn folder(&mut self, folder: &Folder, waiting: &mut Vec<Folder>) -> Result<(), Error> {
        let entries = match fs::read_dir(&folder.path) {
            Ok(entries) => entries,
            Err(error) => {
                self.fail(folder.path.as_bytes(), unreadable(&error));
                return Ok(());
            }
        };
        for entry in entries {
            self.look(false)?;
            match entry {
                Ok(entry) => self.entry(folder, &entry, waiting),
                Err(error) => {
                    self.fail(folder.path.as_bytes(), unreadable(&error));
                    break;
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: &Folder, entry: &DirEntry, waiting: &mut Vec<Folder>) {
        let file_name = entry.file_name();
        let path_bytes = |file_name: &OsStr| [folder.path.as_bytes(), file_name.as_bytes()].concat();
        let Some(text) = file_name.to_str() else {
            return self.fail(&path_bytes(&file_name), "the name is not UTF-8".into());
        };
        let file_type = match entry.file_type() {
            Ok(file_type) => file_type,
            Err(error) => return self.fail_unless_gone(&path_bytes(&file_name), &error),
        };
        if file_type.is_file() {
            match entry.metadata() {
                Ok(metadata) => {
                    let path = [folder.path.as_str(), text].concat();
                    let name = [folder.name.as_str(), text].concat();
                    self.listing.objects.push(Object::with_version(&path, &name, Version::of(&metadata)));
                }
                Err(error) => self.fail_unless_gone(&path_bytes(&file_name), &error),
            }
        } else if file_type.is_dir() {
            waiting.push(Folder { path: format!("{}{text}/", folder.path), name: format!("{}{text}/", folder.name) });
        } else if file_type.is_symlink() {
            self.links.insert((format!("{}{text}", folder.name), format!("{}{text}", folder.path)));
        } else {
            self.fail(&path_bytes(&file_name), not_regular(kind_of(file_type)));
        }
    }

    /// Lists what the link at `path` leads to, under the link's name.
    fn link(&mut self, name: &str, path: &str) -> Result<(), Error> {
        self.look(true)?;
        match fs::canonicalize(path) {
            Ok(target) => match target.to_str() {
                Some(target) => return self.target(target, name, path),
                None => self.fail(path.as_bytes(), "the symbolic link leads to a path that is not UTF-8".into()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.fail(path.as_bytes(), "the symbolic link leads nowhere".into());
            }
            Err(error) if error.raw_os_error().is_some_and(|number| ELOOP.contains(&number)) => {
                self.fail(path.as_bytes(), "the symbolic link leads in a circle".into());
            }
            Err(error) => self.fail(path.as_bytes(), format!("the symbolic link cannot be followed: {error}")),
        }
        Ok(())
    }

    /// Lists the canonical path of a file or a folder, reached from `origin`: the path itself or a link.
    fn target(&mut self, path: &str, name: &str, origin: &str) -> Result<(), Error> {
        match fs::metadata(Path::new(path)) {
            Ok(metadata) if metadata.is_dir() => return self.tree(path, name),
            Ok(metadata) if metadata.is_file() => {
                self.listing.objects.push(Object::with_version(path, name, Version::of(&metadata)));
            }
            Ok(metadata) => self.fail(origin.as_bytes(), not_regular(kind_of(metadata.file_type()))),
            Err(error) => self.fail(origin.as_bytes(), unreadable(&error)),
        }
        Ok(())
    }

    /// Asks whether to stop and tells how far it is: every so many entries, or `now`.
    fn look(&mut self, now: bool) -> Result<(), Error> {
        self.entries += 1;
        let due = self.entries >= ENTRIES_PER_LOOK;
        if due {
            self.entries = 0;
            (self.on_progress)(self.listing.objects.len() as u64);
        }
        if (now || due) && (self.stop)() { Err(Error::Stopped) } else { Ok(()) }
    }

    fn fail(&mut self, path: &[u8], reason: String) {
        self.listing.failures.push(ListFailure { location: file_url(path), reason });
    }

    /// A file that vanishes while its folder is read is no failure: it could have vanished a moment before.
    fn fail_unless_gone(&mut self, path: &[u8], error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.fail(path, unreadable(error));
        }
    }
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}

fn not_regular(kind: &str) -> String {
    format!("is {kind}, not a regular file")
}

#[cfg(test)]
mod tests;
