//! Objects of the state in, records out: what is missing, damaged or of a newer format is said with its name and what to do.
//!
//! **Invariant**: no read takes more memory than the largest object of its kind that this program writes.

use std::io::{self, BufRead, Read};

use lakefront_storage::Store;
use serde::Deserialize;

use super::{
    lines::LinesReader,
    names,
    records::{FORMAT, FORMAT_OF_NEW_WORDS, FORMAT_SEALED, LeaseRecord, LogRecord, OfEpoch, TableRecord},
    seal::{self, AnyFormat, Record, Seal, Stored},
};
use crate::Error;

/// The largest `table.json` and the largest lease: 64 KiB. Both are a few hundred bytes.
const MAX_SMALL_BYTES: u64 = 64 << 10;
/// The largest log record, 32 MiB: 500 sources, a table schema and lists of field names.
const MAX_LOG_BYTES: u64 = 32 << 20;
/// The largest list of lost inputs, 4 MiB: of 10,000 inputs.
const MAX_GONE_BYTES: u64 = 4 << 20;
/// The largest commit and the largest `closed`, 64 MiB: these name each data file or partition of 160,000 hours, of which there
/// have been as many since CloudFront began, in some 200 bytes.
const MAX_LONG_BYTES: u64 = 64 << 20;
/// Bytes of long lines that are read at a time: 1 MiB.
const PIECE_BYTES: u64 = 1 << 20;

/// Returns a record that has to be there.
///
/// # Errors
/// The run must stop: it is absent, cannot be read, is damaged, or of a newer format.
pub(crate) fn read<T: Record>(state: &Store, name: &str) -> Result<Stored<T>, Error> {
    read_if_there(state, name)?.ok_or_else(|| missing(state, name))
}

/// Returns a record, if there is one.
///
/// # Errors
/// The run must stop: it cannot be read, is damaged, or of a newer format.
pub(crate) fn read_if_there<T: Record>(state: &Store, name: &str) -> Result<Option<Stored<T>>, Error> {
    match bytes_if_there(state, name)? {
        Some(bytes) => parse(state, name, &bytes).map(Some),
        None => Ok(None),
    }
}

/// Returns `table.json`, if it is there.
///
/// # Errors
/// As [`read_if_there`].
pub(crate) fn read_table(state: &Store) -> Result<Option<Stored<TableRecord>>, Error> {
    let Some(table) = read_if_there::<TableRecord>(state, names::TABLE)? else { return Ok(None) };
    // Before there were checksums, the format said whether there is this key.
    let expected = if table.identity.is_key() { FORMAT } else { FORMAT_OF_NEW_WORDS };
    if !table.is_sealed() && table.format != expected {
        return Err(damaged(state, names::TABLE, &format!("has format {}, and its keys are another's", table.format)));
    }
    Ok(Some(table))
}

/// Returns whether these bytes are a `table.json`, of a format that this version reads or of a newer one.
pub(crate) fn looks_like_table(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct AnyTable {
        #[serde(rename = "format")]
        _format: u32,
        #[serde(rename = "partition_columns")]
        _partition_columns: Vec<String>,
    }
    serde_json::from_slice::<AnyTable>(bytes).is_ok()
}

/// Returns the record of an epoch that has to be there, and that was made for the epoch as its log record decided it.
///
/// # Errors
/// As [`read`], or it was made for another log record.
pub(crate) fn read_of_epoch<T: OfEpoch>(
    state: &Store,
    log: &Stored<LogRecord>,
    name: &str,
) -> Result<Stored<T>, Error> {
    read_of_epoch_if_there(state, log, name)?.ok_or_else(|| missing(state, name))
}

