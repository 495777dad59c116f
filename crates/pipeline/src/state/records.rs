//! The records of a state. They are written compactly, with keys in the order of the fields: same content, same bytes.
//!
//! All records of an epoch have the format of its log record, so that an epoch that an earlier version began is
//! finished or regenerated as that version would have done it. Keys that only sealed records have are left out of the
//! others.

use serde::{Deserialize, Serialize};

use super::seal::Record;
use crate::Identity;

/// The format of a record without a checksum whose words and keys every version knows.
pub(crate) const FORMAT: u32 = 1;
/// The format of a record without a checksum, but with a word or key that versions of format 1 do not know and must not
/// ignore: the outcome `unreadable`, several lists of field names, or that logs are known by their names.
pub(crate) const FORMAT_OF_NEW_WORDS: u32 = 2;
/// The format of a record with a checksum, which names what it builds on. It is the newest one.
pub(crate) const FORMAT_SEALED: u32 = 3;

/// `table.json`: what the table is, from its first day on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableRecord {
    pub(crate) format: u32,
    pub(crate) created: String,
    pub(crate) partition_columns: Vec<String>,
    pub(crate) single_writer: bool,
    /// What makes a log the same one when it is listed again.
    #[serde(default, skip_serializing_if = "Identity::is_key")]
    pub(crate) identity: Identity,
    /// A text that no other table has. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<String>,
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
pub(crate) struct LogRecord {
    pub(crate) format: u32,
    pub(crate) kind: Kind,
    pub(crate) epoch: u64,
    /// Whoever finds its own nonce here made the decision.
    pub(crate) nonce: String,
    pub(crate) plan: Digest,
    pub(crate) tasks: u64,
    pub(crate) inputs: u64,
    pub(crate) input_bytes: u64,
    /// Whether its inputs failed before and are tried once more as they are.
    pub(crate) retry: bool,
    /// The clock of the run that planned it.
    pub(crate) now: String,
    /// The program's version.
    pub(crate) program: String,
    /// What the bytes of data files depend on besides the inputs, as a fingerprint.
    pub(crate) layout: String,
    /// The source days of its inputs.
    pub(crate) days: Vec<String>,
    pub(crate) settings: SettingsRecord,
    /// What the run that planned it left for later.
    pub(crate) waiting: Waiting,
    /// By which identity each source is read from this epoch on, the one that was read last at the end. None in the records
    /// of earlier versions, and where logs are known by their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sources: Option<Vec<SourceRecord>>,
    /// Whether what it saw is kept with sizes; not so in the epochs of earlier versions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) seen_sizes: bool,
    /// The digest of `table.json`. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) table: Option<String>,
    /// The digest of the epoch before, as it was closed; `None` for the first epoch. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) closed: Option<String>,
}

impl Record for LogRecord {
    fn format(&self) -> u32 {
        self.format
    }

    fn has_links(&self, is_sealed: bool) -> bool {
        self.table.is_some() == is_sealed && self.closed.is_some() == (is_sealed && self.epoch > 1)
    }
}

/// A record of an epoch that is written for its log record.
pub(crate) trait OfEpoch: Record {
    /// Returns the digest of the log record; `None` in a record that is not sealed.
    fn log(&self) -> Option<&str>;
}

/// Returns the format of an epoch's record with these outcomes.
pub(crate) fn format_in(log: &LogRecord, words: impl Iterator<Item = OutcomeWord>) -> u32 {
    if log.is_sealed() { log.format } else { OutcomeWord::format_of(words) }
}

/// A place where logs are read from, and by which identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceRecord {
    /// A `file://` URL, or the bucket's URL with the prefix.
    pub(crate) location: String,
    /// The name of a source that is a single file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// Its `--source-id`; none: logs are known by where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
}

/// The kinds of decision that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Plan,
}

/// An object of the state, pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Digest {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// Settings that data files depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsRecord {
    /// The table schema, as TOML.
    pub(crate) schema: String,
    pub(crate) compression: String,
    pub(crate) max_file_bytes: u64,
    /// Names for logs without a header.
    pub(crate) fields: Option<FieldsRecord>,
    pub(crate) text_bytes: u64,
    pub(crate) ratio: u64,
}

