//! Checks before a run writes: locations that overlap, the state of another table, a wrong clock, a listing without
//! objects.

use std::{collections::BTreeSet, path::Path};

use jiff::Timestamp;
use lakefront_engine::settings::{LATEST_AFTER_PLAN_SECONDS, Settings};
use lakefront_ledger::{
    Destination, Identity,
    concurrent::side_by_side,
    create_once,
    known_sources::{SourceIdentities, source_identities},
    paths,
    plan::Task,
    read_record,
    records::{CommitRecord, FileRecord, SourceRecord},
    snapshot::{Snapshot, read_closed},
    table_location::parse_state,
    tables_around,
};
use lakefront_schema::{layout::task_of_data_file, object_key};
use lakefront_storage::{Folder, Source, Store};
use lakefront_table::{PartitionBy, PartitionKey};

use crate::{
    ConvertOptions, Error, RunOptions,
    discover::Discovered,
    select::{LeftOut, Selection},
};

/// Refuses sources that share objects with the table or its state, and sources with different ids that share objects: such
/// an object would have two identities.
///
/// # Errors
/// [`Error::Overlap`], [`Error::SourcesOverlap`], [`Error::SourceIsTable`].
pub(crate) fn refuse_overlap(options: &ConvertOptions) -> Result<(), Error> {
    for (index, source) in options.sources.iter().enumerate() {
        if options.run.destination.overlaps(source) {
            // The table itself was given as the source.
            refuse_table(options, source)?;
            return Err(Error::Overlap {
                source_location: source.to_string(),
                table: options.run.destination.to_string(),
            });
        }
        let mut before = options.sources.iter().take(index);
        if let Some(other) = before.find(|other| source.id() != other.id() && source.overlaps_source(other)) {
            return Err(Error::SourcesOverlap { one: other.to_string(), other: source.to_string() });
        }
    }
    options.sources.iter().try_for_each(|source| refuse_table(options, source))
}

/// Checks that the table knows the sources by the identities that they are given, unless the run may use new ones, which is
/// logged if `logs`. Returns the sources as the next log record keeps them; `None` if logs are identified by name.
///
/// # Errors
/// The table knows a source by another identity, or its state cannot be read.
pub(crate) fn check_identities(
    options: &ConvertOptions,
    snapshot: &Snapshot,
    identity: Identity,
    logs: bool,
) -> Result<Option<Vec<SourceRecord>>, Error> {
    let identities = source_identities(&options.sources, &options.run.destination, snapshot, identity)?;
    let Some(SourceIdentities { records, conflict }) = identities else { return Ok(None) };
    match conflict {
        Some(conflict) if !options.new_identity => return Err(conflict.into()),
        Some(conflict) if logs => tracing::warn!("{conflict}: continuing because of `--new-identity`"),
        Some(_) | None => {}
    }
    Ok(Some(records))
}

/// Refuses a new table or state inside another table or state: readers list everything below a table. Existing tables and
/// states stay usable in any place.
pub(crate) fn refuse_nested(destination: &Destination) -> Result<(), Error> {
    let Some(([table, state], connections)) = destination.places() else { return Ok(()) };
    // Other errors are reported when the state is read.
    if !destination.state().read_range(paths::TABLE, 0..1).is_err_and(|error| error.is_not_found()) {
        return Ok(());
    }
    let nested = |inner: String, around: &Folder, is_state| {
        let what = if is_state { "the state" } else { "the table" };
        Err(Error::TableInTable { inner, what, around: around.to_string() })
    };
    if let Some(around) = tables_around::around(table, connections) {
        return nested(table.to_string(), &around.folder, around.is_state);
    }
    let inner = format!("the state {state}");
    // A state next to the table is inside the same folders.
    if state.ancestors() != table.ancestors()
        && let Some(around) = tables_around::around(state, connections)
    {
        return nested(inner, &around.folder, around.is_state);
    }
    // A folder that does not exist holds nothing.
    if tables_around::has_data_files(state, connections).unwrap_or_default() {
        return nested(inner, state, false);
    }
    Ok(())
}

