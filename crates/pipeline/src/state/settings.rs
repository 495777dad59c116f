//! What a table's data files depend on: decided by its first run, kept in its log, used by all later ones.
//!
//! A later run that says nothing takes the table's own settings. One that says something may change how files are
//! encoded and how logs are read from there on, and with `--extend-schema` append columns; it cannot change what is there.

use std::sync::Arc;

use jiff::Timestamp;
use lakefront_cloudfront::{DecodeOptions, TextLimits};
use lakefront_schema::{FieldLists, FieldListsError, TableSchema};
use lakefront_table::{
    PartitionBy,
    encode::{Compression, DEFAULT_MAX_FILE_BYTES, EncodeOptions},
    layout::LAYOUT_VERSION,
};

use super::{
    history::History,
    names, once,
    reading::damaged,
    records::{FieldsRecord, LogRecord, SettingsRecord, TableRecord},
    seal::to_json,
};
use crate::{ConvertOptions, DEFAULT_SCHEMA, Destination, Error, Identity};

/// A request cannot have happened later than so many seconds after its epoch was planned: a day, as clocks differ.
pub(crate) const LATEST_AFTER_PLAN_SECONDS: i64 = 86_400;

/// What data files depend on besides the logs.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) schema: Arc<TableSchema>,
    pub(crate) partition_by: PartitionBy,
    /// No data file depends on it, but which logs are read; and it is the table's from its first run on, too.
    pub(crate) identity: Identity,
    pub(crate) compression: Compression,
    pub(crate) max_file_bytes: u64,
    /// Names for logs without a header.
    pub(crate) fields: FieldLists,
    pub(crate) text_limits: TextLimits,
    /// The clock of the run that planned the epoch.
    pub(crate) now: Timestamp,
    pub(crate) program_version: String,
}

impl Settings {
    /// Those of the next epoch: the table's, changed by what the run asks for.
    ///
    /// # Errors
    /// [`Error::OtherSettings`]: the run asks for something that the table cannot become.
    pub(crate) fn of_next(
        options: &ConvertOptions,
        table: Option<&TableRecord>,
        last: Option<&LogRecord>,
    ) -> Result<Self, Error> {
        let before = match (table, last) {
            (Some(table), Some(last)) => Some(Self::of_epoch(&options.destination, table, last)?),
            _ => None,
        };
        let partition_by = match (options.partition_by, table) {
            (asked, Some(table)) => {
                let is = partition_by_of(&options.destination, table)?;
                if asked.is_some_and(|asked| asked != is) {
                    let is = is.columns().last().copied().unwrap_or_default().to_owned();
                    return Err(Error::OtherSettings {
                        flag: "--partition-by",
                        table: options.destination.to_string(),
                        is,
                    });
                }
                is
            }
            (asked, None) => asked.unwrap_or_default(),
        };
        let identity = match (options.identity, table.map(|table| table.identity)) {
            (Some(asked), Some(is)) if asked != is => {
                let is = format!("`--identity {is}`");
                return Err(Error::OtherSettings { flag: "--identity", table: options.destination.to_string(), is });
            }
            (asked, is) => is.or(asked).unwrap_or_default(),
        };
        let schema = match (&options.schema, before.as_ref().map(|before| &before.schema)) {
            (Some(asked), Some(is)) => schema_of_next(options, asked, is)?,
            (Some(asked), None) => Arc::clone(asked),
            (None, Some(is)) => Arc::clone(is),
            (None, None) => Arc::new(TableSchema::embedded(DEFAULT_SCHEMA).ok_or(Error::Worker)?),
        };
        let before = before.as_ref();
        Ok(Self {
            schema,
            partition_by,
            identity,
            compression: options.compression.or(before.map(|before| before.compression)).unwrap_or_default(),
            max_file_bytes: options
                .max_file_bytes
                .or(before.map(|before| before.max_file_bytes))
                .unwrap_or(DEFAULT_MAX_FILE_BYTES),
            fields: options.fields.clone().or_else(|| Some(before?.fields.clone())).unwrap_or_default(),
            text_limits: TextLimits {
                text_bytes: options
                    .max_text_bytes
                    .or(before.map(|before| before.text_limits.text_bytes))
                    .unwrap_or(TextLimits::default().text_bytes),
                ratio: options
                    .max_ratio
                    .or(before.map(|before| before.text_limits.ratio))
                    .unwrap_or(TextLimits::default().ratio),
            },
            now: options.now,
            program_version: options.program_version.clone(),
        })
    }

    /// The names of the columns that these settings append to the table as it is.
    ///
    /// # Errors
    /// The log record cannot be understood.
    pub(crate) fn appended(&self, destination: &Destination, history: &History) -> Result<Vec<String>, Error> {
        let (Some(table), Some(last)) = (&history.table, &history.last) else { return Ok(Vec::new()) };
        let is = Self::of_epoch(destination, table, last)?;
        Ok(self.schema.appended_to(&is.schema).iter().map(|column| column.name.clone()).collect())
    }

