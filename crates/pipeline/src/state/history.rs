//! What a run finds: the table's past, read once and checked before anything is written.
//!
//! Only names are read of the distant past: a listing of `log/`, `closed/` and `seen/`. The last record of each says
//! whether anything is missing from the others. What does not add up is looked at again, as another run may have moved on
//! between two listings; what still does not is an error: never "empty", never a guess.
//!
//! Records have the digests of the records that they build on:
//!
//! ```text
//! table.json <--- log/1 <--- closed/1 <--- log/2 <--- closed/2 <--- log/3 ...      each log names table.json, too,
//!                   ^           '---------------------'               |            and each closed the one before
//!                   '--- commit, gone, quarantine, seen of epoch 1    '--- of epoch 3
//! ```

use std::collections::BTreeMap;

use lakefront_storage::Store;

use super::{
    names,
    once::sha256,
    reading::{self, check_of_epoch, damaged, missing, read_table},
    records::{ClosedRecord, LogRecord, TableRecord},
    seal::{Record as _, Stored},
};
use crate::{Destination, Error, Identity};

/// How often a state that does not add up is looked at.
const LOOKS: usize = 10;

/// The last log record and the last `closed`.
type LastRecords = (Option<Stored<LogRecord>>, Option<Stored<ClosedRecord>>);

/// What a table remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// None for a table that is not made yet.
    pub(crate) table: Option<Stored<TableRecord>>,
    /// The last epoch that was decided, open or not.
    pub(crate) last: Option<Stored<LogRecord>>,
    /// What the last complete epoch gave.
    pub(crate) closed: Option<Stored<ClosedRecord>>,
    /// The epochs that saw objects of a day.
    pub(crate) seen: BTreeMap<String, Vec<u64>>,
}

impl History {
    /// Reads it.
    ///
    /// # Errors
    /// The run must stop: the state is unreadable, incomplete, of a newer format, or not this table's.
    pub(crate) fn open(destination: &Destination) -> Result<Self, Error> {
        let mut looks = 1;
        loop {
            match Self::look(destination) {
                Err(Error::State { .. }) if looks < LOOKS => looks += 1,
                result => return result,
            }
        }
    }

    /// As [`open`](Self::open), of a table that has to be there.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`Error::NoTable`].
    pub(crate) fn open_existing(destination: &Destination) -> Result<Self, Error> {
        let history = Self::open(destination)?;
        if history.table.is_none() {
            return Err(Error::NoTable { location: destination.to_string() });
        }
        Ok(history)
    }

    /// What makes a log the same one in this table.
    pub(crate) fn identity(&self) -> Identity {
        self.table.as_ref().map(|table| table.identity).unwrap_or_default()
    }

    /// The number of the last epoch; 0 if there is none.
    pub(crate) fn last_epoch(&self) -> u64 {
        self.last.as_ref().map_or(0, |record| record.epoch)
    }

    /// The number of the last complete epoch; 0 if there is none.
    pub(crate) fn last_closed(&self) -> u64 {
        self.closed.as_ref().map_or(0, |record| record.epoch)
    }

    /// The decision that is not carried out yet, if there is one.
    pub(crate) fn open_epoch(&self) -> Option<&Stored<LogRecord>> {
        self.last.as_ref().filter(|record| record.epoch > self.last_closed())
    }

    fn look(destination: &Destination) -> Result<Self, Error> {
        let state = destination.state();
        let Some(table) = read_table(state)? else {
            return new_table(destination);
        };
        // In this order: an epoch that is closed in between shows as open, never as closed without having been decided.
        let closed = epochs(state, names::CLOSED)?;
        let log = epochs(state, names::LOG)?;
        let seen = seen_names(state)?;
        if log.len() > closed.len() + 1 {
            return Err(missing(state, &names::closed(closed.len() as u64 + 1)));
        }
        if closed.len() > log.len() {
            return Err(missing(state, &names::log(log.len() as u64 + 1)));
        }
        refuse_undecided(state, log.len() as u64 + 1)?;
        if let Some(ahead) = seen.values().flatten().find(|epoch| **epoch > log.len() as u64) {
            return Err(missing(state, &names::log(*ahead)));
        }
        let (last, closed) = Self::last_records(state, &table, log.len() as u64, closed.len() as u64)?;
        if log.is_empty() && !destination.table().is_empty().map_err(Error::storage)? {
            return Err(Error::State {
                location: destination.to_string(),
                what: "is not empty, and its state knows of no epoch".to_owned(),
                hint: "restore the state that belongs to it, or name a new folder",
            });
        }
        if let Some(closed) = &closed {
            check_seen(state, closed, &seen)?;
            let has_data = closed.total.files > 0 && !destination.table().root_exists().map_err(Error::storage)?;
            if has_data {
                return Err(Error::State {
                    location: destination.to_string(),
                    what: "is gone, but its state says that rows were written to it".to_owned(),
                    hint: "is it mounted? restore it; to begin anew, remove the state folder as well",
                });
            }
        }
        Ok(Self { table: Some(table), last, closed, seen })
    }

