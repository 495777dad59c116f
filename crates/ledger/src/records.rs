//! The records of a state. They are written compactly, with keys in the order of the fields: same content, same bytes.
//!
//! All records of an epoch have the format of its log record, so that an epoch that an earlier version began is
//! finished or regenerated as that version would have done it. Keys that only sealed records have are left out of the
//! others.

use serde::{Deserialize, Serialize};

use crate::{
    Identity,
    seal::{FORMAT, FORMAT_OF_NEW_WORDS, Record, Stored},
};

/// `table.json`: what the table is, from its first day on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRecord {
    /// Its format.
    pub format: u32,
    /// When the first run created it.
    pub created: String,
    /// Its partition columns, coarsest first.
    pub partition_columns: Vec<String>,
    /// Whether nothing but one run at a time may write to it.
    pub single_writer: bool,
    /// What makes a log the same one when it is listed again.
    #[serde(default, skip_serializing_if = "Identity::is_key")]
    pub identity: Identity,
    /// A text that no other table has. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

impl Record for TableRecord {
    fn format(&self) -> u32 {
        self.format
    }

    fn has_links(&self, is_sealed: bool) -> bool {
        self.nonce.is_some() == is_sealed
    }
}

/// `log/E.json`: the decision that an epoch is, and what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogRecord {
    /// Its format.
    pub format: u32,
    /// The kind of decision.
    pub kind: Kind,
    /// The epoch.
    pub epoch: u64,
    /// Whoever finds its own nonce here made the decision.
    pub nonce: String,
    /// Its plan.
    pub plan: Digest,
    /// Number of tasks.
    pub tasks: u64,
    /// Number of inputs.
    pub inputs: u64,
    /// Compressed bytes of the inputs.
    pub input_bytes: u64,
    /// Whether its inputs failed before and are tried once more as they are.
    pub retry: bool,
    /// The clock of the run that planned it.
    pub now: String,
    /// The program's version.
    pub program: String,
    /// What the bytes of data files depend on besides the inputs, as a fingerprint.
    pub layout: String,
    /// The source days of its inputs.
    pub days: Vec<String>,
    /// Settings that its data files depend on.
    pub settings: SettingsRecord,
    /// What the run that planned it left for later.
    pub waiting: Waiting,
    /// By which identity each source is read from this epoch on, the one that was read last at the end. None in the records
    /// of earlier versions, and where logs are known by their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<SourceRecord>>,
    /// Whether what it saw is kept with sizes; not so in the epochs of earlier versions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub seen_sizes: bool,
    /// The digest of `table.json`. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The digest of the epoch before, as it was closed; `None` for the first epoch. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
}

impl Record for LogRecord {
    fn format(&self) -> u32 {
        self.format
    }

    fn has_links(&self, is_sealed: bool) -> bool {
        self.table.is_some() == is_sealed && self.closed.is_some() == (is_sealed && self.epoch > 1)
    }
}

impl Stored<LogRecord> {
    /// Returns the digest by which the records of its epoch name it; `None` if they have no checksums.
    pub fn digest_in_epoch(&self) -> Option<&str> {
        self.is_sealed().then(|| self.sha256())
    }
}

/// A record of an epoch that is written for its log record.
pub trait OfEpoch: Record {
    /// Returns the digest of the log record; `None` in a record that is not sealed.
    fn log(&self) -> Option<&str>;
}

/// Returns the format of an epoch's record with these outcomes.
pub fn format_in(log: &LogRecord, words: impl Iterator<Item = OutcomeWord>) -> u32 {
    if log.is_sealed() { log.format } else { OutcomeWord::format_of(words) }
}

/// A place where logs are read from, and by which identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRecord {
    /// A `file://` URL, or the bucket's URL with the prefix.
    pub location: String,
    /// The name of a source that is a single file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its `--source-id`; none: logs are known by where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// The kinds of decision that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A plan is the next epoch.
    Plan,
}

/// An object of the state, pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// Settings that data files depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsRecord {
    /// The table schema, as TOML.
    pub schema: String,
    /// How pages are compressed.
    pub compression: String,
    /// Largest size of a data file in bytes.
    pub max_file_bytes: u64,
    /// Names for logs without a header.
    pub fields: Option<FieldsRecord>,
    /// Largest number of bytes of text of an object.
    pub text_bytes: u64,
    /// Largest number of bytes of text for each byte of an object.
    pub ratio: u64,
}

/// Lists of field names, blanks between names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldsRecord {
    /// A single list, the only form in format 1.
    One(String),
    /// Several lists, which differ in length. Not in format 1.
    Several(Vec<String>),
}

