//! Outcomes of all processed objects, by the day in the object's key.
//!
//! ```text
//! {"format":4,"epoch":42,"day":"2025-01-02","inputs":345,"log":"..."}
//! {"source":"file://","key":"/logs/E1.2025-01-02-03.x.gz","version":"312-1735","outcome":"converted","size":312}
//! {"checksum":"..."}
//! ```
//!
//! Gzipped JSON lines, one such file for each epoch and day. Files of earlier versions have no sizes.

use std::{borrow::Cow, io};

use lakefront_storage::{Object, Store};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    jsonl::{JsonlReader, JsonlWriter},
    paths,
    read_record::{self, LogRef, Pieces, check_log, damaged},
    records::{LogRecord, OutcomeWord, format_in},
    seal::{Record as _, Stored},
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DayHeader<'a> {
    format: u32,
    epoch: u64,
    day: Cow<'a, str>,
    inputs: u64,
    /// The digest of the log record; `None` if that is not sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<Cow<'a, str>>,
}

/// An object and its outcome.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenObject<'a> {
    /// The source.
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    /// The key in the source.
    pub key: Cow<'a, str>,
    /// The version.
    pub version: Cow<'a, str>,
    /// The outcome.
    pub outcome: OutcomeWord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

impl SeenObject<'_> {
    /// Returns its size in bytes, if that is known: on local disk the version contains it, too.
    pub fn size_bytes(&self) -> Option<u64> {
        self.size.or_else(|| Object::size_of_version(&self.version))
    }
}

/// Returns the bytes of an epoch's `seen` object of a day.
pub fn to_bytes(log: &Stored<LogRecord>, day: &str, objects: &[(&Object, OutcomeWord)]) -> Vec<u8> {
    let format = format_in(log, objects.iter().map(|(_, outcome)| *outcome));
    let its_log = log.digest_in_epoch().map(Into::into);
    let header = DayHeader { format, epoch: log.epoch, day: day.into(), inputs: objects.len() as u64, log: its_log };
    let mut lines = JsonlWriter::new(&header, log.is_sealed());
    for (object, outcome) in objects {
        lines.push(&SeenObject {
            source: object.source().into(),
            key: object.key().into(),
            version: object.version().into(),
            outcome: *outcome,
            size: log.seen_sizes.then_some(object.size_bytes()),
        });
    }
    lines.finish()
}

/// Reads the outcomes of an epoch's objects of a day, one by one.
///
/// # Errors
/// The run must stop: the `seen` object is missing, truncated, damaged, or was written for another log record.
pub fn read(state: &Store, log: &LogRef, day: &str, mut on_object: impl FnMut(&SeenObject<'_>)) -> Result<(), Error> {
    let name = paths::seen(day, log.epoch);
    let pieces = Pieces::open(state, &name)?;
    let cannot = |what: &str| damaged(state, &name, &format!("cannot be used: {what}"));
    let unread = |error: io::Error| match error.downcast::<lakefront_storage::Error>() {
        Ok(error) => Error::storage(error),
        Err(error) => cannot(&error.to_string()),
    };
    let mut lines = JsonlReader::new(pieces);
    let header = lines.next_line().map_err(unread)?.unwrap_or_default();
    let header: DayHeader<'_> = serde_json::from_str(header).map_err(|error| cannot(&error.to_string()))?;
    read_record::check_format(state, &name, header.format)?;
    check_log(state, log, &name, header.format, header.log.as_deref())?;
    if header.epoch != log.epoch || header.day != day {
        return Err(cannot(&format!("it is of epoch {} and day {}", header.epoch, header.day.escape_debug())));
    }
    let expected = header.inputs;
    if log.is_sealed() {
        lines.expect_checksum();
    }
    let mut inputs = 0;
    while let Some(line) = lines.next_line().map_err(unread)? {
        let object: SeenObject<'_> = serde_json::from_str(line).map_err(|error| cannot(&error.to_string()))?;
        inputs += 1;
        // No epoch has more inputs, even if a damaged first line says so.
        if inputs > expected || inputs > log.inputs {
            return Err(cannot(&format!("it has more than {} objects", expected.min(log.inputs))));
        }
        on_object(&object);
    }
    if inputs != expected {
        return Err(cannot(&format!("it has {inputs} objects and should have {expected}")));
    }
    Ok(())
}
