//! A conversion: finish what is open, list, plan, claim, execute, finalize; and again while there is more.
//!
//! ```text
//!   open ---> an epoch is open --yes--> adopt: execute what is left of it, finalize it --.
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
use lakefront_ledger::{
    known_sources::{Insists, known_sources},
    lookup::ProcessedLookup,
    plan,
    records::SourceRecord,
    snapshot::Snapshot,
};

use crate::{
    ConvertOptions, Error, Run,
    discover::{Discovered, discover},
    field_names::warn_of_table_lists,
    next_settings::{appended_columns, fields_differ, next_settings},
    preflight::{refuse_overlap, require_objects},
    session::{Next, Session, run},
};

/// Number of times that the sources are listed once more for logs of one name and several sizes: the second listing tells
/// which of them has rows in the table, unless that one vanished meanwhile.
const LOOKS_AT_NAMES: u32 = 3;

/// Converts what is new below the sources into the table, and finishes first what an earlier run left open.
///
/// The report comes in any case; with an error the table has what was committed before.
pub fn convert(options: &ConvertOptions, stop: &Stop, progress: &dyn Progress) -> Run {
    let (range, allowed_fields) = (options.selection.range_flags(), &options.reading.allowed_fields);
    run(&options.run, range, allowed_fields, stop, progress, |session| {
        // The session's options may have fewer threads, or a store that is looked at first.
        let options = ConvertOptions { run: session.options.clone(), ..options.clone() };
        refuse_overlap(&options)?;
        convert_new(session, &options)
    })
}

fn convert_new(session: &mut Session<'_>, options: &ConvertOptions) -> Result<(), Error> {
    let destination = &options.run.destination;
    // What cannot be is reported before an epoch that was left open is worked on.
    let mut snapshot = session.snapshot()?;
    let settings = next_settings(options, &snapshot)?;
    let insists = if options.new_identity { Insists::Loudly } else { Insists::No };
    known_sources(&options.sources, destination, &snapshot, settings.identity, insists)?;
    warn_of_table_lists(&settings.fields, &options.reading);
    let mut is_first = true;
    let mut looks_at_names = 0;
    loop {
        snapshot = session.settled(snapshot)?;
        let settings = next_settings(options, &snapshot)?;
        let insists = if options.new_identity { Insists::Silently } else { Insists::No };
        let sources = known_sources(&options.sources, destination, &snapshot, settings.identity, insists)?;
        if is_first {
            session.prepare(&settings);
        }
        let found = list(session, options, &snapshot, &settings, std::mem::take(&mut is_first))?;
        let appended = appended_columns(&settings, destination, &snapshot)?;
        if found.candidates.is_empty() {
            warn_of_nothing_new(options, &snapshot, &settings, &appended);
            return require_objects(options, &found);
        }
        if !appended.is_empty() {
            warn_of_appended(&appended);
        }
        let (left, undecided) = (found.left, found.doubles.other_sizes);
        looks_at_names += u32::from(undecided > 0);
        if execute(session, &snapshot, &settings, found, sources.as_ref())? == Next::Done && left == 0 {
            if undecided == 0 {
                return Ok(());
            }
            if looks_at_names == LOOKS_AT_NAMES {
                tracing::warn!(
                    "{undecided} logs have the name of another one in this listing, and another size: the next run looks at them again"
                );
                return Ok(());
            }
        }
        snapshot = session.snapshot()?;
    }
}

/// Lists the sources. The first listing of a run is reported; later ones find what it found.
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
        found.doubles.warnings(settings.identity).iter().for_each(|warning| tracing::warn!("{warning}"));
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

/// Makes epochs of what was found, one after the other.
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

fn warn_of_nothing_new(options: &ConvertOptions, snapshot: &Snapshot, settings: &Settings, appended: &[String]) {
    if options.reading.fields.is_some() && fields_differ(settings, snapshot) {
        tracing::warn!(
            "nothing is new, so the table keeps its list of fields: give `--fields` again when there are logs"
        );
    }
    if !appended.is_empty() {
        tracing::warn!("nothing is new, so no column is appended: pass `--extend-schema` again when there are logs");
    }
}

/// Number of appended columns that are named.
const NAMED_COLUMNS: usize = 5;

/// Says what readers of a table need whose older data files lack columns.
fn warn_of_appended(columns: &[String]) {
    let names = columns.iter().take(NAMED_COLUMNS).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = columns.len().saturating_sub(NAMED_COLUMNS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    tracing::warn!(
        "the table gets {} more columns for good: {names}{more}; data files written before lack them: DuckDB reads all with `union_by_name = true`, Polars with `missing_columns = \"insert\"`, pyarrow with the schema of a new file; for Athena, Spark and Hive `lakefront ddl` prints ALTER TABLE ... ADD COLUMNS",
        columns.len()
    );
}
