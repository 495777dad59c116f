//! Reads the records of a state. An error about an object that is missing, damaged or of a newer format names the
//! object.
//!
//! **Invariant**: no read takes more memory than the largest object of its kind that this program writes.

use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
};

use lakefront_storage::Store;
use serde::Deserialize;

use crate::{
    Error, RecordKind,
    jsonl::JsonlReader,
    paths,
    records::{LeaseRecord, LogRecord, OfEpoch, TableRecord},
    seal::{
        self, AnyFormat, FORMAT, FORMAT_OF_NEW_WORDS, FORMAT_SEALED, NEWEST_FORMAT, Record, Seal, Stored,
        may_be_of_one_epoch,
    },
};

/// Largest `table.json` and lease in bytes: 64 KiB. Both have a few hundred bytes.
const MAX_SMALL_BYTES: u64 = 64 << 10;
/// Largest log record in bytes: 32 MiB. It has up to 500 sources, a table schema and lists of field names.
const MAX_LOG_BYTES: u64 = 32 << 20;
/// Largest list of lost inputs in bytes: 4 MiB. It has up to 10,000 inputs.
const MAX_GONE_BYTES: u64 = 4 << 20;
/// Largest commit and `closed` in bytes: 64 MiB. They name the data files or partitions of up to 160,000 hours, the age
/// of CloudFront, in some 200 bytes each.
const MAX_LONG_BYTES: u64 = 64 << 20;
/// Number of bytes of an object of any length that are read at a time: 1 MiB.
const PIECE_BYTES: u64 = 1 << 20;

/// Returns a record that must exist.
///
/// # Errors
/// The run must stop: the record is absent, cannot be read, is damaged, or is of a newer format.
pub fn read<T: Record>(state: &Store, name: &str) -> Result<Stored<T>, Error> {
    read_if_there(state, name)?.ok_or_else(|| missing(state, name))
}

/// Returns a record, if there is one.
///
/// # Errors
/// The run must stop: the record cannot be read, is damaged, or is of a newer format.
pub fn read_if_there<T: Record>(state: &Store, name: &str) -> Result<Option<Stored<T>>, Error> {
    match bytes_if_there(state, name)? {
        Some(bytes) => parse(state, name, &bytes).map(Some),
        None => Ok(None),
    }
}

/// Returns `table.json`, if there is one.
///
/// # Errors
/// As [`read_if_there`].
pub fn read_table(state: &Store) -> Result<Option<Stored<TableRecord>>, Error> {
    let Some(table) = read_if_there::<TableRecord>(state, paths::TABLE)? else { return Ok(None) };
    // In records without checksums the format depends on whether the record has this key.
    let expected = if table.identity.is_key() { FORMAT } else { FORMAT_OF_NEW_WORDS };
    if !table.is_sealed() && table.format != expected {
        return Err(damaged(state, paths::TABLE, &format!("has format {}, and keys of another format", table.format)));
    }
    Ok(Some(table))
}

/// Returns whether these bytes are a `table.json` of any format, newer ones included.
pub fn looks_like_table(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct AnyTable {
        #[serde(rename = "format")]
        _format: u32,
        #[serde(rename = "partition_columns")]
        _partition_columns: Vec<String>,
    }
    serde_json::from_slice::<AnyTable>(bytes).is_ok()
}

/// Returns a record of an epoch that must exist, and checks that it was written for this log record.
///
/// # Errors
/// As [`read`], or the record was written for another log record.
pub fn read_of_epoch<T: OfEpoch>(state: &Store, log: &Stored<LogRecord>, name: &str) -> Result<Stored<T>, Error> {
    read_of_epoch_if_there(state, log, name)?.ok_or_else(|| missing(state, name))
}

/// Returns a record of an epoch, if there is one.
///
/// # Errors
/// As [`read_of_epoch`].
pub fn read_of_epoch_if_there<T: OfEpoch>(
    state: &Store,
    log: &Stored<LogRecord>,
    name: &str,
) -> Result<Option<Stored<T>>, Error> {
    let record = read_if_there::<T>(state, name)?;
    record.iter().try_for_each(|record| check_of_epoch(state, log, name, &**record))?;
    Ok(record)
}