    /// Are the lists of field names others than those of the last epoch?
    pub(crate) fn fields_differ(&self, last: Option<&LogRecord>) -> bool {
        last.is_some_and(|last| last.settings.fields != fields_record(&self.fields))
    }

    /// Those that an epoch was planned with.
    ///
    /// # Errors
    /// The log record cannot be understood.
    pub(crate) fn of_epoch(destination: &Destination, table: &TableRecord, log: &LogRecord) -> Result<Self, Error> {
        let state = destination.state();
        let name = names::log(log.epoch);
        let damaged = |what: &str| damaged(state, &name, what);
        let settings = &log.settings;
        let schema = TableSchema::from_toml(&settings.schema, "the table's schema");
        Ok(Self {
            schema: Arc::new(schema.map_err(|error| damaged(&format!("has no table schema: {error}")))?),
            partition_by: partition_by_of(destination, table)?,
            identity: table.identity,
            compression: settings.compression.parse().map_err(|_| damaged("has an unknown compression"))?,
            max_file_bytes: settings.max_file_bytes,
            fields: fields_of(settings.fields.as_ref())
                .map_err(|error| damaged(&format!("names fields wrongly: {error}")))?,
            text_limits: TextLimits { text_bytes: settings.text_bytes, ratio: settings.ratio },
            now: log.now.parse().map_err(|_| damaged("has no time"))?,
            program_version: log.program.clone(),
        })
    }

    pub(crate) fn record(&self) -> SettingsRecord {
        SettingsRecord {
            schema: self.schema.to_toml(),
            compression: self.compression.to_string(),
            max_file_bytes: self.max_file_bytes,
            fields: fields_record(&self.fields),
            text_bytes: self.text_limits.text_bytes,
            ratio: self.text_limits.ratio,
        }
    }

    /// A fingerprint of all that data files depend on besides the inputs: the program among it.
    pub(crate) fn layout(&self, program_version: &str) -> String {
        let mut text =
            format!("{LAYOUT_VERSION}\n{program_version}\n{}\n", self.partition_by.columns().join(",")).into_bytes();
        text.extend(to_json(&self.record()));
        let mut digits = once::sha256(&text);
        digits.truncate(16);
        digits
    }

    pub(crate) fn decode_options(&self) -> DecodeOptions {
        DecodeOptions {
            schema: Arc::clone(&self.schema),
            fields: self.fields.clone(),
            latest_second: self.now.as_second() + LATEST_AFTER_PLAN_SECONDS,
            text_limits: self.text_limits,
        }
    }

    pub(crate) fn encode_options(&self) -> EncodeOptions {
        EncodeOptions {
            schema: Arc::clone(&self.schema),
            compression: self.compression,
            max_file_bytes: self.max_file_bytes,
            program_version: self.program_version.clone(),
        }
    }
}

/// The table schema of the next epoch, where a run names one for a table that has one.
fn schema_of_next(
    options: &ConvertOptions,
    asked: &Arc<TableSchema>,
    is: &Arc<TableSchema>,
) -> Result<Arc<TableSchema>, Error> {
    let table = options.destination.to_string();
    if let Err(difference) = asked.extends(is) {
        let is = format!("`{}`, and {difference}", is.name());
        return Err(Error::OtherSettings { flag: "--schema", table, is });
    }
    match asked.appended_to(is) {
        // The same columns by another name are the table's.
        [] if asked.name() != is.name() => Ok(Arc::clone(is)),
        [first, ..] if !options.extend_schema => Err(Error::LongerSchema {
            table,
            asked: asked.name().to_owned(),
            is: is.name().to_owned(),
            columns: asked.appended_to(is).len(),
            first: first.name.clone(),
        }),
        _ => Ok(Arc::clone(asked)),
    }
}

/// The lists of field names, as the plan log keeps them: a single one is a text, as it was before there could be several.
fn fields_record(lists: &FieldLists) -> Option<FieldsRecord> {
    let mut texts: Vec<String> = lists.iter().map(str::to_owned).collect();
    match texts.len() {
        0 => None,
        1 => texts.pop().map(FieldsRecord::One),
        _ => Some(FieldsRecord::Several(texts)),
    }
}

fn fields_of(record: Option<&FieldsRecord>) -> Result<FieldLists, FieldListsError> {
    match record {
        None => Ok(FieldLists::default()),
        Some(FieldsRecord::One(list)) => FieldLists::try_new([list]),
        Some(FieldsRecord::Several(lists)) => FieldLists::try_new(lists),
    }
}

/// How finely a table is partitioned.
fn partition_by_of(destination: &Destination, table: &TableRecord) -> Result<PartitionBy, Error> {
    let finest = table.partition_columns.last().and_then(|finest| finest.parse::<PartitionBy>().ok());
    finest.filter(|by| by.columns().iter().eq(table.partition_columns.iter())).ok_or_else(|| Error::State {
        location: destination.state().location(names::TABLE),
        what: format!("has the partition columns `{}`", table.partition_columns.join(",").escape_debug()),
        hint: "this version knows `year`, `month`, `day` and `hour`, in this order",
    })
}
