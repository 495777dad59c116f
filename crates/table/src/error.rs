//! Why a batch did not become a data file. None of these says anything about the logs: the run stops.

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
        /// What Parquet says.
        #[source]
        source: ParquetError,
    },
    /// A data file could not be put together or handed on.
    #[error("encode: partition `{partition}`: cannot write a data file")]
    DataFile {
        /// The partition's folder.
        partition: String,
        /// What Parquet, or the place that takes the bytes, says.
        #[source]
        source: ParquetError,
    },
    /// Codec settings that Parquet does not take.
    #[error("encode: `{text}` is no compression\nhint: `zstd(1)` to `zstd(22)`, `snappy` or `none`")]
    Compression {
        /// What was given.
        text: String,
    },
    /// A partition column that there is not.
    #[error("partition: `{text}` is nothing to partition by\nhint: `year`, `month`, `day` or `hour`")]
    PartitionBy {
        /// What was given.
        text: String,
    },
}
