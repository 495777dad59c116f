//! Checksums of records: each is at the record's end, and is verified at every read.
//!
//! ```text
//! {"format":4,"epoch":42,...,"checksum":"9f86d081884c7d65..."}
//!  \_______ the SHA-256 of these bytes ____/
//! ```
//!
//! Gzipped JSON lines have the checksum of all lines before in a separate last line. A record also has the digests of
//! the objects that it builds on, the SHA-256 of all their bytes. So an intact record of another table or time is
//! detected.

use std::{io, ops::Deref};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::{
    escape::json_line,
    hash::{hex, sha256},
};

/// The format of a record without a checksum whose words and keys every version knows.
pub const FORMAT: u32 = 1;
/// The format of a record without a checksum, but with a word or key that versions of format 1 do not know and must not
/// ignore: the outcome `unreadable`, several lists of field names, or the identity `name`.
pub const FORMAT_OF_NEW_WORDS: u32 = 2;
/// The format of a record with a checksum and with the digests of the objects that it builds on.
pub const FORMAT_SEALED: u32 = 3;
/// The format of a record as before, whose epoch has data files with a CRC-64/NVME instead of a SHA-256.
pub const FORMAT_CRC64NVME: u32 = 4;
/// The newest format, which new epochs and tables have.
pub const NEWEST_FORMAT: u32 = FORMAT_CRC64NVME;

/// Returns whether two objects of one epoch may have these formats: the same one, or two without checksums.
pub fn may_be_of_one_epoch(one: u32, other: u32) -> bool {
    one.max(FORMAT_OF_NEW_WORDS) == other.max(FORMAT_OF_NEW_WORDS)
}

/// Beginning of a record's checksum, after all of its other keys.
const KEY: &str = ",\"checksum\":\"";
/// Beginning of the line with the checksum of lines.
const LINE_KEY: &str = "{\"checksum\":\"";
/// End of both.
const END: &str = "\"}";
/// Number of hexadecimal digits of a checksum.
const DIGITS: usize = 64;

/// An object of the state that is one JSON object.
pub trait Record: Serialize + DeserializeOwned {
    /// Returns its format.
    fn format(&self) -> u32;

    /// Returns whether the keys with digests are as its format requires: all present if it is sealed, all absent if
    /// not, and those of data files of the kind of its format.
    fn has_links(&self, is_sealed: bool) -> bool;

    /// Returns whether it has a checksum.
    fn is_sealed(&self) -> bool {
        self.format() >= FORMAT_SEALED
    }

    /// Returns the bytes of the record as it is stored.
    fn to_bytes(&self) -> Vec<u8> {
        if self.is_sealed() { seal(to_shown_json(self)) } else { to_json(self) }
    }
}

/// A record as it is stored, and the digest by which other records name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<T> {
    record: T,
    sha256: String,
}

impl<T: Record> Stored<T> {
    /// Returns a record as it will be stored.
    pub fn of(record: T) -> Self {
        let sha256 = sha256(&record.to_bytes());
        Self { record, sha256 }
    }

    /// Returns a record that was read from these bytes.
    pub fn from_bytes(record: T, bytes: &[u8]) -> Self {
        Self { record, sha256: sha256(bytes) }
    }
}

impl<T> Stored<T> {
    /// Returns the SHA-256 of all of its bytes, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Returns the record without its digest.
    pub fn into_record(self) -> T {
        self.record
    }
}

impl<T> Deref for Stored<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.record
    }
}

/// Returns the JSON of a sealed record: control and invisible characters are escaped.
pub fn to_shown_json(record: &impl Serialize) -> Vec<u8> {
    json_line(record)
}

/// Returns the JSON of a record as earlier versions wrote it.
pub fn to_json(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("records are structs of texts and numbers, which have a JSON form")
}

/// Adds the checksum to a JSON object.
fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    // The brace that closes the object.
    bytes.pop();
    let checksum = sha256(&bytes);
    bytes.extend_from_slice(KEY.as_bytes());
    bytes.extend_from_slice(checksum.as_bytes());
    bytes.extend_from_slice(END.as_bytes());
    bytes
}

/// Result of checking a record's checksum.
#[derive(Debug, PartialEq, Eq)]
pub enum Seal {
    /// The record has no checksum.
    Absent,
    /// The checksum is wrong.
    Broken,
    /// The checksum is right. Holds the record without it.
    Whole(Vec<u8>),
}

/// Verifies a record's checksum and removes it.
pub fn open(bytes: &[u8]) -> Seal {
    let Some((body, end)) = bytes.split_at_checked(bytes.len().saturating_sub(KEY.len() + DIGITS + END.len())) else {
        return Seal::Absent;
    };
    let Some(checksum) = checksum_in(end, KEY) else { return Seal::Absent };
    if checksum != sha256(body).as_bytes() {
        return Seal::Broken;
    }
    let mut body = body.to_vec();
    body.push(b'}');
    Seal::Whole(body)
}

/// Returns the digits of a checksum between its key and its end.
fn checksum_in<'b>(text: &'b [u8], key: &str) -> Option<&'b [u8]> {
    text.strip_prefix(key.as_bytes())?.strip_suffix(END.as_bytes()).filter(|digits| digits.len() == DIGITS)
}

/// The checksum of the lines that were written or read so far.
#[derive(Clone, Debug, Default)]
pub struct JsonlChecksum(Sha256);

impl JsonlChecksum {
    /// Adds the next line, including its line end.
    pub fn update(&mut self, line: &[u8]) {
        self.0.update(line);
    }

    /// Returns the last line, which has the checksum.
    pub fn last_line(self) -> Vec<u8> {
        format!("{LINE_KEY}{}{END}\n", hex(&self.0.finalize())).into_bytes()
    }

    /// Returns whether a line looks like the one with the checksum.
    pub fn is_last_line(line: &[u8]) -> bool {
        line.starts_with(LINE_KEY.as_bytes())
    }

    /// Verifies the line with the checksum.
    ///
    /// # Errors
    /// The checksum does not match.
    pub fn check(self, line: &[u8]) -> io::Result<()> {
        if self.last_line() == line { Ok(()) } else { Err(io::Error::other("its checksum does not match")) }
    }
}

/// The format of any record.
#[derive(Deserialize)]
pub struct AnyFormat {
    /// The format.
    pub format: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"format":4,"epoch":42}"#;

    #[test]
    fn opening_a_sealed_record_returns_the_original() {
        assert_eq!(open(&seal(BODY.into())), Seal::Whole(BODY.into()));
    }

    #[test]
    fn every_change_of_a_sealed_record_is_detected() {
        let sealed = seal(BODY.into());
        for index in 0..sealed.len() {
            for bit in 0..8 {
                let mut bytes = sealed.clone();
                bytes[index] ^= 1 << bit;
                assert!(!matches!(open(&bytes), Seal::Whole(_)), "byte {index}, bit {bit}");
            }
            assert!(!matches!(open(&sealed[..index]), Seal::Whole(_)), "cut to {index} bytes");
            let mut longer = sealed.clone();
            longer.insert(index, b' ');
            assert!(!matches!(open(&longer), Seal::Whole(_)), "a blank at byte {index}");
        }
        assert_eq!(open(&[&sealed[..], b"\n"].concat()), Seal::Absent);
        assert_eq!(open(BODY.as_bytes()), Seal::Absent);
        assert_eq!(open(b""), Seal::Absent);
    }
}
