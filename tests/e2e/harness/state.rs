//! A table's state as tests look at it and doctor it, and whole folders as they are at a moment.

use std::{collections::BTreeMap, fs, path::PathBuf, time::SystemTime};

use serde_json::Value;

use super::{Ran, TestFolder, is_in_buckets, log};

/// The flags that found a table of few columns, which are quick to make.
pub(crate) const LEAN: [&str; 2] = ["--schema", concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/e2e/lean.toml")];

/// All files and folders below a folder: what they hold, and when that last changed.
pub(crate) type Snapshot = BTreeMap<PathBuf, (SystemTime, Vec<u8>)>;

impl TestFolder {
    /// A table of one epoch with two tasks, a row each, of the days 17 and 18.
    pub(crate) fn of_two_tasks() -> Self {
        let folder = Self::new();
        for day in [17, 18] {
            folder
                .add(&format!("E1EXAMPLE.2024-05-{day}-09.a"), log("date time", &[&format!("2024-05-{day} 09:00:00")]));
        }
        assert_eq!(folder.converts(&LEAN)["tasks"], 2);
        folder
    }

    /// Everything below a folder as it is now. Equal snapshots mean that nothing was written in between, not even a
    /// file that was removed again.
    pub(crate) fn snapshot(&self, folder: &str) -> Snapshot {
        let mut all = Snapshot::new();
        let mut waiting = vec![self.path(folder)];
        while let Some(path) = waiting.pop() {
            let metadata = fs::metadata(&path).unwrap();
            let bytes = if metadata.is_dir() {
                waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            all.insert(path, (metadata.modified().unwrap(), bytes));
        }
        all
    }

    /// Runs a command that has to end with this exit status, and to write nothing below `lake`.
    pub(crate) fn only_looks(&self, args: &[&str], status: i32) -> Ran {
        let before = self.snapshot("lake");
        let ran = self.run(args).exits(status);
        let after = self.snapshot("lake");
        let changed: Vec<&PathBuf> =
            after.iter().filter(|(path, is)| before.get(*path) != Some(*is)).map(|(path, _)| path).collect();
        assert!(before.len() == after.len() && changed.is_empty(), "{args:?} wrote: {changed:?}\n{}", ran.stderr);
        ran
    }

    /// A conversion that is refused with exit status 1 before anything is written.
    pub(crate) fn refuses(&self) -> Ran {
        self.only_looks(&["convert", "logs", "lake/cf_logs", "--now", super::NOW], 1)
    }

    /// What a command prints as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("not JSON: {}\n{}", ran.stdout, ran.stderr))
    }

    /// The path of an object of the state.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.path("lake/cf_logs.lakefront").join(name)
    }

    /// The objects of the state whose names begin so, and their bytes.
    pub(crate) fn states(&self, prefixes: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let files = self.files("lake/cf_logs.lakefront").into_iter();
        let wanted = files.filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        wanted.map(|(name, path)| (name, fs::read(path).unwrap())).collect()
    }

    /// Changes a JSON object of the state.
    pub(crate) fn doctor(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let path = self.state(name);
        let mut value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut value);
        // A name is made by a link, so that a file may have another name: it gets a new one.
        fs::remove_file(&path).unwrap();
        fs::write(path, value.to_string()).unwrap();
    }

    /// Makes a complete epoch look as if its run had been killed before these tasks were committed.
    pub(crate) fn reopen(&self, epoch: u64, tasks: &[u32]) {
        let epoch = format!("{epoch:010}");
        fs::remove_file(self.state(&format!("closed/{epoch}.json"))).unwrap();
        for name in self.states(&["seen/"]).into_keys().filter(|name| name.ends_with(&epoch)) {
            fs::remove_file(self.state(&name)).unwrap();
        }
        for task in tasks {
            fs::remove_file(self.state(&format!("commit/{epoch}/{task:05}.json"))).unwrap();
        }
        // On disk a lock tells that the run is dead.
        if is_in_buckets() {
            self.doctor(&format!("lease/{epoch}.json"), |lease| lease["released"] = true.into());
        }
    }
}
