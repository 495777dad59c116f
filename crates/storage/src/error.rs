//! Errors of this crate: each variant says what was being done, to which thing, and why it failed. The
//! caller, which knows the flags, tells an operator what to do about it.

use std::fmt;
use std::io;

pub use self::access::{CredentialsFlaw, NetworkFlaw, RequestFlaw, UnreadableCause};
pub use self::location::{FileKind, LocationFlaw, NameFlaw, NotABucket, SourceIdFlaw};
pub use self::refusal::{Answer, Permission, Refusal, Request};
pub use self::setting::{BundleFlaw, FileFlaw, HostFlaw, SettingFlaw};
pub use crate::scheme::Scheme;

mod access;
mod location;
mod refusal;
mod setting;

/// The operation that failed: the first word of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Stage 1, and looks at single objects.
    List,
    /// Stage 3.
    Fetch,
    /// Stage 9, and reaching a store.
    Store,
    /// Reading a text file that a person names.
    Read,
    /// Writing a text file that a person names.
    Write,
    /// Understanding the location of a folder, for which the caller has this word.
    Locate(&'static str),
}

impl fmt::Display for Operation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::List => "list",
            Self::Fetch => "fetch",
            Self::Store => "store",
            Self::Read => "read",
            Self::Write => "write",
            Self::Locate(named) => named,
        })
    }
}

