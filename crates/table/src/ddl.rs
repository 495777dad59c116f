//! Stage 11. Schema and partitions in, SQL text out.
//!
//! The text is Hive DDL as Athena takes it: names in backticks, literals in single quotes with backslash escapes. Spark
//! takes the same text, except for names with `-`, which only Athena takes. Statements can be run again: tables and
//! partitions that exist already stay as they are.
//!
//! ```text
//! CREATE EXTERNAL TABLE IF NOT EXISTS `logs`.`cf_logs` (`logdate` date, ...) PARTITIONED BY (`year` string, ...) ...
//! ALTER TABLE `logs`.`cf_logs` ADD IF NOT EXISTS PARTITION (`year`='2024', ...) LOCATION 's3://.../year=2024/' ...
//! ```
//!
//! **Not here**: the list of partitions, which the caller has, and running the statements.

use std::{collections::BTreeSet, fmt::Write as _};

use lakefront_schema::{Column, TableSchema};

mod error;
mod literal;
mod projection;

pub use error::DdlError;
use literal::{checked_location, checked_name, checked_partition, identifier, string};

/// Longest statement in bytes: the limit of Athena's `StartQueryExecution`.
pub const MAX_STATEMENT_BYTES: usize = 262_144;

/// A partition column: its name, the number of digits of a value, and the first and the last possible value.
struct PartitionColumn {
    name: &'static str,
    digits: usize,
    first: u16,
    last: u16,
}

/// The partition columns, coarsest first. A table has the first one, two, three or all four of them.
const PARTITION_COLUMNS: [PartitionColumn; 4] = [
    PartitionColumn { name: lakefront_schema::PARTITION_COLUMNS[0], digits: 4, first: 0, last: 9999 },
    PartitionColumn { name: lakefront_schema::PARTITION_COLUMNS[1], digits: 2, first: 1, last: 12 },
    PartitionColumn { name: lakefront_schema::PARTITION_COLUMNS[2], digits: 2, first: 1, last: 31 },
    PartitionColumn { name: lakefront_schema::PARTITION_COLUMNS[3], digits: 2, first: 0, last: 23 },
];

/// Name and location of the table in the DDL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DdlOptions {
    /// Database of the table; if `None`, the statements name the table without its database.
    pub database: Option<String>,
    /// Name of the table.
    pub table: String,
    /// URL of the table's root as the engine will see it: `s3://bucket/prefix`, `file:///folder`.
    pub location: String,
    /// Whether the table describes its partitions by rules in its properties (Athena's partition projection) instead of
    /// listing them.
    pub projection: bool,
}

/// Returns the statements that create the table and add its partitions, in the order in which they must be run, without
/// semicolons, each at most [`MAX_STATEMENT_BYTES`] long.
///
/// `partition_columns` is the table's part of `year`, `month`, `day`, `hour`; every item of `partitions` has one value
/// for each of them, zero-padded. Partitions come in sorted order, each once. With [`projection`](DdlOptions::projection)
/// there is one statement, for the years of `partitions` and five more.
///
/// # Errors
///
/// A name, the location or a partition would not make valid DDL.
pub fn ddl(
    schema: &TableSchema,
    partition_columns: &[&str],
    partitions: &[Vec<String>],
    options: &DdlOptions,
) -> Result<Vec<String>, DdlError> {
    let columns = checked_columns(partition_columns)?;
    let location = checked_location(&options.location)?;
    let table = table_name(options)?;
    let mut sorted: BTreeSet<&[String]> = BTreeSet::new();
    for values in partitions {
        sorted.insert(checked_partition(columns, values)?);
    }

    let mut create = create_table(schema, columns, &table, &location);
    if options.projection {
        let years = sorted.iter().map(|values| year_of(values));
        create.push_str(&projection::properties(columns, years, &location));
        return Ok(vec![checked_length(create)?]);
    }
    let mut statements = vec![checked_length(create)?];
    add_partitions(&mut statements, columns, &sorted, &table, &location)?;
    Ok(statements)
}