/// Checks that a record of an epoch was written for this log record.
///
/// # Errors
/// As [`check_log`].
pub fn check_of_epoch(state: &Store, log: &Stored<LogRecord>, name: &str, record: &impl OfEpoch) -> Result<(), Error> {
    check_log(state, &LogRef::of(log), name, record.format(), record.log())
}

/// The parts of a log record that its epoch's objects are checked against.
#[derive(Clone, Debug)]
pub struct LogRef {
    /// The epoch.
    pub epoch: u64,
    /// Number of its inputs.
    pub inputs: u64,
    format: u32,
    sha256: String,
}

impl LogRef {
    /// Returns these parts of a log record.
    pub fn of(log: &Stored<LogRecord>) -> Self {
        Self { epoch: log.epoch, inputs: log.inputs, format: log.format, sha256: log.sha256().to_owned() }
    }

    /// Returns whether the records of its epoch have checksums.
    pub fn is_sealed(&self) -> bool {
        self.format >= FORMAT_SEALED
    }
}

/// Checks that an object of an epoch has the format of its log record, and was written for it.
///
/// # Errors
/// The object has another format, or the digest of another log record.
pub fn check_log(state: &Store, log: &LogRef, name: &str, format: u32, named: Option<&str>) -> Result<(), Error> {
    let its_log = paths::log(log.epoch);
    if !may_be_of_one_epoch(format, log.format) {
        let what = format!(
            "has format {format}, but `{its_log}` has format {}: one of them is not the record that was written",
            log.format
        );
        return Err(damaged(state, name, &what));
    }
    if log.is_sealed() && named != Some(&log.sha256) {
        let what = format!("was not written for `{its_log}` as it is now: it is of another table or of another time");
        return Err(damaged(state, name, &what));
    }
    Ok(())
}

/// Returns a lease; `None` if it cannot be read, because leases are only advice.
pub fn read_lease(state: &Store, epoch: u64) -> Option<LeaseRecord> {
    let bytes = bytes_if_there(state, &paths::lease(epoch)).ok()??;
    serde_json::from_slice::<LeaseRecord>(&bytes).ok().filter(|lease| lease.format == FORMAT)
}

/// Returns the bytes of an object, if there is one.
///
/// # Errors
/// The run must stop: the object cannot be read, or is larger than any of its kind.
fn bytes_if_there(state: &Store, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let most = max_bytes(name);
    match state.read_range(name, 0..most + 1) {
        Ok(bytes) if bytes.len() as u64 > most => {
            Err(damaged(state, name, &format!("is larger than {most} bytes, the largest size of such an object")))
        }
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(Error::storage(error)),
    }
}

/// A reader of an object of any length, a piece at a time.
#[derive(Debug)]
pub struct Pieces<'s> {
    state: &'s Store,
    name: &'s str,
    piece: Vec<u8>,
    /// Number of bytes of the piece that were consumed.
    taken: usize,
    /// Start of the next piece; `None` after the last one.
    next: Option<u64>,
}

impl<'s> Pieces<'s> {
    /// Reads the first piece.
    ///
    /// # Errors
    /// The run must stop: the object is absent, or cannot be read.
    pub fn open(state: &'s Store, name: &'s str) -> Result<Self, Error> {
        let mut pieces = Self { state, name, piece: Vec::new(), taken: 0, next: Some(0) };
        pieces.fill().map_err(|error| unreadable(state, name, error))?;
        Ok(pieces)
    }

    fn fill(&mut self) -> Result<(), lakefront_storage::Error> {
        let Some(start) = self.next else { return Ok(()) };
        self.piece = self.state.read_range(self.name, start..start + PIECE_BYTES)?;
        self.taken = 0;
        let read = self.piece.len() as u64;
        self.next = (read == PIECE_BYTES).then_some(start + read);
        Ok(())
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.piece.len() {
            self.piece.clear();
            self.taken = 0;
            self.fill().map_err(io::Error::other)?;
        }
        Ok(self.piece.get(self.taken..).expect("no more was consumed than there was"))
    }

