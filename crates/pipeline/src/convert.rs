//! A run: list, plan, then tasks in order, several at once.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use lakefront_cloudfront::{DecodeOptions, Enricher, enrich::user_agent::UserAgentRules};
use lakefront_storage::{Listing, Store, list};
use lakefront_table::encode::EncodeOptions;

use crate::{
    ConvertOptions, Error, Report,
    plan::{self, Plan},
    pool::{Pool, Stop},
    progress::{Event, Progress},
    report::Tally,
    worker::{Context, Worker},
};

/// The first plan of a table.
const FIRST_EPOCH: u64 = 1;

/// How a run ended: what it did, and why it stopped if it did.
#[derive(Debug)]
pub struct Run {
    /// What it did.
    pub report: Report,
    /// Why it stopped before the end; none if it did not.
    pub error: Option<Error>,
}

/// What a run would do.
#[derive(Debug)]
pub struct Preview {
    /// The tasks.
    pub plan: Plan,
    /// Objects found.
    pub listed: u64,
    /// What could not be listed.
    pub unlisted: Vec<lakefront_storage::ListFailure>,
}

/// Lists and plans, and writes nothing.
///
/// # Errors
/// As [`convert`], except that the table need not be empty.
pub fn preview(options: &ConvertOptions, stop: &Stop, progress: &dyn Progress) -> Result<Preview, Error> {
    options.tasks_at_once()?;
    refuse_overlap(options)?;
    let Listing { objects, failures } = list_sources(options, stop, progress)?;
    let listed = objects.len() as u64;
    let plan = plan::plan(objects, options, FIRST_EPOCH);
    require_objects(options, &plan)?;
    Ok(Preview { plan, listed, unlisted: failures })
}

/// Converts the logs below the sources into the table.
///
/// The report comes in any case; with an error the table holds what was committed before.
pub fn convert(options: &ConvertOptions, stop: &Stop, progress: &dyn Progress) -> Run {
    let quarantine = options.table.state().map(|state| format!("{state}/quarantine")).unwrap_or_default();
    let tally = Tally::start(options, quarantine);
    let error = try_convert(options, stop, progress, &tally).and_then(|()| tally.allow_all()).err();
    Run { report: tally.finish(error.as_ref()), error }
}

fn try_convert(options: &ConvertOptions, stop: &Stop, progress: &dyn Progress, tally: &Tally) -> Result<(), Error> {
    let tasks_at_once = options.tasks_at_once()?;
    let (table, state) = open_new(options)?;
    let pool = Pool::try_new(options.threads.max(1))?;
    if Enricher::needs_user_agents(&options.schema) {
        // Compiling the rules takes as long as listing a hundred thousand objects: side by side.
        for compile in UserAgentRules::PARTS {
            let _ = pool.start(compile);
        }
    }
    let Listing { objects, failures } = list_sources(options, stop, progress)?;
    tally.listed(objects.len() as u64, &failures);
    for failure in &failures {
        let (object, message) = (failure.location.clone(), format!("list: {}", failure.reason));
        progress.on(Event::ObjectFailed { object, message });
    }
    let plan = plan::plan(objects, options, FIRST_EPOCH);
    let planned = plan.planned();
    tally.planned(&plan, planned);
    require_objects(options, &plan)?;
    let tasks = plan.tasks.len() as u64;
    tracing::info!(objects = planned.objects, bytes = planned.bytes, tasks, waiting = plan.waiting.objects, "planned");
    progress.on(Event::Planned { objects: planned.objects, bytes: planned.bytes, tasks });

    let context = Context {
        options,
        decode: Arc::new(DecodeOptions {
            schema: Arc::clone(&options.schema),
            fields: options.fields.clone(),
            latest_second: options.latest_second(),
            text_limits: options.text_limits,
        }),
        encode: Arc::new(EncodeOptions {
            schema: Arc::clone(&options.schema),
            compression: options.compression,
            max_file_bytes: options.max_file_bytes,
            program_version: options.program_version.clone(),
        }),
        table: Arc::new(table),
        state: Arc::new(state),
        pool: &pool,
        stop,
        progress,
        tally,
    };
    run_tasks(&context, &plan, tasks_at_once)
}