/// A failure of a listing, a fetch or a store.
///
/// `location` is printable: control characters in names are escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A URL of a kind of store that this version does not have. Only the scheme is shown: URLs may hold secrets.
    #[error("{doing}: `{scheme}://` is not supported")]
    UnsupportedScheme {
        /// The operation.
        doing: Operation,
        /// The scheme, without `://`.
        scheme: String,
    },

    /// A location that cannot be understood.
    #[error("{doing}: `{location}`: {flaw}")]
    BadLocation {
        /// The operation.
        doing: Operation,
        /// The location as typed.
        location: String,
        /// The flaw.
        flaw: LocationFlaw,
    },

    /// A file or folder that was named and does not exist.
    #[error("{doing}: {location}: no such file or folder")]
    NotFound {
        /// The operation.
        doing: Operation,
        /// The path.
        location: String,
    },

    /// Something else is where a folder is needed.
    #[error("{doing}: {location}: exists and is not a folder")]
    NotAFolder {
        /// The operation.
        doing: Operation,
        /// Its location.
        location: String,
    },

    /// A source that is neither a folder nor a regular file.
    #[error("{doing}: {location}: is {kind}, not a folder or a regular file")]
    NotRegular {
        /// The operation.
        doing: Operation,
        /// Its location.
        location: String,
        /// Its kind.
        kind: FileKind,
    },

    /// A path that is not UTF-8, where a name has to be text.
    #[error("{doing}: {location}: the path is not UTF-8")]
    PathNotUtf8 {
        /// The operation.
        doing: Operation,
        /// The path, its odd bytes escaped.
        location: String,
    },

    /// A file that cannot be a text file: it is too large, or not a regular file.
    #[error("read: {location}: {flaw}")]
    BadTextFile {
        /// The file.
        location: String,
        /// The flaw.
        flaw: FileFlaw,
    },

    /// A text file that is not UTF-8.
    #[error("{doing}: {location}: byte {byte}: the file is not UTF-8 text")]
    TextNotUtf8 {
        /// The operation.
        doing: Operation,
        /// The file.
        location: String,
        /// The first byte that is not UTF-8, from 0.
        byte: usize,
    },

    /// A text that cannot be a source id.
    #[error("list: source id `{id}`: {flaw}")]
    BadSourceId {
        /// The id, escaped.
        id: String,
        /// The flaw.
        flaw: SourceIdFlaw,
    },

    /// A listed object that is not there any more.
    #[error("fetch: {location}: the object is gone since it was listed")]
    Gone {
        /// The object.
        location: String,
    },

    /// A listed object that is not the one that was listed.
    #[error("fetch: {location}: the object changed since it was listed: expected version `{expected}`, got `{got}`")]
    Changed {
        /// The object.
        location: String,
        /// The listed version.
        expected: String,
        /// The version that was found, or a description of what was found.
        got: String,
    },

    /// A listed object that cannot be read, also when it was tried again, for a reason that is its own: its mode, its
    /// key, its tier, its place on the disk.
    #[error("{doing}: {location}: cannot read it: {cause}")]
    Unreadable {
        /// The operation.
        doing: Operation,
        /// The object.
        location: String,
        /// Why.
        cause: UnreadableCause,
    },

    /// A name in a store that was written before. Its bytes are untouched.
    #[error("store: {location}: exists already, and nothing that is stored is ever overwritten")]
    AlreadyExists {
        /// The name's place.
        location: String,
    },

    /// A store that another process, or another opening in this one, has locked.
    #[error("store: {location}: another process holds this lock")]
    Locked {
        /// The lock's place.
        location: String,
    },

    /// A name that no store takes.
    #[error("store: `{name}`: not a valid name: {flaw}")]
    BadName {
        /// The name, escaped.
        name: String,
        /// The flaw.
        flaw: NameFlaw,
    },

    /// A staged file that does not hold what was written to it.
    #[error(
        "store: {location}: the staged file has {got_bytes} bytes, expected {expected_bytes}: something else wrote to it or a write was cut short"
    )]
    StagedChanged {
        /// The staged file.
        location: String,
        /// Bytes appended.
        expected_bytes: u64,
        /// Bytes found.
        got_bytes: u64,
    },

    /// A link below a store's root that leads back into it, so that a listing would never end or count twice.
    #[error("store: {location}: the symbolic link leads back into the store or to a folder listed before")]
    Loop {
        /// The link.
        location: String,
    },

    /// The folder for staged files and the store are on different filesystems.
    #[error("store: {location}: is not on the filesystem of the folder for temporary files, {temp}")]
    DifferentFilesystems {
        /// The root's or the name's place.
        location: String,
        /// The staged file's folder.
        temp: String,
    },

    /// A filesystem on which a name cannot be made to appear whole and only once.
    #[error("store: {location}: the filesystem makes no hard links")]
    NoHardLinks {
        /// The name's place.
        location: String,
    },

    /// No space, or the quota is used up.
    #[error("{doing}: {location}: cannot {action}: the disk or the quota is full")]
    DiskFull {
        /// The operation.
        doing: Operation,
        /// The step that failed.
        action: &'static str,
        /// To which file or folder.
        location: String,
    },

    /// The filesystem is mounted read-only.
    #[error("{doing}: {location}: cannot {action}: the filesystem is read-only")]
    ReadOnly {
        /// The operation.
        doing: Operation,
        /// The step that failed.
        action: &'static str,
        /// To which file or folder.
        location: String,
    },

    /// The operating system refuses.
    #[error("{doing}: {location}: cannot {action}: permission denied")]
    PermissionDenied {
        /// The operation.
        doing: Operation,
        /// The step that failed.
        action: &'static str,
        /// To which file or folder.
        location: String,
    },

    /// The threads that move bytes to and from stores cannot be started.
    #[error("store: cannot start threads for the network")]
    NoThreads {
        /// The limits that may apply to threads, or that of open files.
        limits: String,
        /// The operating system's error.
        source: io::Error,
    },

    /// Anything else that the operating system says.
    #[error("{doing}: {location}: cannot {action}")]
    Io {
        /// The operation.
        doing: Operation,
        /// The step that failed.
        action: &'static str,
        /// To which file, folder or object.
        location: String,
        /// The operating system's error.
        source: io::Error,
    },

    /// A store refused a request, or did not answer it.
    #[error("{doing}: {location}: cannot {request}: {flaw}")]
    Remote {
        /// The operation.
        doing: Operation,
        /// The request that failed.
        request: Request,
        /// To which bucket or key.
        location: String,
        /// Why.
        flaw: RequestFlaw,
    },

    /// A bucket that does not exist.
    #[error("{doing}: {location}: no such bucket: `{bucket}`")]
    NoBucket {
        /// The operation.
        doing: Operation,
        /// To which bucket or key.
        location: String,
        /// The bucket.
        bucket: String,
    },

    /// A profile that no file has.
    #[error("store: no profile is called `{profile}`")]
    NoProfile {
        /// Its name, escaped.
        profile: String,
    },

    /// A bucket whose region is not known.
    #[error("store: {bucket}: its region is not known: the answer of `{host}` does not name it")]
    NoRegion {
        /// The bucket.
        bucket: String,
        /// The host that was asked.
        host: String,
    },

    /// An ARN, or a name that AWS keeps for something else than buckets.
    #[error("{doing}: `{name}` is {what}, which cannot be named so")]
    NotABucket {
        /// The operation.
        doing: Operation,
        /// The text that was typed, shortened and escaped.
        name: String,
        /// The kind of thing that it names.
        what: NotABucket,
    },

    /// A file of certificates that cannot be used.
    #[error("store: {setting}: {path}: {flaw}")]
    CaBundle {
        /// The variable or key of a profile that names the file.
        setting: String,
        /// The file.
        path: String,
        /// The flaw.
        flaw: BundleFlaw,
    },

    /// A file named for credentials or certificates that is too large, or not a regular file.
    #[error("store: {setting}: {path}: {flaw}")]
    BadFile {
        /// The variable or key of a profile that names the file.
        setting: String,
        /// The file.
        path: String,
        /// The flaw.
        flaw: FileFlaw,
    },

    /// A flag, a variable or a key of a profile whose value cannot be used. Values that may be secrets are not shown.
    #[error("store: {setting}: {flaw}")]
    BadSetting {
        /// The flag, the variable, or the key and its profile.
        setting: String,
        /// The flaw of its value.
        flaw: SettingFlaw,
    },

    /// A bucket that cannot be reached with what the environment says.
    #[error("store: {bucket}: what the environment says of how to reach it is not valid or not enough")]
    NotSetUp {
        /// The bucket.
        bucket: String,
        /// Start of the variables' names.
        variables: &'static str,
    },

    /// The caller asked to stop.
    #[error("list: stopped before the end")]
    Stopped,
}

