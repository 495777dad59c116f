//! Flaws of locations, source ids and names.

use std::fmt;
use std::fs::FileType;
use std::os::unix::fs::FileTypeExt as _;

/// Why a location cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationFlaw {
    /// Nothing was typed.
    #[error("the location is empty")]
    Empty,
    /// A `file://` URL that names another machine.
    #[error("a file URL of this machine has three slashes: `file:///folder`")]
    OtherMachine,
    /// A `file://` URL with a `%` that encodes nothing.
    #[error("`%` is not followed by two hexadecimal digits")]
    BadPercent,
    /// A link whose target does not exist.
    #[error("a symbolic link that leads nowhere")]
    DanglingLink,
    /// A path without a last part.
    #[error("not the name of a file")]
    NotAFileName,
    /// A named pipe without a reader.
    #[error("is a named pipe that nobody reads")]
    PipeWithoutReader,
    /// A file in a folder that does not exist.
    #[error("the folder does not exist")]
    NoFolder,
    /// A bucket's URL without a valid name of a bucket.
    #[error("expected `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`")]
    NotABucketUrl,
    /// A prefix that no request can name.
    #[error("a part between slashes is empty, `.` or `..`, or has control characters, or the whole is too long")]
    BadPrefix,
    /// An endpoint that is reached without encryption.
    #[error("sends logs and credentials readably")]
    Unencrypted,
}

/// Why a text cannot be a source id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceIdFlaw {
    /// It is empty.
    #[error("the id is empty")]
    Empty,
    /// It is longer than 255 bytes.
    #[error("the id is longer than 255 bytes")]
    TooLong,
    /// It has control characters.
    #[error("the id has control characters")]
    ControlCharacters,
    /// It begins as the source of objects without an id.
    #[error("`file://` marks what has no id")]
    FileScheme,
}

/// Why a text cannot be a name in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFlaw {
    /// It is empty.
    #[error("it is empty")]
    Empty,
    /// It begins with `/`.
    #[error("it begins with `/`")]
    Absolute,
    /// It has a zero byte.
    #[error("it has a zero byte")]
    ZeroByte,
    /// It has an empty segment.
    #[error("a segment is empty")]
    EmptySegment,
    /// It has a segment `.` or `..`.
    #[error("a segment is `.` or `..`")]
    DotSegment,
    /// Buckets cannot have it.
    #[error("no store takes it")]
    NotAKey,
}

/// Kind of a file that is not a regular file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A folder.
    Folder,
    /// A named pipe.
    NamedPipe,
    /// A socket.
    Socket,
    /// A character or block device.
    Device,
    /// None of these.
    Other,
}

impl FileKind {
    pub(crate) fn of(file_type: FileType) -> Self {
        if file_type.is_dir() {
            Self::Folder
        } else if file_type.is_fifo() {
            Self::NamedPipe
        } else if file_type.is_socket() {
            Self::Socket
        } else if file_type.is_char_device() || file_type.is_block_device() {
            Self::Device
        } else {
            Self::Other
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Folder => "a folder",
            Self::NamedPipe => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Other => "something else",
        })
    }
}

/// Something that is named by an ARN, or by a name that AWS keeps for other things than buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotABucket {
    /// An access point of several regions.
    MultiRegionAccessPoint,
    /// An access point.
    AccessPoint {
        /// Its name, if it has a valid one.
        name: Option<String>,
        /// The account, if it is a valid one.
        account: Option<String>,
    },
    /// A bucket's ARN.
    BucketArn {
        /// The bucket.
        bucket: String,
    },
    /// An access point of Object Lambda.
    ObjectLambda,
    /// A bucket or an access point on Outposts.
    Outposts,
    /// A directory bucket.
    DirectoryBucket,
    /// A bucket of S3 Tables.
    TableBucket,
    /// Something else.
    Unknown,
}

impl fmt::Display for NotABucket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::MultiRegionAccessPoint => "a multi-region access point",
            Self::AccessPoint { .. } => "an access point",
            Self::BucketArn { .. } => "a bucket",
            Self::ObjectLambda => "an Object Lambda access point",
            Self::Outposts => "a bucket or an access point on Outposts",
            Self::DirectoryBucket => "a directory bucket (S3 Express One Zone), or its access point",
            Self::TableBucket => "a bucket of S3 Tables",
            Self::Unknown => "no bucket that can be read from or written to",
        })
    }
}
