//! A conversion: finishes an open epoch, then lists, plans, claims, executes and finalizes, until nothing is new.
//!
//! ```text
//!   open ---> an epoch is open --yes--> adopt: execute its open tasks, finalize it ------.
//!    ^               | no                                                                |
//!    |<--------------+-------------------------------------------------------------------'
//!    |               v
//!    |           discover --nothing new--> done
//!    |               v
//!    |             plan ---> claim the next epoch --lost--> (another run was faster)
//!    '<--------------------------------------------------------------------------|
//!                                          | ours
//!                                          v
//!                                     execute, finalize; the next epoch of this listing
//! ```

use lakefront_engine::{
    Settings, Stop, brief,
    progress::{Event, Progress},
};
use lakefront_ledger::{lookup::ProcessedLookup, plan, records::SourceRecord, snapshot::Snapshot};

use crate::{
    ConvertOptions, Error, Run,
    discover::{Discovered, discover},
    double_warnings::double_warnings,
    field_names::warn_of_table_lists,
    next_settings::{appended_columns, changed_flags, next_settings},
    preflight::{check_identities, refuse_overlap, require_objects},
    session::{Next, Session, run},
};

/// Largest number of listings with logs of one name and several sizes: the second listing shows which of them has rows in
/// the table, unless that log vanished meanwhile.
const MAX_LISTINGS_OF_NAMES: u32 = 3;

/// Converts new logs below the sources into the table. First finishes an epoch that an earlier run left open.
///
/// Always returns a report; after an error the table has everything that was committed before.
pub fn convert(options: &ConvertOptions, stop: &Stop, progress: &dyn Progress) -> Run {
    let (range, allowed_fields) = (options.selection.range_flags(), &options.reading.allowed_fields);
    run(&options.run, range, allowed_fields, stop, progress, |session| {
        // The session's options may have fewer threads, or a store that checks a name before it writes.
        let options = ConvertOptions { run: session.options.clone(), ..options.clone() };
        refuse_overlap(&options)?;
        convert_new(session, &options)
    })
}

fn convert_new(session: &mut Session<'_>, options: &ConvertOptions) -> Result<(), Error> {
    let destination = &options.run.destination;
    // Settings that do not fit the table are reported before an open epoch is finished.
    let mut snapshot = session.snapshot()?;
    let settings = next_settings(options, &snapshot)?;
    check_identities(options, &snapshot, settings.identity, true)?;
    warn_of_table_lists(&settings.fields, &options.reading);
    let mut is_first = true;
    let mut listings_of_names = 0;
    loop {
        snapshot = session.settled(snapshot)?;
        let settings = next_settings(options, &snapshot)?;
        let sources = check_identities(options, &snapshot, settings.identity, false)?;
        let found = list(session, options, &snapshot, &settings, std::mem::take(&mut is_first))?;
        let appended = appended_columns(&settings, destination, &snapshot)?;
        if found.candidates.is_empty() {
            warn_of_nothing_new(&snapshot, &settings, &appended);
            return require_objects(options, &found);
        }
        if !appended.is_empty() {
            warn_of_appended(&appended);
        }
        let (left, undecided) = (found.left, found.doubles.other_sizes);
        listings_of_names += u32::from(undecided > 0);
        if execute(session, &snapshot, &settings, found, sources.as_ref())? == Next::Done && left == 0 {
            if undecided == 0 {
                return Ok(());
            }
            if listings_of_names == MAX_LISTINGS_OF_NAMES {
                tracing::warn!(
                    "{undecided} logs have the name of another one in this listing, but another size: the next run checks them again"
                );
                return Ok(());
            }
        }
        snapshot = session.snapshot()?;
    }
}

/// Lists the sources. Only the first listing of a run is reported, as later ones find the same objects.
fn list(
    session: &Session<'_>,
    options: &ConvertOptions,
    snapshot: &Snapshot,
    settings: &Settings,
    is_first: bool,
) -> Result<Discovered, Error> {
    let lookup = ProcessedLookup::new(options.run.destination.state(), snapshot, settings.identity)
        .with_marks()
        .with_own_epochs(&session.own_epochs);
    let found = discover(options, lookup, &session.report.refused(), session.stop, session.progress)?;
    if session.report.doubles(found.doubles) {
        for warning in double_warnings(found.doubles, settings.identity) {
            tracing::warn!("{warning}");
        }
    }
    if is_first {
        found.warn_of_unused_patterns();
        for failure in &found.failures {
            let message = format!("list: {}", brief(&failure.flaw, options.run.advise));
            let object = failure.location.clone();
            session.progress.on(Event::ObjectFailed { object, message });
        }
        session.report.listed(&found);
    }
    Ok(found)
}

/// Plans the objects that were found, and executes the epochs one after the other.
fn execute(
    session: &mut Session<'_>,
    snapshot: &Snapshot,
    settings: &Settings,
    found: Discovered,
    sources: Option<&Vec<SourceRecord>>,
) -> Result<Next, Error> {
    let waiting = found.waiting_record();
    let Discovered { candidates, mut earlier, wanted, .. } = found;
    let mut tasks = plan::plan(candidates, session.options.plan(settings.partition_by), snapshot.last_epoch() + 1);
    for task in tasks.iter_mut().filter(|task| task.is_changed) {
        task.earlier = task.inputs.iter().map(|object| earlier.remove(object)).collect();
    }
    session.report_planned(wanted, tasks.len());
    session.claim_and_execute(snapshot, settings, &tasks, |record| {
        record.waiting = waiting.clone();
        record.sources = sources.cloned();
    })
}

fn warn_of_nothing_new(snapshot: &Snapshot, settings: &Settings, appended: &[String]) {
    for flag in changed_flags(settings, snapshot) {
        tracing::warn!("nothing is new, so the table keeps its setting: give `{flag}` again when there are logs");
    }
    if !appended.is_empty() {
        tracing::warn!("nothing is new, so no column is appended: pass `--extend-schema` again when there are logs");
    }
}

/// Largest number of appended columns that are named.
const NAMED_COLUMNS: usize = 5;

/// Warns that older data files lack columns, and names the settings that readers need.
fn warn_of_appended(columns: &[String]) {
    let names = columns.iter().take(NAMED_COLUMNS).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = columns.len().saturating_sub(NAMED_COLUMNS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    tracing::warn!(
        "{} columns are appended to the table, which cannot be undone: {names}{more}; older data files do not have them: DuckDB reads all with `union_by_name = true`, Polars with `missing_columns = \"insert\"`, pyarrow with the schema of a new file; for Athena, Spark and Hive `lakefront ddl` prints ALTER TABLE ... ADD COLUMNS",
        columns.len()
    );
}
