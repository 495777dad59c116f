//! Checker of I1 to I15. It reads the stored objects with its own code: as plain JSON values, and Parquet as any reader
//! would. It compares them with the model of the logs.
//!
//! I10 (unreadable state: no write) and I9 (nothing new: no write) are about runs, not about stored objects: see
//! `state_objects` and `Simulation::assert_idle`. The tests in `tests/e2e` check I13's memory and open files.

mod closed;
mod inputs;
mod records;
mod reports;
mod rows;
mod seals;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::{
    logs::{Logs, Row, SECRET},
    simulation::day_text,
};

pub(crate) use self::{
    records::{Epoch, json_lines, text_of},
    reports::check_report,
    rows::{read_batch, rows_of_table, write_batch},
    seals::{faults as seal_faults, sealed, with_sha256, without_checksums},
};
pub(crate) use crate::seals::{crc64nvme, sha256};

/// Returns the epochs of a state.
pub(crate) fn epochs_of(state: &Files) -> Vec<Epoch> {
    records::read(state, &mut Found::default())
}

/// Bytes by name.
pub(crate) type Files = BTreeMap<String, Bytes>;

/// Contents of a table and its state at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Observations {
    pub(crate) table: Files,
    pub(crate) state: Files,
    /// The table's DDL from the program; `None` if there is none, for example before the first plan.
    pub(crate) statements: Option<Vec<String>>,
    /// Number of effective writes of each name of the table, if known.
    pub(crate) puts: BTreeMap<String, u64>,
    /// Names of the table that were deleted.
    pub(crate) deleted: Vec<String>,
    /// Names that were deleted since the last observation.
    pub(crate) deleted_since: Vec<String>,
    /// Committed data files at the last observation.
    pub(crate) committed_before: Files,
    /// Temporary files that were left.
    pub(crate) temporary: Vec<String>,
    /// Errors and reports of all runs.
    pub(crate) printed: Vec<String>,
    /// Hours that ended by this second have settled.
    pub(crate) settled_before: i64,
    /// Whether a run without faults has finished: no epoch is open, and no work is left.
    pub(crate) is_settled: bool,
    /// Whether a power cut may have torn objects that were only `put`.
    pub(crate) is_torn: bool,
    /// Whether a run of `resolve` may have deleted uncommitted files.
    pub(crate) is_resolved: bool,
}

impl Observations {
    /// Returns the data files that a commit names.
    pub(crate) fn committed_files(&self) -> Files {
        let epochs = records::read(&self.state, &mut Found::default());
        let named: BTreeSet<String> = epochs.iter().flat_map(Epoch::files).map(|file| file.path).collect();
        self.table.iter().filter(|(name, _)| named.contains(*name)).map(|(n, b)| (n.clone(), b.clone())).collect()
    }
}

/// An invariant that does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) invariant: &'static str,
    pub(crate) what: String,
}

/// Violations so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    violations: Vec<Violation>,
}

impl Found {
    fn add(&mut self, invariant: &'static str, what: impl Into<String>) {
        self.violations.push(Violation { invariant, what: what.into() });
    }

    fn expect(&mut self, invariant: &'static str, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.add(invariant, what());
        }
    }
}

/// Checks all invariants.
pub(crate) fn check(logs: &Logs, seen: &Observations) -> Result<(), Vec<Violation>> {
    let mut found = Found::default();
    let epochs = records::read(&seen.state, &mut found);
    inputs::each_counts_once(logs, &epochs, &mut found);
    inputs::each_adds_up(logs, &seen.state, &epochs, &mut found);
    closed::check(logs, seen, &epochs, &mut found);
    let rows = data_is_there(seen, &epochs, &mut found);
    rows_are_exact(logs, &epochs, rows, &mut found);
    no_reader_is_fooled(seen, &mut found);
    nothing_committed_changed(seen, &mut found);
    names_are_written_once(seen, &epochs, &mut found);
    nothing_is_orphaned(seen, &epochs, &mut found);
    if seen.is_settled {
        everything_is_settled(logs, seen, &epochs, &mut found);
    }
    no_secret_came_out(seen, &mut found);
    if found.violations.is_empty() { Ok(()) } else { Err(found.violations) }
}

/// I6: the files that commits name are there, as described. Returns the rows of all committed files.
fn data_is_there(seen: &Observations, epochs: &[Epoch], found: &mut Found) -> Vec<Row> {
    let mut all = Vec::new();
    let mut paths = BTreeSet::new();
    for file in epochs.iter().flat_map(Epoch::files) {
        if !paths.insert(file.path.clone()) {
            found.add("I2", format!("`{}` is committed twice", file.path));
            continue;
        }
        let Some(bytes) = seen.table.get(&file.path) else {
            found.add("I6", format!("`{}` is committed but missing", file.path));
            continue;
        };
        let hash = if file.is_sha256 { sha256(bytes) } else { crc64nvme(bytes) };
        let is_same = bytes.len() as u64 == file.bytes && hash == file.hash;
        found.expect("I6", is_same, || format!("`{}` differs from its commit", file.path));
        if let Ok(rows) = rows::read(&file.path, bytes) {
            found.expect("I6", rows.len() as u64 == file.rows, || {
                format!("`{}` has {} rows, but its commit has {}", file.path, rows.len(), file.rows)
            });
            all.extend(rows.iter().cloned());
        }
    }
    all
}