/// Coordinators take tasks in order, one each at a time. The first error stops them all.
fn run_tasks(context: &Context<'_>, plan: &Plan, tasks_at_once: usize) -> Result<(), Error> {
    let next = AtomicUsize::new(0);
    let first_error = Mutex::new(None);
    let coordinate = || {
        let mut worker = Worker::new(context);
        while let Some(task) = plan.tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            tracing::debug!(epoch = task.id.epoch, task = task.id.task, inputs = task.inputs.len(), "task begins");
            let done = context.stop.check().and_then(|()| worker.run(task));
            match done {
                Ok(done) => {
                    tracing::debug!(
                        epoch = task.id.epoch,
                        task = task.id.task,
                        files = done.files.len(),
                        "task committed"
                    );
                    context.tally.committed(done);
                }
                Err(error) => {
                    // No other task begins, and those at hand are given up.
                    next.store(plan.tasks.len(), Ordering::Relaxed);
                    first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    context.stop.ask();
                    return;
                }
            }
        }
    };
    thread::scope(|scope| {
        for index in 0..tasks_at_once.min(plan.tasks.len()) {
            let started = thread::Builder::new().name(format!("task-{index}")).spawn_scoped(scope, coordinate);
            if let Err(error) = started {
                tracing::warn!(%error, "cannot start a thread: fewer tasks at once");
                coordinate();
                break;
            }
        }
    });
    first_error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// A source must not share objects with the table or its state.
fn refuse_overlap(options: &ConvertOptions) -> Result<(), Error> {
    let state_folder = options.table.state().map_err(Error::storage)?;
    for source in &options.sources {
        if [&options.table, &state_folder].into_iter().any(|folder| source.overlaps(folder)) {
            return Err(Error::Overlap { source_location: source.to_string(), table: options.table.to_string() });
        }
    }
    Ok(())
}

/// The stores of a new table and its state.
fn open_new(options: &ConvertOptions) -> Result<(Store, Store), Error> {
    refuse_overlap(options)?;
    let state_folder = options.table.state().map_err(Error::storage)?;
    let temp = state_folder.path().join("tmp");
    let table = options.table.open_store(&temp).map_err(Error::storage)?;
    let state = state_folder.open_store(&temp).map_err(Error::storage)?;
    for (store, folder) in [(&table, &options.table), (&state, &state_folder)] {
        if !store.is_empty().map_err(Error::storage)? {
            return Err(Error::NotEmpty { location: folder.to_string(), state: state_folder.to_string() });
        }
    }
    Ok((table, state))
}

fn list_sources(options: &ConvertOptions, stop: &Stop, progress: &dyn Progress) -> Result<Listing, Error> {
    let mut listing =
        list(&options.sources, &mut |objects| progress.on(Event::Listed { objects }), &|| stop.is_asked())
            .map_err(Error::storage)?;
    let state = options.table.state().map_err(Error::storage)?;
    // A link in a source may lead into the table.
    listing.objects.retain(|object| !options.table.holds(object) && !state.holds(object));
    Ok(listing)
}

fn require_objects(options: &ConvertOptions, plan: &Plan) -> Result<(), Error> {
    if options.allow_empty || !plan.tasks.is_empty() || plan.waiting.objects > 0 {
        return Ok(());
    }
    let sources: Vec<String> = options.sources.iter().map(ToString::to_string).collect();
    let sources = sources.join(", ");
    let what = match plan.not_selected.objects {
        0 => format!("below {sources}"),
        objects => format!("is selected, of {objects} below {sources}"),
    };
    Err(Error::NoObjects { what })
}
