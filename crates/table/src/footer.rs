//! What a data file's footer says of the table it belongs to.

use parquet::file::metadata::{FooterTail, ParquetMetaData, ParquetMetaDataReader};

/// Bytes behind the footer: its length and the magic bytes.
const TAIL_BYTES: usize = 8;
/// The last bytes of a data file that [`footer_bytes`] looks at.
pub const END_BYTES: u64 = TAIL_BYTES as u64;

/// How many bytes at the end of a data file are its footer, with what stands behind it; none where the last
/// [`END_BYTES`] are not the end of a data file.
pub fn footer_bytes(end_of_file: &[u8]) -> Option<u64> {
    let tail: &[u8; TAIL_BYTES] = end_of_file.last_chunk()?;
    Some(FooterTail::try_new(tail).ok()?.metadata_length() as u64 + END_BYTES)
}

/// Name and fingerprint of the table schema, as `name/fingerprint`, from the last bytes of a data file; none where these
/// are not the end of a data file of ours, or too few.
pub fn schema_of(end_of_file: &[u8]) -> Option<String> {
    let metadata = metadata_of(end_of_file)?;
    let entries = metadata.file_metadata().key_value_metadata()?;
    entries.iter().find(|entry| entry.key == super::encode::properties::SCHEMA_KEY)?.value.clone()
}

/// How many rows a data file has, from its last bytes; none as with [`schema_of`].
pub fn rows_of(end_of_file: &[u8]) -> Option<u64> {
    u64::try_from(metadata_of(end_of_file)?.file_metadata().num_rows()).ok()
}

fn metadata_of(end_of_file: &[u8]) -> Option<ParquetMetaData> {
    let tail_start = end_of_file.len().checked_sub(TAIL_BYTES)?;
    let (before, tail) = end_of_file.split_at_checked(tail_start)?;
    let tail: &[u8; TAIL_BYTES] = tail.try_into().ok()?;
    let footer_bytes = FooterTail::try_new(tail).ok()?.metadata_length();
    let footer = before.get(before.len().checked_sub(footer_bytes)?..)?;
    ParquetMetaDataReader::decode_metadata(footer).ok()
}