    /// The last log record and the last `closed`, which build on each other.
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
        let name = names::log(last);
        if last_closed < last {
            let closed = if last_closed == 0 { None } else { Some(read_closed(state, last_closed)?) };
            check_rank(state, &log, closed.as_ref().is_some_and(|closed| closed.is_sealed()))?;
            check_before(state, &name, log.closed.as_deref(), closed.as_ref())?;
            return Ok((Some(log), closed));
        }
        let closed = read_closed(state, last)?;
        check_of_epoch(state, &log, &names::closed(last), &*closed)?;
        // Log and `closed` of an epoch could both have been replaced by those of an earlier version, which have no
        // digests.
        if !log.is_sealed() && last > 1 {
            check_rank(state, &log, read_closed(state, last - 1)?.is_sealed())?;
        }
        Ok((Some(log), Some(closed)))
    }
}

/// Reads the log record of an epoch of this table.
///
/// # Errors
/// The record is missing, damaged, or another table's.
pub(crate) fn read_log(state: &Store, table: &Stored<TableRecord>, epoch: u64) -> Result<Stored<LogRecord>, Error> {
    let name = names::log(epoch);
    let record: Stored<LogRecord> = reading::read(state, &name)?;
    if record.epoch != epoch {
        return Err(damaged(state, &name, &format!("speaks of epoch {}", record.epoch)));
    }
    if record.is_sealed() && record.table.as_deref() != Some(table.sha256()) {
        return Err(damaged(
            state,
            &name,
            "was not written for `table.json` as it is: one of the two is another table's",
        ));
    }
    check_rank(state, &record, table.is_sealed())?;
    Ok(record)
}

/// Checks that all epochs since the first one with checksums have them.
///
/// # Errors
/// This one has no checksum, and one before it has.
pub(crate) fn check_rank(state: &Store, log: &Stored<LogRecord>, was_sealed: bool) -> Result<(), Error> {
    if !was_sealed || log.is_sealed() {
        return Ok(());
    }
    let what = "has no checksum, though records before it have: it is not the one that was written";
    Err(damaged(state, &names::log(log.epoch), what))
}

/// What a complete epoch gave.
///
/// # Errors
/// It is missing, or is not that.
pub(crate) fn read_closed(state: &Store, epoch: u64) -> Result<Stored<ClosedRecord>, Error> {
    let name = names::closed(epoch);
    let record: Stored<ClosedRecord> = reading::read(state, &name)?;
    if record.epoch != epoch {
        return Err(damaged(state, &name, &format!("speaks of epoch {}", record.epoch)));
    }
    Ok(record)
}

/// Checks the digest of its predecessor that the record `later` has, `named`.
///
/// # Errors
/// It is the digest of another record.
pub(crate) fn check_before(
    state: &Store,
    later: &str,
    named: Option<&str>,
    before: Option<&Stored<ClosedRecord>>,
) -> Result<(), Error> {
    match (named, before) {
        (Some(named), Some(before)) if named == before.sha256() => Ok(()),
        (Some(_), Some(before)) => {
            let what = format!("is not the record that `{later}` builds on: it is of another table or of another time");
            Err(damaged(state, &names::closed(before.epoch), &what))
        }
        (Some(_), None) => Err(damaged(state, later, "names an epoch before it, and there is none")),
        (None, Some(before)) if before.is_sealed() => {
            Err(damaged(state, later, "names no epoch before it, and there is one"))
        }
        (None, _) => Ok(()),
    }
}

/// Reads the `closed` records from the first to the last, and checks that each builds on the one before.
#[derive(Debug)]
pub(crate) struct ClosedEpochs<'h> {
    state: &'h Store,
    history: &'h History,
    before: Option<Stored<ClosedRecord>>,
}

