//! DDL of a table: from its state or, if there is none, from its folders and the footer of a data file.

use std::{borrow::Cow, collections::BTreeSet};

use lakefront_engine::settings::Settings;
use lakefront_ledger::{
    Destination,
    escape::{Escapes, escaped},
    open_epoch::{OpenEpoch, OpenTasks},
    records::{ClosedRecord, TableRecord},
    seal::Stored,
    snapshot::{ClosedEpochs, Snapshot, read_log},
};
use lakefront_schema::{TableSchema, layout::partition_values};
use lakefront_storage::printable_name;
use lakefront_table::{
    ddl::{DdlOptions, add_columns, ddl},
    footer::{END_BYTES, footer_bytes, schema_of},
    partition::PARTITION_COLUMNS,
};

use crate::{Error, next_settings::default_schema};

/// The SQL that creates a table in a query engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDdl {
    /// The statements, in the order to run them. All of them can be run again, except one that adds columns.
    pub statements: Vec<String>,
    /// Statements for an engine's table that was created with fewer columns.
    pub appended: Vec<AppendedColumns>,
}

/// Columns that were appended to a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendedColumns {
    /// The epoch that appended the first of them: an engine's table that was created before lacks them.
    pub epoch: u64,
    /// The statement that adds all columns that such a table lacks.
    pub statement: String,
}

/// Returns the SQL that creates a table in a query engine: see [`ddl`].
///
/// `schema` is the table schema that the table was made with; `None`: the schema of its state or, without a state, the
/// embedded schema that its data files name. With `only_new`, there are only partitions that later epochs added, and a
/// statement for the columns that they appended. The partitions of committed tasks of an open epoch are included.
///
/// # Errors
/// The table cannot be read, was not written by lakefront, or was made with another table schema; or a name is not valid in
/// SQL.
pub fn table_ddl(
    destination: &Destination,
    schema: Option<TableSchema>,
    only_new: Option<u64>,
    options: &DdlOptions,
) -> Result<TableDdl, Error> {
    let snapshot = match Snapshot::open(destination) {
        // A copy of a table without its state still has its folders.
        Err(lakefront_ledger::Error::NotEmpty { .. }) if only_new.is_none() => {
            let statements = ddl_of_folders(destination, schema, options)?;
            return Ok(TableDdl { statements, appended: Vec::new() });
        }
        result => result?,
    };
    let (Some(table), Some(last)) = (&snapshot.table, &snapshot.last) else {
        return Err(Error::no_table(destination));
    };
    let settings = Settings::of_epoch(destination, table, last)?;
    let schema = match schema {
        Some(schema) if schema.fingerprint() != settings.schema.fingerprint() => {
            return Err(other_schema(destination, &schema, &label(&settings.schema)));
        }
        Some(schema) => schema,
        None => (*settings.schema).clone(),
    };
    let after = only_new.unwrap_or(0);
    if after > snapshot.last_closed() {
        return Err(Error::NoEpoch { epoch: after, last: snapshot.last_closed() });
    }
    let (mut old, mut new) = (BTreeSet::new(), BTreeSet::new());
    let mut closed_epochs = ClosedEpochs::new(destination.state(), &snapshot);
    while let Some(closed) = closed_epochs.read_next()? {
        let of = if closed.epoch > after { &mut new } else { &mut old };
        of.extend(closed.partitions.iter().map(|partition| partition.path.clone()));
    }
    if let Some(open) = OpenEpoch::read(destination.state(), &snapshot)? {
        new.extend(open.files().map(|file| file.partition().to_owned()));
        let OpenTasks { epoch, tasks, committed } = open.progress();
        tracing::warn!(
            "epoch {epoch} is open, {committed} of its {tasks} tasks are committed: the others may add partitions"
        );
    }
    let partitions: Vec<Vec<String>> = new.difference(&old).map(|path| owned_values_of(path)).collect();
    let mut statements = ddl(&schema, settings.partition_by.columns(), &partitions, options).map_err(Error::Ddl)?;
    let mut appended = Vec::new();
    for (epoch, older) in older_schemas(destination, table, &snapshot, &settings.schema, after)? {
        let statement = add_columns(schema.appended_to(&older), options).map_err(Error::Ddl)?;
        if only_new.is_some_and(|after| after > 0) {
            // After the statement that creates the table, before those that add partitions with these columns.
            statements.insert(1.min(statements.len()), statement);
            break;
        }
        appended.push(AppendedColumns { epoch, statement });
    }
    Ok(TableDdl { statements, appended })
}

