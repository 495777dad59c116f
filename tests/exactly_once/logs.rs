//! Log objects as real files, and a model of the contents of every version. The tests generate the text, so they know
//! its rows without parsing it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use lakefront_operations::{Identity, Source};
use tempfile::TempDir;

use crate::random::Random;

/// Table schema of all these tests: rows show their object and line, and no column needs the user agent.
pub(crate) const SCHEMA: &str = r#"
name = "exactly_once"
description = "Rows that can be identified"

[[column]]
name = "logdate"
type = "date"
derive = "date"

[[column]]
name = "logtime"
type = "string"
derive = "time"

[[column]]
name = "requestip"
type = "string"
field = "c-ip"

[[column]]
name = "uri"
type = "string"
field = "cs-uri-stem"

[[column]]
name = "filename"
type = "string"
derive = "filename"

[[column]]
name = "line"
type = "bigint"
derive = "line"
"#;

/// Text of a cell that no column reads, in every good row. It must not be in any output.
pub(crate) const SECRET: &str = "session=planted-secret-3141592653";

/// First hour of most simulations: 2024-05-17T00, in hours since 1970.
pub(crate) const FIRST_HOUR: i64 = 476_640;

/// A row as it must be in the table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) filename: String,
    pub(crate) line: i64,
    pub(crate) partition: String,
    /// Days since 1970.
    pub(crate) date: i32,
    pub(crate) time: String,
    pub(crate) ip: String,
    pub(crate) uri: String,
}

/// One version of a log object.
#[derive(Debug)]
pub(crate) struct LogObject {
    /// Name below the source.
    pub(crate) name: String,
    /// Hour in the name.
    pub(crate) hour: i64,
    /// Whether the object is truncated. None of its rows may be in the table.
    pub(crate) is_damaged: bool,
    pub(crate) lines: u64,
    pub(crate) rows: Vec<Row>,
    /// Rejected lines, with the reason.
    pub(crate) rejects: Vec<(u64, &'static str)>,
    pub(crate) comments: u64,
    pub(crate) blanks: u64,
    modified_ns: u64,
    bytes: Vec<u8>,
}

impl LogObject {
    /// Returns version `revision` of an object. Odd numbers are gzip. Numbers that end in 3 are damaged in revision 0.
    /// Numbers that end in 5 have no good row, and fail if they have rejects.
    pub(crate) fn make(seed: u64, number: u64, hour: i64, revision: u64) -> Arc<Self> {
        Self::with_comments(seed, number, hour, revision, 0)
    }

    /// Like [`Self::make`], with `comments_mib` MiB of comments between the rows.
    pub(crate) fn with_comments(seed: u64, number: u64, hour: i64, revision: u64, comments_mib: usize) -> Arc<Self> {
        let is_gzip = number % 2 == 1;
        let time = hour_text(hour);
        let extension = if is_gzip { "gz" } else { "log" };
        let name = format!("E{}EXAMPLE.{}.{number:08x}.{extension}", number % 3, time.replace('T', "-"));
        let mut object = Self {
            name,
            hour,
            is_damaged: number % 10 == 3 && revision == 0,
            lines: 0,
            rows: Vec::new(),
            rejects: Vec::new(),
            comments: 0,
            blanks: 0,
            modified_ns: 1_700_000_000_000_000_000 + (number * 1_000 + revision) * 1_000_000,
            bytes: Vec::new(),
        };
        let mut random = Random::new(seed ^ (number << 20) ^ (revision << 50));
        let mut text = object.write_lines(&mut random, number, revision);
        if comments_mib > 0 {
            object.write_comments(&mut text, comments_mib);
            object.lines += 1;
            text += &object.row(&mut random, format!("/object{number}/revision{revision}/last"));
        }
        object.bytes = if is_gzip { gzip(&text) } else { text.into_bytes() };
        if object.is_damaged {
            object.bytes.truncate(object.bytes.len() - 6);
        }
        Arc::new(object)
    }

    /// Returns the reason why the object fails, or `None` if it does not.
    pub(crate) fn verdict(&self) -> Option<&'static str> {
        match (self.is_damaged, self.rows.len(), self.rejects.len()) {
            (true, ..) => Some("gzip-truncated"),
            (false, 0, 1..) => Some("all-rows-rejected"),
            (false, ..) => None,
        }
    }

    /// Returns the name of this version in the plan.
    pub(crate) fn version(&self) -> String {
        format!("{}-{}", self.bytes.len(), self.modified_ns)
    }

