//! Checks checksums and digests, computed from the stored bytes: each record is intact, and was written for the records
//! that are there.

use std::collections::BTreeMap;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::{Files, Observations, records::text_of, sha256};
use crate::seals::epoch_of;

/// Length of `,"checksum":"<64 digits>"}`.
const END: usize = 15 + 64;

/// Returns whether a record has a correct checksum.
fn is_sealed(bytes: &[u8]) -> bool {
    let Some(text) = text_of(bytes) else { return false };
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let Some((lines, last)) = text.trim_end().rsplit_once('\n') else { return false };
        return last == format!("{{\"checksum\":\"{}\"}}", sha256(format!("{lines}\n").as_bytes()));
    }
    let body = text.get(..text.len().saturating_sub(END)).unwrap_or_default();
    text == format!("{body},\"checksum\":\"{}\"}}", sha256(body.as_bytes()))
}

/// Returns the text of a value with its checksum.
pub(crate) fn sealed(value: &Value) -> Vec<u8> {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove("checksum");
    crate::seals::sealed(&value.to_string()).into_bytes()
}

fn first_line(bytes: &[u8]) -> Value {
    let text = text_of(bytes).unwrap_or_default();
    serde_json::from_str(text.lines().next().unwrap_or_default()).unwrap_or_default()
}

/// Returns the comment in the gzip header.
fn comment(bytes: &[u8]) -> Option<String> {
    let decoder = GzDecoder::new(bytes);
    Some(String::from_utf8(decoder.header()?.comment()?.to_vec()).unwrap())
}

/// Returns the faults of checksums and digests.
pub(crate) fn faults(state: &Files) -> Vec<String> {
    let mut faults = Vec::new();
    let digest = |name: &str| state.get(name).map(|bytes| sha256(bytes));
    let log_name = |epoch: u64| format!("log/{epoch:010}.json");
    let closed_name = |epoch: u64| format!("closed/{epoch:010}.json");
    let format = |epoch: u64| state.get(&log_name(epoch)).and_then(|log| first_line(log)["format"].as_u64());
    let is_sealed_epoch = |epoch: u64| format(epoch).is_some_and(|format| format >= 3);
    let mut expect = |name: &str, holds: bool, what: &str| {
        if !holds {
            faults.push(format!("`{name}` {what}"));
        }
    };
    for (name, bytes) in state {
        let epoch = epoch_of(name);
        let folder = name.split('/').next().unwrap_or_default();
        let record = first_line(bytes);
        let names = |key: &str, of: Option<String>| record[key].as_str().map(str::to_owned) == of;
        let log = digest(&log_name(epoch));
        match folder {
            "table.json" => {
                let is_old = record["format"] == 1 || record["format"] == 2;
                expect(name, is_old || is_sealed(bytes), "has no correct checksum");
                continue;
            }
            // A plan whose run lost its claim has no log record.
            "plan" if is_sealed_epoch(epoch) => expect(name, is_sealed(bytes), "has no correct checksum"),
            "quarantine" => {
                let expected = is_sealed_epoch(epoch).then(|| format!("log {}", log.unwrap()));
                expect(name, comment(bytes) == expected, "was not written for its log record");
                continue;
            }
            "log" | "gone" | "commit" | "closed" | "seen" if is_sealed_epoch(epoch) => {
                expect(name, record["format"].as_u64() == format(epoch), "has a format that differs from its epoch");
                expect(name, is_sealed(bytes), "has no correct checksum");
                expect(name, format(epoch) >= format(epoch - 1), "has a lower format than the epoch before");
            }
            "log" | "gone" | "commit" | "closed" | "seen" => {
                expect(
                    name,
                    record["format"] == 1 || record["format"] == 2,
                    "has a format that differs from its epoch",
                );
                expect(name, !text_of(bytes).unwrap_or_default().contains("\"checksum\""), "has a checksum");
                expect(name, epoch < 2 || !is_sealed_epoch(epoch - 1), "comes after an epoch with checksums");
                continue;
            }
            _ => continue,
        }
        match folder {
            "log" => {
                expect(name, names("table", digest("table.json")), "was not written for `table.json`");
                expect(name, names("closed", digest(&closed_name(epoch - 1))), "does not refer to the previous epoch");
            }
            "gone" | "commit" | "seen" => expect(name, names("log", log), "was not written for its log record"),
            "closed" => {
                expect(name, names("log", log), "was not written for its log record");
                expect(name, names("before", digest(&closed_name(epoch - 1))), "does not refer to the previous epoch");
                let end = format!("/{epoch:010}");
                let seen = state.iter().filter(|(name, _)| name.starts_with("seen/") && name.ends_with(&end));
                let digests: Vec<String> = seen.map(|(_, bytes)| sha256(bytes)).collect();
                let contents = sha256(digests.join(",").as_bytes());
                expect(name, record["seen"]["contents"] == contents, "does not match the `seen` objects");
            }
            _ => {}
        }
    }
    faults
}

/// Returns the state as a version without checksums would have left the epochs for which `is_older` holds.
pub(crate) fn without_checksums(seen: &Observations, is_older: impl Fn(u64) -> bool) -> Files {
    let older = crate::seals::without_checksums(&bytes_of(&seen.state), &bytes_of(&seen.table), is_older);
    older.into_iter().map(|(name, bytes)| (name, bytes.into())).collect()
}

/// Returns the state as a version that hashed data files with SHA-256 would have left the epochs for which `is_older`
/// holds.
pub(crate) fn with_sha256(seen: &Observations, is_older: impl Fn(u64) -> bool) -> Files {
    let older = crate::seals::with_sha256(&bytes_of(&seen.state), &bytes_of(&seen.table), is_older);
    older.into_iter().map(|(name, bytes)| (name, bytes.into())).collect()
}

fn bytes_of(files: &Files) -> BTreeMap<String, Vec<u8>> {
    files.iter().map(|(name, bytes)| (name.clone(), bytes.to_vec())).collect()
}
