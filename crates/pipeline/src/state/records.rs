//! What a state's objects say. Written compactly, keys in the order they stand here: same content, same bytes.

use std::collections::BTreeMap;

use lakefront_storage::Store;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{lines::LinesReader, names};
use crate::{Error, Identity};

/// The format of a record whose words and keys every version knows.
pub(crate) const FORMAT: u32 = 1;
/// The format of a record with a word or key that versions of format 1 do not know and must not ignore, such as the outcome
/// `unreadable`, or several lists of field names. It is also the newest format that this version reads.
pub(crate) const FORMAT_OF_NEW_WORDS: u32 = 2;

/// `table.json`: what the table is, from its first day on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableRecord {
    pub(crate) format: u32,
    pub(crate) created: String,
    pub(crate) partition_columns: Vec<String>,
    pub(crate) single_writer: bool,
    /// What makes a log the same one when it is listed again.
    #[serde(default, skip_serializing_if = "Identity::is_key")]
    pub(crate) identity: Identity,
}

/// `log/E.json`: the decision that an epoch is, and what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
}

/// A place where logs are read from, and by which identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
pub(crate) struct Digest {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// Settings that data files depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl SettingsRecord {
    /// The format of a log record with these settings.
    pub(crate) fn format(&self) -> u32 {
        match self.fields {
            None | Some(FieldsRecord::One(_)) => FORMAT,
            Some(FieldsRecord::Several(_)) => FORMAT_OF_NEW_WORDS,
        }
    }
}

/// Lists of field names, blanks between names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum FieldsRecord {
    One(String),
    /// Told apart by their length. Needs [`FORMAT_OF_NEW_WORDS`].
    Several(Vec<String>),
}

