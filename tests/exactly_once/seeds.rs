//! Random schedules: one to three converters, one after another or interleaved, with two or three crashes, 5 % lost
//! replies and 10 % errors, while logs are late, change, vanish and become unreadable. Everything is a function of the
//! seed: a schedule that fails replays to the same trace.
//!
//! `LAKEFRONT_SEEDS` is the number of seeds (500), `LAKEFRONT_FIRST_SEED` the first one (1).

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use lakefront_operations::{Identity, options::MAX_CANDIDATES};
use lakefront_storage::testing::{Faults, RandomFaults};

use crate::{
    hooks::Turns,
    logs::{FIRST_HOUR, LogObject, Logs},
    random::Random,
    run_driver::{Command, RunRequest, RunResult},
    simulation::Simulation,
};

/// Number of seeds if `LAKEFRONT_SEEDS` is not set.
const SEEDS: u64 = 500;

/// Every operation of every converter, and the names of the data files at the end.
type Trace = Vec<String>;

/// Counts of one schedule, or of all.
#[derive(Clone, Copy, Debug, Default)]
struct FaultCounts {
    schedules: u64,
    operations: u64,
    crashes: u64,
    errors: u64,
    lost_replies: u64,
    /// Schedules in which inputs vanished or changed between plan and reading.
    with_lost_inputs: u64,
    /// Schedules that required `resolve`.
    with_resolve: u64,
}

impl FaultCounts {
    fn add(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.operations += other.operations;
        self.crashes += other.crashes;
        self.errors += other.errors;
        self.lost_replies += other.lost_replies;
        self.with_lost_inputs += other.with_lost_inputs;
        self.with_resolve += other.with_resolve;
    }

    /// Asserts that the faults are as frequent as this file says.
    fn assert_fault_rates(&self) {
        let per_mille = |count: u64| count * 1000 / self.operations;
        assert!((85..115).contains(&per_mille(self.errors)), "errors: {self:?}");
        assert!((40..60).contains(&per_mille(self.lost_replies)), "lost replies: {self:?}");
        assert!((2 * self.schedules..=3 * self.schedules).contains(&self.crashes), "crashes: {self:?}");
        assert!((1..self.with_lost_inputs * 3 / 10).contains(&self.with_resolve), "`resolve` is required: {self:?}");
    }
}

/// A schedule in progress.
struct Schedule {
    seed: u64,
    random: Random,
    simulation: Simulation,
    /// Number, hour and revision of each object so far.
    objects: Vec<(u64, i64, u64)>,
    /// Numbers of objects that are absent now.
    away: BTreeSet<u64>,
    /// Numbers of objects that cannot be read.
    unreadable: BTreeSet<u64>,
    /// If logs are identified by name: the folder of each, and the folder and revision offset of a copy, if there is
    /// one.
    folders: BTreeMap<u64, (u64, Option<(u64, u64)>)>,
    /// Number of converters that must still crash.
    crashes: u64,
    counts: FaultCounts,
    trace: Trace,
}

/// Latest operation at which a converter crashes. Most runs end before it, by an error.
const LATEST_CRASH: u64 = 40;
/// Number of folders that logs move between.
const FOLDERS: u64 = 4;
/// Number of tries after which the latest crash is halved.
const TRIES: u64 = 10;

impl Schedule {
    fn begin(seed: u64, identity: Identity) -> Self {
        let logs = if identity == Identity::Name { Logs::by_name() } else { Logs::new() };
        let mut random = Random::new(seed);
        let crashes = 2 + random.below(2);
        let mut schedule = Self {
            seed,
            random,
            simulation: Simulation::of_logs(logs, &[]),
            objects: Vec::new(),
            away: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            folders: BTreeMap::new(),
            crashes,
            counts: FaultCounts { schedules: 1, ..FaultCounts::default() },
            trace: Vec::new(),
        };
        let first = 4 + schedule.random.below(8);
        schedule.deliver(first);
        schedule
    }

    fn when(&self) -> String {
        format!("seed {}", self.seed)
    }

    /// Delivers new objects, of any hour of three days.
    fn deliver(&mut self, count: u64) {
        for _ in 0..count {
            let number = self.objects.len() as u64 + self.seed % 10;
            let hour = FIRST_HOUR + i64::try_from(self.random.below(72)).unwrap();
            self.objects.push((number, hour, 0));
            self.assign_folders(number);
        }
        self.write_logs();
    }

    /// Changes, removes, restores some objects or makes them unreadable. Runs that planned them then find other inputs.
    fn disturb(&mut self) {
        for (number, _, revision) in &mut self.objects {
            *revision += u64::from(self.random.chance(15));
            if self.random.chance(10) && !self.away.remove(number) {
                self.away.insert(*number);
            }
            if self.random.chance(10) && !self.unreadable.remove(number) {
                self.unreadable.insert(*number);
            }
        }
        self.counts.with_lost_inputs = 1;
        let numbers: Vec<u64> = self.objects.iter().map(|(number, ..)| *number).collect();
        for number in numbers {
            if self.is_by_name() && self.random.chance(40) {
                self.assign_folders(number);
            }
        }
        self.write_logs();
    }

