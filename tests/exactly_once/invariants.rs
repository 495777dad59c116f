//! I1 to I15 in one checker, which reads what is stored by itself: plain JSON values, and Parquet as a reader sees it that
//! knows nothing of this program. What it expects is the model of the logs.
//!
//! I10 (unreadable state: no write) and I9 (no news: no write) are of runs, not of what is stored: see `state_objects` and
//! `Simulation::assert_idle`. I13's memory and open files are looked at end to end.

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
    seals::{faults as seal_faults, sealed, without_checksums},
};
pub(crate) use crate::seals::sha256;

/// The epochs of a state.
pub(crate) fn epochs_of(state: &Files) -> Vec<Epoch> {
    records::read(state, &mut Found::default())
}

/// Bytes by name.
pub(crate) type Files = BTreeMap<String, Bytes>;

/// What there is to see, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Observations {
    pub(crate) table: Files,
    pub(crate) state: Files,
    /// The SQL that the program gives for the table; none where it gives none, as where nothing was planned yet.
    pub(crate) statements: Option<Vec<String>>,
    /// How often each name of the table was written with effect, where that is known.
    pub(crate) puts: BTreeMap<String, u64>,
    /// Names of the table that were deleted.
    pub(crate) deleted: Vec<String>,
    /// Those that were deleted since the last look.
    pub(crate) deleted_lately: Vec<String>,
    /// Committed data files at the last look.
    pub(crate) committed_before: Files,
    /// Temporary files that stand about.
    pub(crate) temporary: Vec<String>,
    /// Errors and reports of all runs.
    pub(crate) said: Vec<String>,
    /// Hours that ended by this second have settled.
    pub(crate) settled_before: i64,
    /// Whether an undisturbed run came to its end: no epoch is open, and nothing is left to do.
    pub(crate) is_settled: bool,
    /// Whether a power cut may have torn what is only `put`.
    pub(crate) is_torn: bool,
    /// Whether a person allowed uncommitted files to be deleted.
    pub(crate) is_resolved: bool,
}

impl Observations {
    /// Data files that a commit names.
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

/// Do the invariants hold?
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

/// I6: what a commit names is there, as it says. Gives the rows of all committed files.
fn data_is_there(seen: &Observations, epochs: &[Epoch], found: &mut Found) -> Vec<Row> {
    let mut all = Vec::new();
    let mut paths = BTreeSet::new();
    for file in epochs.iter().flat_map(Epoch::files) {
        if !paths.insert(file.path.clone()) {
            found.add("I2", format!("`{}` is committed twice", file.path));
            continue;
        }
        let Some(bytes) = seen.table.get(&file.path) else {
            found.add("I6", format!("`{}` is committed and not there", file.path));
            continue;
        };
        let is_same = bytes.len() as u64 == file.bytes && sha256(bytes) == file.sha256;
        found.expect("I6", is_same, || format!("`{}` has other bytes than its commit says", file.path));
        if let Ok(rows) = rows::read(&file.path, bytes) {
            found.expect("I6", rows.len() as u64 == file.rows, || {
                format!("`{}` has {} rows, and its commit says {}", file.path, rows.len(), file.rows)
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

/// I3: whoever reads all files, committed or not, finds whole files, and no line of an object twice.
fn no_reader_is_fooled(seen: &Observations, found: &mut Found) {
    let mut lines = BTreeSet::new();
    for (name, bytes) in &seen.table {
        match rows::read(name, bytes) {
            Ok(rows) => {
                for row in rows.iter() {
                    // Whatever folder it lay in: in all of these tests a name is a log's own.
                    let object = row.filename.rsplit('/').next().unwrap_or_default().to_owned();
                    found.expect("I3", lines.insert((object, row.line)), || {
                        format!("line {} of `{}` stands twice, the second time in `{name}`", row.line, row.filename)
                    });
                }
            }
            Err(error) => found.add("I3", format!("`{name}` cannot be read: {error}")),
        }
    }
}

/// I4: what was committed at the last look is there as it was.
fn nothing_committed_changed(seen: &Observations, found: &mut Found) {
    for (name, bytes) in &seen.committed_before {
        let is_same = seen.table.get(name) == Some(bytes);
        found.expect("I4", is_same, || format!("`{name}` was committed, and is gone or changed"));
    }
}

/// I5: a name of the table is written once, and nothing is deleted but by `resolve`, which spares what is committed.
fn names_are_written_once(seen: &Observations, epochs: &[Epoch], found: &mut Found) {
    found.expect("I5", seen.is_resolved || seen.deleted.is_empty(), || format!("deleted: {:?}", seen.deleted));
    for name in seen.deleted_lately.iter().filter(|name| seen.committed_before.contains_key(*name)) {
        found.add("I5", format!("`{name}` was deleted, and was committed before"));
    }
    for (name, puts) in &seen.puts {
        let deletions = seen.deleted.iter().filter(|deleted| *deleted == name).count() as u64;
        found.expect("I5", *puts <= 1 + deletions, || format!("`{name}` was written {puts} times"));
    }
    for name in seen.table.keys() {
        let is_ours = epochs.iter().any(|epoch| epoch.is_data_file(name));
        found.expect("I5", is_ours, || format!("`{name}` is a name that no plan gives"));
    }
}

/// I11: every file under TABLE is committed, or of an uncommitted task of the open epoch; every object under STATE belongs
/// to something.
fn nothing_is_orphaned(seen: &Observations, epochs: &[Epoch], found: &mut Found) {
    let committed: BTreeSet<String> = epochs.iter().flat_map(Epoch::files).map(|file| file.path).collect();
    for name in seen.table.keys().filter(|name| !committed.contains(*name)) {
        let may_be = epochs.iter().any(|epoch| epoch.closed.is_none() && epoch.is_of_open_task(name));
        found.expect("I11", may_be, || format!("`{name}` is an orphan"));
    }
    for name in seen.state.keys() {
        found.expect("I11", records::is_known(name, epochs), || format!("the state's `{name}` belongs to nothing"));
    }
    found.expect("I13", !seen.is_settled || seen.temporary.is_empty(), || {
        format!("temporary files are left: {:?}", seen.temporary)
    });
}

/// I12: no epoch is open, and every object that has settled has been dealt with in the version that it has.
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
            format!("`{}` of {} was not dealt with in version {version}", object.name, day_text(object.hour))
        });
    }
}

/// I15: what stands in a cell that no column takes comes out nowhere.
fn no_secret_came_out(seen: &Observations, found: &mut Found) {
    for (name, bytes) in &seen.state {
        let text = text_of(bytes).unwrap_or_default();
        found.expect("I15", !text.contains(SECRET), || format!("`{name}` shows a secret"));
    }
    for said in &seen.said {
        found.expect("I15", !said.contains(SECRET), || format!("a run said a secret: {said}"));
    }
}
