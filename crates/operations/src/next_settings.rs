//! Settings of the next epoch: the table's, changed by what a run asks for.
//!
//! A run that says nothing takes the table's own settings. One that says something may change how files are encoded and how
//! logs are read from there on, and with `extend_schema` append columns; it cannot change what is there.

use std::sync::Arc;

use lakefront_cloudfront::TextLimits;
use lakefront_engine::{
    Settings,
    settings::{fields_record, partition_by_of},
};
use lakefront_ledger::{Destination, snapshot::Snapshot};
use lakefront_schema::TableSchema;
use lakefront_table::encode::DEFAULT_MAX_FILE_BYTES;

use crate::{
    ConvertOptions, Error, RunOptions,
    options::{DEFAULT_SCHEMA, ReadingOptions, TableOptions},
};

/// Returns the settings of the next epoch of a conversion.
///
/// # Errors
/// [`Error::OtherSettings`], [`Error::LongerSchema`]: the run asks for something that the table cannot become.
pub(crate) fn next_settings(options: &ConvertOptions, snapshot: &Snapshot) -> Result<Settings, Error> {
    settings_with(&options.run, &options.table, &options.reading, snapshot)
}

/// Returns the settings of the next epoch of a run that asks for these.
///
/// # Errors
/// As [`next_settings`].
pub(crate) fn settings_with(
    run: &RunOptions,
    asked: &TableOptions,
    reading: &ReadingOptions,
    snapshot: &Snapshot,
) -> Result<Settings, Error> {
    let destination = &run.destination;
    let other = |flag, is| Error::OtherSettings { flag, table: destination.to_string(), is };
    let (table, last) = (snapshot.table.as_ref(), snapshot.last.as_ref());
    let before = match (table, last) {
        (Some(table), Some(last)) => Some(Settings::of_epoch(destination, table, last)?),
        _ => None,
    };
    let partition_by = match table {
        Some(table) => {
            let is = partition_by_of(destination, table)?;
            if asked.partition_by.is_some_and(|asked| asked != is) {
                let finest = is.columns().last().expect("a table has a partition column");
                return Err(other("--partition-by", (*finest).to_owned()));
            }
            is
        }
        None => asked.partition_by.unwrap_or_default(),
    };
    let identity = match (asked.identity, table.map(|table| table.identity)) {
        (Some(asked), Some(is)) if asked != is => return Err(other("--identity", format!("`--identity {is}`"))),
        (asked, is) => is.or(asked).unwrap_or_default(),
    };
    let before = before.as_ref();
    let schema = match (&asked.schema, before.map(|before| &before.schema)) {
        (Some(schema), Some(is)) => next_schema(destination, schema, is, asked.extend_schema)?,
        (Some(schema), None) => Arc::clone(schema),
        (None, Some(is)) => Arc::clone(is),
        (None, None) => Arc::new(default_schema()),
    };
    let limits = before.map_or_else(TextLimits::default, |before| before.text_limits);
    Ok(Settings {
        schema,
        partition_by,
        identity,
        compression: asked.compression.or(before.map(|before| before.compression)).unwrap_or_default(),
        max_file_bytes: asked
            .max_file_bytes
            .or(before.map(|before| before.max_file_bytes))
            .unwrap_or(DEFAULT_MAX_FILE_BYTES),
        fields: reading.fields.clone().or_else(|| Some(before?.fields.clone())).unwrap_or_default(),
        text_limits: TextLimits {
            text_bytes: reading.max_text_bytes.unwrap_or(limits.text_bytes),
            ratio: reading.max_ratio.unwrap_or(limits.ratio),
        },
        now: run.now,
        program_version: run.program_version.clone(),
    })
}

/// Returns the table schema of a new table.
pub(crate) fn default_schema() -> TableSchema {
    TableSchema::embedded(DEFAULT_SCHEMA).expect("the default schema is a part of the program")
}

/// Returns the names of the columns that settings append to the table as it is.
///
/// # Errors
/// The log record cannot be understood.
pub(crate) fn appended_columns(
    settings: &Settings,
    destination: &Destination,
    snapshot: &Snapshot,
) -> Result<Vec<String>, Error> {
    let (Some(table), Some(last)) = (&snapshot.table, &snapshot.last) else { return Ok(Vec::new()) };
    let is = Settings::of_epoch(destination, table, last)?;
    Ok(settings.schema.appended_to(&is.schema).iter().map(|column| column.name.clone()).collect())
}

/// Returns whether the lists of field names are others than those of the last epoch.
pub(crate) fn fields_differ(settings: &Settings, snapshot: &Snapshot) -> bool {
    snapshot.last.as_ref().is_some_and(|last| last.settings.fields != fields_record(&settings.fields))
}

/// Returns the table schema of the next epoch, if a run names one for a table that has one.
fn next_schema(
    destination: &Destination,
    asked: &Arc<TableSchema>,
    is: &Arc<TableSchema>,
    extend_schema: bool,
) -> Result<Arc<TableSchema>, Error> {
    let table = destination.to_string();
    if let Err(difference) = asked.extends(is) {
        let is = format!("`{}`, and {difference}", is.name());
        return Err(Error::OtherSettings { flag: "--schema", table, is });
    }
    match asked.appended_to(is) {
        // The same columns by another name are the table's.
        [] if asked.name() != is.name() => Ok(Arc::clone(is)),
        [first, ..] if !extend_schema => Err(Error::LongerSchema {
            table,
            asked: asked.name().to_owned(),
            is: is.name().to_owned(),
            columns: asked.appended_to(is).len(),
            first: first.name.clone(),
        }),
        _ => Ok(Arc::clone(asked)),
    }
}