/// Lists of field names, blanks between names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum FieldsRecord {
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
pub(crate) struct LeaseRecord {
    pub(crate) format: u32,
    pub(crate) nonce: String,
    pub(crate) host: String,
    pub(crate) pid: u32,
    /// Whether its holder stopped and said so.
    pub(crate) released: bool,
}

/// `gone/E/T.json`: inputs that are not what was planned any more. Whoever works on the task goes by this list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoneRecord {
    pub(crate) format: u32,
    pub(crate) epoch: u64,
    pub(crate) task: u32,
    pub(crate) inputs: Vec<GoneInput>,
    /// The digest of the epoch's log record. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoneInput {
    /// Its place in the task.
    pub(crate) input: usize,
    pub(crate) how: OutcomeWord,
}

/// What became of an input, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutcomeWord {
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
    pub(crate) fn is_final(self) -> bool {
        match self {
            Self::Converted | Self::Empty | Self::Failed | Self::Changed => true,
            Self::Gone | Self::Replaced | Self::Unreadable => false,
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
    pub(crate) fn format_of(words: impl Iterator<Item = Self>) -> u32 {
        words.map(Self::format).max().unwrap_or(FORMAT)
    }
}

/// `commit/E/T.json`: what a task gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommitRecord {
    pub(crate) format: u32,
    pub(crate) epoch: u64,
    pub(crate) task: u32,
    pub(crate) files: Vec<FileRecord>,
    pub(crate) quarantine: Option<QuarantineRecord>,
    /// One for each input of the task, in the plan's order.
    pub(crate) inputs: Vec<InputOutcome>,
    /// The digest of the epoch's log record. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<String>,
}

/// A data file, its name below the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileRecord {
    pub(crate) path: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl FileRecord {
    /// The partition's folder.
    pub(crate) fn partition(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuarantineRecord {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// What became of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum InputOutcome {
    Converted { lines: u64, rows: u64, rejects: u64, comments: u64, blanks: u64 },
    Failed { reason: String },
    // With braces: serde accepts unknown keys beside a variant without them.
    Gone {},
    Replaced {},
    Changed {},
    Unreadable {},
}

impl InputOutcome {
    pub(crate) fn word(&self) -> OutcomeWord {
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
    pub(crate) fn has_only_rejects(&self) -> bool {
        matches!(self, Self::Converted { rows: 0, rejects: 1.., .. })
    }

    pub(crate) fn rejects(&self) -> u64 {
        if let Self::Converted { rejects, .. } = self { *rejects } else { 0 }
    }
}

/// `closed/E.json`: an epoch is complete, and this is what it gave. A function of log, plan, commits and the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClosedRecord {
    pub(crate) format: u32,
    pub(crate) epoch: u64,
    pub(crate) nonce: String,
    pub(crate) tasks: u64,
    pub(crate) files: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) rejects: u64,
    pub(crate) inputs: OutcomeCounts,
    pub(crate) partitions: Vec<PartitionRecord>,
    pub(crate) seen: SeenDigest,
    /// Of this epoch and all before.
    pub(crate) total: Totals,
    /// The digest of the epoch's log record. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<String>,
    /// The digest of the epoch before, as it was closed; `None` for the first epoch. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<String>,
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
pub(crate) struct Totals {
    pub(crate) files: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, other: Self) {
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(crate) fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl OutcomeCounts {
    pub(crate) fn add(&mut self, word: OutcomeWord) {
        *match word {
            OutcomeWord::Converted | OutcomeWord::Empty => &mut self.converted,
            OutcomeWord::Failed => &mut self.failed,
            OutcomeWord::Gone => &mut self.gone,
            OutcomeWord::Replaced => &mut self.replaced,
            OutcomeWord::Changed => &mut self.changed,
            OutcomeWord::Unreadable => &mut self.unreadable,
        } += 1;
    }

    pub(crate) fn add_all(&mut self, other: Self) {
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
pub(crate) struct PartitionRecord {
    /// Its folder below the table.
    pub(crate) path: String,
    pub(crate) files: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// Which `seen` objects there are, up to an epoch: whoever lists them can tell whether one is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeenDigest {
    /// The days of this epoch.
    pub(crate) days: Vec<String>,
    /// How many objects, of this epoch and all before.
    pub(crate) objects: u64,
    /// Taken from the digest before, the epoch and its days.
    pub(crate) digest: String,
    /// The digest over the bytes of this epoch's `seen` objects, in the order of days. Only in sealed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) contents: Option<String>,
}
