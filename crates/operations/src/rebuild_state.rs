//! Regenerates the derived objects of a state, `seen`, `closed` and the DDL, from log, plans and commits. Never changes
//! log, plans or commits.

use std::collections::{BTreeMap, BTreeSet};

use lakefront_engine::settings::Settings;
use lakefront_ledger::{
    Destination, create_once,
    finalize::{FinalRecords, final_records},
    open_epoch::committed,
    paths,
    plan_file::read_plan,
    read_record::{missing, read_table, refuse_newer},
    records::{ClosedRecord, CommitRecord, TableRecord},
    seal::{Record as _, Stored},
    snapshot::{check_before, epochs, foreign, read_log, refuse_undecided},
};
use lakefront_schema::layout::TaskId;
use lakefront_storage::Store;
use serde::Serialize;

use crate::{Error, table_ddl::ddl_of_epoch};

/// The objects that were regenerated.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Rebuilt {
    /// Number of epochs that were checked.
    pub epochs: u64,
    /// Objects of the state that were missing.
    pub created: Vec<String>,
    /// Objects of the state that had other contents.
    pub replaced: Vec<String>,
    /// Objects of the state that belong to no epoch.
    pub removed: Vec<String>,
}

/// Regenerates `seen`, `closed` and DDL of all epochs, if they are missing or wrong. The caller guarantees that no other run
/// is active; if the state has locks, this is enforced.
///
/// # Errors
/// A log record, a plan or a commit is missing or damaged: its contents cannot be derived.
pub fn rebuild_state(destination: &Destination) -> Result<Rebuilt, Error> {
    let state = destination.state();
    let Some(table) = read_table(state)? else {
        return Err(if state.list("").map_err(Error::storage)?.is_empty() {
            Error::no_table(destination)
        } else {
            missing(state, paths::TABLE).into()
        });
    };
    let _lock = state.lock().map_err(|error| {
        if !error.is_locked() {
            return Error::storage(error);
        }
        Error::locked(0, "another process on this machine".to_owned(), state.location("lock"))
    })?;
    // Everything is computed before anything is written.
    let log = epochs(state, paths::LOG)?;
    refuse_undecided(state, log.len() as u64 + 1)?;
    let mut closings: Vec<FinalRecords> = Vec::new();
    let mut ddl = Vec::new();
    for epoch in &log {
        let is_last = *epoch == log.len() as u64;
        let before: Option<&Stored<ClosedRecord>> = closings.last().map(|closing| &closing.record);
        match closing_of(destination, &table, *epoch, before, is_last)? {
            Some((closing, text)) => {
                ddl.extend(text.map(|text| (paths::ddl(*epoch), text)));
                closings.push(closing);
            }
            None => break,
        }
    }

    let mut rebuilt = Rebuilt { epochs: closings.len() as u64, ..Rebuilt::default() };
    let mut expected: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for closing in closings {
        expected.insert(paths::closed(closing.record.epoch), closing.record.to_bytes());
        expected.extend(closing.seen);
    }
    let found = [paths::SEEN, paths::CLOSED].map(|folder| state.list(folder));
    let mut found_names = BTreeSet::new();
    for entries in found {
        found_names.extend(entries.map_err(Error::storage)?.into_iter().map(|entry| entry.name));
    }
    for name in &found_names {
        // An object of a later epoch shows that a log record was lost: nothing may be removed then.
        let epoch = paths::epoch_of_record(name).or_else(|| Some(paths::day_and_epoch(name)?.1));
        refuse_newer(state, name)?;
        match epoch {
            None => return Err(foreign(state, name).into()),
            Some(epoch) if epoch > log.len() as u64 => return Err(missing(state, &paths::log(epoch)).into()),
            Some(_) => {}
        }
    }
    // `seen` is written before `closed`, as in a run: the names are in reverse order.
    for (name, bytes) in expected.iter().rev() {
        make(state, name, bytes, found_names.contains(name), &mut rebuilt)?;
    }
    for name in found_names.into_iter().filter(|name| !expected.contains_key(name)) {
        state.delete(&name).map_err(Error::storage)?;
        rebuilt.removed.push(state.location(&name));
    }
    for (name, text) in ddl {
        let found = state.read_range(&name, 0..text.len() as u64 + 1);
        if found.as_deref().is_ok_and(|found| found == text.as_bytes()) {
            continue;
        }
        state.put(&name, text.as_bytes()).map_err(Error::storage)?;
        if found.is_ok() { &mut rebuilt.replaced } else { &mut rebuilt.created }.push(state.location(&name));
    }
    Ok(rebuilt)
}

/// Returns the records that close an epoch, and its DDL; `None` if the epoch is still open.
fn closing_of(
    destination: &Destination,
    table: &Stored<TableRecord>,
    epoch: u64,
    before: Option<&Stored<ClosedRecord>>,
    is_last: bool,
) -> Result<Option<(FinalRecords, Option<String>)>, Error> {
    let state = destination.state();
    let log = read_log(state, table, epoch)?;
    check_before(state, &paths::log(epoch), log.closed.as_deref(), before)?;
    let tasks = read_plan(state, &log)?;
    let settings = Settings::of_epoch(destination, table, &log)?;
    let found = committed(state, &log, &tasks)?;
    let commits: Vec<CommitRecord> = found.into_values().collect();
    let was_closed = !state.list(&paths::closed(epoch)).map_err(Error::storage)?.is_empty();
    if commits.len() == tasks.len() {
        if !was_closed {
            for commit in &commits {
                create_once::secure(state, &paths::commit(TaskId { epoch, task: commit.task }))?;
            }
        }
        let closing = final_records(&log, &tasks, commits.iter().collect(), before);
        let ddl = ddl_of_epoch(destination, &settings, &closing.record);
        return Ok(Some((closing, ddl)));
    }
    // The last epoch may be open: the next run finishes it. An epoch that was closed must have all its commits.
    if is_last && !was_closed {
        return Ok(None);
    }
    let lost = tasks.iter().find(|task| commits.iter().all(|commit| commit.task != task.id.task));
    let lost = lost.expect("fewer commits than tasks");
    Err(missing(state, &paths::commit(lost.id)).into())
}

/// Writes these bytes to a name, unless it has them already.
fn make(state: &Store, name: &str, bytes: &[u8], is_there: bool, rebuilt: &mut Rebuilt) -> Result<(), Error> {
    if is_there {
        if create_once::holds_bytes(state, name, bytes).unwrap_or(false) {
            return Ok(());
        }
        state.delete(name).map_err(Error::storage)?;
        rebuilt.replaced.push(state.location(name));
    } else {
        rebuilt.created.push(state.location(name));
    }
    Ok(create_once::create(state, name, bytes)?)
}
