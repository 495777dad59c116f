//! A folder with logs and a table, runs of the program in it, and their output.

mod bucket;
mod golden;
mod logs;
mod s3;
mod state;
mod table;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use self::bucket::Buckets;

pub(crate) use self::{
    bucket::{after_kill, is_in_buckets, only_on_disk},
    golden::{fixture, golden},
    logs::{STANDARD, era_row, escaped, gzip, log, standard_log, standard_row, tabs},
    s3::{Request, Response, S3},
    state::{LEAN, Snapshot},
    table::{Row, column, gunzip_lines, layout, read_rows, schema},
};

/// Time of conversions, unless a test sets another one.
pub(crate) const NOW: &str = "2026-01-01T00:00:00Z";

/// A temporary folder with `logs/` and, after a conversion, the table `lake/cf_logs`.
pub(crate) struct TestFolder {
    folder: TempDir,
    /// The buckets of the folder; `None` if the program works on the folder itself.
    buckets: Option<Buckets>,
}

/// Exit status and output of a run of the program.
#[derive(Debug)]
pub(crate) struct RunOutput {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl RunOutput {
    /// Asserts the exit status.
    pub(crate) fn exits(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that stderr contains this text.
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in stderr:\n{}", self.stderr);
        self
    }
}

impl From<Output> for RunOutput {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl TestFolder {
    /// Creates an empty folder, in memory if the machine has `/dev/shm`: hundreds of small conversions are faster
    /// there.
    pub(crate) fn new() -> Self {
        let shared_memory = Path::new("/dev/shm");
        let folder = if shared_memory.is_dir() { tempfile::tempdir_in(shared_memory) } else { tempfile::tempdir() };
        let folder = folder.or_else(|_| tempfile::tempdir()).unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        Self { folder, buckets: Buckets::of_folder() }
    }

    /// Creates an empty folder on disk, for logs of many megabytes.
    pub(crate) fn on_disk() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        Self { folder, buckets: Buckets::of_folder() }
    }

    /// Creates a folder with one log object without an hour in its name.
    pub(crate) fn with_log(text: impl AsRef<[u8]>) -> Self {
        let folder = Self::new();
        folder.add("E1EXAMPLE.log", text);
        folder
    }

    /// Returns the canonical path of a name in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// Adds a log object with this key below `logs/`.
    pub(crate) fn add(&self, key: &str, bytes: impl AsRef<[u8]>) {
        self.write(&format!("logs/{key}"), bytes);
    }

