//! A table on the local disk, with simulated power cuts.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use lakefront_operations::{Destination, progress::Silent};
use lakefront_storage::{
    Store,
    testing::{Faults, SyncLog},
};

use crate::{
    invariants::{Files, Observations, check},
    logs::{FIRST_HOUR, LogObject, Logs, temporary_folder},
    run_driver::{Command, RunRequest, RunResult, SETTLE, run_on, statements_of},
};

/// The clock of runs on disk, in seconds since 1970.
const NOW_SECOND: i64 = (FIRST_HOUR + 240) * 3600;

/// A table on the local disk. All runs share one record of synced files.
pub(crate) struct Disk {
    pub(crate) logs: Logs,
    root: PathBuf,
    log: SyncLog,
    runs: u64,
    committed: Files,
    is_resolved: bool,
    _folder: tempfile::TempDir,
}

impl Disk {
    pub(crate) fn new(objects: &[Arc<LogObject>]) -> Self {
        let folder = temporary_folder();
        let root = folder.path().canonicalize().unwrap();
        let logs = Logs::new();
        logs.set(objects);
        let (log, committed) = (SyncLog::default(), Files::new());
        Self { logs, root, log, runs: 0, committed, is_resolved: false, _folder: folder }
    }

    fn table(&self) -> PathBuf {
        self.root.join("lake/table")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.root.join("lake/table.lakefront")
    }

    pub(crate) fn temporary(&self) -> PathBuf {
        self.state().join("tmp")
    }

    /// Executes a request, and takes over any lease.
    pub(crate) fn run(&mut self, request: &RunRequest) -> RunResult {
        self.runs += 1;
        let open = |root: &Path| self.log.open_local(root, &self.temporary()).unwrap();
        let stores = (open(&self.table()), open(&self.state()));
        run_on(
            self.logs.sources(),
            stores,
            &RunRequest { take_over: true, ..request.clone() },
            NOW_SECOND,
            self.runs,
            &Silent,
        )
    }

    /// Runs `convert` with faults. Returns whether the crash happened.
    pub(crate) fn convert(&mut self, faults: &Faults) -> bool {
        self.run(&RunRequest::with_faults(Command::Convert, faults));
        faults.is_crashed()
    }

    /// Runs `convert` without faults, and checks all invariants.
    pub(crate) fn finish(&mut self, when: &str) {
        let result = self.run(&RunRequest::without_faults(Command::Convert));
        assert_eq!(result.error, None, "{when}: the run without faults after it stopped");
        self.assert_checked(true, when);
        let has_worked = result.report["epochs"].as_array().is_some_and(|epochs| !epochs.is_empty());
        let temporary = self.temporary_files();
        assert!(!has_worked || temporary.is_empty(), "I13: {when}: temporary files are left: {temporary:?}");
    }

    /// Like [`Self::finish`], but runs `resolve` first if the program requires it, because inputs of an epoch changed.
    pub(crate) fn finish_or_resolve(&mut self, when: &str) {
        if self.run(&RunRequest::without_faults(Command::Convert)).needs_resolve() {
            let resolved = self.run(&RunRequest::without_faults(Command::Resolve));
            assert_eq!(resolved.error, None, "{when}: `resolve` stopped");
            self.is_resolved = true;
        }
        self.finish(when);
    }

    /// Simulates a power cut, which removes all that was never synced; with a seed, only a random part of it.
    pub(crate) fn power_cut(&self, seed: Option<u64>) {
        match seed {
            Some(seed) => self.log.power_cut_by_chance(seed).unwrap(),
            None => self.log.power_cut().unwrap(),
        }
    }

    pub(crate) fn temporary_files(&self) -> Vec<String> {
        files_below(&self.temporary()).into_keys().collect()
    }

    pub(crate) fn assert_checked(&mut self, is_settled: bool, when: &str) {
        let mut state = files_below(&self.state());
        state.retain(|name, _| name != "lock" && !name.starts_with("tmp/"));
        let open = |root: &Path| Store::open_local(root, &self.temporary()).unwrap();
        let seen = Observations {
            table: files_below(&self.table()),
            state,
            statements: statements_of(&Destination::of_stores(open(&self.table()), open(&self.state()))),
            puts: BTreeMap::new(),
            deleted: Vec::new(),
            deleted_since: Vec::new(),
            committed_before: self.committed.clone(),
            // A run without work leaves them; a run that works on an epoch removes them.
            temporary: Vec::new(),
            printed: Vec::new(),
            settled_before: NOW_SECOND - i64::try_from(SETTLE.as_secs()).unwrap(),
            is_settled,
            is_torn: true,
            is_resolved: self.is_resolved,
        };
        check(&self.logs, &seen).unwrap_or_else(|violations| panic!("{when}: {violations:#?}"));
        self.committed = seen.committed_files();
    }
}

/// Returns all files below a folder, by name.
fn files_below(root: &Path) -> Files {
    let mut files = Files::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap().into());
            }
        }
    }
    files
}
