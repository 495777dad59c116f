//! What can keep a table from being written as DDL.

use thiserror::Error;

/// Why there is no DDL. All of it comes from what the caller passed: the person who chose it corrects it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DdlError {
    /// A database or table name that no engine would take, or not unchanged.
    #[error("ddl: {what} name `{got}`: expected 1 to 255 lower-case letters, digits, `_` and `-`\nhint: {hint}")]
    Name {
        /// Whether it is a `database` or a `table`.
        what: &'static str,
        /// The name, escaped.
        got: String,
        /// What to write instead.
        hint: String,
    },
    /// The location is not a URL.
    #[error("ddl: location `{got}`: not a URL\nhint: write for example `s3://bucket/lake/cf_logs/`")]
    LocationNotUrl {
        /// The location, escaped.
        got: String,
    },
    /// The location holds something that would not reach the engine as it stands.
    #[error("ddl: location `{got}`: must not contain {what}\nhint: choose a place without it")]
    LocationContent {
        /// The location, escaped.
        got: String,
        /// What it contains.
        what: &'static str,
    },
    /// The partition columns are not what a table can have.
    #[error(
        "ddl: partition columns `{got}` are not possible\n\
         hint: use `year`, `year,month`, `year,month,day` or `year,month,day,hour`"
    )]
    PartitionColumns {
        /// The columns, joined by commas.
        got: String,
    },
    /// A partition's values are not what its columns hold.
    #[error(
        "ddl: partition `{got}`: expected a form like `{expected}`\n\
         hint: values are zero-padded numbers, one for each partition column"
    )]
    PartitionValues {
        /// The values, joined by slashes and escaped.
        got: String,
        /// The form of a partition's values.
        expected: String,
    },
    /// A statement would be longer than Athena takes.
    #[error(
        "ddl: a statement of {bytes} bytes is over Athena's limit of {limit}\n\
         hint: shorten the location or the columns' comments",
        limit = super::MAX_STATEMENT_BYTES
    )]
    StatementTooLong {
        /// Its length in bytes.
        bytes: usize,
    },
}