/// Objects whose hour has not settled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// How many.
    pub objects: u64,
    /// Their compressed bytes.
    pub bytes: u64,
    /// The earliest of their hours, as `2024-05-17T10`.
    pub first_hour: Option<String>,
}

/// `lease/E.json`: who works on an open epoch. Its age is the store's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRecord {
    /// Its format, [`FORMAT`].
    pub format: u32,
    /// The nonce of the epoch's log record.
    pub nonce: String,
    /// The machine.
    pub host: String,
    /// The process on it.
    pub pid: u32,
    /// Whether its holder stopped and said so.
    pub released: bool,
}

/// `gone/E/T.json`: inputs that are not what was planned any more. Whoever works on the task goes by this list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoneRecord {
    /// Its format.
    pub format: u32,
    /// The epoch.
    pub epoch: u64,
    /// The task.
    pub task: u32,
    /// The lost inputs, in the order of the task.
    pub inputs: Vec<GoneInput>,
    /// The digest of the epoch's log record. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// A lost input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoneInput {
    /// Its place in the task.
    pub input: usize,
    /// Why it is lost.
    pub how: OutcomeWord,
}

/// What became of an input, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeWord {
    /// Its rows are in the table.
    Converted,
    /// Converted, and there was nothing in it: neither rows nor rejects. Another version of it is new.
    Empty,
    /// Judged bad by its bytes: no row of it is.
    Failed,
    /// Vanished after it was planned: not converted.
    Gone,
    /// Had another version than planned when it was read: not converted.
    Replaced,
    /// Converted before in another version, and left as it is.
    Changed,
    /// The store refused to give it to us, though it gave others: not converted. Format 2.
    Unreadable,
}

impl OutcomeWord {
    /// Returns whether the same version of the object is left alone from now on.
    pub fn is_final(self) -> bool {
        match self {
            Self::Converted | Self::Empty | Self::Failed | Self::Changed => true,
            Self::Gone | Self::Replaced | Self::Unreadable => false,
        }
    }

    /// Returns whether the object was not read as it was planned.
    pub fn is_lost(self) -> bool {
        match self {
            Self::Gone | Self::Replaced | Self::Unreadable => true,
            Self::Converted | Self::Empty | Self::Failed | Self::Changed => false,
        }
    }

    /// Returns the format of a record that uses this word.
    fn format(self) -> u32 {
        match self {
            Self::Converted | Self::Empty | Self::Failed | Self::Gone | Self::Replaced | Self::Changed => FORMAT,
            Self::Unreadable => FORMAT_OF_NEW_WORDS,
        }
    }

    /// Returns the format of a record that uses these words.
    pub fn format_of(words: impl Iterator<Item = Self>) -> u32 {
        words.map(Self::format).max().unwrap_or(FORMAT)
    }
}

/// `commit/E/T.json`: what a task gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitRecord {
    /// Its format.
    pub format: u32,
    /// The epoch.
    pub epoch: u64,
    /// The task.
    pub task: u32,
    /// The data files of the task.
    pub files: Vec<FileRecord>,
    /// Its quarantine, if there is one.
    pub quarantine: Option<QuarantineRecord>,
    /// One for each input of the task, in the plan's order.
    pub inputs: Vec<InputOutcome>,
    /// The digest of the epoch's log record. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// A data file, its name below the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// Its name below the table.
    pub path: String,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

