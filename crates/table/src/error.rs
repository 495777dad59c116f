//! Reasons why a batch did not become a data file, and settings that are not valid. None of these says anything about the
//! logs: the run stops.

use arrow::error::ArrowError;
use parquet::errors::ParquetError;

/// A failure to partition or encode.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A batch could not be split by partition.
    #[error("partition: cannot split a record batch")]
    Partition(#[source] ArrowError),
    /// A column could not be encoded.
    #[error("encode: partition `{partition}`, column `{column}`")]
    Column {
        /// The partition's folder.
        partition: String,
        /// The column's name.
        column: String,
        /// Parquet's error.
        #[source]
        source: ParquetError,
    },
    /// A data file could not be put together or handed on.
    #[error("encode: partition `{partition}`: cannot write a data file")]
    DataFile {
        /// The partition's folder.
        partition: String,
        /// The error of Parquet, or of the place that takes the bytes.
        #[source]
        source: ParquetError,
    },
    /// Codec settings that Parquet does not have.
    #[error("encode: unknown compression `{text}`")]
    Compression {
        /// The text that was given.
        text: String,
    },
    /// A partition column that does not exist.
    #[error("partition: unknown partition column `{text}`")]
    PartitionBy {
        /// The text that was given.
        text: String,
    },
}
