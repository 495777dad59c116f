//! Settings of the next epoch: those of the table, changed by the options of the run.
//!
//! Without options, a run uses the table's settings. Options may change how later files are encoded and later logs are
//! read, and with `extend_schema` append columns; they cannot change existing columns or partitions.

use std::sync::Arc;

use lakefront_cloudfront::{FormatOptions, TextLimits};
use lakefront_engine::{Settings, settings::partition_by_of};
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
/// [`Error::OtherSettings`], [`Error::LongerSchema`]: the options do not fit the table.
pub(crate) fn next_settings(options: &ConvertOptions, snapshot: &Snapshot) -> Result<Settings, Error> {
    settings_with(&options.run, &options.table, &options.reading, snapshot)
}

/// Returns the settings of the next epoch of a run with these options.
///
/// # Errors
/// As [`next_settings`].
pub(crate) fn settings_with(
    run: &RunOptions,
    given: &TableOptions,
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
            if given.partition_by.is_some_and(|given| given != is) {
                let finest = is.columns().last().expect("a table has a partition column");
                return Err(other("--partition-by", (*finest).to_owned()));
            }
            is
        }
        None => given.partition_by.unwrap_or_default(),
    };
    let identity = match (given.identity, table.map(|table| table.identity)) {
        (Some(given), Some(is)) if given != is => return Err(other("--identity", format!("`--identity {is}`"))),
        (given, is) => is.or(given).unwrap_or_default(),
    };
    let before = before.as_ref();
    let schema = match (&given.schema, before.map(|before| &before.schema)) {
        (Some(schema), Some(is)) => next_schema(destination, schema, is, given.extend_schema)?,
        (Some(schema), None) => Arc::clone(schema),
        (None, Some(is)) => Arc::clone(is),
        (None, None) => Arc::new(default_schema()),
    };
    let limits = before.map_or_else(TextLimits::default, |before| before.text_limits);
    let formats = before.map_or_else(FormatOptions::default, |before| before.formats);
    Ok(Settings {
        schema,
        partition_by,
        identity,
        compression: given.compression.or(before.map(|before| before.compression)).unwrap_or_default(),
        max_file_bytes: given
            .max_file_bytes
            .or(before.map(|before| before.max_file_bytes))
            .unwrap_or(DEFAULT_MAX_FILE_BYTES),
        fields: reading.fields.clone().or_else(|| Some(before?.fields.clone())).unwrap_or_default(),
        formats: FormatOptions {
            format: reading.format.over(formats.format),
            delimiter: reading.delimiter.over(formats.delimiter),
        },
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

/// Returns the names of the columns that settings append to the table.
///
/// # Errors
/// The last log record has settings that this version does not know.
pub(crate) fn appended_columns(
    settings: &Settings,
    destination: &Destination,
    snapshot: &Snapshot,
) -> Result<Vec<String>, Error> {
    let (Some(table), Some(last)) = (&snapshot.table, &snapshot.last) else { return Ok(Vec::new()) };
    let is = Settings::of_epoch(destination, table, last)?;
    Ok(settings.schema.appended_to(&is.schema).iter().map(|column| column.name.clone()).collect())
}

/// Returns the flags for reading logs whose values differ from those of the last epoch.
pub(crate) fn changed_flags(settings: &Settings, snapshot: &Snapshot) -> Vec<&'static str> {
    let Some(is) = snapshot.last.as_ref().map(|last| &last.settings) else { return Vec::new() };
    let given = settings.record();
    let changed = [
        (is.fields != given.fields, "--fields"),
        (is.log_format != given.log_format, "--format"),
        (is.delimiter != given.delimiter, "--delimiter"),
    ];
    changed.into_iter().filter_map(|(is_changed, flag)| is_changed.then_some(flag)).collect()
}

/// Returns the table schema of the next epoch of an existing table, if the run names a schema.
fn next_schema(
    destination: &Destination,
    given: &Arc<TableSchema>,
    is: &Arc<TableSchema>,
    extend_schema: bool,
) -> Result<Arc<TableSchema>, Error> {
    let table = destination.to_string();
    if let Err(difference) = given.extends(is) {
        let is = format!("`{}`, and {difference}", is.name());
        return Err(Error::OtherSettings { flag: "--schema", table, is });
    }
    match given.appended_to(is) {
        // The same columns with another name: the table keeps its schema.
        [] if given.name() != is.name() => Ok(Arc::clone(is)),
        [first, ..] if !extend_schema => Err(Error::LongerSchema {
            table,
            given: given.name().to_owned(),
            is: is.name().to_owned(),
            columns: given.appended_to(is).len(),
            first: first.name.clone(),
        }),
        _ => Ok(Arc::clone(given)),
    }
}
