//! Closes an epoch whose tasks are all committed: writes `seen`, then `closed`.
//!
//! Both are functions of the plan, the commits and the epoch before, so every run makes the same bytes.

use std::collections::BTreeMap;

use lakefront_schema::object_key;
use lakefront_storage::{Object, Store};

use crate::{
    Error,
    concurrent::side_by_side,
    create_once, hash, paths,
    plan::Task,
    processed,
    records::{
        ClosedRecord, CommitRecord, InputOutcome, LogRecord, OutcomeCounts, OutcomeWord, PartitionRecord, SeenDigest,
        Totals, format_in,
    },
    seal::{Record as _, Stored},
    snapshot::seen_digest,
};

/// Records that close an epoch.
#[derive(Debug)]
pub struct FinalRecords {
    /// Names and bytes of the `seen` objects, one for each day.
    pub seen: Vec<(String, Vec<u8>)>,
    /// The `closed` record.
    pub record: Stored<ClosedRecord>,
}

/// Sums of the results of an epoch's committed tasks. Nothing is kept for each data file, because an epoch may have a
/// hundred thousand of them.
#[derive(Debug, Default)]
pub struct CommittedTotals {
    /// Outcomes of the inputs of each task, in the plan's order.
    words: BTreeMap<u32, Vec<OutcomeWord>>,
    /// Totals of each partition, by its folder below the table.
    partitions: BTreeMap<String, Totals>,
    rejects: u64,
}

impl CommittedTotals {
    /// Adds the results of a task.
    pub fn add(&mut self, commit: &CommitRecord) {
        self.words.insert(commit.task, commit.inputs.iter().map(InputOutcome::word).collect());
        self.rejects = commit.inputs.iter().map(InputOutcome::rejects).fold(self.rejects, u64::saturating_add);
        for file in &commit.files {
            let partition = self.partitions.entry(file.partition().to_owned()).or_default();
            partition.add(Totals { files: 1, rows: file.rows, bytes: file.bytes });
        }
    }

    /// Returns whether a task was added.
    pub fn has(&self, task: u32) -> bool {
        self.words.contains_key(&task)
    }
}

impl<'c> FromIterator<&'c CommitRecord> for CommittedTotals {
    fn from_iter<C: IntoIterator<Item = &'c CommitRecord>>(commits: C) -> Self {
        let mut gathered = Self::default();
        commits.into_iter().for_each(|commit| gathered.add(commit));
        gathered
    }
}

/// Returns the records that close an epoch. `gathered` has all its tasks; `before` is the epoch before.
pub fn final_records(
    log: &Stored<LogRecord>,
    tasks: &[Task],
    gathered: CommittedTotals,
    before: Option<&Stored<ClosedRecord>>,
) -> FinalRecords {
    let CommittedTotals { words, partitions, rejects } = gathered;
    let mut days: BTreeMap<String, Vec<(&Object, OutcomeWord)>> = BTreeMap::new();
    let mut inputs = OutcomeCounts::default();
    for (task, words) in tasks.iter().zip(words.into_values()) {
        for (object, word) in task.inputs.iter().zip(words) {
            let day = paths::day_of_hour(object_key::hour(object.key()));
            days.entry(day).or_default().push((object, word));
            inputs.add(word);
        }
    }
    let mut sum = Totals::default();
    for partition in partitions.values() {
        sum.add(*partition);
    }
    let partition_record = |(path, Totals { files, rows, bytes })| PartitionRecord { path, files, rows, bytes };
    let seen_before = before.map(|before| before.seen.clone()).unwrap_or_default();
    let mut total = before.map(|before| before.total).unwrap_or_default();
    total.add(sum);
    let day_names: Vec<String> = days.keys().cloned().collect();
    let seen: Vec<(String, Vec<u8>)> = days
        .iter()
        .map(|(day, objects)| (paths::seen(day, log.epoch), processed::to_bytes(log, day, objects)))
        .collect();
    let words = days.values().flatten().map(|(_, outcome)| *outcome);
    let record = ClosedRecord {
        format: format_in(log, words),
        epoch: log.epoch,
        nonce: log.nonce.clone(),
        tasks: tasks.len() as u64,
        files: sum.files,
        rows: sum.rows,
        bytes: sum.bytes,
        rejects,
        inputs,
        partitions: partitions.into_iter().map(partition_record).collect(),
        seen: SeenDigest {
            objects: seen_before.objects + day_names.len() as u64,
            digest: seen_digest(&seen_before.digest, log.epoch, &day_names),
            days: day_names,
            contents: log.is_sealed().then(|| contents_digest(&seen)),
        },
        total,
        log: log.digest_in_epoch().map(str::to_owned),
        before: before.filter(|_| log.is_sealed()).map(|before| before.sha256().to_owned()),
    };
    FinalRecords { seen, record: Stored::of(record) }
}

/// Returns the digest over the contents of an epoch's `seen` objects.
fn contents_digest(seen: &[(String, Vec<u8>)]) -> String {
    let digests: Vec<String> = seen.iter().map(|(_, bytes)| hash::sha256(bytes)).collect();
    hash::sha256(digests.join(",").as_bytes())
}

/// Closes an epoch.
///
/// # Errors
/// The run must stop; the epoch stays open, and the next run closes it.
pub fn finalize(state: &Store, records: &FinalRecords, requests: usize) -> Result<(), Error> {
    let seen = side_by_side(&records.seen, requests, |(name, bytes)| create_once::create(state, name, bytes));
    seen.into_iter().collect::<Result<Vec<()>, _>>()?;
    // Last, because it states that all of the above exists, even after a power loss.
    create_once::create(state, &paths::closed(records.record.epoch), &records.record.to_bytes())
}
