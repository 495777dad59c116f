//! Retries objects that failed.

use lakefront_engine::{
    Stop,
    outcome::Lost,
    progress::{Event, Progress},
};
use lakefront_ledger::{
    Identity,
    known_sources::sources_of,
    lookup::ProcessedLookup,
    plan::{self, Candidates, ObjectCount},
};
use lakefront_storage::Object;

use crate::{
    Error, Run,
    field_names::warn_of_table_lists,
    next_settings::settings_with,
    options::{ReadingOptions, RetryOptions, TableOptions},
    session::{Next, Session, run},
    unconverted::{WithoutRows, objects_without_rows},
};

/// Plans again the objects that failed, in their current version, and objects that earlier versions recorded as converted
/// though every row was rejected. Does not list any source.
///
/// Always returns a report.
pub fn retry(options: &RetryOptions, stop: &Stop, progress: &dyn Progress) -> Run {
    let reading = &options.reading;
    run(&options.run, "", &reading.allowed_fields, stop, progress, |session| retry_failed(session, reading))
}

/// Message about an object that is gone. A link that replaced it leads to another object, which `convert` lists.
const GONE: &str = "list: failed before, and is gone now: its path has no file, or a link to another one";

/// Message about an object that was replaced by a hard link to a converted log.
const LINKED: &str = "list: failed before, and is gone now: its path is a hard link to a converted log";

fn retry_failed(session: &mut Session<'_>, reading: &ReadingOptions) -> Result<(), Error> {
    let options = session.options;
    loop {
        let snapshot = session.snapshot()?;
        let snapshot = session.settled(snapshot)?;
        if snapshot.table.is_none() {
            return Err(Error::no_table(&options.destination));
        }
        let settings = settings_with(options, &TableOptions::default(), reading, &snapshot)?;
        let mut objects = Vec::new();
        warn_of_table_lists(&settings.fields, reading);
        let most = options.limits.candidates;
        let found = objects_without_rows(&options.destination, &snapshot, None, most)?;
        let WithoutRows { failed, only_rejects, .. } = found;
        let count = failed.objects + only_rejects.objects;
        let first: Vec<_> = failed.first.into_iter().chain(only_rejects.first).take(most).collect();
        let left = count - first.len() as u64;
        let known = snapshot.last.as_deref().map(sources_of).unwrap_or_default();
        for object in first {
            match object.look_again(&options.connections, &known) {
                // An object that moved or has another size now is converted by `convert`: after this run recorded it as
                // gone or replaced, it is new in any listing. An object that is recorded as failed is not.
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
                    session.report.object_unreadable(&object, &message, true)?;
                    not_there(session, &object, &how, message);
                }
            }
        }
        let mut seen = ProcessedLookup::new(options.destination.state(), &snapshot, settings.identity);
        let names = seen.names_of_converted(objects.iter().filter(|object| object.is_linked()))?;
        for object in objects.extract_if(.., |object| names.contains(object)) {
            not_there(session, &object, &Lost::Gone, LINKED.to_owned());
        }
        if objects.is_empty() {
            return Ok(());
        }
        let candidates = Candidates { new: objects, ..Candidates::default() };
        let tasks = plan::plan(candidates, options.plan(settings.partition_by), snapshot.last_epoch() + 1);
        session.report_planned(ObjectCount::of(&tasks), tasks.len());
        let waiting = snapshot.last.as_ref().map(|last| last.waiting.clone()).unwrap_or_default();
        // A retry reads objects of earlier plans, by the identities that they had.
        let sources = snapshot.last.as_ref().and_then(|last| last.sources.clone());
        let next = session.claim_and_execute(&snapshot, &settings, &tasks, |record| {
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

/// Reports an object that failed before and is not planned now.
fn not_there(session: &Session<'_>, object: &Object, how: &Lost, message: String) {
    session.report.lost_before_plan(object, how, &message);
    session.progress.on(Event::ObjectFailed { object: object.location(), message });
}
