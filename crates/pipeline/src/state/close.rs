//! An epoch whose tasks are all committed becomes part of what is known: `seen`, then `closed`, then what is only convenient.
//!
//! Both are functions of the plan, the commits and the epoch before: whoever makes them makes the same bytes.

use std::collections::BTreeMap;

use lakefront_cloudfront::object_key;
use lakefront_storage::{Object, Store};

use super::{
    history::seen_digest,
    names, once,
    records::{
        ClosedRecord, CommitRecord, LogRecord, OutcomeCounts, OutcomeWord, SeenDigest, Totals, format_in, partitions_of,
    },
    seal::{Record as _, Stored},
    seen,
};
use crate::{Error, plan::Task, pool::side_by_side};

/// An epoch as it is closed: a name and bytes for each day, and the record.
#[derive(Debug)]
pub(crate) struct Closing {
    /// The `seen` objects.
    pub(crate) seen: Vec<(String, Vec<u8>)>,
    /// What `closed` says.
    pub(crate) record: Stored<ClosedRecord>,
}

/// What closing an epoch writes. `commits` has one for each task, in order; `before` is the epoch before.
pub(crate) fn closing(
    log: &Stored<LogRecord>,
    tasks: &[Task],
    commits: &[CommitRecord],
    before: Option<&Stored<ClosedRecord>>,
) -> Closing {
    let mut days: BTreeMap<String, Vec<(&Object, OutcomeWord)>> = BTreeMap::new();
    let mut inputs = OutcomeCounts::default();
    let mut rejects = 0;
    for (task, commit) in tasks.iter().zip(commits) {
        for (object, outcome) in task.inputs.iter().zip(&commit.inputs) {
            let day = names::day_of_hour(object_key::hour(object.key()));
            days.entry(day).or_default().push((object, outcome.word()));
            inputs.add(outcome.word());
            rejects += outcome.rejects();
        }
    }
    let files = || commits.iter().flat_map(|commit| &commit.files);
    let seen_before = before.map(|before| before.seen.clone()).unwrap_or_default();
    let total_before = before.map(|before| before.total).unwrap_or_default();
    let (num_files, rows, bytes) =
        (files().count() as u64, files().map(|file| file.rows).sum(), files().map(|file| file.bytes).sum());
    let day_names: Vec<String> = days.keys().cloned().collect();
    let seen: Vec<(String, Vec<u8>)> =
        days.iter().map(|(day, objects)| (names::seen(day, log.epoch), seen::to_bytes(log, day, objects))).collect();
    let words = days.values().flatten().map(|(_, outcome)| *outcome);
    let record = ClosedRecord {
        format: format_in(log, words),
        epoch: log.epoch,
        nonce: log.nonce.clone(),
        tasks: tasks.len() as u64,
        files: num_files,
        rows,
        bytes,
        rejects,
        inputs,
        partitions: partitions_of(files()),
        seen: SeenDigest {
            objects: seen_before.objects + day_names.len() as u64,
            digest: seen_digest(&seen_before.digest, log.epoch, &day_names),
            days: day_names,
            contents: log.is_sealed().then(|| contents_digest(&seen)),
        },
        total: Totals {
            files: total_before.files + num_files,
            rows: total_before.rows + rows,
            bytes: total_before.bytes + bytes,
        },
        log: log.is_sealed().then(|| log.sha256().to_owned()),
        before: before.filter(|_| log.is_sealed()).map(|before| before.sha256().to_owned()),
    };
    Closing { seen, record: Stored::of(record) }
}

/// The digest over what an epoch's `seen` objects hold.
fn contents_digest(seen: &[(String, Vec<u8>)]) -> String {
    let digests: Vec<String> = seen.iter().map(|(_, bytes)| once::sha256(bytes)).collect();
    once::sha256(digests.join(",").as_bytes())
}

/// Closes an epoch.
///
/// # Errors
/// The run must stop; the epoch stays open, and the next run closes it.
pub(crate) fn close(state: &Store, closing: &Closing, requests: usize) -> Result<(), Error> {
    let seen = side_by_side(&closing.seen, requests, |(name, bytes)| once::create(state, name, bytes));
    seen.into_iter().collect::<Result<Vec<()>, _>>()?;
    // Last: it says that all of the above is there, after a power cut, too.
    once::create(state, &names::closed(closing.record.epoch), &closing.record.to_bytes())
}