    fn is_by_name(&self) -> bool {
        self.simulation.logs.identity == Identity::Name
    }

    /// Puts an object into a folder, and sometimes a copy of it into another one.
    fn assign_folders(&mut self, number: u64) {
        if self.is_by_name() {
            let folder = self.random.below(FOLDERS);
            let other = (folder + 1 + self.random.below(FOLDERS - 1)) % FOLDERS;
            let copy = self.random.chance(30).then(|| (other, u64::from(self.random.chance(40)) * 7));
            self.folders.insert(number, (folder, copy));
        }
    }

    fn write_logs(&self) {
        let forbidden = self.objects.iter().filter(|(number, ..)| self.unreadable.contains(number));
        let forbidden = forbidden.map(|&(number, hour, revision)| LogObject::make(self.seed, number, hour, revision));
        let mut files = BTreeMap::new();
        for &(number, hour, revision) in self.objects.iter().filter(|(number, ..)| !self.away.contains(number)) {
            let make = |offset| LogObject::make(self.seed, number, hour, revision + offset);
            let mut put = |folder: Option<u64>, object: Arc<LogObject>| {
                let path = folder.map_or_else(|| object.name.clone(), |folder| format!("{folder}/{}", object.name));
                files.insert(path, object);
            };
            match self.folders.get(&number) {
                None => put(None, make(0)),
                Some((folder, copy)) => {
                    put(Some(*folder), make(0));
                    if let Some((folder, offset)) = copy {
                        put(Some(*folder), make(*offset));
                    }
                }
            }
        }
        self.simulation.logs.set_at(files);
        self.simulation.forbid(&forbidden.collect::<Vec<_>>());
    }

    /// Returns a request with random faults. The run crashes at `latest_crash` or earlier, unless it ends before.
    fn request(&mut self, latest_crash: Option<u64>) -> RunRequest {
        let faults = Faults::random(
            self.random.number(),
            RandomFaults {
                lost_reply: 0.05,
                error: 0.10,
                crash_after_operations: latest_crash.map(|latest| 1 + self.random.below(latest)),
                crash_before: self.random.chance(50),
            },
        );
        let command = if self.random.chance(10) { Command::Retry } else { Command::Convert };
        let candidates = if self.is_by_name() { 3 + usize::from(self.random.chance(50)) * 5 } else { MAX_CANDIDATES };
        RunRequest { take_over: self.random.chance(50), candidates, ..RunRequest::with_faults(command, &faults) }
    }

    /// Runs some converters, one after another.
    fn run_in_turn(&mut self) {
        for _ in 0..=self.random.below(4) {
            self.run_once(LATEST_CRASH);
        }
    }

    fn run_once(&mut self, latest_crash: u64) {
        let request = self.request((self.crashes > 0).then_some(latest_crash));
        let result = self.simulation.run(&request);
        self.note(&request.faults, &result);
        if self.random.chance(50) {
            self.simulation.wait_for_leases();
        }
    }

    /// Runs converters until the last crash has happened.
    fn run_until_all_crashed(&mut self) {
        let mut tries = 0;
        while self.crashes > 0 {
            if self.random.chance(30) {
                self.deliver(2);
            }
            // In the end at the first operation, which every run reaches.
            self.run_once((LATEST_CRASH >> (tries / TRIES)).max(1));
            self.simulation.assert_holds(&self.when());
            tries += 1;
        }
    }

