//! Stage 3. Object in, compressed bytes out.
//!
//! **Invariant.** Bytes are those of the listed version, or an error says that they are not.
//!
//! **Errors.** [`Error::Gone`], [`Error::Changed`] and [`Error::Unreadable`] concern one object; errors that may
//! pass were retried before. All others concern the whole process.
//!
//! **Not here:** reading a file is in `local_logs/reader.rs`, reading from a bucket in `remote/read.rs`.

use std::io::{self, Read};

use bytes::Bytes;

use crate::log_source::OpenObject;
use crate::{Connections, Error, Object, log_sources};

/// Returns the bytes of a whole object, as it was listed.
///
/// # Errors
///
/// [`Error::Gone`], [`Error::Changed`] or [`Error::Unreadable`]: skip the object and report it. Any other: the object may
/// be fine, so that the task must not be committed without it.
pub fn fetch(connections: &Connections, object: &Object) -> Result<Bytes, Error> {
    log_sources::of(object, connections).fetch(object)
}

/// Returns a reader of the object, as it was listed. It does not buffer; end with [`ObjectReader::finish`].
///
/// # Errors
///
/// As [`fetch`].
pub fn open(connections: &Connections, object: &Object) -> Result<ObjectReader, Error> {
    log_sources::of(object, connections).open(object).map(ObjectReader)
}

/// Reads one object in pieces.
///
/// An [`io::Error`] from `read` holds the [`Error`]: [`Error::from_read`] takes it out again, also after a decompressor
/// has passed it on.
#[derive(Debug)]
pub struct ObjectReader(Box<dyn OpenObject>);

impl ObjectReader {
    /// Checks once more that what was read is what was listed.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`]: discard what was read. Any other: it is not known whether the bytes are right.
    pub fn finish(self) -> Result<(), Error> {
        self.0.finish()
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test's own files")]
mod tests {
    use super::*;
    use crate::{Everything, Source, list};
    use std::fs::{self, File};
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