    fn consume(&mut self, count: usize) {
        self.taken += count;
    }
}

/// Returns the largest size in bytes of an object of this name. Other limits apply to plans and `seen` objects.
fn max_bytes(name: &str) -> u64 {
    match paths::folder_of(name) {
        paths::TABLE | "lease" => MAX_SMALL_BYTES,
        "log" => MAX_LOG_BYTES,
        "gone" => MAX_GONE_BYTES,
        _ => MAX_LONG_BYTES,
    }
}

/// Parses a record.
///
/// # Errors
/// The run must stop: the bytes are damaged, or of a newer format.
pub fn parse<T: Record>(state: &Store, name: &str, bytes: &[u8]) -> Result<Stored<T>, Error> {
    let cannot = |error: serde_json::Error| damaged(state, name, &format!("cannot be parsed: {error}"));
    let (body, is_sealed) = match seal::open(bytes) {
        Seal::Broken => return Err(damaged(state, name, "is damaged: its checksum does not match")),
        Seal::Whole(body) => (Cow::Owned(body), true),
        Seal::Absent => (Cow::Borrowed(bytes), false),
    };
    let AnyFormat { format } = serde_json::from_slice(&body).map_err(cannot)?;
    check_format(state, name, format)?;
    if (format >= FORMAT_SEALED) != is_sealed {
        let has = if is_sealed { "has" } else { "lacks" };
        return Err(damaged(state, name, &format!("has format {format} and {has} a checksum")));
    }
    let record: T = serde_json::from_slice(&body).map_err(cannot)?;
    if !record.has_links(is_sealed) {
        return Err(damaged(state, name, "lacks a digest that its format requires, or has one that it does not allow"));
    }
    Ok(Stored::from_bytes(record, bytes))
}

/// Checks that an object that will be regenerated is not of a newer format, which this version must not replace.
///
/// # Errors
/// The object is of a newer format.
pub fn refuse_newer(state: &Store, name: &str) -> Result<(), Error> {
    let Ok(bytes) = state.read_range(name, 0..max_bytes(name)) else { return Ok(()) };
    if seal::open(&bytes) == Seal::Broken {
        return Ok(());
    }
    let mut lines = JsonlReader::new(bytes.as_slice());
    let first = match bytes.first() {
        Some(0x1f) => lines.next_line().map(|line| line.unwrap_or_default().as_bytes()),
        _ => Ok(bytes.as_slice()),
    };
    let format = first.ok().and_then(|first| serde_json::from_slice::<AnyFormat>(first).ok());
    // A damaged object has no format, and may be replaced.
    format.filter(|any| any.format > NEWEST_FORMAT).map_or(Ok(()), |any| check_format(state, name, any.format))
}

/// Checks that this version reads a format.
///
/// # Errors
/// The format is a newer one.
pub fn check_format(state: &Store, name: &str, format: u32) -> Result<(), Error> {
    if (FORMAT..=NEWEST_FORMAT).contains(&format) {
        return Ok(());
    }
    Err(Error::NewerFormat { location: state.location(name), format, newest: NEWEST_FORMAT })
}

/// Returns the error about a damaged object of the state.
pub fn damaged(state: &Store, name: &str, what: &str) -> Error {
    Error::Damaged { location: state.location(name), kind: RecordKind::of(name), what: what.to_owned() }
}

/// Returns the error about an object of the state that could not be read and must exist.
pub fn unreadable(state: &Store, name: &str, error: lakefront_storage::Error) -> Error {
    if error.is_not_found() { missing(state, name) } else { Error::storage(error) }
}

/// Returns the error about a missing object of the state.
pub fn missing(state: &Store, name: &str) -> Error {
    damaged(state, name, "is missing")
}
