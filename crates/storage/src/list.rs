//! Stage 1. Prefix in, objects out.
//!
//! **Invariants**
//! - Each canonical path is met once, however many ways lead to it. A plain file is, because its folder is read once; a
//!   file that a link leads to or that is itself a source is a double if its folder was read or if it was met so before.
//! - Which objects are found, under which names and ids, depends on the sources and on what the disk holds: not on the
//!   order of the sources or of the folders' entries. In which order they come is not promised.
//! - A name that a plain path from a source leads to wins over one that a link leads to; of nested sources the outermost
//!   gives name and id, even for what it could not read itself; of several links the one whose name sorts first. Of
//!   sources that are the same folder, the one without an id gives the id, then the one whose id sorts first.
//! - Below one id a key means one path: it is the path below the one place that has the id. A second place with the same
//!   id is not listed.
//! - Memory is bounded by the number of folders, links and special files, not by that of objects.
//!
//! **Errors.** What cannot be listed becomes a [`ListFailure`] and the rest goes on. A named pipe, a socket or a device is no
//! failure: it is never a log. Only the wish to stop ends a listing.
//!
//! **Not here:** which of the objects are wanted, by pattern or by hour, is decided by the planner.
#![expect(clippy::disallowed_methods, reason = "walks folders and resolves links; every failure names its place")]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, DirEntry, FileType, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use crate::file_url::file_url;
use crate::object::{Place, Version};
use crate::remote::{KeyGuide, Listed, list_prefix};
use crate::{Connections, Error, Object, Source};

mod roots;

use self::roots::{RemoteRoot, RemoteRoots, Root, Roots, remote_roots, roots};

/// Entries between two looks at `stop` and two calls of `on_progress`.
const ENTRIES_PER_LOOK: u32 = 512;

/// Linux's and the BSDs' numbers for too many links in a path; `std` has no stable name for the kind.
const ELOOP: [i32; 2] = [40, 62];

/// Something below a source that could not be listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListFailure {
    /// What it is: a printable URL.
    pub location: String,
    /// Its name, as the name of an object there would be; empty for a source. It is not printable.
    pub name: String,
    /// Whether it is a folder, or may lead to one: then objects may be below it.
    pub may_hold_objects: bool,
    /// Why: an unreadable folder, a name that is not UTF-8, a link that leads nowhere.
    pub reason: String,
}

/// What a listing met besides objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// What could not be listed, sorted by location.
    pub failures: Vec<ListFailure>,
    /// Names of the special files, which are never logs: named pipes, sockets, devices. Each file once.
    pub special: Vec<String>,
    /// Names of the folders of the local disk, whether they hold objects or not.
    pub folders: Vec<String>,
}

/// Gives every object below `sources` to `on_object`, in no promised order, and returns what else it met: above all what
/// could not be listed.
///
/// `on_progress` hears how many objects were found so far, `stop` is asked now and then. Links to files and folders are
/// followed; an object is met once by its canonical path, however it is reached. On some filesystems a folder whose
/// entries are replaced while it is read shows one of them twice: who gathers objects drops equal ones.
///
/// Of nested sources the outermost gives name and id to what lies below it. Of sources that are the same place the one
/// without an id does, then the one whose id sorts first. Of two places with the same id only the one whose path sorts
/// first is listed: the other is a failure, since their objects could not be told apart.
///
/// In buckets `guide` says which keys need not be gone through. What a store refuses ends the listing: nothing is known of
/// what it would have shown.
///
/// # Errors
///
/// [`Error::Stopped`], as soon as `stop` says so, or what a store said: what was given until then is not everything.
pub fn list(
    sources: &[Source],
    connections: &Connections,
    guide: &dyn KeyGuide,
    on_object: &mut dyn FnMut(Object),
    on_progress: &mut dyn FnMut(u64),
    stop: &dyn Fn() -> bool,
) -> Result<Listing, Error> {
    let Roots { folders, files, failures } = roots(sources);
    let mut walk = Walk::new(failures, on_object, on_progress, stop);
    // Outermost first: a folder that holds another sorts before it, and what was visited is not visited again.
    for Root { name, path, id, .. } in folders {
        walk.tree(path, name, id.as_ref())?;
    }
    for Root { name, path, id, .. } in files {
        walk.target(path, name, id.as_ref(), path)?;
    }
    walk.links()?;
    walk.buckets(sources, connections, guide)?;
    let Walk { mut failures, special, folder_names, on_progress, found, .. } = walk;
    failures.sort();
    failures.dedup();
    on_progress(found);
    Ok(Listing { failures, special: special.into_values().collect(), folders: folder_names })
}