/// Refuses a source that is a table or a state, or is inside one: a source must hold raw logs.
fn refuse_table(options: &ConvertOptions, source: &Source) -> Result<(), Error> {
    let Some(folder) = source.folder() else { return Ok(()) };
    match tables_around::find(&folder, &options.run.connections, &options.run.destination) {
        // The listing reports a folder that cannot be read.
        Err(_) | Ok(None) => Ok(()),
        Ok(Some(found)) => {
            let is = if found.folder == folder { "is" } else { "lies in" };
            let what = if found.is_state { "the state of a lakefront table" } else { "a lakefront table" };
            let around = if found.folder == folder { String::new() } else { format!(", {}", found.folder) };
            Err(Error::SourceIsTable { source_location: source.to_string(), what: format!("{is} {what}{around}") })
        }
    }
}

/// Number of last epochs with data files that are checked before a state is considered another table's.
const EPOCHS_CHECKED: usize = 5;

/// Number of data files that are compared before a state is considered another table's.
const FILES_COMPARED: usize = 20;
/// Largest data file in bytes that is read to compare its hash: 8 MiB. Larger ones are compared by the checksum that the
/// store keeps, or else by their sizes.
const MAX_HASHED_BYTES: u64 = 8 << 20;

/// Checks that the table has at least one data file of the last epochs of its state, as it was stored. This finds a table
/// that is not mounted, or the state of another table, before anything is written. Two tables of the same nights have data
/// files of the same names, so a name alone proves nothing.
///
/// # Errors
/// None of these files is there as it was stored.
pub(crate) fn refuse_other_table(destination: &Destination, snapshot: &Snapshot) -> Result<(), Error> {
    let state = destination.state();
    if snapshot.closed.as_ref().is_none_or(|closed| closed.total.files == 0) {
        return Ok(());
    }
    let (mut checked, mut compared) = (0, 0);
    'epochs: for epoch in (1..=snapshot.last_closed()).rev() {
        if checked == EPOCHS_CHECKED {
            break;
        }
        if read_closed(state, epoch)?.files == 0 {
            continue;
        }
        checked += 1;
        for entry in state.list(&paths::commits_of(epoch)).map_err(Error::storage)? {
            let commit = match read_record::read::<CommitRecord>(state, &entry.name) {
                // `verify` reports damage to older epochs.
                Err(error) if error.is_state_fault() => continue,
                commit => commit?,
            };
            let Some(smallest) = commit.files.iter().min_by_key(|file| file.bytes) else { continue };
            match is_as_stored(destination.table(), smallest)? {
                Some(true) => return Ok(()),
                Some(false) => compared += 1,
                None => {}
            }
            if compared == FILES_COMPARED {
                break 'epochs;
            }
        }
    }
    let (table, state) = (destination.to_string(), state.location(""));
    Err(if compared > 0 { Error::OtherFiles { table, state } } else { Error::NoFiles { table, state } })
}

/// Returns whether a data file has the bytes that its commit names; `None` if the file is missing.
fn is_as_stored(table: &Store, file: &FileRecord) -> Result<Option<bool>, Error> {
    let is_same = if file.bytes <= MAX_HASHED_BYTES {
        create_once::holds(table, &file.path, file.bytes, &file.hash).map(Some)
    } else {
        let stored = create_once::stored_hash(table, &file.path, &file.hash);
        stored.map(|stored| stored.map(|stored| stored == (file.bytes, file.hash.clone())))
    };
    match is_same {
        Ok(None) => {}
        Err(error) if error.is_not_found() => return Ok(None),
        is_same => return is_same.map_err(Error::storage),
    }
    let entries = table.list(&file.path).map_err(Error::storage)?;
    let found = entries.iter().find(|entry| entry.name == file.path);
    Ok(found.map(|entry| entry.size_bytes == file.bytes))
}

