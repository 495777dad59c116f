//! The records of a state. They are written compactly, with keys in the order of the fields: same content, same bytes.
//!
//! All records of an epoch have the format of its log record. So an epoch that an earlier version began is finished or
//! regenerated as that version would have done it. Keys that only sealed records have are left out of other records.

use serde::{Deserialize, Serialize};

use crate::{
    Identity,
    hash::{FileHash, FileHasher},
    seal::{FORMAT, FORMAT_CRC64NVME, FORMAT_OF_NEW_WORDS, Record, Stored},
};

mod data_file;

pub use self::data_file::FileRecord;

/// `table.json`: properties of the table that never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRecord {
    /// Its format.
    pub format: u32,
    /// Time when the first run created it.
    pub created: String,
    /// Its partition columns, coarsest first.
    pub partition_columns: Vec<String>,
    /// Whether only one run at a time may write to it.
    pub single_writer: bool,
    /// Identity of its logs, which decides if a listed log is a known one.
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

/// `log/E.json`: the decision to convert a plan as the next epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogRecord {
    /// Its format.
    pub format: u32,
    /// The kind of decision.
    pub kind: DecisionKind,
    /// The epoch.
    pub epoch: u64,
    /// The nonce of the run that made the decision.
    pub nonce: String,
    /// Its plan.
    pub plan: Digest,
    /// Number of tasks.
    pub tasks: u64,
    /// Number of inputs.
    pub inputs: u64,
    /// Compressed bytes of the inputs.
    pub input_bytes: u64,
    /// Whether its inputs failed before and are tried again as they are now.
    pub retry: bool,
    /// The clock of the run that planned it.
    pub now: String,
    /// The program's version.
    pub program: String,
    /// Fingerprint of everything except the inputs that the bytes of data files depend on.
    pub layout: String,
    /// The source days of its inputs.
    pub days: Vec<String>,
    /// Settings that its data files depend on.
    pub settings: SettingsRecord,
    /// Objects that the run that planned it left for later.
    pub waiting: Waiting,
    /// Identity of each source from this epoch on, the source that was read last at the end. `None` in records of
    /// earlier versions, and if logs are identified by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<SourceRecord>>,
    /// Whether its `seen` objects have sizes; false in epochs of earlier versions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub seen_sizes: bool,
    /// The digest of `table.json`. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The digest of the `closed` record of the epoch before; `None` for the first epoch. Only in sealed records.
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

impl LogRecord {
    /// Returns a hasher for the data files of its epoch.
    pub fn file_hasher(&self) -> FileHasher {
        if self.format >= FORMAT_CRC64NVME { FileHasher::crc64nvme() } else { FileHasher::sha256() }
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

/// Returns the format of a record of an epoch that has these outcomes.
pub fn format_in(log: &LogRecord, words: impl Iterator<Item = OutcomeWord>) -> u32 {
    if log.is_sealed() { log.format } else { OutcomeWord::format_of(words) }
}

/// A source of logs and its identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRecord {
    /// A `file://` URL, or the bucket's URL with the prefix.
    pub location: String,
    /// The name of a source that is a single file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its `--source-id`; `None` if its logs are identified by location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Kind of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecisionKind {
    /// A plan becomes the next epoch.
    Plan,
}

/// Digest of an object of the state.
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
    /// Compression of pages.
    pub compression: String,
    /// Largest size of a data file in bytes.
    pub max_file_bytes: u64,
    /// Field names of logs without a header.
    pub fields: Option<FieldsRecord>,
    /// Largest size of an object's text in bytes.
    pub text_bytes: u64,
    /// Largest number of bytes of text for each byte of an object.
    pub ratio: u64,
    /// Format of all logs; `None` if it is found out for each. Since format 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_format: Option<String>,
    /// Delimiter of all lines without a TAB; `None` if it is found out. Since format 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
}

/// Lists of field names, separated by blanks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldsRecord {
    /// A single list, the only form in format 1.
    One(String),
    /// Several lists, which differ in length. Not in format 1.
    Several(Vec<String>),
}

/// Objects whose hour is not settled yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// Number of objects.
    pub objects: u64,
    /// Their compressed size in bytes.
    pub bytes: u64,
    /// The earliest of their hours, as `2024-05-17T10`.
    pub first_hour: Option<String>,
}

/// `lease/E.json`: the run that works on an open epoch. Its age is measured with the store's clock.
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
    /// Whether its holder has released it.
    pub released: bool,
}

/// `gone/E/T.json`: inputs that are no longer as planned. Every run that works on the task leaves them out.
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
    /// Its index in the task.
    pub input: usize,
    /// The reason.
    pub how: OutcomeWord,
}

/// Outcome of an input, as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeWord {
    /// Its rows are in the table.
    Converted,
    /// It was converted, and had neither rows nor rejects. Another version of it is new.
    Empty,
    /// Its bytes are bad: none of its rows are in the table.
    Failed,
    /// It vanished after it was planned: not converted.
    Gone,
    /// Its version when it was read was not the planned one: not converted.
    Replaced,
    /// It was converted before in another version, and is not read again.
    Changed,
    /// The store refused to return it, but returned others: not converted. Format 2.
    Unreadable,
}

impl OutcomeWord {
    /// Returns whether the same version of the object is never planned again.
    pub fn is_final(self) -> bool {
        match self {
            Self::Converted | Self::Empty | Self::Failed | Self::Changed => true,
            Self::Gone | Self::Replaced | Self::Unreadable => false,
        }
    }