/// A listing under way.
struct Walk<'a> {
    failures: Vec<ListFailure>,
    /// Canonical paths of the folders that were read or tried, with `/` at the end.
    visited: HashSet<String>,
    /// Those of them that could not be opened: nothing in them was met.
    unopened: HashSet<String>,
    /// Canonical paths of the files that were met otherwise than in their folders.
    reached: HashSet<String>,
    /// Names of special files, by their canonical paths.
    special: BTreeMap<Vec<u8>, String>,
    /// Names of the folders that were read or tried.
    folder_names: Vec<String>,
    /// What to follow once all plain paths are listed.
    links: BTreeSet<Link>,
    found: u64,
    entries: u32,
    on_object: &'a mut dyn FnMut(Object),
    on_progress: &'a mut dyn FnMut(u64),
    stop: &'a dyn Fn() -> bool,
}

/// A folder to read: `path` and `name` end in `/`, or `name` is empty at the source itself.
struct Folder {
    path: String,
    name: String,
}

/// A link to follow. The order of the fields is the order of precedence.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Link {
    name: String,
    path: String,
    id: Option<Arc<Place>>,
}

impl<'a> Walk<'a> {
    fn new(
        failures: Vec<ListFailure>,
        on_object: &'a mut dyn FnMut(Object),
        on_progress: &'a mut dyn FnMut(u64),
        stop: &'a dyn Fn() -> bool,
    ) -> Self {
        Self {
            failures,
            visited: HashSet::new(),
            unopened: HashSet::new(),
            reached: HashSet::new(),
            special: BTreeMap::new(),
            folder_names: Vec::new(),
            links: BTreeSet::new(),
            found: 0,
            entries: 0,
            on_object,
            on_progress,
            stop,
        }
    }

    /// Lists the canonical folder `path` and what is below it, without following links.
    fn tree(&mut self, path: &str, name: &str, id: Option<&Arc<Place>>) -> Result<(), Error> {
        let slashed =
            |text: &str| if text.is_empty() || text.ends_with('/') { text.into() } else { format!("{text}/") };
        let mut waiting = vec![Folder { path: slashed(path), name: slashed(name) }];
        while let Some(folder) = waiting.pop() {
            self.look(true)?;
            if self.visited.insert(folder.path.clone()) {
                self.folder_names.extend(folder.name.strip_suffix('/').map(str::to_owned));
                self.folder(&folder, id, &mut waiting)?;
            }
        }
        Ok(())
    }

