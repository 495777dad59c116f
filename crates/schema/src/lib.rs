//! Columns of a table: one list in /schemas, with CloudFront's field names, Arrow types and SQL types.
//!
//! A [`TableSchema`] is read from a TOML file: one of the two that are [embedded](TableSchema::embedded), or a user's
//! own ([`TableSchema::from_toml`]). It is the only list of columns: what is read from a log, what a data file has and what
//! the DDL says all come from it.
//!
//! ```
//! use lakefront_schema::{ColumnSource, TableSchema};
//!
//! let schema = TableSchema::embedded("cf_logs").ok_or("not embedded")?;
//! let location = &schema.columns()[2];
//! assert_eq!(location.name, "location");
//! assert_eq!(location.source, ColumnSource::Field("x-edge-location".into()));
//! assert_eq!(location.sql_type(), "string");
//! # Ok::<(), &str>(())
//! ```

// 1. CloudFront's names of fields.
pub mod fields;

// 2. Names of log objects, and of data files.
pub mod object_key;

pub mod layout;

mod date;

// 3. Lists of field names for logs that do not name their fields.
mod field_lists;

// 4. A column: name, type in Arrow and SQL, source.
mod column;

// 5. A table schema: a name, and columns.
mod table_schema;

// 6. Schema file text to table schema, and back; the embedded ones.
mod schema_file;

// 7. Table schema to Arrow schema.
mod arrow;

// 8. Rows of a table between decoding and encoding.
pub mod row_block;

// 9. Mistakes in a schema file.
mod error;

pub use arrow::{map_entries, map_entry_fields};
pub use column::{CellDecode, Column, ColumnSource, ColumnType, Derivation};
pub use date::days_of_date;
pub use error::{Error, Problem};
pub use field_lists::{FieldLists, FieldListsError};
pub use table_schema::{Difference, PARTITION_COLUMNS, Property, TableSchema};