impl Error {
    /// Returns whether a listed object vanished. The object is skipped and reported; others go on.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }

    /// Returns whether a listed object has another version now. The object is skipped and reported; others go on.
    pub fn is_changed(&self) -> bool {
        matches!(self, Self::Changed { .. })
    }

    /// Returns whether a listed object cannot be read for a reason that is its own, also when it was tried again. The object is
    /// skipped and reported; others go on.
    ///
    /// It is false if the failure concerns this process: credentials that are wrong or have expired, a bucket
    /// that does not exist, a network or a store that fails, a process that has used up its memory or its files. If
    /// nothing can be read at all, because a role lacks the permission, each object is unreadable by itself: no store tells
    /// the two apart.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }

    /// Returns whether a name was written before. The caller compares its bytes with those it meant to write.
    pub fn is_already_exists(&self) -> bool {
        matches!(self, Self::AlreadyExists { .. })
    }

    /// Returns whether another process has the store's lock. Trying again later may help.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Locked { .. })
    }

    /// Returns whether something that was named does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Returns whether the caller gave a wrong argument: nothing was touched.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::NotABucket { .. } | Self::CaBundle { .. } | Self::BadFile { .. } | Self::BadSetting { .. })
    }

    /// Returns whether the caller asked to stop.
    pub fn is_stopped(&self) -> bool {
        matches!(self, Self::Stopped)
    }

    /// Returns the storage error that an [`ObjectReader`](crate::ObjectReader) put into an [`io::Error`].
    ///
    /// # Errors
    ///
    /// Returns the [`io::Error`] itself if it comes from elsewhere: from a decompressor that met damage, for example.
    pub fn from_read(error: io::Error) -> Result<Self, io::Error> {
        error.downcast::<Self>()
    }

    /// Returns the error for one of the operating system: of its own kind if an operator can do something about it.
    pub(crate) fn io(doing: Operation, action: &'static str, location: String, source: io::Error) -> Self {
        let kind = source.kind();
        if kind == io::ErrorKind::StorageFull || kind == io::ErrorKind::QuotaExceeded {
            Self::DiskFull { doing, action, location }
        } else if kind == io::ErrorKind::ReadOnlyFilesystem {
            Self::ReadOnly { doing, action, location }
        } else if kind == io::ErrorKind::PermissionDenied {
            Self::PermissionDenied { doing, action, location }
        } else {
            Self::Io { doing, action, location, source }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    fn of_errno(errno: i32) -> Error {
        Error::io(Operation::Store, "write", "/lake/t".into(), io::Error::from_raw_os_error(errno))
    }

    #[test]
    fn errors_that_an_operator_can_fix_have_their_own_kind() {
        for (errno, says) in [(28, "full"), (122, "full"), (30, "read-only"), (13, "permission denied")] {
            let text = of_errno(errno).to_string();
            assert!(text.starts_with("store: /lake/t: cannot write: "), "{text}");
            assert!(text.contains(says), "{text}");
        }
    }

    #[test]
    fn other_errors_keep_their_cause() {
        let error = of_errno(5);
        assert_eq!(error.to_string(), "store: /lake/t: cannot write");
        assert!(error.source().unwrap().to_string().contains("os error 5"));
    }
}
