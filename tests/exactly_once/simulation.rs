//! Logs, a table and its state in memory, one clock for both; and runs on them.

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

/// The first clock of the stores: as late as the files of the logs are.
const STORE_CLOCK_MS: i64 = 1_700_000_000_000;

/// The place of a world at some moment.
pub(crate) struct Saved {
    table: Snapshot,
    state: Snapshot,
    logs: BTreeMap<String, Arc<LogObject>>,
    committed: Files,
    looked_at: usize,
    now_second: i64,
}

/// Logs, table, state.
pub(crate) struct Simulation {
    pub(crate) logs: Logs,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) table: MemoryStore,
    pub(crate) state: MemoryStore,
    /// Whether both stores say yes to every write.
    pub(crate) ignores_conditions: bool,
    /// Whether table and state are prefixes of a bucket.
    pub(crate) is_bucket: bool,
    /// Whether all runs are promised that nobody else writes.
    pub(crate) is_single_writer: bool,
    /// Logs that cannot be read.
    pub(crate) unreadable: ReadFaults,
    /// The clock that runs are told.
    now_second: AtomicI64,
    runs: AtomicU64,
    ledger: Mutex<Ledger>,
}

/// What later looks are compared with.
#[derive(Debug, Default)]
struct Ledger {
    /// Committed data files at the last look.
    committed: Files,
    /// How much of the table's history there was then.
    looked_at: usize,
    /// All that runs said.
    said: Vec<String>,
    /// Whether there was a power cut, which may tear what is only `put`.
    is_torn: bool,
    /// Whether a person allowed uncommitted files to be deleted.
    is_resolved: bool,
}

impl Simulation {
    /// A world with these logs, no table, and a clock some days later.
    pub(crate) fn new(objects: &[Arc<LogObject>]) -> Self {
        Self::of_logs(Logs::new(), objects)
    }

