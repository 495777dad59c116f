//! Reasons why a table cannot be written as DDL.

use thiserror::Error;

/// Reason why there is no DDL. All of them come from what the caller passed: the person who chose it corrects it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DdlError {
    /// A database or table name that no engine takes, or that engines change.
    #[error("ddl: {what} name `{got}`: expected 1 to 255 lower-case letters, digits, `_` and `-`")]
    Name {
        /// `database` or `table`.
        what: &'static str,
        /// The name, escaped.
        got: String,
        /// The name in lower case, if that is a valid one.
        in_lower_case: Option<String>,
    },
    /// The location is not a URL.
    #[error("ddl: location `{got}`: not a URL")]
    LocationNotUrl {
        /// The location, escaped.
        got: String,
    },
    /// The location has something that would not reach the engine unchanged.
    #[error("ddl: location `{got}`: must not contain {what}")]
    LocationContent {
        /// The location, escaped.
        got: String,
        /// The part that it must not contain.
        what: &'static str,
    },
    /// The partition columns are not those of a table.
    #[error("ddl: partition columns `{got}` are not possible")]
    PartitionColumns {
        /// The columns, joined by commas.
        got: String,
    },
    /// A partition's values are not possible for its columns.
    #[error("ddl: partition `{got}`: expected a form like `{expected}`")]
    PartitionValues {
        /// The values, joined by slashes and escaped.
        got: String,
        /// Form of a partition's values.
        expected: String,
    },
    /// A statement would be longer than Athena takes.
    #[error("ddl: a statement of {bytes} bytes is over Athena's limit of {limit_bytes}")]
    StatementTooLong {
        /// Its length in bytes.
        bytes: usize,
        /// Longest statement in bytes.
        limit_bytes: usize,
    },
}