    /// Returns whether the object could not be read as it was planned.
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

/// `commit/E/T.json`: results of a task.
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
    /// Its quarantine, if it has one.
    pub quarantine: Option<QuarantineRecord>,
    /// Outcomes of the task's inputs, in the plan's order.
    pub inputs: Vec<InputOutcome>,
    /// The digest of the epoch's log record. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
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

/// Outcome of an input, with counts.
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
    /// Its bytes are bad.
    Failed {
        /// The reason, as one word.
        reason: String,
    },
    // With braces, because serde accepts unknown keys next to a variant without them.
    /// It vanished after it was planned.
    Gone {},
    /// Its version was not the planned one.
    Replaced {},
    /// It was converted before in another version.
    Changed {},
    /// The store refused to return it.
    Unreadable {},
}

impl InputOutcome {
    /// Returns the outcome as one word.
    pub fn word(&self) -> OutcomeWord {
        match self {
            // It may have been read before it was written completely: the complete version must be new, or its rows are
            // lost.
            Self::Converted { rows: 0, rejects: 0, .. } => OutcomeWord::Empty,
            Self::Converted { .. } => OutcomeWord::Converted,
            Self::Failed { .. } => OutcomeWord::Failed,
            Self::Gone {} => OutcomeWord::Gone,
            Self::Replaced {} => OutcomeWord::Replaced,
            Self::Changed {} => OutcomeWord::Changed,
            Self::Unreadable {} => OutcomeWord::Unreadable,
        }
    }

    /// Returns whether it is recorded as converted although every row was rejected. Only records of earlier versions
    /// have such inputs; now they fail.
    pub fn has_only_rejects(&self) -> bool {
        matches!(self, Self::Converted { rows: 0, rejects: 1.., .. })
    }

    /// Returns the number of its rejected lines.
    pub fn rejects(&self) -> u64 {
        if let Self::Converted { rejects, .. } = self { *rejects } else { 0 }
    }
}

/// `closed/E.json`: results of a complete epoch. A function of log, plan, commits and the record of the epoch before.
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
    /// Digest of the `seen` objects so far.
    pub seen: SeenDigest,
    /// Totals of this epoch and all epochs before.
    pub total: Totals,
    /// The digest of the epoch's log record. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// The digest of the `closed` record of the epoch before; `None` for the first epoch. Only in sealed records.
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

impl Record for GoneRecord {
    fn format(&self) -> u32 {
        self.format
    }

    fn has_links(&self, is_sealed: bool) -> bool {
        self.log.is_some() == is_sealed
    }
}

impl OfEpoch for GoneRecord {
    fn log(&self) -> Option<&str> {
        self.log.as_deref()
    }
}

impl Record for CommitRecord {
    fn format(&self) -> u32 {
        self.format
    }

    fn has_links(&self, is_sealed: bool) -> bool {
        let has_crc = self.format >= FORMAT_CRC64NVME;
        let is_of_format = |file: &FileRecord| matches!(file.hash, FileHash::Crc64Nvme(_)) == has_crc;
        self.log.is_some() == is_sealed && self.files.iter().all(is_of_format)
    }
}

impl OfEpoch for CommitRecord {
    fn log(&self) -> Option<&str> {
        self.log.as_deref()
    }
}

/// Totals over data files.
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
    /// Adds other totals. A forged record may have any numbers.
    pub fn add(&mut self, other: Self) {
        self.files = self.files.saturating_add(other.files);
        self.rows = self.rows.saturating_add(other.rows);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Numbers of inputs by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeCounts {
    /// Inputs whose rows are in the table.
    pub converted: u64,
    /// Inputs whose bytes are bad.
    pub failed: u64,
    /// Inputs that vanished between plan and read.
    pub gone: u64,
    /// Inputs that had another version when they were read.
    pub replaced: u64,
    /// Inputs that were converted before in another version.
    pub changed: u64,
    /// Inputs that could not be read, although others could. The key is left out if the count is zero, so that records
    /// without the word are still of format 1.
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
        let count = match word {
            OutcomeWord::Converted | OutcomeWord::Empty => &mut self.converted,
            OutcomeWord::Failed => &mut self.failed,
            OutcomeWord::Gone => &mut self.gone,
            OutcomeWord::Replaced => &mut self.replaced,
            OutcomeWord::Changed => &mut self.changed,
            OutcomeWord::Unreadable => &mut self.unreadable,
        };
        *count = count.saturating_add(1);
    }

    /// Adds other counts. A forged record may have any numbers.
    pub fn add_all(&mut self, other: Self) {
        self.converted = self.converted.saturating_add(other.converted);
        self.failed = self.failed.saturating_add(other.failed);
        self.gone = self.gone.saturating_add(other.gone);
        self.replaced = self.replaced.saturating_add(other.replaced);
        self.changed = self.changed.saturating_add(other.changed);
        self.unreadable = self.unreadable.saturating_add(other.unreadable);
    }
}

/// Data files that an epoch added to a partition.
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

/// Digest of the `seen` objects up to an epoch: compared with a listing, it shows if one is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenDigest {
    /// The days of this epoch.
    pub days: Vec<String>,
    /// Number of objects of this epoch and all epochs before.
    pub objects: u64,
    /// Digest of the names: a hash of the digest before, the epoch and its days.
    pub digest: String,
    /// Digest of the bytes of this epoch's `seen` objects, in the order of days. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<String>,
}