impl FileRecord {
    /// The partition's folder.
    pub fn partition(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// The quarantine of a task: rejected rows and failed objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuarantineRecord {
    /// Number of entries.
    pub entries: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// What became of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase", deny_unknown_fields)]
pub enum InputOutcome {
    /// It was read to its end, and its rows are in the table.
    Converted {
        /// Number of lines.
        lines: u64,
        /// Number of rows.
        rows: u64,
        /// Number of rejected lines.
        rejects: u64,
        /// Number of lines that begin with `#`.
        comments: u64,
        /// Number of blank lines.
        blanks: u64,
    },
    /// It was judged bad.
    Failed {
        /// The reason in a word.
        reason: String,
    },
    // With braces: serde accepts unknown keys beside a variant without them.
    /// It vanished after it was planned.
    Gone {},
    /// It had another version than planned.
    Replaced {},
    /// It was converted before in another version.
    Changed {},
    /// The store refused to give it to us.
    Unreadable {},
}

impl InputOutcome {
    /// Returns the outcome in a word.
    pub fn word(&self) -> OutcomeWord {
        match self {
            // What was half-written when it was read holds nothing yet: its rows are not to be lost for it.
            Self::Converted { rows: 0, rejects: 0, .. } => OutcomeWord::Empty,
            Self::Converted { .. } => OutcomeWord::Converted,
            Self::Failed { .. } => OutcomeWord::Failed,
            Self::Gone {} => OutcomeWord::Gone,
            Self::Replaced {} => OutcomeWord::Replaced,
            Self::Changed {} => OutcomeWord::Changed,
            Self::Unreadable {} => OutcomeWord::Unreadable,
        }
    }

    /// Whether it counts as converted though every row was rejected, as in records of earlier versions: now it fails.
    pub fn has_only_rejects(&self) -> bool {
        matches!(self, Self::Converted { rows: 0, rejects: 1.., .. })
    }

    /// Returns the number of its rejected lines.
    pub fn rejects(&self) -> u64 {
        if let Self::Converted { rejects, .. } = self { *rejects } else { 0 }
    }
}

/// `closed/E.json`: an epoch is complete, and this is what it gave. A function of log, plan, commits and the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedRecord {
    /// Its format.
    pub format: u32,
    /// The epoch.
    pub epoch: u64,
    /// The nonce of the epoch's log record.
    pub nonce: String,
    /// Number of tasks.
    pub tasks: u64,
    /// Number of data files.
    pub files: u64,
    /// Number of rows.
    pub rows: u64,
    /// Size of the data files in bytes.
    pub bytes: u64,
    /// Number of rejected lines.
    pub rejects: u64,
    /// Number of inputs by outcome.
    pub inputs: OutcomeCounts,
    /// Partitions that got data files.
    pub partitions: Vec<PartitionRecord>,
    /// The `seen` objects so far.
    pub seen: SeenDigest,
    /// Of this epoch and all before.
    pub total: Totals,
    /// The digest of the epoch's log record. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// The digest of the epoch before, as it was closed; `None` for the first epoch. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

impl Record for ClosedRecord {
    fn format(&self) -> u32 {
        self.format
    }

    fn has_links(&self, is_sealed: bool) -> bool {
        let has_digests = self.log.is_some() == is_sealed && self.seen.contents.is_some() == is_sealed;
        has_digests && self.before.is_some() == (is_sealed && self.epoch > 1)
    }
}

impl OfEpoch for ClosedRecord {
    fn log(&self) -> Option<&str> {
        self.log.as_deref()
    }
}

/// Records of tasks build only on the log record.
macro_rules! of_task {
    ($record:ty) => {
        impl Record for $record {
            fn format(&self) -> u32 {
                self.format
            }

            fn has_links(&self, is_sealed: bool) -> bool {
                self.log.is_some() == is_sealed
            }
        }

        impl OfEpoch for $record {
            fn log(&self) -> Option<&str> {
                self.log.as_deref()
            }
        }
    };
}

of_task!(GoneRecord);
of_task!(CommitRecord);

/// What is in the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Number of data files.
    pub files: u64,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
}

impl Totals {
    /// Adds other totals.
    pub fn add(&mut self, other: Self) {
        self.files += other.files;
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}

/// Inputs by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeCounts {
    /// Their rows are in the table.
    pub converted: u64,
    /// Judged bad.
    pub failed: u64,
    /// Vanished between plan and read.
    pub gone: u64,
    /// Had another version when they were read.
    pub replaced: u64,
    /// Converted before in another version.
    pub changed: u64,
    /// Could not be read, though others could. The key is left out where there is none, so that records without the word stay
    /// those of format 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable: u64,
}

/// Returns whether a count is zero, so that its key is left out.
pub fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl OutcomeCounts {
    /// Counts an input.
    pub fn add(&mut self, word: OutcomeWord) {
        *match word {
            OutcomeWord::Converted | OutcomeWord::Empty => &mut self.converted,
            OutcomeWord::Failed => &mut self.failed,
            OutcomeWord::Gone => &mut self.gone,
            OutcomeWord::Replaced => &mut self.replaced,
            OutcomeWord::Changed => &mut self.changed,
            OutcomeWord::Unreadable => &mut self.unreadable,
        } += 1;
    }

    /// Adds other counts.
    pub fn add_all(&mut self, other: Self) {
        self.converted += other.converted;
        self.failed += other.failed;
        self.gone += other.gone;
        self.replaced += other.replaced;
        self.changed += other.changed;
        self.unreadable += other.unreadable;
    }
}

/// What an epoch put into a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionRecord {
    /// Its folder below the table.
    pub path: String,
    /// Number of data files.
    pub files: u64,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
}

/// Which `seen` objects there are, up to an epoch: whoever lists them can tell whether one is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenDigest {
    /// The days of this epoch.
    pub days: Vec<String>,
    /// How many objects, of this epoch and all before.
    pub objects: u64,
    /// Taken from the digest before, the epoch and its days.
    pub digest: String,
    /// The digest over the bytes of this epoch's `seen` objects, in the order of days. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<String>,
}