    fn write_lines(&mut self, random: &mut Random, number: u64, revision: u64) -> String {
        let mut text = String::from("#Version: 1.0\n#Fields: date time c-ip cs-uri-stem cs(Cookie)\n");
        self.lines = 2;
        self.comments = 2;
        let has_rows = number % 10 != 5;
        for index in 0..2 + random.below(4) {
            self.lines += 1;
            let line = match random.below(10) {
                0 => {
                    self.comments += 1;
                    "#Remark\n".to_owned()
                }
                1 => {
                    self.blanks += 1;
                    " \t\n".to_owned()
                }
                2 => self.reject(random),
                _ if !has_rows => self.reject(random),
                _ => self.row(random, format!("/object{number}/revision{revision}/{index}")),
            };
            text.push_str(&line);
        }
        text
    }

    fn write_comments(&mut self, text: &mut String, mib: usize) {
        let comment = format!("#{}\n", "-".repeat((1 << 20) - 2));
        for _ in 0..mib {
            text.push_str(&comment);
            self.lines += 1;
            self.comments += 1;
        }
    }

    fn reject(&mut self, random: &mut Random) -> String {
        let (date, time, reason) = [
            ("2024-02-30", "10:00:00", "bad-date"),
            ("2024-05-17", "25:00:00", "bad-time"),
            ("-", "10:00:00", "no-time"),
        ][usize::try_from(random.below(3)).unwrap()];
        self.rejects.push((self.lines, reason));
        format!("{date}\t{time}\t192.0.2.1\t/rejected\t-\n")
    }

    /// Returns the line of a good row. One row in five is of the hour before the one in the object's name.
    fn row(&mut self, random: &mut Random, uri: String) -> String {
        let early = if random.chance(20) { 3600 } else { 0 };
        let second = self.hour * 3600 + i64::try_from(random.below(3600)).unwrap() - early;
        let moment = Timestamp::from_second(second).unwrap().to_string();
        let (date, time) = (&moment[..10], &moment[11..19]);
        let ip = format!("192.0.2.{}", random.below(250));
        let line = format!("{date}\t{time}\t{ip}\t{uri}\t{SECRET}\n");
        self.rows.push(Row {
            filename: self.name.clone(),
            line: i64::try_from(self.lines).unwrap(),
            partition: partition_of_hour(second.div_euclid(3600)),
            date: i32::try_from(second.div_euclid(86_400)).unwrap(),
            time: time.to_owned(),
            ip,
            uri,
        });
        line
    }
}

/// The folder of the logs, and all versions that were ever in it.
#[derive(Debug)]
pub(crate) struct Logs {
    /// Path of the folder, which may change.
    root: Mutex<PathBuf>,
    /// Id of the source, if it has one.
    id: Option<String>,
    /// Whether logs are identified by key or by name.
    pub(crate) identity: Identity,
    /// Objects in the folder, by path below it.
    present: Mutex<BTreeMap<String, Arc<LogObject>>>,
    /// All versions that were ever in the folder, by name and version.
    ever: Mutex<BTreeMap<(String, String), Arc<LogObject>>>,
    _folder: TempDir,
}

impl Logs {
    pub(crate) fn new() -> Self {
        Self::of_source(None)
    }

    /// Returns logs that are identified by name, in any folder.
    pub(crate) fn by_name() -> Self {
        Self { identity: Identity::Name, ..Self::new() }
    }

    /// Returns logs of a source with an id, which stays the same if the folder moves.
    pub(crate) fn with_id(id: &str) -> Self {
        Self::of_source(Some(id.to_owned()))
    }

    fn of_source(id: Option<String>) -> Self {
        let folder = temporary_folder();
        let root = folder.path().canonicalize().unwrap().join("logs");
        fs::create_dir(&root).unwrap();
        let (root, identity) = (Mutex::new(root), Identity::Key);
        Self { root, id, identity, present: Mutex::default(), ever: Mutex::default(), _folder: folder }
    }

    fn root(&self) -> PathBuf {
        self.root.lock().unwrap().clone()
    }

    /// Renames the folder.
    pub(crate) fn move_away(&self, name: &str) {
        let mut root = self.root.lock().unwrap();
        let moved = root.with_file_name(name);
        fs::rename(&*root, &moved).unwrap();
        *root = moved;
    }

