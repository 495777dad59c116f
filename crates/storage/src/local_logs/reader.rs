//! A file in, its bytes out, pinned to the version that was listed.
//!
//! **Invariants**
//! - The version is checked when the file is open, before the first byte and after the last.
//! - A file has the identity of the listed object: if a link replaced it, the file that the link leads to is another
//!   object, even if size and time are the same.
//! - A file that is replaced while it is read is still read as it was listed: the open file is the old one.
#![expect(clippy::disallowed_methods, reason = "opens the listed objects; every error names its object")]

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsRawFd as _;
use std::path::Path;

use bytes::Bytes;

use super::faults::Fault;
use super::identity::is_in_place;
use super::os_errors::{explained, tried};
use crate::error::{FileKind, Operation};
use crate::local_path::is_absent;
use crate::log_source::OpenObject;
use crate::object::Version;
use crate::{Error, Object};

/// An open file.
#[derive(Debug)]
pub(super) struct LocalReader {
    file: File,
    object: Object,
    read_bytes: u64,
    fault: Fault,
}

impl LocalReader {
    /// Opens an object.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`], [`Error::Changed`] or [`Error::Unreadable`]; any other concerns this process.
    pub(super) fn open(object: &Object, fault: Fault) -> Result<Self, Error> {
        // Looked at before it is opened: opening a named pipe that took the file's place would wait for ever.
        let metadata = tried(|| fs::metadata(object.path())).map_err(|error| gone_or_unreadable(object, error))?;
        check(object, &metadata)?;
        let opened = tried(|| fault.on_open().and_then(|()| File::open(object.path())));
        let file = opened.map_err(|error| gone_or_unreadable(object, error))?;
        let reader = Self { file, object: object.clone(), read_bytes: 0, fault };
        reader.finish()?;
        if reader.is_in_place().map_err(|error| gone_or_unreadable(object, error))? {
            Ok(reader)
        } else {
            Err(object.gone())
        }
    }

    /// Reads the whole object.
    ///
    /// # Errors
    ///
    /// As [`LocalReader::open`].
    pub(super) fn whole(mut self) -> Result<Bytes, Error> {
        let object = self.object.clone();
        let mut bytes = Vec::new();
        // One byte more lets `read_to_end` see the end without growing the buffer.
        let capacity = usize::try_from(object.size_bytes()).ok().and_then(|bytes| bytes.checked_add(1));
        if capacity.is_none_or(|capacity| bytes.try_reserve_exact(capacity).is_err()) {
            return Err(unreadable(&object, io::ErrorKind::OutOfMemory.into()));
        }
        self.read_to_end(&mut bytes)
            .map_err(|error| Error::from_read(error).unwrap_or_else(|error| unreadable(&object, error)))?;
        self.finish()?;
        Ok(bytes.into())
    }

    /// Returns whether the open file is the one that was listed, not one that a link now leads to.
    fn is_in_place(&self) -> io::Result<bool> {
        // On Linux one lookup is enough for nearly every object. Other systems have no such name.
        let opened = fs::read_link(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
        if opened.is_ok_and(|path| path.as_os_str() == self.object.path()) {
            return Ok(true);
        }
        is_in_place(&self.object)
    }
}

impl OpenObject for LocalReader {
    fn finish(&self) -> Result<(), Error> {
        let metadata = self.file.metadata().map_err(|error| unreadable(&self.object, error))?;
        check(&self.object, &metadata)
    }
}

impl Read for LocalReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self { file, fault, read_bytes, .. } = self;
        let count = tried(|| fault.on_read(*read_bytes).and_then(|()| file.read(buffer)))
            .map_err(|error| io::Error::new(error.kind(), unreadable(&self.object, error)))?;
        self.read_bytes += count as u64;
        let listed_bytes = self.object.size_bytes();
        let ended_early = count == 0 && !buffer.is_empty() && self.read_bytes < listed_bytes;
        if ended_early || self.read_bytes > listed_bytes {
            let got = if ended_early { "fewer bytes" } else { "more bytes" };
            return Err(io::Error::other(self.object.changed(got.into())));
        }
        Ok(count)
    }
}

fn check(object: &Object, metadata: &Metadata) -> Result<(), Error> {
    if !metadata.is_file() {
        return Err(object.changed(FileKind::of(metadata.file_type()).to_string()));
    }
    let version = Version::of(metadata);
    if version == *object.listed_version() { Ok(()) } else { Err(object.changed(version.to_string())) }
}

fn gone_or_unreadable(object: &Object, error: io::Error) -> Error {
    if is_absent(&error) { object.gone() } else { unreadable(object, error) }
}

fn unreadable(object: &Object, error: io::Error) -> Error {
    explained(Operation::Fetch, "read it", Path::new(object.path()), object.location(), error)
}
