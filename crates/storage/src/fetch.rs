//! Stage 3. Object in, compressed bytes out.
//!
//! **Invariants**
//! - Bytes are those of the listed version: of a file it is checked when it is open, before the first byte and after the last;
//!   of an object in a bucket with each answer.
//! - A file has the identity of the listed object: if a link replaced it, the file that the link leads to is another
//!   object, even if size and time are the same.
//! - A file that is replaced while it is read is still read as it was listed: the open file is the old one.
//!
//! **Errors.** [`Error::Gone`], [`Error::Changed`] and [`Error::Unreadable`] concern one object; what may pass was tried again
//! before. The others concern all that this process does.
#![expect(clippy::disallowed_methods, reason = "opens the listed objects; every error names its object")]

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsRawFd as _;
use std::path::Path;

use bytes::Bytes;

use faults::Fault;

use crate::local_path::kind_of;
use crate::object::{Version, is_absent};
use crate::remote::{self, RemoteReader};
use crate::{Connections, Error, Object};

// What the operating system says of a file, and what of us; what is tried again.
mod answers;

// What tests have go wrong.
pub(crate) mod faults;

pub(crate) use answers::explained;

/// The whole object, as it was listed.
///
/// # Errors
///
/// [`Error::Gone`], [`Error::Changed`] or [`Error::Unreadable`]: skip the object and report it. Any other: the object may
/// be fine, so that the task must not be committed without it.
pub fn fetch(connections: &Connections, object: &Object) -> Result<Bytes, Error> {
    if let Some(bucket) = object.bucket() {
        return remote::fetch_now(&*connections.client(bucket)?, object);
    }
    let mut reader = open(connections, object)?;
    let mut bytes = Vec::new();
    // One byte more lets `read_to_end` see the end without growing the buffer.
    let capacity = usize::try_from(object.size_bytes()).ok().and_then(|bytes| bytes.checked_add(1));
    if capacity.is_none_or(|capacity| bytes.try_reserve_exact(capacity).is_err()) {
        return Err(unreadable(object, io::ErrorKind::OutOfMemory.into()));
    }
    reader
        .read_to_end(&mut bytes)
        .map_err(|error| Error::from_read(error).unwrap_or_else(|error| unreadable(object, error)))?;
    reader.finish()?;
    Ok(bytes.into())
}

/// A reader of the object, as it was listed. It does not buffer; end with [`ObjectReader::finish`].
///
/// # Errors
///
/// As [`fetch`].
pub fn open(connections: &Connections, object: &Object) -> Result<ObjectReader, Error> {
    if let Some(bucket) = object.bucket() {
        return Ok(ObjectReader {
            origin: Origin::Remote(RemoteReader::new(connections.client(bucket)?, object.clone())),
        });
    }
    let fault = connections.fault_of(object);
    // Looked at before it is opened: opening a named pipe that took the file's place would wait for ever.
    let metadata = answers::tried(|| fs::metadata(object.path())).map_err(|error| gone_or_unreadable(object, error))?;
    check(object, &metadata)?;
    let opened = answers::tried(|| fault.on_open().and_then(|()| File::open(object.path())));
    let file = opened.map_err(|error| gone_or_unreadable(object, error))?;
    let reader = LocalReader { file, object: object.clone(), read_bytes: 0, fault };
    reader.check()?;
    if reader.is_in_place().map_err(|error| gone_or_unreadable(object, error))? {
        Ok(ObjectReader { origin: Origin::Local(reader) })
    } else {
        Err(Error::Gone { location: object.location() })
    }
}

/// Reads one object in pieces.
///
/// An [`io::Error`] from `read` holds the [`Error`]: [`Error::from_read`] takes it out again, also after a decompressor
/// has passed it on.
#[derive(Debug)]
pub struct ObjectReader {
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Local(LocalReader),
    /// Each piece is of the listed version, or is an error.
    Remote(RemoteReader),
}

impl ObjectReader {
    /// Checks once more that what was read is what was listed.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`]: what was read is worth nothing. Any other: it is not known what it is worth.
    pub fn finish(self) -> Result<(), Error> {
        match self.origin {
            Origin::Local(local) => local.check(),
            Origin::Remote(_) => Ok(()),
        }
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.origin {
            Origin::Local(local) => local.read(buffer),
            Origin::Remote(remote) => remote.read(buffer),
        }
    }
}

#[derive(Debug)]
struct LocalReader {
    file: File,
    object: Object,
    read_bytes: u64,
    fault: Fault,
}

