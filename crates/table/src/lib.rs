//! Tables that Athena reads: Hive-partitioned Parquet. Pure: same batches in, same bytes out.
//!
//! Reading order:
//!
//! 1. [`partition`] (stage 7): a record batch to the rows of each partition.
//! 2. [`encode`] (stage 8): batches of one partition to data files.
//! 3. [`footer`]: facts about the table in a data file's footer.
//! 4. [`ddl`] (stage 11): the schema and the partitions as SQL text.
//!
//! Nothing here touches a file or a thread: the caller's [`encode::DataFiles`] takes data files, and its
//! [`encode::ColumnRunner`] runs the encoding of columns.

// The data's way, in order.
pub mod partition;

pub mod encode;

pub mod footer;

pub mod ddl;

mod error;

pub use error::Error;
pub use partition::{PartitionBy, PartitionKey};
