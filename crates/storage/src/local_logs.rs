//! Logs on the local disk: folders and files in, objects out; an object in, its bytes out.
//!
//! **Invariants**
//! - Each canonical path is found once, regardless of how many ways lead to it. A plain file is, because its folder is read
//!   once; a file that a link leads to or that is itself a source is a double if its folder was read or if it was found
//!   that way before.
//! - Which objects are found, under which names and ids, depends on the sources and the contents of the disk, not on the
//!   order of the sources or of the folders' entries. Their order is not promised.
//! - A name that a plain path from a source leads to wins over one that a link leads to; of nested sources the outermost
//!   gives name and id, even to objects in a folder that it could not read itself; of several links the one whose name sorts first. Of
//!   sources that are the same folder, the one without an id gives the id, then the one whose id sorts first.
//! - Below one id a key means one path: the path below the one place that has the id. A second place with the same id is
//!   not listed.
//! - Memory is bounded by the number of folders, links and special files, not by that of objects.
//!
#![expect(clippy::disallowed_methods, reason = "walks folders and resolves links; every failure names its place")]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, DirEntry, FileType, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use self::reader::LocalReader;
use self::roots::{Root, Roots, roots};
use crate::file_url::file_url;
use crate::key_guide::KeyGuide;
use crate::listing::{ListFailure, ListFlaw, ListOutput};
use crate::log_source::{Fetching, LogSource, OpenObject};
use crate::object::{Place, Version};
use crate::{Connections, Error, Object, Source};

// The folders and files that a listing starts at.
mod roots;

// Opening and reading one object.
mod reader;

// The identity of a file, when an object is looked at again.
mod identity;

// Which errors of the operating system concern one file; which are retried.
mod os_errors;

// Faults for tests.
pub(crate) mod faults;

/// Linux's and the BSDs' numbers for too many links in a path; `std` has no stable name for the kind.
const ELOOP: [i32; 2] = [40, 62];

/// The local disk.
pub(crate) struct LocalLogs<'c> {
    connections: &'c Connections,
}

impl<'c> LocalLogs<'c> {
    pub(crate) fn new(connections: &'c Connections) -> Self {
        Self { connections }
    }
}

impl LogSource for LocalLogs<'_> {
    fn list(&self, sources: &[Source], _guide: &dyn KeyGuide, output: &mut ListOutput<'_>) -> Result<(), Error> {
        let Roots { folders, files, failures } = roots(sources);
        output.failures(failures);
        let mut walk = Walk::new(output);
        // Outermost first: a folder that holds another sorts before it, and what was visited is not visited again.
        for Root { name, path, id, .. } in folders {
            walk.tree(path, name, id.as_ref())?;
        }
        for Root { name, path, id, .. } in files {
            walk.target(path, name, id.as_ref(), path)?;
        }
        walk.links()?;
        let Walk { special, output, .. } = walk;
        output.special_files(special.into_values());
        Ok(())
    }

    fn open(&self, object: &Object) -> Result<Box<dyn OpenObject>, Error> {
        Ok(Box::new(LocalReader::open(object, self.connections.fault_of(object))?))
    }

    fn fetch(&self, object: &Object) -> Result<Bytes, Error> {
        LocalReader::open(object, self.connections.fault_of(object))?.whole()
    }

    fn start_fetch(&self, _object: &Object) -> Result<Option<Box<dyn Fetching>>, Error> {
        Ok(None)
    }

    fn look_again(&self, object: &Object, known: &[Source]) -> Result<Option<Object>, Error> {
        identity::look_again(object, known)
    }
}

/// A listing in progress.
struct Walk<'a, 'o> {
    /// Canonical paths of the folders that were read or tried, with `/` at the end.
    visited: HashSet<String>,
    /// Those of them that could not be opened: nothing in them was found.
    unopened: HashSet<String>,
    /// Canonical paths of the files that were found by a link or as a source.
    reached: HashSet<String>,
    /// Names of special files, by their canonical paths.
    special: BTreeMap<Vec<u8>, String>,
    /// Links to follow once all plain paths are listed.
    links: BTreeSet<Link>,
    output: &'a mut ListOutput<'o>,
}