/// I1: the rows of committed files are those of the converted inputs, each once.
fn rows_are_exact(logs: &Logs, epochs: &[Epoch], mut rows: Vec<Row>, found: &mut Found) {
    let mut expected = Vec::new();
    for (input, outcome) in epochs.iter().flat_map(Epoch::outcomes) {
        if outcome == "converted" {
            expected.extend(logs.rows(&input.source, &input.key, &input.version));
        }
    }
    rows.sort();
    expected.sort();
    let (mut got, mut wanted) = (rows.iter().peekable(), expected.iter().peekable());
    loop {
        let order = match (got.peek(), wanted.peek()) {
            (Some(row), Some(expected)) => row.cmp(expected),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => break,
        };
        if order.is_le() {
            let row = got.next();
            found.expect("I1", order.is_eq(), || format!("a row too many: {row:?}"));
        }
        if order.is_ge() {
            let row = wanted.next();
            found.expect("I1", order.is_eq(), || format!("a row is missing: {row:?}"));
        }
    }
}

/// I3: a reader of all files, committed or not, finds whole files, and no line of an object twice.
fn no_reader_is_fooled(seen: &Observations, found: &mut Found) {
    let mut lines = BTreeSet::new();
    for (name, bytes) in &seen.table {
        match rows::read(name, bytes) {
            Ok(rows) => {
                for row in rows.iter() {
                    // In any folder: in all of these tests a name identifies a log.
                    let object = row.filename.rsplit('/').next().unwrap_or_default().to_owned();
                    found.expect("I3", lines.insert((object, row.line)), || {
                        format!("line {} of `{}` is there twice, the second time in `{name}`", row.line, row.filename)
                    });
                }
            }
            Err(error) => found.add("I3", format!("`{name}` cannot be read: {error}")),
        }
    }
}

/// I4: files that were committed at the last observation are unchanged.
fn nothing_committed_changed(seen: &Observations, found: &mut Found) {
    for (name, bytes) in &seen.committed_before {
        let is_same = seen.table.get(name) == Some(bytes);
        found.expect("I4", is_same, || format!("`{name}` was committed, but is missing or changed"));
    }
}

/// I5: each name of the table is written once, and only `resolve` deletes files, never committed ones.
fn names_are_written_once(seen: &Observations, epochs: &[Epoch], found: &mut Found) {
    found.expect("I5", seen.is_resolved || seen.deleted.is_empty(), || format!("deleted: {:?}", seen.deleted));
    for name in seen.deleted_since.iter().filter(|name| seen.committed_before.contains_key(*name)) {
        found.add("I5", format!("`{name}` was deleted after it was committed"));
    }
    for (name, puts) in &seen.puts {
        let deletions = seen.deleted.iter().filter(|deleted| *deleted == name).count() as u64;
        found.expect("I5", *puts <= 1 + deletions, || format!("`{name}` was written {puts} times"));
    }
    for name in seen.table.keys() {
        let is_ours = epochs.iter().any(|epoch| epoch.is_data_file(name));
        found.expect("I5", is_ours, || format!("`{name}` is not a name of any plan"));
    }
}

/// I11: every file under TABLE is committed, or belongs to an uncommitted task of the open epoch; every object under
/// STATE belongs to an epoch.
fn nothing_is_orphaned(seen: &Observations, epochs: &[Epoch], found: &mut Found) {
    let committed: BTreeSet<String> = epochs.iter().flat_map(Epoch::files).map(|file| file.path).collect();
    for name in seen.table.keys().filter(|name| !committed.contains(*name)) {
        let may_be = epochs.iter().any(|epoch| epoch.closed.is_none() && epoch.is_of_open_task(name));
        found.expect("I11", may_be, || format!("`{name}` is an orphan"));
    }
    for name in seen.state.keys() {
        found.expect("I11", records::is_known(name, epochs), || format!("the state's `{name}` belongs to no epoch"));
    }
    found.expect("I13", !seen.is_settled || seen.temporary.is_empty(), || {
        format!("temporary files are left: {:?}", seen.temporary)
    });
}

/// I12: no epoch is open, and every settled object was processed in its current version.
fn everything_is_settled(logs: &Logs, seen: &Observations, epochs: &[Epoch], found: &mut Found) {
    for epoch in epochs.iter().filter(|epoch| epoch.closed.is_none()) {
        found.add("I12", format!("epoch {} is open", epoch.number));
    }
    let dealt_with: BTreeSet<(&str, &str)> = epochs
        .iter()
        .flat_map(Epoch::outcomes)
        .filter(|(_, outcome)| ["converted", "empty", "failed", "changed"].contains(outcome))
        .map(|(input, _)| (logs.identity_of(&input.source, &input.key).1, logs.version_of(&input.version)))
        .collect();
    for object in logs.present() {
        let has_settled = (object.hour + 1) * 3600 <= seen.settled_before;
        let (key, version) = (logs.key(&object), object.version());
        let is_dealt_with = dealt_with.contains(&(logs.identity_of("", &key).1, logs.version_of(&version)));
        found.expect("I12", is_dealt_with || !has_settled, || {
            format!("`{}` of {} was not processed in version {version}", object.name, day_text(object.hour))
        });
    }
}

/// I15: the text of a cell that no column reads is in no output.
fn no_secret_came_out(seen: &Observations, found: &mut Found) {
    for (name, bytes) in &seen.state {
        let text = text_of(bytes).unwrap_or_default();
        found.expect("I15", !text.contains(SECRET), || format!("`{name}` contains a secret"));
    }
    for printed in &seen.printed {
        found.expect("I15", !printed.contains(SECRET), || format!("a run printed a secret: {printed}"));
    }
}