/// Refuses a report that would be written over a log, or into the table or its state.
///
/// # Errors
/// [`Error::ReportPlace`].
pub fn refuse_report_at(
    report: &Path,
    destination: &Destination,
    sources: &[Source],
    selection: &Selection,
) -> Result<(), Error> {
    let folder = report.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A folder that cannot be read is reported when the report is written.
    let Some(Ok(folder)) = folder.to_str().map(parse_state) else { return Ok(()) };
    let refuse = |what: String| {
        Err(Error::ReportPlace { report: lakefront_storage::printable_name(&report.display().to_string()), what })
    };
    let around: Vec<Folder> = std::iter::once(folder.clone()).chain(folder.ancestors()).collect();
    if let Some((places, _)) = destination.places() {
        for (place, what) in places.iter().zip(["the table", "the state"]) {
            if around.contains(place) {
                return refuse(format!("{what} {place}"));
            }
        }
    }
    let Some(name) = report.file_name().and_then(|name| name.to_str()).filter(|_| report.exists()) else {
        return Ok(());
    };
    for source in sources {
        let Some(place) = source.folder() else { continue };
        let is_log = match source.file_name() {
            Some(file) => place == folder && file == name,
            None => around.contains(&place) && selection.takes_name(name),
        };
        if is_log {
            return refuse(format!("the source {source}, where it is read as a log"));
        }
    }
    Ok(())
}

/// Refuses a state that is older than its table: partitions that an epoch is about to write to must not have files of this
/// epoch or a later one.
pub(crate) fn refuse_later_files(
    options: &RunOptions,
    snapshot: &Snapshot,
    settings: &Settings,
    tasks: &[Task],
) -> Result<(), Error> {
    let table = options.destination.table();
    let hours = tasks.iter().flat_map(|task| &task.inputs).filter_map(|object| object_key::hour(object.key()));
    // Whole days are listed; if partitions are longer than a day, whole partitions.
    let by = settings.partition_by.min(PartitionBy::Day);
    // Names may have an hour that no row can be of: such a log adds nothing to a partition of that hour.
    let partitions: BTreeSet<PartitionKey> = hours.filter_map(|hour| PartitionKey::try_of_hour(hour, by)).collect();
    let list = |partition: PartitionKey| table.list(&format!("{partition}/")).map_err(Error::storage);
    for entries in side_by_side(partitions, options.limits.requests, list) {
        for entry in entries? {
            if task_of_data_file(&entry.name).is_some_and(|task| task.epoch > snapshot.last_epoch()) {
                let (location, last_epoch) = (table.location(&entry.name), snapshot.last_epoch());
                return Err(Error::LaterFile { location, last_epoch });
            }
        }
    }
    Ok(())
}

/// Refuses a clock that is long before that of the last run: rows of today would be rejected as rows of the future.
pub(crate) fn refuse_early_clock(options: &RunOptions, snapshot: &Snapshot) -> Result<(), Error> {
    let Some(last) = snapshot.last.as_ref().filter(|_| !options.is_now_given) else { return Ok(()) };
    let planned: Option<Timestamp> = last.now.parse().ok();
    match planned {
        Some(planned) if planned.as_second() > options.now.as_second() + LATEST_AFTER_PLAN_SECONDS => {
            Err(Error::ClockBehind { now: options.now.to_string(), last: last.now.clone() })
        }
        _ => Ok(()),
    }
}

/// Refuses a listing without any object: the folder is probably wrong.
pub(crate) fn require_objects(options: &ConvertOptions, found: &Discovered) -> Result<(), Error> {
    let known = found.known + found.in_own_epochs;
    if options.allow_empty || !found.candidates.is_empty() || found.waiting.objects > 0 || known > 0 {
        return Ok(());
    }
    let sources: Vec<String> = options.sources.iter().map(ToString::to_string).collect();
    let below = sources.join(", ");
    if found.not_selected.objects == 0 {
        return Err(Error::NoObjects { below });
    }
    Err(Error::NoneSelected { objects: found.not_selected.objects, below, why: why_none(options, found) })
}

/// Returns the reasons why no object is selected: one reason for all, or the number of objects of each reason.
fn why_none(options: &ConvertOptions, found: &Discovered) -> String {
    let text = |reason: LeftOut| options.selection.reason_text(reason);
    let reasons: Vec<(LeftOut, u64)> = found.left_out.iter().map(|(reason, objects)| (*reason, *objects)).collect();
    let one = |(reason, objects): &(LeftOut, u64)| {
        let are = if *objects == 1 { "is" } else { "are" };
        format!("{objects} {are} {}", text(*reason))
    };
    match reasons.as_slice() {
        [(reason, 1)] => format!("it is {}", text(*reason)),
        [(reason, _)] => format!("all are {}", text(*reason)),
        several => {
            let several: Vec<String> = several.iter().map(one).collect();
            several.join("; ")
        }
    }
}