/// A folder to read: `path` and `name` end in `/`, or `name` is empty at the source itself.
struct WaitingFolder {
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

impl<'a, 'o> Walk<'a, 'o> {
    fn new(output: &'a mut ListOutput<'o>) -> Self {
        Self {
            visited: HashSet::new(),
            unopened: HashSet::new(),
            reached: HashSet::new(),
            special: BTreeMap::new(),
            links: BTreeSet::new(),
            output,
        }
    }

    /// Lists the canonical folder `path` and what is below it, without following links.
    fn tree(&mut self, path: &str, name: &str, id: Option<&Arc<Place>>) -> Result<(), Error> {
        let slashed =
            |text: &str| if text.is_empty() || text.ends_with('/') { text.into() } else { format!("{text}/") };
        let mut waiting = vec![WaitingFolder { path: slashed(path), name: slashed(name) }];
        while let Some(folder) = waiting.pop() {
            self.output.look(true)?;
            if self.visited.insert(folder.path.clone()) {
                if let Some(name) = folder.name.strip_suffix('/') {
                    self.output.folder(name);
                }
                self.folder(&folder, id, &mut waiting)?;
            }
        }
        Ok(())
    }

    /// Lists the files of one folder and puts its folders into `waiting`.
    fn folder(
        &mut self,
        folder: &WaitingFolder,
        id: Option<&Arc<Place>>,
        waiting: &mut Vec<WaitingFolder>,
    ) -> Result<(), Error> {
        let entries = match fs::read_dir(&folder.path) {
            Ok(entries) => entries,
            Err(error) => {
                self.fail(folder.path.as_bytes(), folder.name(), true, ListFlaw::unreadable(&error));
                self.unopened.insert(folder.path.clone());
                return Ok(());
            }
        };
        for entry in entries {
            self.output.look(false)?;
            match entry {
                Ok(entry) => self.entry(folder, id, &entry, waiting),
                // A link into the rest of this folder gives nothing: its target may have been found here.
                Err(error) => {
                    self.fail(folder.path.as_bytes(), folder.name(), true, ListFlaw::unreadable(&error));
                    break;
                }
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        folder: &WaitingFolder,
        id: Option<&Arc<Place>>,
        entry: &DirEntry,
        waiting: &mut Vec<WaitingFolder>,
    ) {
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
            return self.fail(&path_bytes, &name, file_type.is_dir(), ListFlaw::NameNotUtf8);
        };
        let path = [folder.path.as_str(), text].concat();
        if file_type.is_file() {
            match entry.metadata() {
                Ok(_) if self.reached.contains(&path) => {}
                Ok(metadata) => self.found(&path, &name, id, &metadata),
                Err(error) => self.fail_unless_gone(path.as_bytes(), &name, &error),
            }
        } else if file_type.is_dir() {
            waiting.push(WaitingFolder { path: path + "/", name: name + "/" });
        } else {
            self.links.insert(Link { name, path, id: id.cloned() });
        }
    }

    /// Follows the links that were found, and those that are found by that.
    fn links(&mut self) -> Result<(), Error> {
        while let Some(link) = self.links.pop_first() {
            self.link(link)?;
        }
        Ok(())
    }

    /// Lists the target of a link, under the link's name.
    fn link(&mut self, Link { name, path, id }: Link) -> Result<(), Error> {
        self.output.look(true)?;
        let path_bytes = path.as_bytes();
        match fs::canonicalize(&path) {
            Ok(target) => {
                if let Some(target) = target.to_str() {
                    return self.target(target, &name, id.as_ref(), &path);
                }
                self.fail(path_bytes, &name, target.is_dir(), ListFlaw::TargetNotUtf8);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.fail(path_bytes, &name, false, ListFlaw::DanglingLink);
            }
            Err(error) if error.raw_os_error().is_some_and(|number| ELOOP.contains(&number)) => {
                self.fail(path_bytes, &name, false, ListFlaw::LinkCircle);
            }
            Err(error) => {
                let flaw = ListFlaw::Link { kind: error.kind(), said: error.to_string() };
                self.fail(path_bytes, &name, true, flaw);
            }
        }
        Ok(())
    }

    /// Lists the canonical path of a file or a folder, reached from `origin`: the path itself or a link.
    fn target(&mut self, path: &str, name: &str, id: Option<&Arc<Place>>, origin: &str) -> Result<(), Error> {
        if id.is_some() && self.is_hidden(path) {
            // Under the link's name it would be another object than it is when the folder can be read.
            self.fail(origin.as_bytes(), name, true, ListFlaw::HiddenTarget);
            return Ok(());
        }
        match fs::metadata(Path::new(path)) {
            Ok(metadata) if metadata.is_dir() => return self.tree(path, name, id),
            Ok(metadata) if metadata.is_file() => {
                let folder = &path[..=path.rfind('/').expect("a canonical path is absolute")];
                let folder_was_read = self.visited.contains(folder) && !self.unopened.contains(folder);
                if !folder_was_read && self.reached.insert(path.into()) {
                    self.found(path, name, id, &metadata);
                }
            }
            Ok(_) => {
                self.special.entry(path.into()).or_insert_with(|| name.to_owned());
            }
            Err(error) => self.fail(origin.as_bytes(), name, true, ListFlaw::unreadable(&error)),
        }
        Ok(())
    }

    /// Returns whether a path is below a folder that could not be opened, at any depth.
    fn is_hidden(&self, path: &str) -> bool {
        let mut folders = path.char_indices().filter(|(_, symbol)| *symbol == '/');
        !self.unopened.is_empty()
            && folders.any(|(slash, _)| path.get(..=slash).is_some_and(|folder| self.unopened.contains(folder)))
    }

    fn found(&mut self, path: &str, name: &str, id: Option<&Arc<Place>>, metadata: &Metadata) {
        self.output.object(Object::with_version(id.cloned(), path, name, Version::of(metadata)));
    }

    fn fail(&mut self, path: &[u8], name: &str, may_hold_objects: bool, flaw: ListFlaw) {
        let location = file_url(path);
        self.output.failure(ListFailure { location, name: name.to_owned(), may_hold_objects, flaw });
    }

    /// Adds a failure, unless the file vanished while its folder was read: it could have vanished a moment before.
    fn fail_unless_gone(&mut self, path: &[u8], name: &str, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.fail(path, name, false, ListFlaw::unreadable(error));
        }
    }
}

impl WaitingFolder {
    /// Returns the name without the slash at its end.
    fn name(&self) -> &str {
        self.name.strip_suffix('/').unwrap_or(&self.name)
    }
}

/// Returns whether it is a named pipe, a socket or a device.
fn is_special(file_type: FileType) -> bool {
    !(file_type.is_file() || file_type.is_dir() || file_type.is_symlink())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_in_a_folder_that_cannot_be_opened_is_met_by_a_link_and_only_once() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        for file in ["logs/x", "far/one.gz"] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), file).unwrap();
        }
        for link in ["logs/a.gz", "logs/b.gz"] {
            symlink("../far/one.gz", root.join(link)).unwrap();
        }
        let far = format!("{}/far/", root.display());
        let mut names = Vec::new();
        let mut on_object = |object: Object| names.push(object.name().to_owned());
        let mut on_progress = |_| {};
        // As after an attempt to open it: root can open every folder.
        let mut output = ListOutput::new(&mut on_object, &mut on_progress, &|| false);
        let mut walk = Walk::new(&mut output);
        walk.visited.insert(far.clone());
        walk.unopened.insert(far);
        walk.tree(root.join("logs").to_str().unwrap(), "", None).unwrap();
        walk.links().unwrap();
        assert_eq!(names, ["x", "a.gz"]);
    }
}
