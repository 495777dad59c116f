//! How it runs: what is read, by whom, and when it counts.
//!
//! Reading order, along the data's way:
//!
//! 1. [`stage`]: the eleven names.
//! 2. [`options`]: what a conversion is asked to do.
//! 3. [`select`]: which listed objects are wanted.
//! 4. [`plan`] (stage 2): objects to tasks.
//! 5. `convert`: a run, from listing to report.
//! 6. `worker`: one task through stages 3 to 9.
//! 7. `commit` (stage 10): when a task is done.
//! 8. [`progress`] and [`report`]: what a person is told.
//! 9. `describe`: a table's DDL.
//!
//! Threads are in `pool` and in `convert`; nothing here prints, or reads a clock but to report durations.

// The data's way, in order.
pub mod stage;

pub mod options;

pub mod select;

pub mod plan;

mod convert;

mod pool;

mod worker;

mod staged;

mod quarantine;

mod commit;

pub mod progress;

pub mod report;

mod describe;

mod error;

pub use convert::{Preview, Run, convert, preview};
pub use describe::{DEFAULT_SCHEMA, table_ddl};
pub use error::Error;
pub use lakefront_cloudfront::{TextLimits, decompress};
pub use lakefront_storage::{Error as StorageError, LocalFolder, Source, printable_name, read_text, write_text};
pub use lakefront_table::{PartitionBy, ddl, encode};
pub use options::{ConvertOptions, MaxRejects};
pub use pool::Stop;
pub use report::Report;
