//! How it runs: what is read, by whom, and when it counts.
//!
//! Reading order, along the data's way:
//!
//! 1. [`stage`]: the eleven names.
//! 2. [`options`]: what a conversion is asked to do.
//! 3. [`select`]: which listed objects are wanted.
//! 4. `discover`: of these, what the table has not seen: by its `identity`, and with what looks `doubles`.
//! 5. `refuse`: what must not be, before anything is written.
//! 6. [`plan`] (stage 2): objects to tasks.
//! 7. `convert`: a run, from listing to report; `preview`: what it would do; `field_names`: what it says of names that
//!    CloudFront does not have.
//! 8. `state`: what a table remembers: plan log, leases, commits, what was seen.
//! 9. `epoch`: one decision, carried out.
//! 10. `worker`: one task through stages 3 to 9.
//! 11. `commit` (stage 10): when a task is done.
//! 12. [`progress`] and [`report`]: what a person is told.
//! 13. `status`, `verify`, `repair` (and `failed`, for what it tries again), `rebuild`: what an operator asks.
//! 14. `describe`: a table's DDL.
//!
//! Threads are in `pool`, `epoch` and `state::lease`; nothing here prints, or reads a clock but to report durations.

// The data's way, in order.
pub mod stage;

pub mod options;

pub mod select;

mod destination;

mod guide;

mod identity;

mod doubles;

mod discover;

mod escape;

mod refuse;

mod tables_around;

pub mod plan;

mod field_names;

mod convert;

mod preview;

mod state;

mod epoch;

mod pool;

mod process_limits;

mod worker;

mod staged;

mod quarantine;

mod commit;

pub mod progress;

pub mod report;

mod status;

mod verify;

mod repair;

mod failed;

mod rebuild;

mod describe;

mod error;

pub use convert::{Run, convert};
pub use describe::{AppendedColumns, DEFAULT_SCHEMA, TableDdl, table_ddl};
pub use destination::Destination;
pub use doubles::Doubles;
pub use epoch::OpenTasks;
pub use error::{Advise, Error, message};
pub use escape::{Escapes, escaped, json_text};
pub use field_names::{field_name_text, field_names_text};
pub use identity::Identity;
pub use lakefront_cloudfront::Error as LogError;
pub use lakefront_cloudfront::{TextLimits, decompress};
pub use lakefront_schema::Error as SchemaError;
pub use lakefront_storage::{
    Addressing, ConnectOptions, Connections, Encryption, Error as StorageError, Folder, ListFailure, Source,
    printable_name, raise_open_files, read_text, thread_limits, write_text,
};
pub use lakefront_table::Error as TableError;
pub use lakefront_table::{PartitionBy, ddl, encode};
pub use options::{ConvertOptions, Holder, Limits, MaxRejects};
pub use pool::Stop;
pub use preview::{Preview, preview};
pub use rebuild::{Rebuilt, rebuild_state};
pub use refuse::refuse_report_at;
pub use repair::{resolve, retry};
pub use report::Report;
pub use state::{
    names::hour_text,
    records::{OutcomeCounts, Waiting},
};
pub use status::{OpenEpoch, Status, status};
pub use verify::{Fault, MAX_NAMED_FAULTS, Verification, VerifyOptions, verify};
