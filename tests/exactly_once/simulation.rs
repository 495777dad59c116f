//! Logs, a table and its state in memory with one clock, and runs on them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use lakefront_operations::{
    Destination, Preview, Stop, preview,
    progress::{Progress, Silent},
};
use lakefront_storage::{
    Connections, Folder, Store,
    testing::{Faults, IgnoresConditions, MemoryBucket, MemoryStore, ReadFault, ReadFaults, Snapshot, TestClock},
};

use crate::{
    invariants::{Epoch, Files, Observations, check, check_report, epochs_of, seal_faults},
    logs::{FIRST_HOUR, LogObject, Logs, hour_text},
    run_driver::{Command, LEASE, RunRequest, RunResult, SETTLE, options_of, run_on, statements_of},
};

/// First time of the stores' clock: that of the log files.
const STORE_CLOCK_MS: i64 = 1_700_000_000_000;

/// A snapshot of a simulation.
pub(crate) struct Saved {
    table: Snapshot,
    state: Snapshot,
    logs: BTreeMap<String, Arc<LogObject>>,
    committed: Files,
    observed_history: usize,
    now_second: i64,
}

/// Logs, a table and its state.
pub(crate) struct Simulation {
    pub(crate) logs: Logs,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) table: MemoryStore,
    pub(crate) state: MemoryStore,
    /// Whether both stores ignore put-if-absent.
    pub(crate) ignores_conditions: bool,
    /// Whether table and state are prefixes of a bucket.
    pub(crate) is_bucket: bool,
    /// Whether all runs use `--single-writer`.
    pub(crate) is_single_writer: bool,
    /// Logs that cannot be read.
    pub(crate) unreadable: ReadFaults,
    /// The clock of runs.
    now_second: AtomicI64,
    runs: AtomicU64,
    baseline: Mutex<Baseline>,
}

/// Data of earlier observations, which later ones are compared with.
#[derive(Debug, Default)]
struct Baseline {
    /// Committed data files at the last observation.
    committed: Files,
    /// Number of entries in the table's history at the last observation.
    observed_history: usize,
    /// Errors and reports of all runs.
    printed: Vec<String>,
    /// Whether there was a power cut, which may tear objects that were only `put`.
    is_torn: bool,
    /// Whether a run of `resolve` may have deleted uncommitted files.
    is_resolved: bool,
}

impl Simulation {
    /// Creates a simulation with these logs, no table, and a clock some days later.
    pub(crate) fn new(objects: &[Arc<LogObject>]) -> Self {
        Self::of_logs(Logs::new(), objects)
    }

    /// Like [`Self::new`], for logs of any source.
    pub(crate) fn of_logs(logs: Logs, objects: &[Arc<LogObject>]) -> Self {
        let clock = Arc::new(TestClock::new(STORE_CLOCK_MS));
        let simulation = Self {
            logs,
            table: MemoryStore::new(Arc::clone(&clock)),
            state: MemoryStore::new(Arc::clone(&clock)),
            clock,
            ignores_conditions: false,
            is_bucket: false,
            is_single_writer: false,
            unreadable: ReadFaults::default(),
            now_second: AtomicI64::new((FIRST_HOUR + 240) * 3600),
            runs: AtomicU64::new(0),
            baseline: Mutex::default(),
        };
        simulation.logs.set(objects);
        simulation
    }

    /// Sets the clock of runs, in seconds since 1970.
    pub(crate) fn set_now(&self, second: i64) {
        self.now_second.store(second, Ordering::SeqCst);
    }

    /// Makes these logs unreadable, and all others readable.
    pub(crate) fn forbid(&self, objects: &[Arc<LogObject>]) {
        self.unreadable.clear_all();
        for object in objects {
            self.unreadable.set(&object.name, ReadFault::Denied);
        }
    }

