//! Real processes that are killed, stopped, started many at once, read beside, and run out of disk: afterwards, and for
//! readers at any time, the table has each row once.
//!
//! A row is known by its object and line, which the test's table schema keeps.

// SIGKILL, again and again, at random times.
mod kills;

// Many converters at once, and one that sleeps.
mod converters;

// A reader beside a running conversion.
mod readers;

// Disks that are full.
mod disks;

use std::{
    collections::hash_map::RandomState,
    env,
    fs::File,
    hash::BuildHasher,
    path::Path,
    process::{Child, Command, Stdio},
};

use arrow::{array::AsArray, datatypes::Int64Type};
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};

use crate::harness::{LEAN, NOW, Ran, TestFolder, after_kill, log};

/// A row: its object's name and its line.
type Line = (String, i64);

/// Converts in small tasks, with all threads.
const CONVERT: [&str; 9] = ["convert", "logs", "lake/cf_logs", "--now", NOW, LEAN[0], LEAN[1], "--task-bytes", "8KiB"];

/// Logs, and the rows that are in them.
struct Logs {
    folder: TestFolder,
    lines: Vec<Line>,
    random: Random,
}

impl Logs {
    /// No logs yet. The seed is told where a test fails.
    fn new() -> Self {
        let seed = env::var("LAKEFRONT_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
        eprintln!("LAKEFRONT_SEED={seed}");
        Self { folder: TestFolder::new(), lines: Vec::new(), random: Random(seed) }
    }

    /// So many logs of four days, of 60 lines each: a reject now and then, some rows of the hour before.
    fn with(objects: usize) -> Self {
        let mut logs = Self::new();
        logs.add(objects);
        logs
    }

    fn add(&mut self, objects: usize) {
        for _ in 0..objects {
            let (day, hour) = (10 + self.random.below(4), 1 + self.random.below(23));
            let key = format!("E1EXAMPLE.2024-05-{day}-{hour:02}.{:016x}", self.random.next());
            let mut rows = Vec::new();
            // Two lines are the header's.
            for line in 3..63 {
                if self.random.below(20) == 0 {
                    rows.push("x y z".to_owned());
                    continue;
                }
                let hour = hour - self.random.below(20) / 19;
                rows.push(format!("2024-05-{day} {hour:02}:{:02}:00 {line}", self.random.below(60)));
                self.lines.push((key.clone(), line));
            }
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            self.folder.add(&key, log("date time sc-bytes", &rows));
        }
    }

    /// Starts a conversion.
    fn start(&self, args: &[&str]) -> Child {
        let mut command = self.folder.command(&[&CONVERT[..], args].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts a conversion where the one before may have been killed.
    fn start_after_kill(&self) -> Child {
        self.start(&[&["-q"], after_kill()].concat())
    }

    /// Converts to the end.
    fn finish(&self) -> Ran {
        self.folder.run(&[&CONVERT, after_kill()].concat()).exits(0)
    }

    /// Table and state are sound, nothing is open, and each row is there once.
    fn are_in_once(&mut self) {
        // A run that plans an epoch sweeps what killed ones left behind.
        self.add(1);
        self.finish();
        let state = self.folder.tree("lake/cf_logs.lakefront");
        assert!(!state.iter().any(|name| name.starts_with("tmp/")), "temporary files are left: {state:?}");
        self.folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
        assert!(self.folder.json(&["status", "lake/cf_logs"])["open"].is_null());
        let mut expected = self.lines.clone();
        expected.sort_unstable();
        let found = lines_of(&self.folder);
        if found != expected {
            let missing = expected.iter().filter(|line| found.binary_search(line).is_err()).count();
            let odd = found.iter().filter(|line| expected.binary_search(line).is_err()).count();
            panic!("{} rows instead of {}: {missing} missing, {odd} odd", found.len(), expected.len());
        }
    }

    /// How much is left to do once so many rows are in the table, from 0 to 1.
    fn share_without(&self, rows: usize) -> f64 {
        let share = |rows: usize| f64::from(u32::try_from(rows).unwrap());
        1.0 - share(rows) / share(self.lines.len())
    }

    /// What a reader would see now is whole and has no row twice.
    fn have_no_double(&self) -> usize {
        self.folder.fetch();
        let found = lines_of(&self.folder);
        assert!(found.is_sorted_by(|a, b| a < b), "a row is in the table twice");
        found.len()
    }
}

/// The rows of all data files, sorted. Whatever stands below a table has to be a whole data file.
fn lines_of(folder: &TestFolder) -> Vec<Line> {
    let mut lines: Vec<Line> = folder.files("lake/cf_logs").values().flat_map(|path| read(path)).collect();
    lines.sort_unstable();
    lines
}

/// The rows of a data file.
fn read(path: &Path) -> Vec<Line> {
    assert!(path.extension().is_some_and(|extension| extension == "parquet"), "{}", path.display());
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let columns = ProjectionMask::columns(builder.parquet_schema(), ["filename", "line"]);
    let mut lines = Vec::new();
    for batch in builder.with_projection(columns).build().unwrap() {
        let batch = batch.unwrap();
        let (names, numbers) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
        lines.extend((0..batch.num_rows()).map(|row| (names.value(row).to_owned(), numbers.value(row))));
    }
    lines
}

/// How a conversion ended.
fn ended(child: Child) -> Ran {
    child.wait_with_output().unwrap().into()
}

/// Sends a process a signal.
fn signal(child: &Child, signal: &str) {
    let kill = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status().unwrap();
    assert!(kill.success());
}

/// How many tasks of the first epoch are committed.
fn commits(folder: &TestFolder) -> usize {
    folder.count("lake/cf_logs.lakefront/commit/0000000001")
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap()) / f64::from(u32::MAX)
    }
}