impl LocalReader {
    fn check(&self) -> Result<(), Error> {
        let metadata = self.file.metadata().map_err(|error| unreadable(&self.object, error))?;
        check(&self.object, &metadata)
    }

    /// Returns whether the open file is the one that was listed, not one that a link now leads to.
    fn is_in_place(&self) -> io::Result<bool> {
        // On Linux one lookup is enough for nearly every object. Other systems have no such name.
        let opened = fs::read_link(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
        if opened.is_ok_and(|path| path.as_os_str() == self.object.path()) {
            return Ok(true);
        }
        self.object.is_in_place()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self { file, fault, read_bytes, .. } = self;
        let count = answers::tried(|| fault.on_read(*read_bytes).and_then(|()| file.read(buffer)))
            .map_err(|error| io::Error::new(error.kind(), unreadable(&self.object, error)))?;
        self.read_bytes += count as u64;
        let listed_bytes = self.object.size_bytes();
        let ended_early = count == 0 && !buffer.is_empty() && self.read_bytes < listed_bytes;
        if ended_early || self.read_bytes > listed_bytes {
            let got = if ended_early { "fewer bytes" } else { "more bytes" };
            return Err(io::Error::other(changed(&self.object, got.into())));
        }
        Ok(count)
    }
}

fn check(object: &Object, metadata: &Metadata) -> Result<(), Error> {
    if !metadata.is_file() {
        return Err(changed(object, kind_of(metadata.file_type()).into()));
    }
    let version = Version::of(metadata);
    if version == *object.listed_version() { Ok(()) } else { Err(changed(object, version.to_string())) }
}

fn changed(object: &Object, got: String) -> Error {
    Error::Changed { location: object.location(), expected: object.version(), got }
}

fn gone_or_unreadable(object: &Object, error: io::Error) -> Error {
    if is_absent(&error) { Error::Gone { location: object.location() } } else { unreadable(object, error) }
}

fn unreadable(object: &Object, error: io::Error) -> Error {
    explained("fetch", "read it", Path::new(object.path()), object.location(), error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Everything, Source, list};
    use std::io::Write as _;
    use std::path::PathBuf;
    use std::time::{Duration, UNIX_EPOCH};
    use tempfile::TempDir;

    /// A file with this text, listed.
    fn listed(text: &str) -> (TempDir, PathBuf, Object) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("E1.gz");
        fs::write(&path, text).unwrap();
        let source = Source::parse(path.to_str().unwrap()).unwrap();
        let mut objects = Vec::new();
        list(&[source], &Connections::default(), &Everything, &mut |object| objects.push(object), &mut |_| {}, &|| {
            false
        })
        .unwrap();
        (place, path, objects.remove(0))
    }