    /// The same for logs of any source.
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
            ledger: Mutex::default(),
        };
        simulation.logs.hold(objects);
        simulation
    }

    /// Sets the clock that runs are told, in seconds since 1970.
    pub(crate) fn set_now(&self, second: i64) {
        self.now_second.store(second, Ordering::SeqCst);
    }

    /// Forbids to read these logs, and allows it for all others.
    pub(crate) fn forbid(&self, objects: &[Arc<LogObject>]) {
        self.unreadable.clear_all();
        for object in objects {
            self.unreadable.set(&object.name, ReadFault::Denied);
        }
    }

    /// Crashes a run, from the same beginning, after one operation more each time, until it leaves a state such as this.
    pub(crate) fn crash_until(&self, is_such: impl Fn(&Self) -> bool) {
        let saved = self.save();
        for k in 1.. {
            self.restore(&saved);
            let faults = Faults::crash_after(k);
            self.convert(&faults);
            assert!(faults.is_crashed(), "no crash of that run leaves such a state");
            if is_such(self) {
                return;
            }
        }
    }

    /// The epoch that is open, if one is.
    pub(crate) fn open_epoch(&self) -> Option<usize> {
        let names = self.state.names();
        let count = |folder: &str| names.iter().filter(|name| name.starts_with(folder)).count();
        Some(count("log/")).filter(|logs| *logs > count("closed/"))
    }

    /// Whether an epoch is open that has a commit.
    pub(crate) fn has_half_an_epoch(&self) -> bool {
        let commits = self.open_epoch().map(|epoch| format!("commit/{epoch:010}/"));
        commits.is_some_and(|commits| self.state.names().iter().any(|name| name.starts_with(&commits)))
    }

    /// Convert, with faults.
    pub(crate) fn convert(&self, faults: &Faults) -> RunResult {
        self.run(&RunRequest::with(Command::Convert, faults))
    }

    /// A run.
    pub(crate) fn run(&self, request: &RunRequest) -> RunResult {
        self.run_numbered(request, self.next_run())
    }

    /// The number of the next run, which all its random texts come from.
    pub(crate) fn next_run(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::SeqCst)
    }

    /// A run that has its number already.
    pub(crate) fn run_numbered(&self, request: &RunRequest, number: u64) -> RunResult {
        self.run_watched(request, number, &Silent)
    }

    /// The same, watched by somebody.
    pub(crate) fn run_watched(&self, request: &RunRequest, number: u64, progress: &dyn Progress) -> RunResult {
        let (single_writer, identity) = (request.single_writer || self.is_single_writer, Some(self.logs.identity));
        let request = &RunRequest { single_writer, identity, unreadable: self.unreadable.clone(), ..request.clone() };
        // Before it begins: others may look while it sleeps.
        self.ledger.lock().unwrap().is_resolved |= request.command == Command::Resolve;
        let now_second = self.now_second.load(Ordering::SeqCst);
        let result = run_on(self.logs.sources(), self.stores(), request, now_second, number, progress);
        let mut ledger = self.ledger.lock().unwrap();
        ledger.said.extend(result.error.clone());
        ledger.said.push(result.report.to_string());
        result
    }

    /// A run that nothing and nobody disturbs, and whose report says so (I8).
    pub(crate) fn run_alone(&self, command: Command, when: &str) -> RunResult {
        let before = files_of(&self.state);
        let result = self.run(&RunRequest::undisturbed(command));
        if result.error.is_none() {
            check_report(&before, &files_of(&self.state), &result.report)
                .unwrap_or_else(|violations| panic!("{when}: {violations:#?}\n{:#}", result.report));
        }
        result
    }

    /// So late that no lease is fresh.
    pub(crate) fn wait_for_leases(&self) {
        self.clock.advance(i64::try_from(LEASE.as_millis()).unwrap() + 1);
    }

    /// One undisturbed run, after which everything has to be settled.
    pub(crate) fn finish(&self, when: &str) -> RunResult {
        self.wait_for_leases();
        let result = self.run_alone(Command::Convert, when);
        assert_eq!(result.error, None, "{when}: the undisturbed run after it stopped");
        self.assert_settled(when);
        result
    }

    /// As [`Self::finish`], where the program may first ask a person whether no other converter runs. Says whether it did.
    pub(crate) fn finish_or_resolve(&self, when: &str) -> bool {
        self.wait_for_leases();
        let asks = self.run_alone(Command::Convert, when).needs_resolve();
        if asks {
            self.assert_holds(when);
            let resolved = self.run_alone(Command::Resolve, when);
            assert_eq!(resolved.error, None, "{when}: `resolve` stopped");
            self.assert_holds(when);
        }
        self.finish(when);
        asks
    }

    /// A run without news writes nothing (I9).
    pub(crate) fn assert_idle(&self, when: &str) {
        let writes = self.writes();
        let result = self.run(&RunRequest::undisturbed(Command::Convert));
        assert_eq!(result.error, None, "{when}: a run without news stopped");
        let news = self.history();
        assert_eq!(self.writes(), writes, "I9: {when}: a run without news wrote {:?}", &news[writes..]);
    }

    /// How many writes and deletes had an effect.
    pub(crate) fn writes(&self) -> usize {
        self.history().len()
    }

    fn history(&self) -> Vec<(String, String)> {
        let mut history = self.table.history();
        history.extend(self.state.history());
        history
    }

    /// All invariants but those that only hold when no epoch is open.
    pub(crate) fn assert_holds(&self, when: &str) {
        self.assert_checked(false, when);
    }

    /// All invariants.
    pub(crate) fn assert_settled(&self, when: &str) {
        self.assert_checked(true, when);
    }

    fn assert_checked(&self, is_settled: bool, when: &str) {
        let looked_at = self.table.history().len();
        let seen = self.look(is_settled);
        if let Err(violations) = check(&self.logs, &seen) {
            let mut text = String::new();
            for violation in violations {
                let _ = write!(text, "\n{}: {}", violation.invariant, violation.what);
            }
            let said: Vec<&String> = seen.said.iter().rev().filter(|said| !said.starts_with('{')).take(3).collect();
            panic!("{when}:{text}\nthe last runs said: {said:#?}");
        }
        let faults = seal_faults(&seen.state);
        assert!(faults.is_empty(), "{when}: {faults:#?}");
        let mut ledger = self.ledger.lock().unwrap();
        ledger.committed = seen.committed_files();
        ledger.looked_at = looked_at;
    }

    /// What there is.
    pub(crate) fn look(&self, is_settled: bool) -> Observations {
        let table = files_of(&self.table);
        let puts = table.keys().map(|name| (name.clone(), self.table.effective_puts(name))).collect();
        let history = self.table.history();
        let ledger = self.ledger.lock().unwrap();
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
            deleted_lately: deletions(history.get(ledger.looked_at..).unwrap_or_default()),
            committed_before: ledger.committed.clone(),
            temporary: Vec::new(),
            said: ledger.said.clone(),
            settled_before: self.settled_before(),
            is_settled,
            is_torn: ledger.is_torn,
            is_resolved: ledger.is_resolved,
        }
    }

    /// Table and state, for what reads them only.
    pub(crate) fn destination(&self) -> Destination {
        let (table, state) = self.stores();
        Destination::of_stores(table, state)
    }

    /// What the state says.
    pub(crate) fn epochs(&self) -> Vec<Epoch> {
        epochs_of(&files_of(&self.state))
    }

    /// What an undisturbed run would do.
    pub(crate) fn preview(&self) -> Preview {
        let request = RunRequest::undisturbed(Command::Convert);
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

    /// Hours that ended by then have settled.
    fn settled_before(&self) -> i64 {
        self.now_second.load(Ordering::SeqCst) - i64::try_from(SETTLE.as_secs()).unwrap()
    }

    /// The power fails: what was only `put` may be torn.
    pub(crate) fn power_cut(&self, seed: u64) {
        self.table.power_cut(seed);
        self.state.power_cut(seed);
        self.ledger.lock().unwrap().is_torn = true;
    }

    /// Has the state hold these objects and no others.
    pub(crate) fn hold_state(&self, state: &Files) {
        self.state.names().iter().for_each(|name| assert!(self.state.remove(name)));
        for (name, bytes) in state {
            self.state.insert(name, bytes);
        }
    }

    /// For [`Self::restore`].
    pub(crate) fn save(&self) -> Saved {
        let ledger = self.ledger.lock().unwrap();
        Saved {
            table: self.table.snapshot(),
            state: self.state.snapshot(),
            logs: self.logs.present_at(),
            committed: ledger.committed.clone(),
            looked_at: ledger.looked_at,
            now_second: self.now_second.load(Ordering::SeqCst),
        }
    }

    /// Makes everything as it was, but for the stores' clock.
    pub(crate) fn restore(&self, saved: &Saved) {
        self.table.restore(&saved.table);
        self.state.restore(&saved.state);
        self.logs.hold_at(saved.logs.clone());
        self.unreadable.clear_all();
        self.set_now(saved.now_second);
        let (committed, looked_at) = (saved.committed.clone(), saved.looked_at);
        *self.ledger.lock().unwrap() = Ledger { committed, looked_at, ..Ledger::default() };
    }
}