    /// Crashes a run after its first operation, then after its second and so on, each time from the same beginning,
    /// until the simulation matches.
    pub(crate) fn crash_until(&self, matches: impl Fn(&Self) -> bool) {
        let saved = self.save();
        for k in 1.. {
            self.restore(&saved);
            let faults = Faults::crash_after(k);
            self.convert(&faults);
            assert!(faults.is_crashed(), "no crash of that run leads to such a state");
            if matches(self) {
                return;
            }
        }
    }

    /// Returns the number of the open epoch, if there is one.
    pub(crate) fn open_epoch(&self) -> Option<usize> {
        let names = self.state.names();
        let count = |folder: &str| names.iter().filter(|name| name.starts_with(folder)).count();
        Some(count("log/")).filter(|logs| *logs > count("closed/"))
    }

    /// Returns whether the open epoch has a commit.
    pub(crate) fn has_partly_committed_epoch(&self) -> bool {
        let commits = self.open_epoch().map(|epoch| format!("commit/{epoch:010}/"));
        commits.is_some_and(|commits| self.state.names().iter().any(|name| name.starts_with(&commits)))
    }

    /// Runs `convert`, with faults.
    pub(crate) fn convert(&self, faults: &Faults) -> RunResult {
        self.run(&RunRequest::with_faults(Command::Convert, faults))
    }

    /// Executes a request.
    pub(crate) fn run(&self, request: &RunRequest) -> RunResult {
        self.run_numbered(request, self.next_run())
    }

