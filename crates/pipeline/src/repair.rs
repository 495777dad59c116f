//! What only an operator decides: to try objects again that failed, and to do over an epoch that cannot just be finished.

use lakefront_storage::Object;
use lakefront_table::layout::{TaskId, task_of_data_file};

use crate::{
    ConvertOptions, Error, Identity, Run, Stop,
    convert::{Next, Session, plan_options, run},
    epoch::Epoch,
    failed::{WithoutRows, objects_without_rows},
    field_names::warn_of_table_lists,
    plan::{self, Candidates, ObjectCount},
    progress::{Event, Progress},
    state::{
        frozen::thaw, known::SeenDays, lease, names, reading::refuse_newer, settings::Settings, sources::sources_of,
    },
    worker::Lost,
};

/// Plans the objects that failed once more, as they are now, and those that earlier versions took for converted though
/// every row was rejected. What the options say of sources and selection does not count.
///
/// The report comes in any case.
pub fn retry(options: &ConvertOptions, stop: &Stop, progress: &dyn Progress) -> Run {
    run(options, stop, progress, retry_failed)
}

/// Does over what is left of an open epoch: its uncommitted files are deleted, its open tasks done by this program.
///
/// Whoever calls it asserts that no other run is active. It is the only thing that deletes below a table.
/// The report comes in any case.
pub fn resolve(options: &ConvertOptions, stop: &Stop, progress: &dyn Progress) -> Run {
    run(options, stop, progress, do_over)
}

/// Warning about an object that is gone. If a link replaced it, that leads to another object, which `convert` lists.
const GONE: &str = "list: failed before, and is gone now: its path has no file, or a link to another one";

/// Warning about an object that was replaced by a hard link to a converted log.
const LINKED: &str = "list: failed before, and is gone now: its path is a hard link to a converted log";

fn retry_failed(session: &mut Session<'_>) -> Result<(), Error> {
    let options = session.resources.options;
    loop {
        let history = session.history()?;
        let history = session.settled(history)?;
        if history.table.is_none() {
            return Err(Error::NoTable { location: options.destination.to_string() });
        }
        let settings = Settings::of_next(options, history.table.as_deref(), history.last.as_deref())?;
        let mut objects = Vec::new();
        warn_of_table_lists(&settings.fields, options);
        let most = options.limits.candidates;
        let found = objects_without_rows(&options.destination, &history, None, most)?;
        let WithoutRows { failed, only_rejects, .. } = found;
        let count = failed.objects + only_rejects.objects;
        let first: Vec<_> = failed.first.into_iter().chain(only_rejects.first).take(most).collect();
        let left = count - first.len() as u64;
        let known = history.last.as_deref().map(sources_of).unwrap_or_default();
        for object in first {
            match object.look_again(&options.connections, &known) {
                // What lies elsewhere now, or is there in another size, is for `convert`: once it is on record that it was
                // gone or replaced here, it is new wherever it is listed. What has failed is not.
                Ok(now) if settings.identity == Identity::Name => {
                    let is_there = |now: &Object| now.size_bytes() == object.size_bytes();
                    objects.push(now.filter(is_there).unwrap_or(object));
                }
                Ok(Some(now)) => objects.push(now),
                Ok(None) => not_there(session, &object, &Lost::Gone, GONE.to_owned()),
                Err(error) => {
                    let Some(how @ Lost::Unreadable(_)) = Lost::from_error(&error, options.advise) else {
                        return Err(Error::storage(error));
                    };
                    let message = how.message();
                    session.resources.tally.object_unreadable(&object, &message, true)?;
                    not_there(session, &object, &how, message);
                }
            }
        }
        let mut seen = SeenDays::new(options.destination.state(), &history, settings.identity);
        let names = seen.names_of_converted(objects.iter().filter(|object| object.is_linked()))?;
        for object in objects.extract_if(.., |object| names.contains(object)) {
            not_there(session, &object, &Lost::Gone, LINKED.to_owned());
        }
        if objects.is_empty() {
            return Ok(());
        }
        session.prepare(&settings);
        let candidates = Candidates { new: objects, ..Candidates::default() };
        let tasks = plan::plan(candidates, plan_options(options, &settings), history.last_epoch() + 1);
        session.tell_planned(ObjectCount::of(&tasks), tasks.len());
        let waiting = history.last.as_ref().map(|last| last.waiting.clone()).unwrap_or_default();
        // It reads what was planned before, by the identities that it had.
        let sources = history.last.as_ref().and_then(|last| last.sources.clone());
        let next = session.claim_and_carry_out(&history, &settings, &tasks, |record| {
            record.retry = true;
            record.waiting = waiting.clone();
            record.sources.clone_from(&sources);
        })?;
        if next == Next::Done {
            if left > 0 {
                tracing::warn!("{left} more objects failed before: run `retry` again for them");
            }
            return Ok(());
        }
    }
}

/// Tells of an object that failed before and is not planned now.
fn not_there(session: &Session<'_>, object: &Object, how: &Lost, message: String) {
    session.resources.tally.lost_before_plan(object, how, &message);
    session.resources.progress.on(Event::ObjectFailed { object: object.location(), message });
}

fn do_over(session: &mut Session<'_>) -> Result<(), Error> {
    let options = session.resources.options;
    let destination = &options.destination;
    let history = session.history()?;
    let Some(table) = &history.table else {
        return Err(Error::NoTable { location: destination.to_string() });
    };
    let Some(log) = history.open_epoch() else {
        tracing::warn!("no epoch is open: there is nothing to resolve");
        return Ok(());
    };
    session.refuse_single_writer(table)?;
    lease::check(destination.state(), log, options, session.is_locked())?;
    // What is left is done by this program, whatever wrote the rest.
    let mut settings = Settings::of_epoch(destination, table, log)?;
    settings.program_version.clone_from(&options.program_version);
    let tasks = thaw(destination.state(), log)?;
    let epoch = Epoch { log, tasks: &tasks, settings: &settings, before: history.closed.as_ref(), is_adopted: true };
    session.prepare(&settings);
    session.tell_planned(ObjectCount::of(&tasks), tasks.len());
    session.work_on(&history, &epoch, |done| {
        // Under the lease, so that whoever comes now leaves the epoch alone.
        let is_left = |task: TaskId| task.epoch == log.epoch && !done.contains_key(&task.task);
        for task in tasks.iter().filter(|task| is_left(task.id)) {
            refuse_newer(destination.state(), &names::gone(task.id))?;
        }
        for entry in destination.table().list("").map_err(Error::storage)? {
            if task_of_data_file(&entry.name).is_some_and(is_left) {
                tracing::warn!("deleting {}", destination.table().location(&entry.name));
                destination.table().delete(&entry.name).map_err(Error::storage)?;
            }
        }
        for task in tasks.iter().filter(|task| is_left(task.id)) {
            for name in [names::gone(task.id), names::quarantine(task.id)] {
                destination.state().delete(&name).map_err(Error::storage)?;
            }
        }
        Ok(())
    })
}
