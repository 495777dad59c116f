//! A listed object in, its current version out, if its path still leads to it.
#![expect(clippy::disallowed_methods, reason = "looks at a listed object again; the error names it")]

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::os_errors::explained;
use crate::error::Operation;
use crate::local_path::is_absent;
use crate::object::Version;
use crate::source::{LocalSource, SourceKind};
use crate::{Error, Object, Source};

/// Returns the object in its current version; `None` if it is gone, or if the path leads to another object.
///
/// # Errors
///
/// [`Error::Unreadable`] concerns this object alone, any other this process.
pub(super) fn look_again(object: &Object, known: &[Source]) -> Result<Option<Object>, Error> {
    let look = || match fs::metadata(object.path())? {
        metadata if metadata.is_file() && is_itself(object, known)? => Ok(Some(metadata)),
        _ => Ok(None),
    };
    match look() {
        Ok(metadata) => Ok(metadata.map(|metadata| object.in_version(Version::of(&metadata)))),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => {
            Err(explained(Operation::List, "look at it again", Path::new(object.path()), object.location(), error))
        }
    }
}

/// Returns whether the path still leads to this object, by everything that gives a file its identity.
fn is_itself(object: &Object, known: &[Source]) -> io::Result<bool> {
    Ok(is_in_place(object)? && is_spelled_so(Path::new(object.path()))? && is_known_to(object, known)?)
}

/// Returns whether the path of a local object still leads to the file that has this identity. If a link replaced
/// the file or a folder above it, the path leads to a file with another identity: another canonical path.
///
/// # Errors
///
/// The operating system's: the file is absent, or its path cannot be resolved.
pub(super) fn is_in_place(object: &Object) -> io::Result<bool> {
    let now = fs::canonicalize(object.path())?;
    if now.as_os_str() == object.path() {
        return Ok(true);
    }
    // With an id the name below the source's folder counts, and the folder may have moved as a whole.
    match object.folder_of_id() {
        Some(folder) => Ok(fs::canonicalize(folder)?.join(object.name()) == now),
        None => Ok(false),
    }
}

/// Returns whether sources that were read before still give the file this identity: the innermost source around it
/// has the same id (or neither has one), and the object's name below a source with its id still leads to the file.
fn is_known_to(object: &Object, sources: &[Source]) -> io::Result<bool> {
    let path = fs::canonicalize(object.path())?;
    let id = object.has_id().then(|| object.source());
    let local = || sources.iter().filter_map(|source| Some((source.id(), source.local()?)));
    let around = local().filter(|(_, place)| path.starts_with(&place.path));
    if around.max_by_key(|(_, place)| place.path.len()).is_some_and(|(around, _)| around != id) {
        return Ok(false);
    }
    let mut of_id = local().filter(|(other, _)| id.is_some() && *other == id).peekable();
    let leads_there = |place: &LocalSource| match &place.kind {
        SourceKind::Folder => fs::canonicalize(Path::new(&place.path).join(object.name())).is_ok_and(|led| led == path),
        SourceKind::File { name } => name == object.name(),
    };
    Ok(of_id.peek().is_none() || of_id.any(|(_, place)| leads_there(place)))
}

