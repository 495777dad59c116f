//! Settings that a table's data files depend on: chosen by its first run, stored in its log, used by all later runs.
//!
//! A later run without such flags uses the table's settings. With flags it may change the encoding of files and the
//! reading of logs from then on, and append columns with `--extend-schema`; it cannot change existing files.

use std::sync::Arc;

use jiff::Timestamp;
use lakefront_cloudfront::{DecodeOptions, FormatOptions, TextLimits};
use lakefront_ledger::{
    Destination, Identity, hash, paths,
    read_record::damaged,
    records::{FieldsRecord, LogRecord, SettingsRecord, TableRecord},
    seal::to_json,
};
use lakefront_schema::{FieldLists, FieldListsError, TableSchema};
use lakefront_table::{
    PartitionBy,
    encode::{Compression, EncodeOptions, LAYOUT_VERSION},
};

use crate::Error;

/// Longest time in seconds from the plan of an epoch to the time of a request in its logs: one day, because clocks
/// differ.
pub const LATEST_AFTER_PLAN_SECONDS: i64 = 86_400;

/// Settings that data files depend on in addition to the logs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The table schema.
    pub schema: Arc<TableSchema>,
    /// Granularity of the table's partitions.
    pub partition_by: PartitionBy,
    /// Identity of logs. Data files do not depend on it, but it decides which logs are read; the first run fixes it,
    /// too.
    pub identity: Identity,
    /// Compression of pages.
    pub compression: Compression,
    /// Largest size of a data file in bytes.
    pub max_file_bytes: u64,
    /// Field names of logs without a header.
    pub fields: FieldLists,
    /// Format and delimiter of logs, where they are not found out.
    pub formats: FormatOptions,
    /// Limits of the text of an object.
    pub text_limits: TextLimits,
    /// The clock of the run that planned the epoch.
    pub now: Timestamp,
    /// The version of the program, for data file footers.
    pub program_version: String,
}

impl Settings {
    /// Returns the settings that an epoch was planned with.
    ///
    /// # Errors
    /// The log record cannot be understood.
    pub fn of_epoch(destination: &Destination, table: &TableRecord, log: &LogRecord) -> Result<Self, Error> {
        let state = destination.state();
        let name = paths::log(log.epoch);
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
            formats: FormatOptions {
                format: (settings.log_format.as_ref().map(|format| format.parse()).transpose())
                    .map_err(|_| damaged("has an unknown format of logs"))?,
                delimiter: (settings.delimiter.as_ref().map(|delimiter| delimiter.parse()).transpose())
                    .map_err(|error| damaged(&format!("has no delimiter: {error}")))?,
            },
            text_limits: TextLimits { text_bytes: settings.text_bytes, ratio: settings.ratio },
            now: log.now.parse().map_err(|_| damaged("has no time"))?,
            program_version: log.program.clone(),
        })
    }

    /// Returns the settings as they are stored in a log record.
    pub fn record(&self) -> SettingsRecord {
        SettingsRecord {
            schema: self.schema.to_toml(),
            compression: self.compression.to_string(),
            max_file_bytes: self.max_file_bytes,
            fields: fields_record(&self.fields),
            text_bytes: self.text_limits.text_bytes,
            ratio: self.text_limits.ratio,
            log_format: self.formats.format.map(|format| format.as_str().to_owned()),
            delimiter: self.formats.delimiter.map(|delimiter| delimiter.as_str().to_owned()),
        }
    }

    /// Returns the fingerprint of everything except the inputs that data files depend on, including the program's
    /// version.
    pub fn layout(&self, program_version: &str) -> String {
        let mut text =
            format!("{LAYOUT_VERSION}\n{program_version}\n{}\n", self.partition_by.columns().join(",")).into_bytes();
        text.extend(to_json(&self.record()));
        let mut digits = hash::sha256(&text);
        digits.truncate(16);
        digits
    }

    /// Returns the options of decoding.
    pub(crate) fn decode_options(&self) -> DecodeOptions {
        DecodeOptions {
            schema: Arc::clone(&self.schema),
            fields: self.fields.clone(),
            formats: self.formats,
            latest_second: self.now.as_second() + LATEST_AFTER_PLAN_SECONDS,
            text_limits: self.text_limits,
        }
    }

    /// Returns the options of encoding.
    pub(crate) fn encode_options(&self) -> EncodeOptions {
        EncodeOptions {
            schema: Arc::clone(&self.schema),
            compression: self.compression,
            max_file_bytes: self.max_file_bytes,
            program_version: self.program_version.clone(),
        }
    }
}

/// Returns lists of field names as they are stored in a log record. A single list is a string, as in earlier versions,
/// which supported only one.
pub fn fields_record(lists: &FieldLists) -> Option<FieldsRecord> {
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

/// Returns the granularity of a table's partitions.
///
/// # Errors
/// [`Error::PartitionColumns`]: this version does not know its partition columns.
pub fn partition_by_of(destination: &Destination, table: &TableRecord) -> Result<PartitionBy, Error> {
    let finest = table.partition_columns.last().and_then(|finest| finest.parse::<PartitionBy>().ok());
    finest.filter(|by| by.columns().iter().eq(table.partition_columns.iter())).ok_or_else(|| Error::PartitionColumns {
        location: destination.state().location(paths::TABLE),
        columns: table.partition_columns.join(",").escape_debug().to_string(),
    })
}
