//! A table's state at the start of a run, read once and checked before anything is written.
//!
//! Of old epochs only names are read: listings of `log/`, `closed/` and `seen/`. The last records show if any of these
//! objects is missing. If the listings are inconsistent, they are read again, because another run may have written
//! between two of them. If they are still inconsistent, that is an error: the state is never taken for empty or
//! guessed.
//!
//! Records have the digests of the records that they build on:
//!
//! ```text
//! table.json <--- log/1 <--- closed/1 <--- log/2 <--- closed/2 <--- log/3 ...      each log also names table.json,
//!                   ^           '---------------------'               |            each closed also the one before
//!                   '--- commit, gone, quarantine, seen of epoch 1    '--- of epoch 3
//! ```

use std::collections::BTreeMap;

use lakefront_storage::Store;

use crate::{
    Destination, Error, Identity,
    hash::sha256,
    paths,
    read_record::{self, check_of_epoch, damaged, missing, read_table},
    records::{ClosedRecord, LogRecord, TableRecord},
    seal::{FORMAT, FORMAT_SEALED, Record as _, Stored},
};

/// Number of times that an inconsistent state is read.
const MAX_ATTEMPTS: usize = 10;

/// The last log record and the last `closed`.
type LastRecords = (Option<Stored<LogRecord>>, Option<Stored<ClosedRecord>>);

/// The state of a table at one time.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The table's record; `None` for a table that is not created yet.
    pub table: Option<Stored<TableRecord>>,
    /// The log record of the last epoch, open or closed.
    pub last: Option<Stored<LogRecord>>,
    /// The record of the last complete epoch.
    pub closed: Option<Stored<ClosedRecord>>,
    /// The epochs with inputs of a day, by day.
    pub seen: BTreeMap<String, Vec<u64>>,
}

impl Snapshot {
    /// Reads the state of a table.
    ///
    /// # Errors
    /// The run must stop: the state is unreadable, incomplete, of a newer format, or not this table's.
    pub fn open(destination: &Destination) -> Result<Self, Error> {
        let mut attempts = 1;
        loop {
            match Self::read_once(destination) {
                Err(error) if error.is_state_fault() && attempts < MAX_ATTEMPTS => attempts += 1,
                result => return result,
            }
        }
    }

    /// Reads the state of a table that must exist.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`Error::NoTable`].
    pub fn open_existing(destination: &Destination) -> Result<Self, Error> {
        let snapshot = Self::open(destination)?;
        if snapshot.table.is_none() {
            return Err(Error::NoTable { location: destination.to_string() });
        }
        Ok(snapshot)
    }

    /// Returns the identity of logs in this table.
    pub fn identity(&self) -> Identity {
        self.table.as_ref().map(|table| table.identity).unwrap_or_default()
    }

    /// Returns the number of the last epoch; 0 if there is none.
    pub fn last_epoch(&self) -> u64 {
        self.last.as_ref().map_or(0, |record| record.epoch)
    }

    /// Returns the number of the last complete epoch; 0 if there is none.
    pub fn last_closed(&self) -> u64 {
        self.closed.as_ref().map_or(0, |record| record.epoch)
    }

    /// Returns the log record of the open epoch, if there is one.
    pub fn open_epoch(&self) -> Option<&Stored<LogRecord>> {
        self.last.as_ref().filter(|record| record.epoch > self.last_closed())
    }

    fn read_once(destination: &Destination) -> Result<Self, Error> {
        let state = destination.state();
        let Some(table) = read_table(state)? else {
            return new_table(destination);
        };
        // In this order, so that an epoch that is closed in between appears open, never closed without a log record.
        let closed = epochs(state, paths::CLOSED)?;
        let log = epochs(state, paths::LOG)?;
        let seen = seen_names(state)?;
        if log.len() > closed.len() + 1 {
            return Err(missing(state, &paths::closed(closed.len() as u64 + 1)));
        }
        if closed.len() > log.len() {
            return Err(missing(state, &paths::log(log.len() as u64 + 1)));
        }
        refuse_undecided(state, log.len() as u64 + 1)?;
        if let Some(later) = seen.values().flatten().find(|epoch| **epoch > log.len() as u64) {
            return Err(missing(state, &paths::log(*later)));
        }
        let (last, closed) = Self::last_records(state, &table, log.len() as u64, closed.len() as u64)?;
        if log.is_empty() && !destination.table().is_empty().map_err(Error::storage)? {
            return Err(Error::NoEpochs { table: destination.to_string() });
        }
        if let Some(closed) = &closed {
            check_seen(state, closed, &seen)?;
            let has_lost_data = closed.total.files > 0 && !destination.table().root_exists().map_err(Error::storage)?;
            if has_lost_data {
                return Err(Error::TableGone { table: destination.to_string() });
            }
        }
        Ok(Self { table: Some(table), last, closed, seen })
    }