/// Returns whether each part of a path is spelled as its folder lists it. On a disk that ignores case the two may
/// differ after a rename that changed only the case, and Linux does not correct that in a canonical path.
fn is_spelled_so(path: &Path) -> io::Result<bool> {
    for part in path.ancestors() {
        let (Some(folder), Some(name)) = (part.parent(), part.file_name()) else { continue };
        let other_case: Vec<u8> = name.as_bytes().iter().copied().map(swapped_case).collect();
        let other_case = folder.join(OsStr::from_bytes(&other_case));
        // If both spellings lead to one file, the disk ignores case, or, rarely, the folder has both names.
        let is_same = other_case != part
            && fs::symlink_metadata(&other_case).is_ok_and(|other| {
                fs::symlink_metadata(part).is_ok_and(|this| (this.dev(), this.ino()) == (other.dev(), other.ino()))
            });
        if is_same && !has_entry(folder, name)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn swapped_case(byte: u8) -> u8 {
    if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() }
}

/// Number of entries of a folder that are searched for the spelling of a name.
const MAX_ENTRIES: usize = 100_000;

/// Returns whether a folder has an entry of exactly this name. Assumes so if the folder is too large to search or
/// may not be listed.
fn has_entry(folder: &Path, name: &OsStr) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(true),
        Err(error) => return Err(error),
    };
    for (number, entry) in entries.enumerate() {
        if number == MAX_ENTRIES || entry?.file_name() == name {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Connections;
    use crate::file_url::file_url;
    use crate::object::Place;
    use std::os::unix::fs::symlink;

    #[test]
    fn an_object_that_is_looked_at_again_has_its_new_version_or_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().canonicalize().unwrap().join("E1.gz");
        fs::write(&path, "text").unwrap();
        let listed =
            Object::with_version(Place::of(Some("archive"), None), path.to_str().unwrap(), "E1.gz", Version::new(1, 1));
        let now = listed.look_again(&Connections::default(), &[]).unwrap().unwrap();
        assert_eq!((now.source(), now.key(), now.path(), now.size_bytes()), ("archive", "E1.gz", listed.path(), 4));
        assert_eq!(*now.listed_version(), Version::of(&fs::metadata(&path).unwrap()));
        fs::remove_file(&path).unwrap();
        assert!(listed.look_again(&Connections::default(), &[]).unwrap().is_none());
        fs::create_dir(&path).unwrap();
        assert!(listed.look_again(&Connections::default(), &[]).unwrap().is_none());
    }

    #[test]
    fn a_path_that_now_leads_through_a_link_leads_to_another_object() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        for name in ["logs/a/E1.gz", "logs/a/E2.gz"] {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), "text").unwrap();
        }
        let path = root.join("logs/a/E1.gz").to_str().unwrap().to_owned();
        let with_id = Object::with_version(Place::of(Some("archive"), None), &path, "a/E1.gz", Version::new(4, 1));
        let objects = [Object::local(&path, "a/E1.gz", 4, 1), with_id];
        let are_there = || {
            let now = objects.each_ref().map(|object| object.look_again(&Connections::default(), &[]).unwrap());
            now.map(|now| now.is_some())
        };
        assert_eq!(are_there(), [true, true]);
        fs::rename(root.join("logs"), root.join("moved")).unwrap();
        symlink("moved", root.join("logs")).unwrap();
        assert_eq!(are_there(), [false, true], "an archive with an id moved as a whole");
        fs::rename(root.join("moved/a"), root.join("moved/b")).unwrap();
        symlink("b", root.join("moved/a")).unwrap();
        assert_eq!(are_there(), [false, false], "a folder below it moved");
        fs::remove_file(root.join("moved/a")).unwrap();
        fs::create_dir(root.join("moved/a")).unwrap();
        symlink("../b/E2.gz", root.join("moved/a/E1.gz")).unwrap();
        assert_eq!(are_there(), [false, false], "a link took the place of the file");
    }

    #[test]
    fn the_spelling_of_a_path_is_that_of_its_folders() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        fs::write(root.join("E1.gz"), "text").unwrap();
        assert!(is_spelled_so(&root.join("E1.gz")).unwrap());
        // As on a disk that ignores case: both spellings lead to one file.
        fs::hard_link(root.join("E1.gz"), root.join("e1.GZ")).unwrap();
        assert!(is_spelled_so(&root.join("E1.gz")).unwrap());
        assert!(has_entry(&root, OsStr::new("e1.GZ")).unwrap() && !has_entry(&root, OsStr::new("e1.gz")).unwrap());
    }

    #[test]
    fn a_file_that_sources_now_know_by_another_identity_is_another_object() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        for name in ["logs/E1.gz", "attic/E1.gz"] {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), "text").unwrap();
        }
        let source = |folder: &str, id| {
            Source::restore(&file_url(root.join(folder).as_os_str().as_encoded_bytes()), None, id).unwrap()
        };
        let path = root.join("logs/E1.gz").to_str().unwrap().to_owned();
        let object = |id| Object::with_version(Place::of(id, None), &path, "E1.gz", Version::new(4, 1));
        for (id, known, is_there) in [
            (None, vec![source("logs", None)], true),
            (None, vec![source("logs", Some("archive"))], false),
            (None, vec![source("logs", Some("archive")), source("", None)], false),
            (Some("archive"), vec![source("logs", Some("archive"))], true),
            (Some("archive"), vec![source("attic", Some("archive"))], false),
            (Some("archive"), vec![source("logs", None)], false),
            (Some("archive"), vec![source("attic", None)], true),
        ] {
            let now = object(id).look_again(&Connections::default(), &known).unwrap();
            assert_eq!(now.is_some(), is_there, "{id:?} {known:?}");
        }
    }

    #[test]
    fn a_renamed_link_is_another_object_below_a_source_with_an_id() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        fs::create_dir(root.join("logs")).unwrap();
        fs::write(root.join("E1.gz"), "text").unwrap();
        symlink("../E1.gz", root.join("logs/link.gz")).unwrap();
        let path = root.join("E1.gz").to_str().unwrap().to_owned();
        let object = Object::with_version(Place::of(Some("archive"), None), &path, "link.gz", Version::new(4, 1));
        let known = Source::parse(root.join("logs").to_str().unwrap()).unwrap().with_id("archive").unwrap();
        let is_there = || object.look_again(&Connections::default(), std::slice::from_ref(&known)).unwrap().is_some();
        assert!(is_there());
        fs::rename(root.join("logs/link.gz"), root.join("logs/other.gz")).unwrap();
        assert!(!is_there());
    }
}