    #[test]
    fn an_object_of_a_source_with_an_id_is_read_where_it_was_found() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("E1.gz"), "text").unwrap();
        let source = Source::parse(place.path().to_str().unwrap()).unwrap().with_id("archive").unwrap();
        let mut objects = Vec::new();
        list(&[source], &Connections::default(), &Everything, &mut |object| objects.push(object), &mut |_| {}, &|| {
            false
        })
        .unwrap();
        assert_eq!((objects[0].source(), objects[0].key()), ("archive", "E1.gz"));
        assert_eq!(fetch(&Connections::default(), &objects[0]).unwrap(), b"text"[..]);
        let mut text = String::new();
        open(&Connections::default(), &objects[0]).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
    }

    #[test]
    fn an_object_is_fetched_whole_and_in_pieces() {
        let (_place, _path, object) = listed("twelve bytes");
        assert_eq!(fetch(&Connections::default(), &object).unwrap(), b"twelve bytes"[..]);
        let mut reader = open(&Connections::default(), &object).unwrap();
        let mut start = [0; 6];
        reader.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"twelve");
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b" bytes");
        reader.finish().unwrap();
    }

    #[test]
    fn an_empty_object_is_fetched_as_no_bytes() {
        let (_place, _path, object) = listed("");
        assert_eq!(fetch(&Connections::default(), &object).unwrap(), b""[..]);
    }

    #[test]
    fn an_object_in_whose_place_is_a_link_is_gone_though_size_and_time_are_the_same() {
        let (place, path, object) = listed("text");
        fs::rename(&path, place.path().join("E2.gz")).unwrap();
        std::os::unix::fs::symlink("E2.gz", &path).unwrap();
        assert!(fetch(&Connections::default(), &object).unwrap_err().is_gone());
    }

    #[test]
    fn an_object_that_vanished_is_gone() {
        let (_place, path, object) = listed("text");
        fs::remove_file(path).unwrap();
        let error = fetch(&Connections::default(), &object).unwrap_err();
        assert!(error.is_gone());
        assert_eq!(error.to_string(), format!("fetch: {}: the object is gone since it was listed", object.location()));
        assert!(open(&Connections::default(), &object).unwrap_err().is_gone());
    }

    #[test]
    fn an_object_whose_folder_became_a_file_is_gone() {
        let (place, path, object) = listed("text");
        fs::remove_file(path).unwrap();
        fs::remove_dir(place.path()).unwrap();
        fs::write(place.path(), "a file now").unwrap();
        assert!(fetch(&Connections::default(), &object).unwrap_err().is_gone());
        fs::remove_file(place.path()).unwrap();
    }

    #[test]
    fn an_object_of_another_size_or_time_or_kind_has_changed() {
        let (_place, path, object) = listed("text");
        fs::write(&path, "longer text").unwrap();
        assert!(fetch(&Connections::default(), &object).unwrap_err().is_changed());

        let (_place, path, object) = listed("text");
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_nanos(1)).unwrap();
        let message = fetch(&Connections::default(), &object).unwrap_err().to_string();
        assert!(message.contains(&format!("expected version `{}`, got `4-1`", object.version())), "{message}");

        let (_place, path, object) = listed("text");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(fetch(&Connections::default(), &object).unwrap_err().is_changed());
    }

    #[test]
    fn an_object_that_changes_while_it_is_read_is_noticed_at_the_end() {
        let (_place, path, object) = listed("text");
        let mut reader = open(&Connections::default(), &object).unwrap();
        reader.read_to_end(&mut Vec::new()).unwrap();
        File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
        assert!(reader.finish().unwrap_err().is_changed());
    }

    #[cfg(feature = "testing")]
    #[test]
    fn an_object_that_cannot_be_read_is_told_apart_from_a_process_that_cannot_read() {
        use crate::testing::{ReadFault, ReadFaults};
        let (_place, _path, object) = listed("twelve bytes");
        let faults = ReadFaults::default();
        let connections = Connections::default().with_read_faults(&faults);
        for (fault, is_unreadable, says) in [
            (ReadFault::Denied, true, "permission denied"),
            (ReadFault::Damaged { after_bytes: 0 }, true, "(os error 5)"),
            (ReadFault::TooManyFiles, false, "cannot read it"),
            (ReadFault::Unreachable { after_bytes: 0 }, false, "cannot read it"),
        ] {
            faults.set("E1.gz", fault);
            let error = fetch(&connections, &object).unwrap_err();
            assert_eq!(error.is_unreadable(), is_unreadable, "{fault:?}");
            assert!(error.to_string().starts_with(&format!("fetch: {}: cannot read it", object.location())), "{error}");
            assert!(error.to_string().contains(says), "{error}");
        }
        // In pieces, the same is said when it is met.
        faults.set("E1.gz", ReadFault::Damaged { after_bytes: 6 });
        let mut reader = open(&connections, &object).unwrap();
        reader.read_exact(&mut [0; 6]).unwrap();
        let error = Error::from_read(reader.read(&mut [0; 6]).unwrap_err()).unwrap();
        assert!(error.is_unreadable(), "{error}");
        faults.clear("E1.gz");
        assert_eq!(fetch(&connections, &object).unwrap(), b"twelve bytes"[..]);
    }

    #[test]
    fn a_read_error_can_be_told_apart_after_it_went_through_io() {
        for (write, says) in [("a longer text", "more bytes"), ("", "fewer bytes")] {
            let (_place, path, object) = listed("text");
            let mut reader = open(&Connections::default(), &object).unwrap();
            fs::write(path, write).unwrap();
            let error = Error::from_read(reader.read_to_end(&mut Vec::new()).unwrap_err()).unwrap();
            assert!(error.is_changed());
            assert!(error.to_string().contains(says), "{error}");
        }
        assert!(Error::from_read(io::Error::other("corrupt deflate stream")).is_err());
    }

    #[test]
    fn a_file_that_is_replaced_while_it_is_read_is_read_as_it_was_listed() {
        let (place, path, object) = listed("text");
        let mut reader = open(&Connections::default(), &object).unwrap();
        fs::write(place.path().join("new"), "another").unwrap();
        fs::rename(place.path().join("new"), path).unwrap();
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"text");
        reader.finish().unwrap();
        assert!(fetch(&Connections::default(), &object).unwrap_err().is_changed());
    }
}