/// The same, if there is one.
///
/// # Errors
/// As [`read_of_epoch`].
pub(crate) fn read_of_epoch_if_there<T: OfEpoch>(
    state: &Store,
    log: &Stored<LogRecord>,
    name: &str,
) -> Result<Option<Stored<T>>, Error> {
    let record = read_if_there::<T>(state, name)?;
    if let Some(record) = &record {
        check_log(state, &LogRef::of(log), name, record.format(), record.log())?;
    }
    Ok(record)
}

/// What is to be known of a log record to tell whether something was made for it.
#[derive(Clone, Debug)]
pub(crate) struct LogRef {
    pub(crate) epoch: u64,
    pub(crate) inputs: u64,
    format: u32,
    sha256: String,
}

impl LogRef {
    /// Returns that of a log record.
    pub(crate) fn of(log: &Stored<LogRecord>) -> Self {
        Self { epoch: log.epoch, inputs: log.inputs, format: log.format, sha256: log.sha256().to_owned() }
    }

    /// Returns whether the records of its epoch have checksums.
    pub(crate) fn is_sealed(&self) -> bool {
        self.format == FORMAT_SEALED
    }
}

/// Has something of an epoch the format of its log record, and was it made for that one?
///
/// # Errors
/// It has another format, or names another log record.
pub(crate) fn check_log(
    state: &Store,
    log: &LogRef,
    name: &str,
    format: u32,
    named: Option<&str>,
) -> Result<(), Error> {
    let its_log = names::log(log.epoch);
    if (format == FORMAT_SEALED) != log.is_sealed() {
        let what = format!(
            "has format {format}, and `{its_log}` has format {}: one of them is not the one that was written",
            log.format
        );
        return Err(damaged(state, name, &what));
    }
    if log.is_sealed() && named != Some(&log.sha256) {
        let what = format!("was not written for `{its_log}` as it is: it is of another table or of another time");
        return Err(damaged(state, name, &what));
    }
    Ok(())
}

/// Returns what a lease says, if that can be told: it is advice, and what cannot be read is none.
pub(crate) fn read_lease(state: &Store, epoch: u64) -> Option<LeaseRecord> {
    let bytes = bytes_if_there(state, &names::lease(epoch)).ok()??;
    serde_json::from_slice::<LeaseRecord>(&bytes).ok().filter(|lease| lease.format == FORMAT)
}

/// Returns the bytes of an object, if there is one.
///
/// # Errors
/// The run must stop: it cannot be read, or is larger than any of its kind.
fn bytes_if_there(state: &Store, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let most = max_bytes(name);
    match state.read_range(name, 0..most + 1) {
        Ok(bytes) if bytes.len() as u64 > most => {
            Err(damaged(state, name, &format!("has more than {most} bytes, which no such object has")))
        }
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(Error::storage(error)),
    }
}

