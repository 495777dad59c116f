//! What can go wrong while logs are generated.

use std::io;
use std::path::PathBuf;

/// Why no log, or not every log, was generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text is no [`Hour`](crate::Hour).
    #[error(
        "expected an hour between `1970-01-01T00` and `9999-12-31T23`, got `{got}`\nhint: write it as YYYY-MM-DDTHH, in UTC"
    )]
    Hour {
        /// The text.
        got: String,
    },
    /// A text is no [`Era`](crate::Era).
    #[error(
        "expected a number of fields that CloudFront has logged, got `{got}`\nhint: one of 12, 15, 18, 19, 23, 24, 26, 33"
    )]
    Era {
        /// The text.
        got: String,
    },
    /// The folder could not be made.
    #[error("folder `{}`: could not be made", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that would be written is there already. Nothing was written over.
    #[error("file `{}`: exists, and loggen never overwrites\nhint: give an empty folder, or another --seed or --start", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error("file `{}`: could not be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A text could not be compressed.
    #[error("log file `{key}`: could not be compressed")]
    Gzip {
        /// The log file's key.
        key: String,
        /// What the compressor says.
        source: io::Error,
    },
}
