//! Reasons why logs are not generated.

use std::{io, path::PathBuf};

/// Reason why no log, or not every log, was generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text is not an [`Hour`](crate::Hour).
    #[error("expected an hour YYYY-MM-DDTHH, in UTC, between `1970-01-01T00` and `9999-12-31T23`, got `{got}`")]
    Hour {
        /// The text.
        got: String,
    },
    /// A text is not an [`Era`](crate::Era).
    #[error("expected a number of fields that CloudFront has logged (12, 15, 18, 19, 23, 24, 26 or 33), got `{got}`")]
    Era {
        /// The text.
        got: String,
    },
    /// The folder could not be created.
    #[error("folder `{}`: could not be created", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file to be written exists already. It was not overwritten.
    #[error("file `{}`: exists, and loggen never overwrites", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error("file `{}`: could not be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A text could not be compressed.
    #[error("log file `{key}`: could not be compressed")]
    Gzip {
        /// The log file's key.
        key: String,
        /// The error of the compressor.
        source: io::Error,
    },
}