    /// Runs two or three converters at once, interleaved by the seed.
    fn run_interleaved(&mut self) {
        let count = 2 + usize::from(self.random.chance(50));
        let turns = Turns::new(self.random.number(), count);
        let may_crash = usize::try_from(self.crashes).unwrap();
        let mut requests: Vec<RunRequest> =
            (0..count).map(|index| self.request((index < may_crash).then_some(LATEST_CRASH))).collect();
        let faults: Vec<Faults> = requests.iter().map(|request| request.faults.clone()).collect();
        for (index, request) in requests.iter_mut().enumerate() {
            request.hook = Some(turns.of(index));
        }
        // Runs are numbered before they begin, so that their nonces do not depend on which thread is first.
        let numbers: Vec<u64> = requests.iter().map(|_| self.simulation.next_run()).collect();
        let simulation = &self.simulation;
        let runs: Vec<RunResult> = thread::scope(|scope| {
            let runs: Vec<_> = requests
                .into_iter()
                .zip(numbers)
                // Each run owns its turn, and drops it when it ends.
                .map(|(request, number)| scope.spawn(move || simulation.run_numbered(&request, number)))
                .collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        for (faults, result) in faults.iter().zip(&runs) {
            self.note(faults, result);
        }
    }

    fn note(&mut self, faults: &Faults, result: &RunResult) {
        let trace = faults.trace();
        let count = |fate: &str| trace.iter().filter(|line| line.contains(fate)).count() as u64;
        self.counts.operations += trace.len() as u64;
        self.counts.errors += count(": failed");
        self.counts.lost_replies += count(", reply lost");
        self.counts.crashes += u64::from(faults.is_crashed());
        self.crashes -= u64::from(faults.is_crashed());
        self.note_resolve(result.needs_resolve());
        // Without sizes: plans contain the path of the logs' folder, which differs each time and compresses
        // differently.
        self.trace.extend(trace.into_iter().map(|line| match line.rsplit_once(": ") {
            Some((operation, outcome)) if outcome.contains(" bytes") => format!(
                    "{operation}: bytes{}",
                    outcome
                        .trim_start_matches(|symbol: char| symbol.is_ascii_digit() || symbol == ' ')
                        .trim_start_matches("bytes")
                ),
            _ => line,
        }));
        // Messages contain paths of temporary folders, so only their presence is recorded.
        self.trace.push(if result.error.is_some() { "stopped".to_owned() } else { "done".to_owned() });
    }

    /// Only changed inputs may require `resolve`: nothing else may stop a run permanently.
    fn note_resolve(&mut self, needs_resolve: bool) {
        assert!(
            !needs_resolve || self.counts.with_lost_inputs > 0,
            "{}: `resolve` is required, but no input was lost",
            self.when()
        );
        self.counts.with_resolve |= u64::from(needs_resolve);
    }

    fn finish(mut self) -> (Trace, FaultCounts) {
        let when = self.when();
        self.simulation.forbid(&[]);
        let needs_resolve = self.simulation.finish_or_resolve(&when);
        self.note_resolve(needs_resolve);
        self.simulation.assert_idle(&when);
        let names = self.simulation.observe(true).table.into_keys();
        self.trace.extend(names);
        (self.trace, self.counts)
    }
}

/// Runs a whole schedule.
fn run(seed: u64, identity: Identity) -> (Trace, FaultCounts) {
    let mut schedule = Schedule::begin(seed, identity);
    for round in 0..2 + seed % 2 {
        if round > 0 {
            let late = schedule.random.below(5);
            schedule.deliver(late);
            if schedule.random.chance(40) {
                schedule.disturb();
            }
        }
        if schedule.random.chance(60) {
            schedule.run_in_turn();
        } else {
            schedule.run_interleaved();
        }
        schedule.simulation.assert_holds(&schedule.when());
    }
    schedule.run_until_all_crashed();
    schedule.finish()
}

pub(crate) fn number_in(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("`{variable}={text}` is not a number")),
        Err(_) => default,
    }
}

fn message(cause: &(dyn Any + Send)) -> &str {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("it panicked")
}

#[test]
fn any_schedule_of_crashes_errors_and_lost_replies_ends_with_exact_rows() {
    let count = number_in("LAKEFRONT_SEEDS", SEEDS);
    let total = run_all(count, Identity::Key, "any_schedule");
    if count >= SEEDS {
        total.assert_fault_rates();
    }
}

#[test]
fn logs_that_move_between_folders_are_converted_once_if_identified_by_name() {
    run_all(number_in("LAKEFRONT_SEEDS", SEEDS).div_ceil(5), Identity::Name, "logs_that_move");
}

/// Runs the schedules of `count` seeds.
fn run_all(count: u64, identity: Identity, test: &str) -> FaultCounts {
    let first = number_in("LAKEFRONT_FIRST_SEED", 1);
    let next = AtomicU64::new(first);
    let total = Mutex::new(FaultCounts::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= first + count {
                return None;
            }
            match catch_unwind(AssertUnwindSafe(|| run(seed, identity))) {
                Ok((_, counts)) => total.lock().unwrap().add(counts),
                Err(cause) => {
                    return Some(format!("seed {seed} fails: {}", message(cause.as_ref())) + &replay(seed, test));
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let failures: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    total.into_inner().unwrap()
}

fn replay(seed: u64, test: &str) -> String {
    format!(
        "\nreplay it: LAKEFRONT_FIRST_SEED={seed} LAKEFRONT_SEEDS=1 \
         cargo test -p lakefront-operations --test exactly_once {test}"
    )
}

#[test]
fn the_same_seed_produces_the_same_trace() {
    for seed in 1..=20 {
        let identity = if seed % 2 == 0 { Identity::Name } else { Identity::Key };
        let ((trace, _), (again, _)) = (run(seed, identity), run(seed, identity));
        let difference = trace.iter().zip(&again).position(|(line, again)| line != again);
        assert_eq!(trace, again, "seed {seed} differs from line {difference:?}");
        assert!(trace.len() > 20, "{trace:#?}");
    }
}