/// Objects whose hour has not settled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
pub(crate) struct GoneRecord {
    pub(crate) format: u32,
    pub(crate) epoch: u64,
    pub(crate) task: u32,
    pub(crate) inputs: Vec<GoneInput>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
pub(crate) struct CommitRecord {
    pub(crate) format: u32,
    pub(crate) epoch: u64,
    pub(crate) task: u32,
    pub(crate) files: Vec<FileRecord>,
    pub(crate) quarantine: Option<QuarantineRecord>,
    /// One for each input of the task, in the plan's order.
    pub(crate) inputs: Vec<InputOutcome>,
}

/// A data file, its name below the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
pub(crate) struct QuarantineRecord {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// What became of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub(crate) enum InputOutcome {
    Converted { lines: u64, rows: u64, rejects: u64, comments: u64, blanks: u64 },
    Failed { reason: String },
    Gone,
    Replaced,
    Changed,
    Unreadable,
}

impl InputOutcome {
    pub(crate) fn word(&self) -> OutcomeWord {
        match self {
            // What was half-written when it was read holds nothing yet: its rows are not to be lost for it.
            Self::Converted { rows: 0, rejects: 0, .. } => OutcomeWord::Empty,
            Self::Converted { .. } => OutcomeWord::Converted,
            Self::Failed { .. } => OutcomeWord::Failed,
            Self::Gone => OutcomeWord::Gone,
            Self::Replaced => OutcomeWord::Replaced,
            Self::Changed => OutcomeWord::Changed,
            Self::Unreadable => OutcomeWord::Unreadable,
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
}

/// What is in the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) files: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// Inputs by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
fn is_zero(count: &u64) -> bool {
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
pub(crate) struct PartitionRecord {
    /// Its folder below the table.
    pub(crate) path: String,
    pub(crate) files: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// Which `seen` objects there are, up to an epoch: whoever lists them can tell whether one is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenDigest {
    /// The days of this epoch.
    pub(crate) days: Vec<String>,
    /// How many objects, of this epoch and all before.
    pub(crate) objects: u64,
    /// Taken from the digest before, the epoch and its days.
    pub(crate) digest: String,
}

/// What an epoch put into each partition, in order.
pub(crate) fn partitions_of<'c>(files: impl Iterator<Item = &'c FileRecord>) -> Vec<PartitionRecord> {
    let mut partitions: BTreeMap<&str, PartitionRecord> = BTreeMap::new();
    for file in files {
        let path = file.partition();
        let partition = partitions.entry(path).or_insert_with(|| PartitionRecord {
            path: path.to_owned(),
            files: 0,
            rows: 0,
            bytes: 0,
        });
        partition.files += 1;
        partition.rows += file.rows;
        partition.bytes += file.bytes;
    }
    partitions.into_values().collect()
}

/// The bytes of a record.
pub(crate) fn to_bytes(record: &impl Serialize) -> Vec<u8> {
    // Records are structs of texts and numbers: these always have a JSON form.
    serde_json::to_vec(record).unwrap_or_default()
}

/// A record that has to be there.
///
/// # Errors
/// The run must stop: it is absent, cannot be read, or is not a record of a known format.
pub(crate) fn read<T: DeserializeOwned>(state: &Store, name: &str) -> Result<T, Error> {
    read_if_there(state, name)?.ok_or_else(|| missing(state, name))
}

/// `table.json`, if it is there.
///
/// # Errors
/// As [`read_if_there`].
pub(crate) fn read_table(state: &Store) -> Result<Option<TableRecord>, Error> {
    let Some(table) = read_if_there::<TableRecord>(state, names::TABLE)? else { return Ok(None) };
    let expected = if table.identity.is_key() { FORMAT } else { FORMAT_OF_NEW_WORDS };
    if table.format == expected { Ok(Some(table)) } else { Err(newer(state, names::TABLE, table.format)) }
}

/// A record, if there is one.
///
/// # Errors
/// The run must stop: it cannot be read, or is not a record of a known format.
pub(crate) fn read_if_there<T: DeserializeOwned>(state: &Store, name: &str) -> Result<Option<T>, Error> {
    let bytes = match state.read(name) {
        Ok(bytes) => bytes,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(Error::storage(error)),
    };
    parse(state, name, &bytes).map(Some)
}

/// The bytes of an object that has to be there.
///
/// # Errors
/// The run must stop: it is absent, or cannot be read.
pub(crate) fn bytes_of(state: &Store, name: &str) -> Result<Vec<u8>, Error> {
    state.read(name).map_err(|error| if error.is_not_found() { missing(state, name) } else { Error::storage(error) })
}

/// A record from its bytes.
///
/// # Errors
/// The run must stop: these are not a record of a known format.
pub(crate) fn parse<T: DeserializeOwned>(state: &Store, name: &str, bytes: &[u8]) -> Result<T, Error> {
    let damaged = |error: serde_json::Error| damaged(state, name, &format!("cannot be understood: {error}"));
    let AnyFormat { format } = serde_json::from_slice(bytes).map_err(damaged)?;
    check_format(state, name, format)?;
    serde_json::from_slice(bytes).map_err(damaged)
}

/// Is an object that is to be made anew of a newer format? Then it is not ours to touch.
///
/// # Errors
/// It is.
pub(crate) fn refuse_newer(state: &Store, name: &str) -> Result<(), Error> {
    let Ok(bytes) = state.read(name) else { return Ok(()) };
    let mut lines = LinesReader::new(&bytes);
    let first = match bytes.first() {
        Some(0x1f) => lines.next_line().map(|line| line.unwrap_or_default().as_bytes()),
        _ => Ok(bytes.as_slice()),
    };
    let format = first.ok().and_then(|first| serde_json::from_slice::<AnyFormat>(first).ok());
    // What is damaged has no format.
    format.filter(|any| any.format > FORMAT_OF_NEW_WORDS).map_or(Ok(()), |any| check_format(state, name, any.format))
}

#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

/// Is this a format that we read?
pub(crate) fn check_format(state: &Store, name: &str, format: u32) -> Result<(), Error> {
    if (FORMAT..=FORMAT_OF_NEW_WORDS).contains(&format) { Ok(()) } else { Err(newer(state, name, format)) }
}

fn newer(state: &Store, name: &str, format: u32) -> Error {
    Error::State {
        location: state.location(name),
        what: format!("has format {format}, and this version reads formats up to {FORMAT_OF_NEW_WORDS}"),
        hint: "a newer version of lakefront wrote it: run that one",
    }
}

/// An object of the state that is not what it was.
pub(crate) fn damaged(state: &Store, name: &str, what: &str) -> Error {
    let hint = match name.split_once('/').map_or(name, |(folder, _)| folder) {
        "seen" | "closed" => "`lakefront rebuild-state TABLE` makes it anew from the plan log",
        "gone" => {
            "if no other run is active, `lakefront resolve TABLE` does its epoch again; first put back what log objects were deleted"
        }
        _ => "restore the object from a backup, as nothing else knows what stood there",
    };
    Error::State { location: state.location(name), what: what.to_owned(), hint }
}

/// An object of the state that should be there.
pub(crate) fn missing(state: &Store, name: &str) -> Error {
    damaged(state, name, "is missing")
}