    /// Returns the last log record and the last `closed`, and checks that they build on each other.
    fn last_records(
        state: &Store,
        table: &Stored<TableRecord>,
        last: u64,
        last_closed: u64,
    ) -> Result<LastRecords, Error> {
        if last == 0 {
            return Ok((None, None));
        }
        let log = read_log(state, table, last)?;
        let name = paths::log(last);
        if last_closed < last {
            let closed = if last_closed == 0 { None } else { Some(read_closed(state, last_closed)?) };
            check_rank(state, &log, closed.as_ref().map_or(FORMAT, |closed| closed.format))?;
            check_before(state, &name, log.closed.as_deref(), closed.as_ref())?;
            return Ok((Some(log), closed));
        }
        let closed = read_closed(state, last)?;
        check_of_epoch(state, &log, &paths::closed(last), &*closed)?;
        // Log and `closed` of an epoch could both have been replaced by records of an earlier version, which have no
        // digests.
        if !log.is_sealed() && last > 1 {
            check_rank(state, &log, read_closed(state, last - 1)?.format)?;
        }
        Ok((Some(log), Some(closed)))
    }
}

/// Reads the log record of an epoch of this table.
///
/// # Errors
/// The record is missing, damaged, or another table's.
pub fn read_log(state: &Store, table: &Stored<TableRecord>, epoch: u64) -> Result<Stored<LogRecord>, Error> {
    let name = paths::log(epoch);
    let record: Stored<LogRecord> = read_record::read(state, &name)?;
    if record.epoch != epoch {
        return Err(damaged(state, &name, &format!("is the record of epoch {}", record.epoch)));
    }
    if record.is_sealed() && record.table.as_deref() != Some(table.sha256()) {
        return Err(damaged(
            state,
            &name,
            "was not written for `table.json` as it is now: one of the two is another table's",
        ));
    }
    check_rank(state, &record, table.format)?;
    Ok(record)
}

/// Checks that the format of an epoch is not lower than `before`, the format of a record before it, if that one has a
/// checksum.
///
/// # Errors
/// It is lower.
pub fn check_rank(state: &Store, log: &Stored<LogRecord>, before: u32) -> Result<(), Error> {
    if before < FORMAT_SEALED || log.format >= before {
        return Ok(());
    }
    let flaw = if log.is_sealed() {
        format!("has format {}, but a record before it has format {before}", log.format)
    } else {
        "has no checksum, but records before it have".to_owned()
    };
    Err(damaged(state, &paths::log(log.epoch), &format!("{flaw}: it is not the record that was written")))
}

/// Reads the record of a complete epoch.
///
/// # Errors
/// The record is missing, damaged, or of another epoch.
pub fn read_closed(state: &Store, epoch: u64) -> Result<Stored<ClosedRecord>, Error> {
    let name = paths::closed(epoch);
    let record: Stored<ClosedRecord> = read_record::read(state, &name)?;
    if record.epoch != epoch {
        return Err(damaged(state, &name, &format!("is the record of epoch {}", record.epoch)));
    }
    Ok(record)
}

/// Checks that `named`, the digest in the record `later`, is the digest of its predecessor `before`.
///
/// # Errors
/// It is the digest of another record.
pub fn check_before(
    state: &Store,
    later: &str,
    named: Option<&str>,
    before: Option<&Stored<ClosedRecord>>,
) -> Result<(), Error> {
    match (named, before) {
        (Some(named), Some(before)) if named == before.sha256() => Ok(()),
        (Some(_), Some(before)) => {
            let what = format!("is not the record that `{later}` builds on: it is of another table or of another time");
            Err(damaged(state, &paths::closed(before.epoch), &what))
        }
        (Some(_), None) => Err(damaged(state, later, "names an epoch before it, but there is none")),
        (None, Some(before)) if before.is_sealed() => Err(damaged(state, later, "does not name the epoch before it")),
        (None, _) => Ok(()),
    }
}

/// Reader of the `closed` records, from the first to the last, which checks that each builds on the one before.
#[derive(Debug)]
pub struct ClosedEpochs<'h> {
    state: &'h Store,
    snapshot: &'h Snapshot,
    before: Option<Stored<ClosedRecord>>,
}

impl<'h> ClosedEpochs<'h> {
    /// Returns a reader of the `closed` records of a table.
    pub fn new(state: &'h Store, snapshot: &'h Snapshot) -> Self {
        Self { state, snapshot, before: None }
    }

