//! The record of a data file in a commit, whose hash is one of two.

use lakefront_storage::{Crc64Nvme, printable_name};
use serde::{Deserialize, Serialize};

use crate::hash::FileHash;

/// A data file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FileRecordKeys", into = "FileRecordKeys")]
pub struct FileRecord {
    /// Its name below the table.
    pub path: String,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// The hash of its bytes: a CRC-64/NVME; in epochs of earlier versions a SHA-256.
    pub hash: FileHash,
}

/// The keys of a [`FileRecord`], of which `crc64nvme` or `sha256` is present.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRecordKeys {
    path: String,
    rows: u64,
    bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crc64nvme: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl TryFrom<FileRecordKeys> for FileRecord {
    type Error = String;

    fn try_from(keys: FileRecordKeys) -> Result<Self, String> {
        let FileRecordKeys { path, rows, bytes, crc64nvme, sha256 } = keys;
        let flawed = |flaw: &str| Err(format!("the data file `{}` has {flaw}", printable_name(&path)));
        let hash = match (crc64nvme, sha256) {
            (Some(text), None) => match Crc64Nvme::parse(&text) {
                Some(crc) => FileHash::Crc64Nvme(crc),
                None => return flawed("a `crc64nvme` that is not 8 bytes in base64"),
            },
            (None, Some(digits)) => FileHash::Sha256(digits),
            (None, None) => return flawed("neither `crc64nvme` nor `sha256`"),
            (Some(_), Some(_)) => return flawed("both `crc64nvme` and `sha256`"),
        };
        Ok(Self { path, rows, bytes, hash })
    }
}

impl From<FileRecord> for FileRecordKeys {
    fn from(FileRecord { path, rows, bytes, hash }: FileRecord) -> Self {
        let text = Some(hash.to_string());
        let (crc64nvme, sha256) = match hash {
            FileHash::Crc64Nvme(_) => (text, None),
            FileHash::Sha256(_) => (None, text),
        };
        Self { path, rows, bytes, crc64nvme, sha256 }
    }
}

impl FileRecord {
    /// Returns the folder of its partition, below the table.
    pub fn partition(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}
