//! Random schedules: one to three converters, one after another or interleaved, with two or three crashes, 5 % lost replies
//! and 10 % errors, while logs come late, change, vanish and cannot be read. Everything is a function of the seed: a failing one replays to the same trace.
//!
//! `LAKEFRONT_SEEDS` says how many are tried (500), `LAKEFRONT_FIRST_SEED` which is the first (1).

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

/// How many seeds are tried unless `LAKEFRONT_SEEDS` says.
const SEEDS: u64 = 500;

/// What happened: every operation of every converter, and what there is in the end.
type Trace = Vec<String>;

/// What one schedule came to, or all together.
#[derive(Clone, Copy, Debug, Default)]
struct Struck {
    schedules: u64,
    operations: u64,
    crashes: u64,
    errors: u64,
    lost_replies: u64,
    /// Schedules in which inputs vanished or changed between plan and reading.
    with_lost_inputs: u64,
    /// Schedules in which a person was asked whether no other converter runs.
    asked: u64,
}

impl Struck {
    fn add(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.operations += other.operations;
        self.crashes += other.crashes;
        self.errors += other.errors;
        self.lost_replies += other.lost_replies;
        self.with_lost_inputs += other.with_lost_inputs;
        self.asked += other.asked;
    }

    /// Whether the faults were as many as this file says.
    fn assert_as_many_as_promised(&self) {
        let per_mille = |count: u64| count * 1000 / self.operations;
        assert!((85..115).contains(&per_mille(self.errors)), "errors: {self:?}");
        assert!((40..60).contains(&per_mille(self.lost_replies)), "lost replies: {self:?}");
        assert!((2 * self.schedules..=3 * self.schedules).contains(&self.crashes), "crashes: {self:?}");
        assert!((1..self.with_lost_inputs * 3 / 10).contains(&self.asked), "a person is asked: {self:?}");
    }
}

/// A schedule on its way.
struct Schedule {
    seed: u64,
    random: Random,
    simulation: Simulation,
    /// Numbers of objects so far, with hour and revision.
    objects: Vec<(u64, i64, u64)>,
    /// Those of them that are away.
    away: BTreeSet<u64>,
    /// Those that cannot be read.
    unreadable: BTreeSet<u64>,
    /// Where logs are known by their names: the folder of each, and perhaps one with a copy, which may be of another
    /// revision.
    places: BTreeMap<u64, (u64, Option<(u64, u64)>)>,
    /// How many converters have still to crash.
    crashes: u64,
    struck: Struck,
    trace: Trace,
}

