//! Parquet settings: each default with its reason.

use std::{fmt, str::FromStr, sync::Arc};

use lakefront_schema::TableSchema;
use parquet::{
    basic::{Compression as Codec, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
    },
    schema::types::{ColumnPath, SchemaDescriptor},
};

use crate::Error;
use lakefront_schema::layout::TaskId;

/// Largest number of rows of a row group: the unit of work of most engines.
pub const MAX_ROW_GROUP_ROWS: usize = 1024 * 1024;
/// Approximate size at which a row group is closed, in encoded bytes: 64 MiB. It is in memory until then.
pub const MAX_ROW_GROUP_BYTES: usize = 64 << 20;
/// Default of [`EncodeOptions::max_file_bytes`]: 128 MiB.
pub const DEFAULT_MAX_FILE_BYTES: u64 = 128 << 20;
/// Minimum of [`EncodeOptions::max_file_bytes`]: 1 MiB.
pub const MIN_MAX_FILE_BYTES: u64 = 1 << 20;

/// Key of the table schema in the footer.
pub(crate) const SCHEMA_KEY: &str = "lakefront.schema";

/// Settings of data files.
#[derive(Clone, Debug)]
pub struct EncodeOptions {
    /// The columns.
    pub schema: Arc<TableSchema>,
    /// Compression of pages. Default `zstd(3)`.
    pub compression: Compression,
    /// Largest size of a data file, in bytes. Default [`DEFAULT_MAX_FILE_BYTES`].
    pub max_file_bytes: u64,
    /// The program's version, for the footer.
    pub program_version: String,
}

/// Compression of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard at a level from 1 to 22.
    Zstd(u8),
    /// Snappy: faster to write and larger.
    Snappy,
    /// No compression.
    None,
}

impl Default for Compression {
    /// Returns `zstd(3)`: two thirds of snappy's bytes, and all current engines read it.
    fn default() -> Self {
        Self::Zstd(3)
    }
}

impl Compression {
    /// Returns the fastest of its levels.
    pub(crate) fn min_level(self) -> Self {
        if let Self::Zstd(_) = self { Self::Zstd(1) } else { self }
    }

    /// Returns Parquet's codec.
    ///
    /// # Errors
    /// A level that Zstandard does not have.
    pub(crate) fn codec(self) -> Result<Codec, ParquetError> {
        Ok(match self {
            Self::Zstd(level) => Codec::ZSTD(ZstdLevel::try_new(i32::from(level))?),
            Self::Snappy => Codec::SNAPPY,
            Self::None => Codec::UNCOMPRESSED,
        })
    }
}

impl FromStr for Compression {
    type Err = Error;

    /// Reads `zstd(LEVEL)`, `zstd`, `snappy` or `none`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let level = text.strip_prefix("zstd(").and_then(|rest| rest.strip_suffix(')')).map(|digits| {
            // `parse` alone would accept a sign.
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u8>().ok()).flatten()
        });
        match (text, level) {
            ("zstd", _) => Ok(Self::default()),
            ("snappy", _) => Ok(Self::Snappy),
            ("none", _) => Ok(Self::None),
            (_, Some(Some(level @ 1..=22))) => Ok(Self::Zstd(level)),
            _ => Err(Error::Compression { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zstd(level) => write!(f, "zstd({level})"),
            Self::Snappy => f.write_str("snappy"),
            Self::None => f.write_str("none"),
        }
    }
}

/// Returns Parquet's settings for one task's data files, whose columns are `columns`.
///
/// # Errors
/// [`Error::Compression`] for a level that Zstandard does not have.
pub(crate) fn writer_properties(
    options: &EncodeOptions,
    columns: &SchemaDescriptor,
    task: TaskId,
) -> Result<WriterProperties, Error> {
    let codec = options.compression.codec();
    let codec = codec.map_err(|_| Error::Compression { text: options.compression.to_string() })?;
    let schema = &options.schema;
    // Nothing here may differ between two tables made from the same inputs by the same program.
    let footer = [
        (SCHEMA_KEY, format!("{}/{}", schema.name(), schema.fingerprint())),
        ("lakefront.epoch", task.epoch.to_string()),
        ("lakefront.task", task.task.to_string()),
        ("lakefront.version", options.program_version.clone()),
    ];
    let mut properties = WriterProperties::builder()
        // Data pages of version 1, and no delta encodings: every reader knows these.
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(codec)
        .set_created_by(format!("lakefront version {}", options.program_version))
        .set_key_value_metadata(Some(footer.map(|(key, value)| KeyValue::new(key.to_owned(), value)).to_vec()))
        // Statistics for each page, in the page index: engines skip pages by them.
        .set_statistics_enabled(EnabledStatistics::Page);
    // A column of unique values would fill a dictionary before it goes without.
    for column in schema.columns().iter().filter(|column| !column.dictionary) {
        // A map has a column of keys and one of values.
        let is_of_column = |path: &ColumnPath| path.parts().first() == Some(&column.name);
        for path in columns.columns().iter().map(|leaf| leaf.path()).filter(|path| is_of_column(path)) {
            properties = properties.set_column_dictionary_enabled(path.clone(), false);
        }
    }
    Ok(properties.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_reads_as_it_prints() {
        for text in ["zstd(1)", "zstd(22)", "snappy", "none"] {
            assert_eq!(text.parse::<Compression>().unwrap().to_string(), text);
        }
        assert_eq!("zstd".parse::<Compression>().unwrap(), Compression::Zstd(3));
        for text in ["zstd(0)", "zstd(23)", "zstd()", "gzip", "ZSTD(3)", ""] {
            assert!(text.parse::<Compression>().is_err(), "{text}");
        }
    }
}