    /// Returns the next record; `None` after the last.
    ///
    /// # Errors
    /// The record is missing or damaged, or does not fit the others.
    pub fn read_next(&mut self) -> Result<Option<&Stored<ClosedRecord>>, Error> {
        let epoch = self.before.as_ref().map_or(0, |before| before.epoch) + 1;
        let Some(last) = self.snapshot.closed.as_ref().filter(|last| epoch <= last.epoch) else { return Ok(None) };
        // The last one was compared with the log when the snapshot was read.
        let record = if epoch == last.epoch { last.clone() } else { read_closed(self.state, epoch)? };
        check_before(self.state, &paths::closed(epoch), record.before.as_deref(), self.before.as_ref())?;
        Ok(Some(self.before.insert(record)))
    }
}

/// Returns the digest of the names of all `seen` objects up to an epoch, from the digest of the epoch before.
pub fn seen_digest(before: &str, epoch: u64, days: &[String]) -> String {
    sha256(format!("{before}\n{epoch}\n{}", days.join(",")).as_bytes())
}

/// Returns the snapshot of a table without a table record: table and state must be empty.
fn new_table(destination: &Destination) -> Result<Snapshot, Error> {
    let state = destination.state();
    if let Some(entry) = state.list("").map_err(Error::storage)?.into_iter().next() {
        return Err(Error::NoTableRecord {
            location: state.location(paths::TABLE),
            other: lakefront_storage::printable_name(&entry.name),
        });
    }
    if !destination.table().is_empty().map_err(Error::storage)? {
        return Err(Error::NotEmpty { location: destination.to_string(), state: state.location("") });
    }
    Ok(Snapshot::default())
}

/// Returns the epochs of the records below `folder`, which must be 1, 2, 3 and so on.
///
/// # Errors
/// One is missing, or the folder has another file.
pub fn epochs(state: &Store, folder: &str) -> Result<Vec<u64>, Error> {
    let mut epochs = Vec::new();
    for entry in state.list(folder).map_err(Error::storage)? {
        let epoch = paths::epoch_of_record(&entry.name).ok_or_else(|| foreign(state, &entry.name))?;
        epochs.push(epoch);
        let expected = epochs.len() as u64;
        if epoch != expected {
            let name = if folder == paths::LOG { paths::log(expected) } else { paths::closed(expected) };
            return Err(missing(state, &name));
        }
    }
    Ok(epochs)
}

fn seen_names(state: &Store) -> Result<BTreeMap<String, Vec<u64>>, Error> {
    let mut seen: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for entry in state.list(paths::SEEN).map_err(Error::storage)? {
        let (day, epoch) = paths::day_and_epoch(&entry.name).ok_or_else(|| foreign(state, &entry.name))?;
        seen.entry(day.to_owned()).or_default().push(epoch);
    }
    for epochs in seen.values_mut() {
        epochs.sort_unstable();
    }
    Ok(seen)
}

/// Checks that the `seen` objects up to an epoch are those of its digest.
fn check_seen(state: &Store, closed: &ClosedRecord, seen: &BTreeMap<String, Vec<u64>>) -> Result<(), Error> {
    let mut days_of: BTreeMap<u64, Vec<String>> = (1..=closed.epoch).map(|epoch| (epoch, Vec::new())).collect();
    let mut objects = 0;
    for (day, epochs) in seen {
        for epoch in epochs {
            if let Some(days) = days_of.get_mut(epoch) {
                days.push(day.clone());
                objects += 1;
            }
        }
    }
    let digest = days_of.iter().fold(String::new(), |before, (epoch, days)| seen_digest(&before, *epoch, days));
    if objects == closed.seen.objects && digest == closed.seen.digest {
        return Ok(());
    }
    Err(Error::OtherProcessed {
        location: state.location(paths::SEEN.trim_end_matches('/')),
        objects: closed.seen.objects,
        epoch: closed.epoch,
    })
}

/// Checks that an epoch without a log record has no other objects.
///
/// # Errors
/// It has some, so its log record was lost.
pub fn refuse_undecided(state: &Store, epoch: u64) -> Result<(), Error> {
    let places = [paths::commits_of(epoch), paths::gone_of(epoch), paths::quarantine_of(epoch), paths::lease(epoch)];
    for place in places {
        if !state.list(&place).map_err(Error::storage)?.is_empty() {
            return Err(missing(state, &paths::log(epoch)));
        }
    }
    Ok(())
}

/// Returns the error about a file in the state folder that does not belong to the state.
pub fn foreign(state: &Store, name: &str) -> Error {
    Error::Foreign { location: state.location(name) }
}