    /// Returns the sources of a run.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let source = Source::parse(self.root().to_str().unwrap()).unwrap();
        vec![match &self.id {
            Some(id) => source.with_id(id).unwrap(),
            None => source,
        }]
    }

    /// Replaces the contents of the folder with these versions.
    pub(crate) fn set(&self, objects: &[Arc<LogObject>]) {
        self.set_at(objects.iter().map(|object| (object.name.clone(), Arc::clone(object))).collect());
    }

    /// Like [`Self::set`], at these paths below the folder. Each path ends in the name of its object.
    pub(crate) fn set_at(&self, wanted: BTreeMap<String, Arc<LogObject>>) {
        let mut present = self.present.lock().unwrap();
        for path in present.keys().filter(|path| !wanted.contains_key(*path)) {
            fs::remove_file(self.root().join(path)).unwrap();
        }
        for (path, object) in &wanted {
            if present.get(path).is_none_or(|old| old.version() != object.version()) {
                self.write(path, object);
            }
        }
        *present = wanted;
    }

    /// Returns the objects in the folder, by path.
    pub(crate) fn present_at(&self) -> BTreeMap<String, Arc<LogObject>> {
        self.present.lock().unwrap().clone()
    }

    /// Adds versions to the folder.
    pub(crate) fn add(&self, objects: &[Arc<LogObject>]) {
        let mut all = self.present();
        all.extend(objects.iter().map(Arc::clone));
        self.set(&all);
    }

    /// Returns the objects in the folder, by name.
    pub(crate) fn present(&self) -> Vec<Arc<LogObject>> {
        self.present.lock().unwrap().values().map(Arc::clone).collect()
    }

    /// Returns this version of the object, if it was ever in the folder.
    pub(crate) fn version(&self, source: &str, key: &str, version: &str) -> Option<Arc<LogObject>> {
        let name = self.path_below(source, key)?;
        let name = if self.identity == Identity::Name { last_segment(&name) } else { &name };
        self.ever.lock().unwrap().get(&(name.to_owned(), version.to_owned())).map(Arc::clone)
    }

    /// Returns the rows of this version, read from this key.
    pub(crate) fn rows(&self, source: &str, key: &str, version: &str) -> Vec<Row> {
        let Some(object) = self.version(source, key, version) else { return Vec::new() };
        let filename = self.path_below(source, key).unwrap();
        object.rows.iter().map(|row| Row { filename: filename.clone(), ..row.clone() }).collect()
    }

    fn path_below(&self, source: &str, key: &str) -> Option<String> {
        if source != self.id.as_deref().unwrap_or("file://") {
            return None;
        }
        if self.id.is_some() {
            return Some(key.to_owned());
        }
        Some(Path::new(key).strip_prefix(self.root()).ok()?.to_str()?.to_owned())
    }

    /// Returns the identity of a log: source and key, or only its name.
    pub(crate) fn identity_of<'k>(&self, source: &'k str, key: &'k str) -> (&'k str, &'k str) {
        if self.identity == Identity::Name { ("", last_segment(key)) } else { (source, key) }
    }

    /// Returns the part of a version that distinguishes it from other versions.
    pub(crate) fn version_of<'v>(&self, version: &'v str) -> &'v str {
        if self.identity == Identity::Name { size_of(version) } else { version }
    }

    /// Returns the key of an object.
    pub(crate) fn key(&self, object: &LogObject) -> String {
        if self.id.is_some() {
            object.name.clone()
        } else {
            self.root().join(&object.name).to_str().unwrap().to_owned()
        }
    }

    fn write(&self, path: &str, object: &Arc<LogObject>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &object.bytes).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_nanos(object.modified_ns);
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        self.ever.lock().unwrap().insert((object.name.clone(), object.version()), Arc::clone(object));
    }
}

/// Returns the text after the last slash.
fn last_segment(key: &str) -> &str {
    key.rsplit('/').next().unwrap()
}

/// Returns the size in a version.
pub(crate) fn size_of(version: &str) -> &str {
    version.split('-').next().unwrap()
}

/// Creates a temporary folder, in memory if the machine has `/dev/shm`.
pub(crate) fn temporary_folder() -> TempDir {
    let shared_memory = Path::new("/dev/shm");
    let folder = if shared_memory.is_dir() { tempfile::tempdir_in(shared_memory) } else { tempfile::tempdir() };
    folder.or_else(|_| tempfile::tempdir()).unwrap()
}

/// Formats an hour as `2024-05-17T10`.
pub(crate) fn hour_text(hour: i64) -> String {
    Timestamp::from_second(hour * 3600).unwrap().to_string()[..13].to_owned()
}

/// Returns the partition folder of an hour.
pub(crate) fn partition_of_hour(hour: i64) -> String {
    let text = hour_text(hour);
    format!("year={}/month={}/day={}/hour={}", &text[..4], &text[5..7], &text[8..10], &text[11..13])
}

/// Compresses text to one gzip member.
pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}
