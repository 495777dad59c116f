//! The end of a data file in; facts about its table and its rows out.

use parquet::file::metadata::{FooterTail, ParquetMetaData, ParquetMetaDataReader};

/// Number of bytes after the footer: its length and the magic bytes.
const TAIL_BYTES: usize = 8;
/// Number of bytes at the end of a data file that [`footer_bytes`] needs.
pub const END_BYTES: u64 = TAIL_BYTES as u64;

/// Returns the number of bytes at the end of a data file that are its footer and what follows it; `None` if the last
/// [`END_BYTES`] are not the end of a data file.
pub fn footer_bytes(end_of_file: &[u8]) -> Option<u64> {
    let tail: &[u8; TAIL_BYTES] = end_of_file.last_chunk()?;
    Some(FooterTail::try_new(tail).ok()?.metadata_length() as u64 + END_BYTES)
}

/// Returns name and fingerprint of the table schema, as `name/fingerprint`, from the last bytes of a data file; `None` if
/// these are not the end of a data file of lakefront, or too few.
pub fn schema_of(end_of_file: &[u8]) -> Option<String> {
    let metadata = metadata_of(end_of_file)?;
    let entries = metadata.file_metadata().key_value_metadata()?;
    entries.iter().find(|entry| entry.key == super::encode::properties::SCHEMA_KEY)?.value.clone()
}

/// Returns the number of rows of a data file, from its last bytes; `None` as with [`schema_of`].
pub fn rows_of(end_of_file: &[u8]) -> Option<u64> {
    u64::try_from(metadata_of(end_of_file)?.file_metadata().num_rows()).ok()
}

fn metadata_of(end_of_file: &[u8]) -> Option<ParquetMetaData> {
    let (before, tail) = end_of_file.split_last_chunk::<TAIL_BYTES>()?;
    let footer_bytes = FooterTail::try_new(tail).ok()?.metadata_length();
    let footer = before.get(before.len().checked_sub(footer_bytes)?..)?;
    ParquetMetaDataReader::decode_metadata(footer).ok()
}
