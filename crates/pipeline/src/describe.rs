//! What a table says of itself, for the DDL: its partitions by their folders, its table schema by a data file's footer.

use lakefront_schema::TableSchema;
use lakefront_storage::{LocalFolder, printable_name};
use lakefront_table::{
    ddl::{DdlOptions, ddl},
    footer::{END_BYTES, footer_bytes, schema_of},
    layout::partition_values,
    partition::PARTITION_COLUMNS,
};

use crate::Error;

/// The table schema of a table without data files, unless one is given.
pub const DEFAULT_SCHEMA: &str = "cf_logs";

/// The SQL statements that make a table known: see [`ddl`].
///
/// `schema` is the table schema that it was made with; none: the embedded one that its data files name.
///
/// # Errors
/// The table cannot be read, is not one of ours, or was made with another table schema; or a name is no good for SQL.
pub fn table_ddl(table: &LocalFolder, schema: Option<TableSchema>, options: &DdlOptions) -> Result<Vec<String>, Error> {
    let state = table.state().map_err(Error::storage)?;
    let store = table.open_store(&state.path().join("tmp")).map_err(Error::storage)?;
    if !store.root_exists().map_err(Error::storage)? {
        return Err(Error::NoTable { location: table.to_string() });
    }
    let names = store.list("").map_err(Error::storage)?;
    let foreign = |name: &String| Error::ForeignFile { location: table.to_string(), name: printable_name(name) };

    let mut partitions: Vec<Vec<String>> = Vec::new();
    for name in &names {
        let values = partition_values(name).ok_or_else(|| foreign(name))?;
        let values: Vec<String> = values.into_iter().map(|(_, value)| value.to_owned()).collect();
        if partitions.last().is_some_and(|last| last.len() != values.len()) {
            return Err(foreign(name));
        }
        if partitions.last() != Some(&values) {
            partitions.push(values);
        }
    }
    let depth = partitions.first().map_or(PARTITION_COLUMNS.len(), Vec::len);
    let columns = PARTITION_COLUMNS.get(..depth).unwrap_or(&PARTITION_COLUMNS);

    let written = match names.last() {
        Some(name) => {
            let end = store.read_tail(name, END_BYTES).map_err(Error::storage)?;
            let bytes = footer_bytes(&end).ok_or_else(|| foreign(name))?;
            let footer = store.read_tail(name, bytes).map_err(Error::storage)?;
            Some(schema_of(&footer).ok_or_else(|| foreign(name))?)
        }
        None => None,
    };
    let schema = schema_for(table, schema, written)?;
    ddl(&schema, columns, &partitions, options).map_err(Error::Ddl)
}

fn schema_for(table: &LocalFolder, given: Option<TableSchema>, written: Option<String>) -> Result<TableSchema, Error> {
    let label = |schema: &TableSchema| format!("{}/{}", schema.name(), schema.fingerprint());
    let of_name = |name: &str| TableSchema::embedded(name);
    let Some(written) = written else {
        return given.or_else(|| of_name(DEFAULT_SCHEMA)).ok_or(Error::Worker);
    };
    let name = written.split_once('/').map_or(written.as_str(), |(name, _)| name);
    let schema = given.or_else(|| of_name(name)).or_else(|| of_name(DEFAULT_SCHEMA)).ok_or(Error::Worker)?;
    if label(&schema) != written {
        return Err(Error::OtherSchema {
            location: table.to_string(),
            given: label(&schema),
            written: printable_name(&written),
        });
    }
    Ok(schema)
}