    /// Returns the number of the next run, which seeds its random texts.
    pub(crate) fn next_run(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::SeqCst)
    }

    /// Executes a request under a given number.
    pub(crate) fn run_numbered(&self, request: &RunRequest, number: u64) -> RunResult {
        self.run_watched(request, number, &Silent)
    }

    /// Like [`Self::run_numbered`], with a receiver of progress events.
    pub(crate) fn run_watched(&self, request: &RunRequest, number: u64, progress: &dyn Progress) -> RunResult {
        let (single_writer, identity) = (request.single_writer || self.is_single_writer, Some(self.logs.identity));
        let request = &RunRequest { single_writer, identity, unreadable: self.unreadable.clone(), ..request.clone() };
        // Set before the run begins: other threads may check while it is stalled.
        self.baseline.lock().unwrap().is_resolved |= request.command == Command::Resolve;
        let now_second = self.now_second.load(Ordering::SeqCst);
        let result = run_on(self.logs.sources(), self.stores(), request, now_second, number, progress);
        let mut baseline = self.baseline.lock().unwrap();
        baseline.printed.extend(result.error.clone());
        baseline.printed.push(result.report.to_string());
        result
    }

    /// Executes a run without faults or other runs, and checks its report (I8).
    pub(crate) fn run_alone(&self, command: Command, when: &str) -> RunResult {
        let before = files_of(&self.state);
        let result = self.run(&RunRequest::without_faults(command));
        if result.error.is_none() {
            check_report(&before, &files_of(&self.state), &result.report)
                .unwrap_or_else(|violations| panic!("{when}: {violations:#?}\n{:#}", result.report));
        }
        result
    }

    /// Advances the clock until every lease has expired.
    pub(crate) fn wait_for_leases(&self) {
        self.clock.advance(i64::try_from(LEASE.as_millis()).unwrap() + 1);
    }

    /// Runs `convert` without faults, and checks all invariants.
    pub(crate) fn finish(&self, when: &str) -> RunResult {
        self.wait_for_leases();
        let result = self.run_alone(Command::Convert, when);
        assert_eq!(result.error, None, "{when}: the run without faults after it stopped");
        self.assert_settled(when);
        result
    }

    /// Like [`Self::finish`], but runs `resolve` if the program requires it. Returns whether it did.
    pub(crate) fn finish_or_resolve(&self, when: &str) -> bool {
        self.wait_for_leases();
        let needs_resolve = self.run_alone(Command::Convert, when).needs_resolve();
        if needs_resolve {
            self.assert_holds(when);
            let resolved = self.run_alone(Command::Resolve, when);
            assert_eq!(resolved.error, None, "{when}: `resolve` stopped");
            self.assert_holds(when);
        }
        self.finish(when);
        needs_resolve
    }

    /// Asserts that a run without new objects writes nothing (I9).
    pub(crate) fn assert_idle(&self, when: &str) {
        let writes = self.writes();
        let result = self.run(&RunRequest::without_faults(Command::Convert));
        assert_eq!(result.error, None, "{when}: a run without new objects stopped");
        let news = self.history();
        assert_eq!(self.writes(), writes, "I9: {when}: a run without new objects wrote {:?}", &news[writes..]);
    }

    /// Returns the number of writes and deletes that had an effect.
    pub(crate) fn writes(&self) -> usize {
        self.history().len()
    }

    fn history(&self) -> Vec<(String, String)> {
        let mut history = self.table.history();
        history.extend(self.state.history());
        history
    }

    /// Checks all invariants except those that hold only if no epoch is open.
    pub(crate) fn assert_holds(&self, when: &str) {
        self.assert_checked(false, when);
    }

    /// Checks all invariants.
    pub(crate) fn assert_settled(&self, when: &str) {
        self.assert_checked(true, when);
    }

    fn assert_checked(&self, is_settled: bool, when: &str) {
        let observed_history = self.table.history().len();
        let seen = self.observe(is_settled);
        if let Err(violations) = check(&self.logs, &seen) {
            let mut text = String::new();
            for violation in violations {
                let _ = write!(text, "\n{}: {}", violation.invariant, violation.what);
            }
            let printed: Vec<&String> =
                seen.printed.iter().rev().filter(|printed| !printed.starts_with('{')).take(3).collect();
            panic!("{when}:{text}\nthe last runs reported: {printed:#?}");
        }
        let faults = seal_faults(&seen.state);
        assert!(faults.is_empty(), "{when}: {faults:#?}");
        let mut baseline = self.baseline.lock().unwrap();
        baseline.committed = seen.committed_files();
        baseline.observed_history = observed_history;
    }

    /// Returns the current contents of the stores, for the checker.
    pub(crate) fn observe(&self, is_settled: bool) -> Observations {
        let table = files_of(&self.table);
        let puts = table.keys().map(|name| (name.clone(), self.table.effective_puts(name))).collect();
        let history = self.table.history();
        let baseline = self.baseline.lock().unwrap();
        let deletions = |history: &[(String, String)]| -> Vec<String> {
            let deletions = history.iter().filter(|(operation, _)| operation == "delete");
            deletions.map(|(_, name)| name.clone()).collect()
        };
        Observations {
            table,
            state: files_of(&self.state),
            statements: statements_of(&self.destination()),
            puts,
            deleted: deletions(&history),
            deleted_since: deletions(history.get(baseline.observed_history..).unwrap_or_default()),
            committed_before: baseline.committed.clone(),
            temporary: Vec::new(),
            printed: baseline.printed.clone(),
            settled_before: self.settled_before(),
            is_settled,
            is_torn: baseline.is_torn,
            is_resolved: baseline.is_resolved,
        }
    }

    /// Returns table and state, for commands that only read.
    pub(crate) fn destination(&self) -> Destination {
        let (table, state) = self.stores();
        Destination::of_stores(table, state)
    }

    /// Returns the epochs of the state.
    pub(crate) fn epochs(&self) -> Vec<Epoch> {
        epochs_of(&files_of(&self.state))
    }

    /// Returns a preview of a run without faults.
    pub(crate) fn preview(&self) -> Preview {
        let request = RunRequest::without_faults(Command::Convert);
        let now_second = self.now_second.load(Ordering::SeqCst);
        let options = options_of(self.logs.sources(), self.destination(), &request, now_second, 0);
        preview(&options, &Stop::default(), &Silent).unwrap()
    }

    fn stores(&self) -> (Store, Store) {
        if self.is_bucket {
            let stores = [("cf_logs", self.table.clone()), ("cf_logs.lakefront", self.state.clone())];
            let connections = Connections::default().with_store("s3://lake", Arc::new(MemoryBucket::new(stores)));
            let [table, state] = ["cf_logs", "cf_logs.lakefront"]
                .map(|name| Folder::parse(&format!("s3://lake/{name}"), "store").unwrap());
            let [table, state] = Folder::open_pair(&table, &state, &connections).unwrap().unwrap();
            return (table, state);
        }
        let open = |memory: &MemoryStore| {
            if self.ignores_conditions { IgnoresConditions::around(memory.clone()).store() } else { memory.store() }
        };
        (open(&self.table), open(&self.state))
    }

    /// Returns the second before which ended hours have settled.
    fn settled_before(&self) -> i64 {
        self.now_second.load(Ordering::SeqCst) - i64::try_from(SETTLE.as_secs()).unwrap()
    }

    /// Simulates a power cut, which may tear objects that were only `put`.
    pub(crate) fn power_cut(&self, seed: u64) {
        self.table.power_cut(seed);
        self.state.power_cut(seed);
        self.baseline.lock().unwrap().is_torn = true;
    }

    /// Replaces the contents of the state with these objects.
    pub(crate) fn set_state(&self, state: &Files) {
        self.state.names().iter().for_each(|name| assert!(self.state.remove(name)));
        for (name, bytes) in state {
            self.state.insert(name, bytes);
        }
    }

    /// Takes a snapshot, for [`Self::restore`].
    pub(crate) fn save(&self) -> Saved {
        let baseline = self.baseline.lock().unwrap();
        Saved {
            table: self.table.snapshot(),
            state: self.state.snapshot(),
            logs: self.logs.present_at(),
            committed: baseline.committed.clone(),
            observed_history: baseline.observed_history,
            now_second: self.now_second.load(Ordering::SeqCst),
        }
    }

    /// Restores everything to a snapshot, except the stores' clock.
    pub(crate) fn restore(&self, saved: &Saved) {
        self.table.restore(&saved.table);
        self.state.restore(&saved.state);
        self.logs.set_at(saved.logs.clone());
        self.unreadable.clear_all();
        self.set_now(saved.now_second);
        let (committed, observed_history) = (saved.committed.clone(), saved.observed_history);
        *self.baseline.lock().unwrap() = Baseline { committed, observed_history, ..Baseline::default() };
    }
}