    /// Writes a file, and creates the folders above it.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Returns the program with this folder as its working directory. [`TestFolder::fetch`] copies its results from
    /// buckets.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lakefront"));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        match &self.buckets {
            None => command.args(args),
            Some(buckets) => {
                buckets.upload(&self.root());
                command.args(buckets.with_bucket_urls(&self.root(), args))
            }
        };
        command
    }

    /// Copies the contents of the buckets to the folder.
    pub(crate) fn fetch(&self) {
        self.buckets.iter().for_each(|buckets| buckets.download(&self.root()));
    }

    /// Returns the number of files in a folder, also while a program runs there.
    pub(crate) fn count(&self, folder: &str) -> usize {
        match &self.buckets {
            None => fs::read_dir(self.path(folder)).map_or(0, Iterator::count),
            Some(buckets) => buckets.count(folder),
        }
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> RunOutput {
        let RunOutput { status, stdout, stderr } = self.command(args).output().unwrap().into();
        self.fetch();
        RunOutput { status, stdout: self.with_local_paths(&stdout), stderr: self.with_local_paths(&stderr) }
    }

    /// Returns a text of the program with locations in buckets replaced by paths in the folder.
    fn with_local_paths(&self, text: &str) -> String {
        self.buckets.as_ref().map_or_else(|| text.to_owned(), |buckets| buckets.with_local_paths(&self.root(), text))
    }

    /// Runs the program with a line of shell, in which `"$@"` is the program and its flags; `prefix` is a command that
    /// runs the shell. Only on disk.
    pub(crate) fn run_in_shell(&self, prefix: &[&str], shell: &str, args: &[&str]) -> RunOutput {
        let program = [prefix, &["sh", "-c", shell, "sh", env!("CARGO_BIN_EXE_lakefront")], args].concat();
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).current_dir(self.folder.path()).stdin(Stdio::null());
        command.output().unwrap().into()
    }

    /// Runs `convert logs lake/cf_logs` at [`NOW`], with a report.
    pub(crate) fn convert(&self, args: &[&str]) -> RunOutput {
        let mut all = vec!["convert", "logs", "lake/cf_logs", "--report", "report.json"];
        if !args.contains(&"--now") {
            all.extend(["--now", NOW]);
        }
        all.extend(args);
        self.run(&all)
    }

    /// Converts, and asserts exit status 0. Returns the report.
    pub(crate) fn converts(&self, args: &[&str]) -> Value {
        self.convert(args).exits(0);
        self.checked_report()
    }

    /// Converts, and asserts exit status 3: some objects failed. Returns the report.
    pub(crate) fn converts_with_failures(&self, args: &[&str]) -> Value {
        self.convert(args).exits(3);
        self.checked_report()
    }

    /// Returns the report that `--report` wrote.
    pub(crate) fn report(&self) -> Value {
        let text = fs::read_to_string(self.path("report.json")).unwrap();
        serde_json::from_str(&self.with_local_paths(&text)).unwrap()
    }

    /// Returns the report, after checks that hold for every conversion that was not stopped.
    fn checked_report(&self) -> Value {
        let report = self.report();
        let count = |key: &str| report[key].as_u64().unwrap();
        let rejects: u64 = report["rejects"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(count("lines"), count("rows") + rejects + count("comments") + count("blanks"), "{report:#}");
        let table = self.tree("lake/cf_logs");
        assert!(table.iter().all(|name| name.ends_with(".parquet")), "{table:?}");
        let state = self.tree("lake/cf_logs.lakefront");
        assert!(!state.iter().any(|name| name.starts_with("tmp/")), "temporary files are left: {state:?}");
        let is_first = report["epochs"] == serde_json::json!([1]);
        if is_first && self.tree("lake/cf_logs.lakefront/commit").len() as u64 == count("tasks") {
            assert_eq!(count("files"), table.len() as u64, "{table:?}");
            let entries = rejects + report["objects"]["failed"].as_u64().unwrap();
            assert_eq!(self.quarantine().len() as u64, entries, "{:#?}", self.quarantine());
        }
        if !state.is_empty() {
            self.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
        }
        report
    }

    /// Returns all rows of the table, by data file name and then by position.
    pub(crate) fn rows(&self) -> Vec<Row> {
        self.rows_of("lake/cf_logs")
    }

    /// Returns all rows of a table.
    pub(crate) fn rows_of(&self, table: &str) -> Vec<Row> {
        let names = self.tree(table);
        names.iter().flat_map(|name| read_rows(&self.path(table), name)).collect()
    }

    /// Returns one column of all rows, as a JSON array.
    pub(crate) fn column(&self, name: &str) -> Value {
        column(&self.rows(), name)
    }

    /// Returns rejected rows and failed objects, in the order of the quarantine's files.
    pub(crate) fn quarantine(&self) -> Vec<Value> {
        let root = self.path("lake/cf_logs.lakefront/quarantine");
        let names = self.tree("lake/cf_logs.lakefront/quarantine");
        let lines = names.iter().flat_map(|name| gunzip_lines(&root.join(name)));
        lines.map(|line| serde_json::from_str(&self.with_local_paths(&line.to_string())).unwrap()).collect()
    }

    /// Returns the names of all files below a folder, sorted; empty if there is no folder.
    pub(crate) fn tree(&self, folder: &str) -> Vec<String> {
        self.files(folder).into_keys().collect()
    }

    /// Returns the path of each file below a folder, by name.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, PathBuf> {
        let root = self.path(folder);
        let mut files = BTreeMap::new();
        let mut waiting = vec![root.clone()];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    waiting.push(path);
                } else {
                    files.insert(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(), path);
                }
            }
        }
        files
    }

    /// Returns the URL of a log object, as in the quarantine and in messages.
    pub(crate) fn object(&self, key: &str) -> String {
        format!("file://{}", self.path(&format!("logs/{key}")).display())
    }
}