/// Whether an object holds these bytes; not so where there is none.
///
/// # Errors
/// It cannot be read.
pub(crate) fn holds_bytes(state: &Store, name: &str, bytes: &[u8]) -> Result<bool, lakefront_storage::Error> {
    match state.read_range(name, 0..bytes.len() as u64 + 1) {
        Ok(found) => Ok(found == bytes),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// The bytes of an object, of any length, a piece at a time.
#[derive(Debug)]
pub(crate) struct Pieces<'s> {
    state: &'s Store,
    name: &'s str,
    piece: Vec<u8>,
    /// How much of the piece was taken.
    taken: usize,
    /// Where the next piece begins; none behind the last one.
    next: Option<u64>,
}

impl<'s> Pieces<'s> {
    /// Begins with the first piece.
    ///
    /// # Errors
    /// The run must stop: the object is absent, or cannot be read.
    pub(crate) fn open(state: &'s Store, name: &'s str) -> Result<Self, Error> {
        let mut pieces = Self { state, name, piece: Vec::new(), taken: 0, next: Some(0) };
        match pieces.fill() {
            Ok(()) => Ok(pieces),
            Err(error) if error.is_not_found() => Err(missing(state, name)),
            Err(error) => Err(Error::storage(error)),
        }
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
        Ok(self.piece.get(self.taken..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.taken += count;
    }
}

/// Returns the number of bytes that an object of this name has at most; of plans and what was seen another limit counts.
fn max_bytes(name: &str) -> u64 {
    match folder_of(name) {
        names::TABLE | "lease" => MAX_SMALL_BYTES,
        "log" => MAX_LOG_BYTES,
        "gone" => MAX_GONE_BYTES,
        _ => MAX_LONG_BYTES,
    }
}

/// Returns the record that these bytes are.
///
/// # Errors
/// The run must stop: they are damaged, or of a newer format.
pub(crate) fn parse<T: Record>(state: &Store, name: &str, bytes: &[u8]) -> Result<Stored<T>, Error> {
    let cannot = |error: serde_json::Error| damaged(state, name, &format!("cannot be understood: {error}"));
    let (body, is_sealed) = match seal::open(bytes) {
        Seal::Broken => return Err(damaged(state, name, "is damaged: its checksum is that of other bytes")),
        Seal::Whole(body) => (body, true),
        Seal::Absent => (bytes.to_vec(), false),
    };
    let AnyFormat { format } = serde_json::from_slice(&body).map_err(cannot)?;
    check_format(state, name, format)?;
    if (format == FORMAT_SEALED) != is_sealed {
        let has = if is_sealed { "has" } else { "lacks" };
        return Err(damaged(state, name, &format!("has format {format} and {has} a checksum")));
    }
    let record: T = serde_json::from_slice(&body).map_err(cannot)?;
    if !record.has_links(is_sealed) {
        return Err(damaged(state, name, "does not name what it builds on as its format does"));
    }
    Ok(Stored::from_bytes(record, bytes))
}

/// Is an object that is to be made anew of a newer format? Then it is not ours to touch.
///
/// # Errors
/// It is.
pub(crate) fn refuse_newer(state: &Store, name: &str) -> Result<(), Error> {
    let Ok(bytes) = state.read_range(name, 0..max_bytes(name)) else { return Ok(()) };
    if seal::open(&bytes) == Seal::Broken {
        return Ok(());
    }
    let mut lines = LinesReader::new(bytes.as_slice());
    let first = match bytes.first() {
        Some(0x1f) => lines.next_line().map(|line| line.unwrap_or_default().as_bytes()),
        _ => Ok(bytes.as_slice()),
    };
    let format = first.ok().and_then(|first| serde_json::from_slice::<AnyFormat>(first).ok());
    // What is damaged has no format.
    format.filter(|any| any.format > FORMAT_SEALED).map_or(Ok(()), |any| check_format(state, name, any.format))
}

/// Is this a format that we read?
///
/// # Errors
/// It is a newer one.
pub(crate) fn check_format(state: &Store, name: &str, format: u32) -> Result<(), Error> {
    if (FORMAT..=FORMAT_SEALED).contains(&format) {
        return Ok(());
    }
    Err(Error::State {
        location: state.location(name),
        what: format!("has format {format}, and this version reads formats up to {FORMAT_SEALED}"),
        hint: "a newer version of lakefront wrote it: run that one",
    })
}

/// An object of the state that is not what it was.
pub(crate) fn damaged(state: &Store, name: &str, what: &str) -> Error {
    let hint = match folder_of(name) {
        "seen" | "closed" => "`lakefront rebuild-state TABLE` makes it anew from the plan log",
        "gone" => {
            "if no other run is active, `lakefront resolve TABLE` does its epoch again; first put back what log objects were deleted"
        }
        _ => "restore the object from a backup, as nothing else knows what it said",
    };
    Error::State { location: state.location(name), what: what.to_owned(), hint }
}

/// An object of the state that should be there.
pub(crate) fn missing(state: &Store, name: &str) -> Error {
    damaged(state, name, "is missing")
}

fn folder_of(name: &str) -> &str {
    name.split_once('/').map_or(name, |(folder, _)| folder)
}