impl<'h> ClosedEpochs<'h> {
    /// Returns a reader of the `closed` records of a history.
    pub(crate) fn new(state: &'h Store, history: &'h History) -> Self {
        Self { state, history, before: None }
    }

    /// Returns the next record; `None` after the last.
    ///
    /// # Errors
    /// The record is missing or damaged, or does not fit the others.
    pub(crate) fn next(&mut self) -> Result<Option<&Stored<ClosedRecord>>, Error> {
        let epoch = self.before.as_ref().map_or(0, |before| before.epoch) + 1;
        let Some(last) = self.history.closed.as_ref().filter(|last| epoch <= last.epoch) else { return Ok(None) };
        // The last one was compared with the log when the history was read.
        let record = if epoch == last.epoch { last.clone() } else { read_closed(self.state, epoch)? };
        check_before(self.state, &names::closed(epoch), record.before.as_deref(), self.before.as_ref())?;
        Ok(Some(self.before.insert(record)))
    }
}

/// The digest over all names of `seen` objects, from the one before.
pub(crate) fn seen_digest(before: &str, epoch: u64, days: &[String]) -> String {
    sha256(format!("{before}\n{epoch}\n{}", days.join(",")).as_bytes())
}

/// Without a table record, nothing else may be there.
fn new_table(destination: &Destination) -> Result<History, Error> {
    let state = destination.state();
    if let Some(entry) = state.list("").map_err(Error::storage)?.into_iter().next() {
        return Err(Error::State {
            location: state.location(names::TABLE),
            what: format!("is missing, but there is `{}` beside it", lakefront_storage::printable_name(&entry.name)),
            hint: "restore it from a backup; or name another table, if this is no state of lakefront",
        });
    }
    if !destination.table().is_empty().map_err(Error::storage)? {
        return Err(Error::NotEmpty { location: destination.to_string(), state: state.location("") });
    }
    Ok(History::default())
}

/// The epochs of records below `folder`, which have to be 1, 2, 3 and so on.
///
/// # Errors
/// One is missing, or there is something else.
pub(crate) fn epochs(state: &Store, folder: &str) -> Result<Vec<u64>, Error> {
    let mut epochs = Vec::new();
    for entry in state.list(folder).map_err(Error::storage)? {
        let epoch = names::epoch_of_record(&entry.name).ok_or_else(|| foreign(state, &entry.name))?;
        epochs.push(epoch);
        let expected = epochs.len() as u64;
        if epoch != expected {
            let name = if folder == names::LOG { names::log(expected) } else { names::closed(expected) };
            return Err(missing(state, &name));
        }
    }
    Ok(epochs)
}

fn seen_names(state: &Store) -> Result<BTreeMap<String, Vec<u64>>, Error> {
    let mut seen: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for entry in state.list(names::SEEN).map_err(Error::storage)? {
        let (day, epoch) = names::day_and_epoch(&entry.name).ok_or_else(|| foreign(state, &entry.name))?;
        seen.entry(day.to_owned()).or_default().push(epoch);
    }
    for epochs in seen.values_mut() {
        epochs.sort_unstable();
    }
    Ok(seen)
}

/// The `seen` objects up to an epoch have to be those that its digest was taken from.
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
    Err(Error::State {
        location: state.location(names::SEEN.trim_end_matches('/')),
        what: format!("holds other objects than the {} that epoch {} left there", closed.seen.objects, closed.epoch),
        hint: "`lakefront rebuild-state TABLE` makes them anew from the plan log",
    })
}

/// Nothing may speak of an epoch that was not decided: its log record must have been lost.
///
/// # Errors
/// Something does.
pub(crate) fn refuse_undecided(state: &Store, epoch: u64) -> Result<(), Error> {
    let places = [names::commits_of(epoch), names::gone_of(epoch), names::quarantine_of(epoch), names::lease(epoch)];
    for place in places {
        if !state.list(&place).map_err(Error::storage)?.is_empty() {
            return Err(missing(state, &names::log(epoch)));
        }
    }
    Ok(())
}

/// What is said of an object in the state folder whose name is none of the state's.
pub(crate) const FOREIGN: &str = "is no object that lakefront writes";

pub(crate) fn foreign(state: &Store, name: &str) -> Error {
    Error::State { location: state.location(name), what: FOREIGN.to_owned(), hint: "move it out of the state folder" }
}