/// Returns the statement that appends columns to a table that was created without them. It fails if the table has one of
/// them already: no engine has an `IF NOT EXISTS` for columns that the other engines take, too.
///
/// # Errors
///
/// A name would not make valid DDL, or the statement is too long.
pub fn add_columns(columns: &[Column], options: &DdlOptions) -> Result<String, DdlError> {
    checked_length(format!("ALTER TABLE {} ADD COLUMNS (\n{}\n)", table_name(options)?, column_lines(columns)))
}

fn year_of(checked_values: &[String]) -> u16 {
    checked_values[0].parse().expect("the values of a partition were checked")
}

fn table_name(options: &DdlOptions) -> Result<String, DdlError> {
    let table = identifier(checked_name("table", &options.table)?);
    match &options.database {
        None => Ok(table),
        Some(database) => Ok(format!("{}.{table}", identifier(checked_name("database", database)?))),
    }
}

fn checked_columns(partition_columns: &[&str]) -> Result<&'static [PartitionColumn], DdlError> {
    PARTITION_COLUMNS
        .get(..partition_columns.len())
        .filter(|columns| {
            !columns.is_empty() && columns.iter().map(|column| column.name).eq(partition_columns.iter().copied())
        })
        .ok_or_else(|| DdlError::PartitionColumns { got: partition_columns.join(",") })
}

fn create_table(schema: &TableSchema, columns: &[PartitionColumn], table: &str, location: &str) -> String {
    // The values are text: their leading zeros belong to the path.
    let partitioned: Vec<String> = columns.iter().map(|column| format!("{} string", identifier(column.name))).collect();
    format!(
        "CREATE EXTERNAL TABLE IF NOT EXISTS {table} (\n{}\n)\nPARTITIONED BY ({})\nSTORED AS PARQUET\nLOCATION {}",
        column_lines(schema.columns()),
        partitioned.join(", "),
        string(location)
    )
}

/// Returns the columns with their types and comments, one a line.
fn column_lines(columns: &[Column]) -> String {
    let mut lines = Vec::with_capacity(columns.len());
    for column in columns {
        let mut line = format!("  {} {}", identifier(&column.name), column.sql_type());
        if !column.comment.is_empty() {
            line.push_str(" COMMENT ");
            line.push_str(&string(&column.comment));
        }
        lines.push(line);
    }
    lines.join(",\n")
}

/// Adds the statements that add every partition, as few as [`MAX_STATEMENT_BYTES`] allows.
fn add_partitions(
    statements: &mut Vec<String>,
    columns: &[PartitionColumn],
    partitions: &BTreeSet<&[String]>,
    table: &str,
    location: &str,
) -> Result<(), DdlError> {
    let head = format!("ALTER TABLE {table} ADD IF NOT EXISTS");
    let mut statement = String::new();
    for values in partitions {
        let clause = partition_clause(columns, values, location);
        if !statement.is_empty() && statement.len() + clause.len() > MAX_STATEMENT_BYTES {
            statements.push(std::mem::take(&mut statement));
        }
        if statement.is_empty() {
            statement = checked_length(format!("{head}{clause}"))?;
        } else {
            statement.push_str(&clause);
        }
    }
    if !statement.is_empty() {
        statements.push(statement);
    }
    Ok(())
}

fn partition_clause(columns: &[PartitionColumn], values: &[String], location: &str) -> String {
    let mut pairs = Vec::with_capacity(columns.len());
    let mut path = location.to_owned();
    for (column, value) in columns.iter().zip(values) {
        pairs.push(format!("{}={}", identifier(column.name), string(value)));
        write!(path, "{}={value}/", column.name).expect("writing to a string cannot fail");
    }
    format!("\nPARTITION ({}) LOCATION {}", pairs.join(", "), string(&path))
}

fn checked_length(statement: String) -> Result<String, DdlError> {
    if statement.len() > MAX_STATEMENT_BYTES {
        return Err(DdlError::StatementTooLong { bytes: statement.len(), limit_bytes: MAX_STATEMENT_BYTES });
    }
    Ok(statement)
}

#[cfg(test)]
mod tests;
