//! What Athena reads: a Hive-partitioned Parquet table. Pure: same batches in, same bytes out.
//!
//! Reading order:
//!
//! 1. [`partition`] (stage 7): a record batch to the rows of each partition.
//! 2. [`encode`] (stage 8): batches of one partition to data files.
//! 3. [`footer`]: what a data file says of its table.
//! 4. [`ddl`] (stage 11): the schema and the partitions as SQL text.
//!
//! Nothing here touches a file or a thread: data files go where [`encode::DataFiles`] takes them, and columns are encoded
//! by whatever [`encode::ColumnRunner`] the caller brings.

// The data's way, in order.
pub mod partition;

pub mod encode;

pub mod footer;

pub mod ddl;

mod error;

pub use error::Error;
pub use partition::{PartitionBy, PartitionKey};
