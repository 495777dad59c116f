//! The operations on a table: convert, retry, resolve, verify, status, rebuild-state, ddl. One file per operation.
//!
//! Reading order, along the path of the data:
//!
//! 1. [`stage`]: names of the eleven stages; [`options`]: options of the operations, and their defaults.
//! 2. `convert`: a conversion, from listing to report; `retry` and `resolve`: runs that an operator starts after a failure.
//!    All three are runs of a `session`, which takes epochs, lets `engine` execute them and finalizes them.
//! 3. [`select`]: selects listed objects; `key_pruning`: skips keys of a bucket that are not selected; `discover`: finds
//!    selected objects that the table has not processed; `preflight`: checks before anything is written.
//! 4. `next_settings`: changes of a table's settings by a run; `field_names`: texts about names that CloudFront does not
//!    have.
//! 5. `preview`: a dry run.
//! 6. [`report`]: the result of a run in one value.
//! 7. `status`, `verify`, `rebuild_state`, `table_ddl`: the commands of an operator; `unconverted`: objects without rows.

// Names of the stages, and options.
pub mod stage;

pub mod options;

// Runs.
mod session;

mod convert;

mod retry;

mod resolve;

// Input of a run, and checks before it writes.
pub mod select;

mod key_pruning;

mod discover;

mod preflight;

mod next_settings;

mod field_names;

mod double_warnings;

mod preview;

pub mod report;

// Commands of an operator.
mod status;

mod unconverted;

mod verify;

mod rebuild_state;

mod table_ddl;

pub mod inspect;

mod error;

pub use convert::convert;
pub use double_warnings::double_warnings;
pub use error::Error;
pub use field_names::{field_name_text, field_names_text};
pub use lakefront_cloudfront::{
    Delimiter, Error as LogError, LogFormat, Misfit, NamedBy, NotCloudFront, TextLimits, decompress, is_guarded,
};
pub use lakefront_engine::{
    Advise, Error as EngineError, Stop, brief, current_task, message, progress,
    resources::{BASE_MEMORY_BYTES, Resources, TASK_MEMORY_BYTES, default_memory_bytes},
    within_task,
};
pub use lakefront_ledger::{
    ActiveUntil, Destination, Doubles, Error as LedgerError, Identity, RecordKind,
    escape::{Escapes, escaped, json_text},
    lease::{DEFAULT_LEASE, Holder, LeaseOptions},
    open_epoch::OpenTasks,
    paths::hour_text,
    records::{OutcomeCounts, Waiting},
    table_location::{parse_state, parse_table},
};
pub use lakefront_schema::Error as SchemaError;
pub use lakefront_storage::{
    Addressing, ConnectOptions, Connections, Encryption, Error as StorageError, Folder, ListFailure, ListFlaw, Source,
    error as storage_error, printable_name, raise_open_files, read_text, thread_limits, write_text,
};
pub use lakefront_table::{Error as TableError, PartitionBy, ddl, encode};
pub use options::{Change, ConvertOptions, Limits, MaxRejects, ReadingOptions, RetryOptions, RunOptions, TableOptions};
pub use preflight::refuse_report_at;
pub use preview::{Preview, preview};
pub use rebuild_state::{Rebuilt, rebuild_state};
pub use report::Report;
pub use resolve::resolve;
pub use retry::retry;
pub use session::Run;
pub use status::{OpenEpochStatus, Status, status};
pub use table_ddl::{AppendedColumns, TableDdl, table_ddl};
pub use verify::{Fault, MAX_NAMED_FAULTS, Verification, VerifyOptions, verify};