/// The latest operation that a converter crashes at. Most end before, by an error.
const LATEST_CRASH: u64 = 40;
/// Folders that logs move among.
const FOLDERS: u64 = 4;
/// Of so many that ended before, the next is to crash earlier.
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
            places: BTreeMap::new(),
            crashes,
            struck: Struck { schedules: 1, ..Struck::default() },
            trace: Vec::new(),
        };
        let first = 4 + schedule.random.below(8);
        schedule.deliver(first);
        schedule
    }

    fn when(&self) -> String {
        format!("seed {}", self.seed)
    }

    /// New objects, of any hour of three days.
    fn deliver(&mut self, count: u64) {
        for _ in 0..count {
            let number = self.objects.len() as u64 + self.seed % 10;
            let hour = FIRST_HOUR + i64::try_from(self.random.below(72)).unwrap();
            self.objects.push((number, hour, 0));
            self.give_place(number);
        }
        self.hold();
    }

    /// Some objects change, vanish, cannot be read, or are there again. Whoever planned them finds others than it planned.
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
        self.struck.with_lost_inputs = 1;
        let numbers: Vec<u64> = self.objects.iter().map(|(number, ..)| *number).collect();
        for number in numbers {
            if self.is_by_name() && self.random.chance(40) {
                self.give_place(number);
            }
        }
        self.hold();
    }

    fn is_by_name(&self) -> bool {
        self.simulation.logs.identity == Identity::Name
    }

    /// Puts an object into some folder, and at times a copy of it into another one.
    fn give_place(&mut self, number: u64) {
        if self.is_by_name() {
            let place = self.random.below(FOLDERS);
            let other = (place + 1 + self.random.below(FOLDERS - 1)) % FOLDERS;
            let copy = self.random.chance(30).then(|| (other, u64::from(self.random.chance(40)) * 7));
            self.places.insert(number, (place, copy));
        }
    }

    fn hold(&self) {
        let forbidden = self.objects.iter().filter(|(number, ..)| self.unreadable.contains(number));
        let forbidden = forbidden.map(|&(number, hour, revision)| LogObject::make(self.seed, number, hour, revision));
        let mut files = BTreeMap::new();
        for &(number, hour, revision) in self.objects.iter().filter(|(number, ..)| !self.away.contains(number)) {
            let make = |more| LogObject::make(self.seed, number, hour, revision + more);
            let mut put = |folder: Option<u64>, object: Arc<LogObject>| {
                let path = folder.map_or_else(|| object.name.clone(), |folder| format!("{folder}/{}", object.name));
                files.insert(path, object);
            };
            match self.places.get(&number) {
                None => put(None, make(0)),
                Some((folder, copy)) => {
                    put(Some(*folder), make(0));
                    if let Some((folder, more)) = copy {
                        put(Some(*folder), make(*more));
                    }
                }
            }
        }
        self.simulation.logs.hold_at(files);
        self.simulation.forbid(&forbidden.collect::<Vec<_>>());
    }

    /// A converter that things happen to. It crashes not later than that, if it comes so far.
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
        RunRequest { take_over: self.random.chance(50), candidates, ..RunRequest::with(command, &faults) }
    }

    /// Some converters, one after another.
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

    /// As many converters as it takes until the last crash has struck.
    fn run_until_all_crashed(&mut self) {
        let mut tries = 0;
        while self.crashes > 0 {
            if self.random.chance(30) {
                self.deliver(2);
            }
            // At last at the first operation, to which everyone comes.
            self.run_once((LATEST_CRASH >> (tries / TRIES)).max(1));
            self.simulation.assert_holds(&self.when());
            tries += 1;
        }
    }

    /// Two or three converters at once; whose operation is next, the seed says.
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
                // Each run owns its turn, and gives it up when it ends.
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
        self.struck.operations += trace.len() as u64;
        self.struck.errors += count(": failed");
        self.struck.lost_replies += count(", reply lost");
        self.struck.crashes += u64::from(faults.is_crashed());
        self.crashes -= u64::from(faults.is_crashed());
        self.may_ask(result.needs_resolve());
        // Without sizes: plans name the logs' folder, which is another each time and compresses differently.
        self.trace.extend(trace.into_iter().map(|line| match line.rsplit_once(": ") {
            Some((operation, outcome)) if outcome.contains(" bytes") => format!(
                    "{operation}: bytes{}",
                    outcome
                        .trim_start_matches(|symbol: char| symbol.is_ascii_digit() || symbol == ' ')
                        .trim_start_matches("bytes")
                ),
            _ => line,
        }));
        // Messages name places, which are temporary folders: that there is one is enough.
        self.trace.push(if result.error.is_some() { "stopped".to_owned() } else { "done".to_owned() });
    }

    /// A person is asked only where inputs are not what they were: nothing else may stop a run for good.
    fn may_ask(&mut self, asks: bool) {
        assert!(!asks || self.struck.with_lost_inputs > 0, "{}: asks a person, and no input was lost", self.when());
        self.struck.asked |= u64::from(asks);
    }

    fn finish(mut self) -> (Trace, Struck) {
        let when = self.when();
        self.simulation.forbid(&[]);
        let asks = self.simulation.finish_or_resolve(&when);
        self.may_ask(asks);
        self.simulation.assert_idle(&when);
        let names = self.simulation.look(true).table.into_keys();
        self.trace.extend(names);
        (self.trace, self.struck)
    }
}

/// A whole schedule.
fn run(seed: u64, identity: Identity) -> (Trace, Struck) {
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
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("`{variable}={text}` is no number")),
        Err(_) => default,
    }
}

fn message(cause: &(dyn Any + Send)) -> &str {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("it panicked")
}

#[test]
fn any_schedule_of_crashes_errors_and_lost_replies_ends_exact() {
    let count = number_in("LAKEFRONT_SEEDS", SEEDS);
    let total = run_all(count, Identity::Key, "any_schedule");
    if count >= SEEDS {
        total.assert_as_many_as_promised();
    }
}

#[test]
fn logs_that_move_among_folders_end_exact_where_they_are_known_by_their_names() {
    run_all(number_in("LAKEFRONT_SEEDS", SEEDS).div_ceil(5), Identity::Name, "logs_that_move");
}

/// Runs the schedules of so many seeds.
fn run_all(count: u64, identity: Identity, test: &str) -> Struck {
    let first = number_in("LAKEFRONT_FIRST_SEED", 1);
    let next = AtomicU64::new(first);
    let total = Mutex::new(Struck::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= first + count {
                return None;
            }
            match catch_unwind(AssertUnwindSafe(|| run(seed, identity))) {
                Ok((_, struck)) => total.lock().unwrap().add(struck),
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
fn the_same_seed_gives_the_same_trace() {
    for seed in 1..=20 {
        let identity = if seed % 2 == 0 { Identity::Name } else { Identity::Key };
        let ((trace, _), (again, _)) = (run(seed, identity), run(seed, identity));
        let difference = trace.iter().zip(&again).position(|(line, again)| line != again);
        assert_eq!(trace, again, "seed {seed} differs from line {difference:?}");
        assert!(trace.len() > 20, "{trace:#?}");
    }
}
