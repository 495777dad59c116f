//! Real processes that are killed, suspended, started many at once, or run out of disk, with readers at the same time.
//! After it, and for readers at any time, the table has each row once.
//!
//! A row is identified by its object and line, which are columns of the test's table schema.

// SIGKILL, repeatedly, at random times.
mod kills;

// Many converters at once, and one that is suspended.
mod converters;

// A reader during conversions.
mod readers;

// Full disks.
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

use crate::harness::{LEAN, NOW, RunOutput, TestFolder, after_kill, log};

/// Identity of a row: its object's name and its line.
type Line = (String, i64);

/// Arguments of a conversion in small tasks, with all threads.
const CONVERT: [&str; 9] = ["convert", "logs", "lake/cf_logs", "--now", NOW, LEAN[0], LEAN[1], "--task-bytes", "8KiB"];

/// Logs, and their rows.
struct Logs {
    folder: TestFolder,
    lines: Vec<Line>,
    random: Random,
}

impl Logs {
    /// Creates a folder without logs. The seed is printed if a test fails.
    fn new() -> Self {
        let seed = env::var("LAKEFRONT_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
        eprintln!("LAKEFRONT_SEED={seed}");
        Self { folder: TestFolder::new(), lines: Vec::new(), random: Random(seed) }
    }

    /// Creates a number of logs of four days, of 60 lines each, with a few rejects and a few rows of the previous hour.
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
            // The first two lines are the header.
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

    /// Starts a conversion after one that may have been killed.
    fn start_after_kill(&self) -> Child {
        self.start(&[&["-q"], after_kill()].concat())
    }

    /// Runs a conversion to its end.
    fn finish(&self) -> RunOutput {
        self.folder.run(&[&CONVERT, after_kill()].concat()).exits(0)
    }

    /// Asserts that table and state are valid, no epoch is open, and each row is there once.
    fn assert_each_row_once(&mut self) {
        // A run that plans an epoch removes temporary files of killed ones.
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
            panic!("{} rows instead of {}: {missing} missing, {odd} unexpected", found.len(), expected.len());
        }
    }

    /// Returns the share of rows, from 0 to 1, that are not in the table if it has `rows` rows.
    fn share_missing(&self, rows: usize) -> f64 {
        let share = |rows: usize| f64::from(u32::try_from(rows).unwrap());
        1.0 - share(rows) / share(self.lines.len())
    }

    /// Asserts that a reader sees whole files and no row twice. Returns the number of rows.
    fn assert_no_duplicates(&self) -> usize {
        self.folder.fetch();
        let found = lines_of(&self.folder);
        assert!(found.is_sorted_by(|a, b| a < b), "a row is in the table twice");
        found.len()
    }
}

/// Returns the rows of all data files, sorted. Every file below a table must be a whole data file.
fn lines_of(folder: &TestFolder) -> Vec<Line> {
    let mut lines: Vec<Line> = folder.files("lake/cf_logs").values().flat_map(|path| read(path)).collect();
    lines.sort_unstable();
    lines
}

/// Returns the rows of a data file.
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

/// Waits for a conversion to end.
fn ended(child: Child) -> RunOutput {
    child.wait_with_output().unwrap().into()
}

/// Sends a signal to a process.
fn signal(child: &Child, signal: &str) {
    let kill = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status().unwrap();
    assert!(kill.success());
}

/// Returns the number of committed tasks of the first epoch.
fn commits(folder: &TestFolder) -> usize {
    folder.count("lake/cf_logs.lakefront/commit/0000000001")
}

/// A `SplitMix64` generator.
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

    /// Returns a number from 0 to 1.
    fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap()) / f64::from(u32::MAX)
    }
}