    /// Lists the files of one folder and puts its folders into `waiting`.
    fn folder(&mut self, folder: &Folder, id: Option<&Arc<Place>>, waiting: &mut Vec<Folder>) -> Result<(), Error> {
        let entries = match fs::read_dir(&folder.path) {
            Ok(entries) => entries,
            Err(error) => {
                self.fail(folder.path.as_bytes(), folder.name(), true, unreadable(&error));
                self.unopened.insert(folder.path.clone());
                return Ok(());
            }
        };
        for entry in entries {
            self.look(false)?;
            match entry {
                Ok(entry) => self.entry(folder, id, &entry, waiting),
                // What a link leads to in the rest of it waits for the next listing: it may have been met here.
                Err(error) => {
                    self.fail(folder.path.as_bytes(), folder.name(), true, unreadable(&error));
                    break;
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: &Folder, id: Option<&Arc<Place>>, entry: &DirEntry, waiting: &mut Vec<Folder>) {
        let file_name = entry.file_name();
        let path_bytes = [folder.path.as_bytes(), file_name.as_bytes()].concat();
        let name = [&folder.name, &*file_name.to_string_lossy()].concat();
        let file_type = match entry.file_type() {
            Ok(file_type) => file_type,
            Err(error) => return self.fail_unless_gone(&path_bytes, &name, &error),
        };
        if is_special(file_type) {
            self.special.entry(path_bytes).or_insert(name);
            return;
        }
        let Some(text) = file_name.to_str() else {
            return self.fail(&path_bytes, &name, file_type.is_dir(), "the name is not UTF-8".into());
        };
        let path = [folder.path.as_str(), text].concat();
        if file_type.is_file() {
            match entry.metadata() {
                Ok(_) if self.reached.contains(&path) => {}
                Ok(metadata) => self.found(&path, &name, id, &metadata),
                Err(error) => self.fail_unless_gone(path.as_bytes(), &name, &error),
            }
        } else if file_type.is_dir() {
            waiting.push(Folder { path: path + "/", name: name + "/" });
        } else {
            self.links.insert(Link { name, path, id: id.cloned() });
        }
    }

    /// Follows the links that were met, and those that are met by that.
    fn links(&mut self) -> Result<(), Error> {
        while let Some(link) = self.links.pop_first() {
            self.link(link)?;
        }
        Ok(())
    }

    /// Lists what a link leads to, under the link's name.
    fn link(&mut self, Link { name, path, id }: Link) -> Result<(), Error> {
        self.look(true)?;
        let path_bytes = path.as_bytes();
        match fs::canonicalize(&path) {
            Ok(target) => {
                if let Some(target) = target.to_str() {
                    return self.target(target, &name, id.as_ref(), &path);
                }
                let reason = "the symbolic link leads to a path that is not UTF-8";
                self.fail(path_bytes, &name, target.is_dir(), reason.into());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.fail(path_bytes, &name, false, "the symbolic link leads nowhere".into());
            }
            Err(error) if error.raw_os_error().is_some_and(|number| ELOOP.contains(&number)) => {
                self.fail(path_bytes, &name, false, "the symbolic link leads in a circle".into());
            }
            Err(error) => {
                self.fail(path_bytes, &name, true, format!("the symbolic link cannot be followed: {error}"));
            }
        }
        Ok(())
    }

    /// Lists the canonical path of a file or a folder, reached from `origin`: the path itself or a link.
    fn target(&mut self, path: &str, name: &str, id: Option<&Arc<Place>>, origin: &str) -> Result<(), Error> {
        if id.is_some() && self.is_hidden(path) {
            // Under the link's name it would be another object than the one that it is when the folder can be read.
            self.fail(origin.as_bytes(), name, true, "leads into a folder that cannot be read".into());
            return Ok(());
        }
        match fs::metadata(Path::new(path)) {
            Ok(metadata) if metadata.is_dir() => return self.tree(path, name, id),
            Ok(metadata) if metadata.is_file() => {
                let folder = path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or_default();
                let folder_was_read = self.visited.contains(folder) && !self.unopened.contains(folder);
                if !folder_was_read && self.reached.insert(path.into()) {
                    self.found(path, name, id, &metadata);
                }
            }
            Ok(_) => {
                self.special.entry(path.into()).or_insert_with(|| name.to_owned());
            }
            Err(error) => self.fail(origin.as_bytes(), name, true, unreadable(&error)),
        }
        Ok(())
    }

    /// Does a path lie in a folder that could not be opened, however deep?
    fn is_hidden(&self, path: &str) -> bool {
        let mut folders = path.char_indices().filter(|(_, symbol)| *symbol == '/');
        !self.unopened.is_empty()
            && folders.any(|(slash, _)| path.get(..=slash).is_some_and(|folder| self.unopened.contains(folder)))
    }

    fn found(&mut self, path: &str, name: &str, id: Option<&Arc<Place>>, metadata: &Metadata) {
        self.found += 1;
        (self.on_object)(Object::with_version(id.cloned(), path, name, Version::of(metadata)));
    }

    /// Lists the sources that are in buckets.
    fn buckets(&mut self, sources: &[Source], connections: &Connections, guide: &dyn KeyGuide) -> Result<(), Error> {
        let RemoteRoots { prefixes, failures } = remote_roots(sources);
        self.failures.extend(failures);
        for RemoteRoot { prefix, place } in prefixes {
            let client = connections.client(&prefix.bucket)?;
            list_prefix(&client, prefix, guide, &mut |listed| {
                match listed {
                    Listed::Object(found) => {
                        self.found += 1;
                        (self.on_object)(Object::remote(&place, &found));
                    }
                    Listed::Unnameable(key) => self.failures.push(ListFailure {
                        location: prefix.bucket.location(&key),
                        name: key,
                        may_hold_objects: false,
                        reason: "the key has a part that is empty, `.` or `..`, or a control character: it cannot be asked for"
                            .into(),
                    }),
                }
                self.look(false)
            })?;
        }
        Ok(())
    }

    /// Asks whether to stop and tells how far it is: every so many entries, or `now`.
    fn look(&mut self, now: bool) -> Result<(), Error> {
        self.entries += 1;
        let due = self.entries >= ENTRIES_PER_LOOK;
        if due {
            self.entries = 0;
            (self.on_progress)(self.found);
        }
        if (now || due) && (self.stop)() { Err(Error::Stopped) } else { Ok(()) }
    }

    fn fail(&mut self, path: &[u8], name: &str, may_hold_objects: bool, reason: String) {
        self.failures.push(ListFailure { location: file_url(path), name: name.to_owned(), may_hold_objects, reason });
    }

    /// A file that vanishes while its folder is read is no failure: it could have vanished a moment before.
    fn fail_unless_gone(&mut self, path: &[u8], name: &str, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.fail(path, name, false, unreadable(error));
        }
    }
}

impl Folder {
    /// The name without the slash at its end.
    fn name(&self) -> &str {
        self.name.strip_suffix('/').unwrap_or(&self.name)
    }
}

/// Whether it is a named pipe, a socket or a device.
fn is_special(file_type: FileType) -> bool {
    !(file_type.is_file() || file_type.is_dir() || file_type.is_symlink())
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}

#[cfg(test)]
mod tests;
