//! Small text files that a person names on the command line: read whole, written whole.
#![expect(clippy::disallowed_methods, reason = "the door to files that a person names; every error names its path")]

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::Error;
use crate::error::{FileFlaw, FileKind, LocationFlaw, Operation};
use crate::local::without_waiting;
use crate::local_path::missing_or_io;
use crate::printable::printable;

/// Largest size in bytes of a text file that a person names: 1 MiB, several times that of the longest schema or field
/// list.
const MAX_TEXT_BYTES: u64 = 1 << 20;

/// Mode of a text file, from which the umask takes rights: that of any file that a program writes.
const MODE: u32 = 0o666;

/// Returns the text of a file.
///
/// # Errors
///
/// [`Error::NotFound`], or the file cannot be read, is larger than 1 MiB or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, Error> {
    let bytes = read_bounded(path, MAX_TEXT_BYTES).map_err(|flaw| match flaw {
        FileFlaw::Io(source) => missing_or_io(Operation::Read, path, source),
        flaw @ (FileFlaw::TooLarge { .. } | FileFlaw::NotRegular(_)) => {
            Error::BadTextFile { location: printable(path), flaw }
        }
    })?;
    String::from_utf8(bytes).map_err(|error| Error::TextNotUtf8 {
        doing: Operation::Read,
        location: printable(path),
        byte: error.utf8_error().valid_up_to(),
    })
}

/// Reads a whole file of at most `max_bytes`, a whole number of MiB. The file may be a device or a shell's pipe:
/// reading stops at the limit.
///
/// # Errors
///
/// The file has more bytes, or it is a named pipe, which might never have a writer; a shell's `<(...)` has one. Or the
/// operating system refuses.
pub(crate) fn read_bounded(path: &Path, max_bytes: u64) -> Result<Vec<u8>, FileFlaw> {
    let is_of_shell = ["/dev/fd", "/dev/stdin", "/proc/self/fd"].iter().any(|folder| path.starts_with(folder));
    let kind = FileKind::of(fs::metadata(path).map_err(FileFlaw::Io)?.file_type());
    if kind == FileKind::NamedPipe && !is_of_shell {
        return Err(FileFlaw::NotRegular(kind));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(FileFlaw::Io)?;
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(FileFlaw::Io)?;
    if bytes.len() as u64 > max_bytes {
        return Err(FileFlaw::TooLarge { max_mib: max_bytes >> 20 });
    }
    Ok(bytes)
}

/// Writes a text file, and replaces an existing one: a reader sees the old text or the new one, nothing between.
///
/// A link is followed, so that the link stays. A pipe, a device and the target of `/dev/stdout` are
/// appended to. The folder has to exist.
///
/// # Errors
///
/// The file cannot be written; the old text, if any, is unchanged.
pub fn write_text(path: &Path, text: &str) -> Result<(), Error> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && !path.starts_with("/dev") => {
            let target = fs::canonicalize(path).map_err(|source| failed("look at it", path, source))?;
            replace(path, &target, text)
        }
        Ok(metadata) => {
            // A pipe is opened without waiting: opening fails if it has no reader, instead of hanging.
            let is_pipe = metadata.file_type().is_fifo();
            let flags = if is_pipe { without_waiting() } else { 0 };
            // `/dev/stdout` may be a file that holds earlier output.
            let opened = OpenOptions::new().append(true).custom_flags(flags).open(path);
            let mut file = opened.map_err(|source| {
                if is_pipe && source.raw_os_error() == Some(Errno::NXIO.raw_os_error()) {
                    return bad_location(path, LocationFlaw::PipeWithoutReader);
                }
                failed("open it", path, source)
            })?;
            if is_pipe {
                // Now the pipe has a reader: writes wait for it.
                let waiting = fcntl_getfl(&file).and_then(|flags| fcntl_setfl(&file, flags - OFlags::NONBLOCK));
                waiting.map_err(|error| failed("open it", path, error.into()))?;
            }
            file.write_all(text.as_bytes()).map_err(|source| failed("write to it", path, source))
        }
        Err(source) if source.kind() == io::ErrorKind::NotFound => replace(path, path, text),
        Err(source) => Err(failed("look at it", path, source)),
    }
}