/// Returns all objects of a store.
fn files_of(store: &MemoryStore) -> Files {
    store.names().into_iter().filter_map(|name| Some((name.clone(), store.bytes(&name)?.into()))).collect()
}

/// Returns two days of logs: several hours, several objects per hour, of all kinds.
pub(crate) fn first_logs(seed: u64) -> Vec<Arc<LogObject>> {
    (0..16).map(|number| LogObject::make(seed, number, hour_of(number), 0)).collect()
}

/// Returns the same logs some time later: with late objects (one of them damaged), two changed objects, and a damaged
/// one that was repaired.
pub(crate) fn later_logs(seed: u64) -> Vec<Arc<LogObject>> {
    let revision = |number| u64::from([2, 3, 9].contains(&number));
    (0..24).map(|number| LogObject::make(seed, number, hour_of(number), revision(number))).collect()
}

/// Returns the first logs, some of which vanished and some of which were replaced.
pub(crate) fn vanished_logs(seed: u64) -> Vec<Arc<LogObject>> {
    let all = (0..18).filter(|number| number % 4 != 2 && *number != 13);
    all.map(|number| LogObject::make(seed, number, hour_of(number), u64::from(number % 5 == 2))).collect()
}

/// Returns the hour of an object; numbers are spread over the hours of two days.
pub(crate) fn hour_of(number: u64) -> i64 {
    FIRST_HOUR + i64::try_from(number % 2 * 24 + number % 3 + 9).unwrap()
}

/// Formats the day of an hour as in names of state objects.
pub(crate) fn day_text(hour: i64) -> String {
    hour_text(hour)[..10].to_owned()
}
