//! Reads and edits a table's state, and takes snapshots of folders.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use flate2::read::GzDecoder;
use serde_json::Value;

use super::{RunOutput, TestFolder, fixture, gzip, is_in_buckets, log};
use crate::seals::{sealed, sha256, without_checksums};

/// Flags of a table with few columns, which is fast to write.
pub(crate) const LEAN: [&str; 2] = ["--schema", concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/e2e/lean.toml")];

/// All files and folders below a folder: modification times and contents.
pub(crate) type Snapshot = BTreeMap<PathBuf, (SystemTime, Vec<u8>)>;

impl TestFolder {
    /// Creates a table of one epoch with two tasks of one row each, of the days 17 and 18.
    pub(crate) fn of_two_tasks() -> Self {
        let folder = Self::new();
        for day in [17, 18] {
            folder
                .add(&format!("E1EXAMPLE.2024-05-{day}-09.a"), log("date time", &[&format!("2024-05-{day} 09:00:00")]));
        }
        assert_eq!(folder.converts(&LEAN)["tasks"], 2);
        folder
    }

    /// Creates a table of `/srv/logs` as an earlier version left it, and its logs, from a folder of
    /// `tests/fixtures/tables`.
    pub(crate) fn of_earlier_version(name: &str) -> Self {
        let folder = Self::new();
        for (from, to) in
            [("cf_logs", "lake/cf_logs"), ("cf_logs.lakefront", "lake/cf_logs.lakefront"), ("logs", "logs")]
        {
            let from = fixture("tables").join(name).join(from);
            for name in names_below(&from) {
                folder.write(&format!("{to}/{name}"), fs::read(from.join(&name)).unwrap());
            }
        }
        folder
    }

    /// Returns everything below a folder. Equal snapshots mean that nothing was written in between, not even a file
    /// that was removed again.
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

    /// Runs a command, and asserts its exit status and that it writes nothing below `lake`.
    pub(crate) fn writes_nothing(&self, args: &[&str], status: i32) -> RunOutput {
        let before = self.snapshot("lake");
        let ran = self.run(args).exits(status);
        let after = self.snapshot("lake");
        let changed: Vec<&PathBuf> =
            after.iter().filter(|(path, is)| before.get(*path) != Some(*is)).map(|(path, _)| path).collect();
        assert!(before.len() == after.len() && changed.is_empty(), "{args:?} wrote: {changed:?}\n{}", ran.stderr);
        ran
    }

    /// Converts, and asserts exit status 1 and that nothing is written.
    pub(crate) fn refuses(&self) -> RunOutput {
        self.writes_nothing(&["convert", "logs", "lake/cf_logs", "--now", super::NOW], 1)
    }

    /// Returns the JSON output of a command.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("not JSON: {}\n{}", ran.stdout, ran.stderr))
    }

    /// Returns the path of an object of the state.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.path("lake/cf_logs.lakefront").join(name)
    }

    /// Returns the objects of the state whose names have one of these prefixes.
    pub(crate) fn states(&self, prefixes: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let files = self.files("lake/cf_logs.lakefront").into_iter();
        let wanted = files.filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        wanted.map(|(name, path)| (name, fs::read(path).unwrap())).collect()
    }

    /// Edits a JSON object of the state consistently: updates its checksum, and the digest of a log record in the
    /// objects that contain it.
    pub(crate) fn edit_record(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let before = fs::read(self.state(name)).unwrap();
        let mut value: Value = serde_json::from_slice(&before).unwrap();
        change(&mut value);
        let is_sealed = value.as_object_mut().unwrap().remove("checksum").is_some();
        let text = value.to_string();
        let text = if is_sealed { sealed(&text) } else { text };
        self.replace(name, text.as_bytes());
        if !name.starts_with("log/") || !is_sealed {
            return;
        }
        let of_epoch = |state: &str| state.contains(&name[4..14]) && !state.starts_with("plan/");
        let mut digests = vec![(sha256(&before), sha256(text.as_bytes()))];
        for (state, bytes) in self.states(&["commit/", "gone/", "seen/", "quarantine/"]) {
            assert!(!state.starts_with("quarantine/"), "it names the log record in its header");
            if of_epoch(&state) {
                let changed = with_digests(&bytes, &digests[..1]);
                digests.push((sha256(&bytes), sha256(&changed)));
                self.replace(&state, &changed);
            }
        }
        let seen = |of: fn(&(String, String)) -> &str, names: &BTreeMap<String, Vec<u8>>| {
            let digests: Vec<&str> = names
                .values()
                .filter_map(|bytes| digests.iter().find(|(_, now)| *now == sha256(bytes)).map(of))
                .collect();
            sha256(digests.join(",").as_bytes())
        };
        let names: BTreeMap<_, _> = self.states(&["seen/"]).into_iter().filter(|(state, _)| of_epoch(state)).collect();
        let contents = (seen(|(was, _)| was, &names), seen(|(_, now)| now, &names));
        digests.push(contents);
        for (state, bytes) in self.states(&["closed/"]).into_iter().filter(|(state, _)| of_epoch(state)) {
            self.replace(&state, &with_digests(&bytes, &digests));
        }
    }

    /// Converts the state to that of a version without checksums.
    pub(crate) fn remove_checksums(&self) {
        let state = self.states(&[""]);
        let table =
            self.files("lake/cf_logs").into_iter().map(|(name, path)| (name, fs::read(path).unwrap())).collect();
        for (name, bytes) in without_checksums(&state, &table, |_| true) {
            if state[&name] != bytes {
                self.replace(&name, &bytes);
            }
        }
    }

    /// Replaces the bytes of an object of the state.
    fn replace(&self, name: &str, bytes: &[u8]) {
        // The name may be a hard link, so it gets a new file.
        fs::remove_file(self.state(name)).unwrap();
        fs::write(self.state(name), bytes).unwrap();
    }

    /// Undoes parts of a complete epoch, as if its run had been killed before these tasks were committed.
    pub(crate) fn reopen(&self, epoch: u64, tasks: &[u32]) {
        let epoch = format!("{epoch:010}");
        fs::remove_file(self.state(&format!("closed/{epoch}.json"))).unwrap();
        for name in self.states(&["seen/"]).into_keys().filter(|name| name.ends_with(&epoch)) {
            fs::remove_file(self.state(&name)).unwrap();
        }
        for task in tasks {
            fs::remove_file(self.state(&format!("commit/{epoch}/{task:05}.json"))).unwrap();
        }
        // On disk a free lock proves that the run is dead.
        if is_in_buckets() {
            self.edit_record(&format!("lease/{epoch}.json"), |lease| lease["released"] = true.into());
        }
    }
}

/// Returns a record or lines with new digests of the objects that they refer to, and the matching checksum.
fn with_digests(bytes: &[u8], digests: &[(String, String)]) -> Vec<u8> {
    let is_lines = bytes.starts_with(&[0x1f, 0x8b]);
    let mut text = String::new();
    if is_lines {
        GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    } else {
        text.push_str(std::str::from_utf8(bytes).unwrap());
    }
    for (was, now) in digests {
        text = text.replace(was, now);
    }
    let key = if is_lines { "{\"checksum\":\"" } else { ",\"checksum\":\"" };
    let body = &text[..text.rfind(key).unwrap()];
    if is_lines {
        return gzip(format!("{body}{key}{}\"}}\n", sha256(body.as_bytes())));
    }
    sealed(&format!("{body}}}")).into_bytes()
}

fn names_below(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            names.extend(names_below(&path).into_iter().map(|below| format!("{name}/{below}")));
        } else {
            names.push(name.to_owned());
        }
    }
    names
}