/// Returns the earlier table schemas, each with the epoch that appended columns to it, from the schema of epoch `after` on;
/// 0: all.
fn older_schemas(
    destination: &Destination,
    table: &Stored<TableRecord>,
    snapshot: &Snapshot,
    now: &TableSchema,
    after: u64,
) -> Result<Vec<(u64, TableSchema)>, Error> {
    let schema_of = |epoch| {
        let log = read_log(destination.state(), table, epoch)?;
        Ok::<_, Error>((*Settings::of_epoch(destination, table, &log)?.schema).clone())
    };
    let mut older = schema_of(after.max(1))?;
    let mut schemas = Vec::new();
    // Columns are never removed: a schema with as many columns as now is the current one.
    for epoch in after.max(1) + 1..=snapshot.last_epoch() {
        if older.columns().len() == now.columns().len() {
            break;
        }
        let schema = schema_of(epoch)?;
        if schema.columns().len() > older.columns().len() {
            schemas.push((epoch, std::mem::replace(&mut older, schema)));
        }
    }
    Ok(schemas)
}

/// Returns the SQL that adds an epoch's partitions, as stored in the state; `None` if the table's location is not valid in
/// SQL: then `lakefront ddl --location` is needed.
pub(crate) fn ddl_of_epoch(destination: &Destination, settings: &Settings, closed: &ClosedRecord) -> Option<String> {
    let options = DdlOptions {
        database: None,
        table: settings.schema.name().to_owned(),
        location: destination.url(),
        projection: false,
    };
    let partitions: Vec<Vec<String>> =
        closed.partitions.iter().map(|partition| owned_values_of(&partition.path)).collect();
    let statements = ddl(&settings.schema, settings.partition_by.columns(), &partitions, &options).ok()?;
    // There may be a hundred thousand partitions: free memory before the next text is built.
    drop(partitions);
    let text = statements.join(";\n") + ";\n";
    drop(statements);
    Some(match escaped(&text, Escapes::Json) {
        Cow::Borrowed(_) => text,
        Cow::Owned(escaped) => escaped,
    })
}

/// Returns the values in a partition's folder, coarsest first.
pub(crate) fn partition_values_of(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| Some(segment.split_once('=')?.1))
}

fn owned_values_of(path: &str) -> Vec<String> {
    partition_values_of(path).map(str::to_owned).collect()
}

fn ddl_of_folders(
    destination: &Destination,
    schema: Option<TableSchema>,
    options: &DdlOptions,
) -> Result<Vec<String>, Error> {
    let store = destination.table();
    let names: Vec<String> = store.list("").map_err(Error::storage)?.into_iter().map(|entry| entry.name).collect();
    let foreign = |name: &String| Error::ForeignFile { location: destination.to_string(), name: printable_name(name) };

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
    let columns = PARTITION_COLUMNS.get(..depth).expect("a data file is in at most as many partition folders");

    let Some(last) = names.last() else { return Err(Error::no_table(destination)) };
    let end = store.read_tail(last, END_BYTES).map_err(Error::storage)?;
    let bytes = footer_bytes(&end).ok_or_else(|| foreign(last))?;
    let footer = store.read_tail(last, bytes).map_err(Error::storage)?;
    let written = schema_of(&footer).ok_or_else(|| foreign(last))?;
    let schema = schema_for(destination, schema, &written)?;
    ddl(&schema, columns, &partitions, options).map_err(Error::Ddl)
}

fn schema_for(destination: &Destination, given: Option<TableSchema>, written: &str) -> Result<TableSchema, Error> {
    let name = written.split_once('/').map_or(written, |(name, _)| name);
    let schema = given.or_else(|| TableSchema::embedded(name)).unwrap_or_else(default_schema);
    if label(&schema) != written {
        return Err(other_schema(destination, &schema, written));
    }
    Ok(schema)
}

fn label(schema: &TableSchema) -> String {
    format!("{}/{}", schema.name(), schema.fingerprint())
}

fn other_schema(destination: &Destination, given: &TableSchema, written: &str) -> Error {
    Error::OtherSchema { location: destination.to_string(), given: label(given), written: printable_name(written) }
}