/// All that a store holds.
fn files_of(store: &MemoryStore) -> Files {
    store.names().into_iter().filter_map(|name| Some((name.clone(), store.bytes(&name)?.into()))).collect()
}

/// Two days of logs: several hours, several objects an hour, of all kinds.
pub(crate) fn first_logs(seed: u64) -> Vec<Arc<LogObject>> {
    (0..16).map(|number| LogObject::make(seed, number, hour_of(number), 0)).collect()
}

/// The same some time later: late objects (one of them damaged), two that changed, a damaged one that was made good.
pub(crate) fn later_logs(seed: u64) -> Vec<Arc<LogObject>> {
    let revision = |number| u64::from([2, 3, 9].contains(&number));
    (0..24).map(|number| LogObject::make(seed, number, hour_of(number), revision(number))).collect()
}

/// The first logs, of which some vanished and some were replaced.
pub(crate) fn vanished_logs(seed: u64) -> Vec<Arc<LogObject>> {
    let all = (0..18).filter(|number| number % 4 != 2 && *number != 13);
    all.map(|number| LogObject::make(seed, number, hour_of(number), u64::from(number % 5 == 2))).collect()
}

/// Numbers are spread over the hours of two days.
pub(crate) fn hour_of(number: u64) -> i64 {
    FIRST_HOUR + i64::try_from(number % 2 * 24 + number % 3 + 9).unwrap()
}

/// Days and hours as they stand in names of state objects.
pub(crate) fn day_text(hour: i64) -> String {
    hour_text(hour)[..10].to_owned()
}