/// Writes a file next to `target` and moves it there. Errors name `path`, which the person typed.
fn replace(path: &Path, target: &Path, text: &str) -> Result<(), Error> {
    let Some(file_name) = target.file_name() else {
        return Err(bad_location(path, LocationFlaw::NotAFileName));
    };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut prefix = OsString::from(".");
    prefix.push(file_name);
    prefix.push(".");
    // The name is random and the file is new: in a shared folder somebody could plant a link.
    let mut file = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".tmp")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder)
        .map_err(|source| missing_or_failed(path, without_temp_name(source)))?;
    file.write_all(text.as_bytes()).map_err(|source| failed("write to it", path, source))?;
    file.as_file().sync_all().map_err(|source| failed("sync it", path, source))?;
    file.persist(target).map(drop).map_err(|error| failed("replace it", path, error.error))
}

/// Returns the system's error without the temporary file's name, which was not typed.
fn without_temp_name(error: io::Error) -> io::Error {
    let said = error.get_ref().and_then(|error| error.source()?.downcast_ref::<io::Error>()?.raw_os_error());
    said.map_or(error, io::Error::from_raw_os_error)
}

fn missing_or_failed(path: &Path, source: io::Error) -> Error {
    if source.kind() == io::ErrorKind::NotFound {
        bad_location(path, LocationFlaw::NoFolder)
    } else {
        failed("create it", path, source)
    }
}

fn bad_location(path: &Path, flaw: LocationFlaw) -> Error {
    Error::BadLocation { doing: Operation::Write, location: printable(path), flaw }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::io(Operation::Write, action, printable(path), source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_text_is_written_replaced_and_read_back_and_nothing_else_is_left() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("report.json");
        write_text(&path, "old").unwrap();
        write_text(&path, "new").unwrap();
        assert_eq!(read_text(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_endless_file_is_read_up_to_the_limit_and_reported() {
        let message = read_text(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(message.starts_with("read: /dev/zero: larger than 1 MiB"), "{message}");
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("text");
        for (bytes, is_read) in [(MAX_TEXT_BYTES, true), (MAX_TEXT_BYTES + 1, false)] {
            fs::write(&path, vec![b'x'; usize::try_from(bytes).unwrap()]).unwrap();
            assert_eq!(read_text(&path).is_ok(), is_read);
        }
        // A sparse file: it takes no space on the disk.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(read_text(&path).unwrap_err().to_string().contains("larger than 1 MiB"));
    }

    #[test]
    fn a_named_pipe_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let message = read_text(&path).unwrap_err().to_string();
        assert!(message.ends_with("pipe: a named pipe"), "{message}");
    }

    #[test]
    fn a_named_pipe_without_a_reader_is_not_written_to() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let message = write_text(&path, "text").unwrap_err().to_string();
        assert!(message.ends_with("is a named pipe that nobody reads"), "{message}");
        let read = path.clone();
        let reader = std::thread::spawn(move || fs::read_to_string(read).unwrap());
        // Until the reader is there, it is refused.
        while write_text(&path, "text").is_err() {
            std::thread::yield_now();
        }
        assert_eq!(reader.join().unwrap(), "text");
    }

    #[test]
    fn a_link_stays_a_link() {
        let place = tempfile::tempdir().unwrap();
        let [target, link] = ["target", "link"].map(|name| place.path().join(name));
        fs::write(&target, "old").unwrap();
        symlink("target", &link).unwrap();
        write_text(&link, "new").unwrap();
        assert_eq!(read_text(&target).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_full_disk_is_named() {
        let message = write_text(Path::new("/dev/full"), "text").unwrap_err().to_string();
        assert!(
            message.starts_with("write: /dev/full: cannot write to it: the disk or the quota is full"),
            "{message}"
        );
    }

    #[test]
    fn what_cannot_be_read_or_written_is_named() {
        let place = tempfile::tempdir().unwrap();
        let odd = place.path().join("odd");
        fs::write(&odd, b"text\xff").unwrap();
        let message = read_text(&odd).unwrap_err().to_string();
        assert!(message.ends_with("odd: byte 4: the file is not UTF-8 text"), "{message}");
        assert!(read_text(&place.path().join("absent")).unwrap_err().is_not_found());
        let message = write_text(&place.path().join("no/report.json"), "x").unwrap_err().to_string();
        assert!(message.contains("no/report.json`: the folder does not exist"), "{message}");
        assert!(write_text(place.path(), "x").is_err());
    }
}
