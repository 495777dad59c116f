//! Adds and removes checksums of records, for records that a test changed and for states of versions without checksums.

use std::{collections::BTreeMap, io::Read as _};

use flate2::{Compression, GzBuilder, read::GzDecoder};
use sha2::{Digest as _, Sha256};

/// The objects of a state, by name.
type Files = BTreeMap<String, Vec<u8>>;

/// Returns the SHA-256 of bytes, in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}

/// Returns a record with its checksum, from its text without one.
pub(crate) fn sealed(text: &str) -> String {
    let body = text.strip_suffix('}').unwrap();
    format!("{body},\"checksum\":\"{}\"}}", sha256(body.as_bytes()))
}

/// Returns the epoch in a name of the state, or 0.
pub(crate) fn epoch_of(name: &str) -> u64 {
    let digits = name.split(['/', '-', '.']).find(|part| part.len() == 10 && part.bytes().all(|b| b.is_ascii_digit()));
    digits.map_or(0, |digits| digits.parse().unwrap())
}

/// Removes a key with a hexadecimal value from JSON, and keeps the order of the others.
fn without(text: &str, key: &str) -> String {
    let Some((before, rest)) = text.split_once(&format!(",\"{key}\":\"")) else { return text.to_owned() };
    let (digits, after) = rest.split_once('"').unwrap();
    assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "`{key}` is {digits}");
    format!("{before}{after}")
}

fn gzip(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzBuilder::new().mtime(0).read(text.as_bytes(), Compression::default()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// Returns the text of bytes that may be compressed.
fn text_of(bytes: &[u8]) -> String {
    let mut text = String::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    } else {
        text.push_str(std::str::from_utf8(bytes).unwrap());
    }
    text
}

/// Returns the state as a version without checksums would have left the epochs for which `is_older` holds.
pub(crate) fn without_checksums(state: &Files, is_older: impl Fn(u64) -> bool) -> Files {
    let mut older = Files::new();
    for (name, bytes) in state {
        let folder = name.split('/').next().unwrap_or_default();
        let is_record = ["table.json", "log", "plan", "gone", "commit", "closed", "seen"].contains(&folder);
        if !is_older(epoch_of(name)) || !(is_record || folder == "quarantine") {
            older.insert(name.clone(), bytes.clone());
            continue;
        }
        let mut text = text_of(bytes);
        if folder == "quarantine" {
            older.insert(name.clone(), gzip(&text));
            continue;
        }
        let is_new =
            text.contains("\"unreadable\"") || text.contains("\"identity\":\"name\"") || text.contains("\"fields\":[");
        let is_new = is_new && folder != "plan";
        text = text.replacen("\"format\":3", if is_new { "\"format\":2" } else { "\"format\":1" }, 1);
        let keys: &[&str] = match folder {
            "table.json" => &["nonce", "checksum"],
            "log" => &["table", "closed", "checksum"],
            "closed" => &["log", "before", "contents", "checksum"],
            "seen" => &["log"],
            _ => &["log", "checksum"],
        };
        text = keys.iter().fold(text, |text, key| without(&text, key));
        if folder == "plan" || folder == "seen" {
            let end = text.rfind("{\"checksum\"").unwrap();
            older.insert(name.clone(), gzip(&text[..end]));
        } else {
            older.insert(name.clone(), text.into());
        }
    }
    // Adapt the digests of changed objects in other records.
    for name in state.keys().filter(|name| is_older(epoch_of(name))) {
        let of_new = |older: &mut Files, record: &str, object: &str| {
            let Some(bytes) = older.get(record) else { return };
            let text = text_of(bytes);
            let (was, is) = (&state[object], &older[object]);
            let text = text.replace(&sha256(was), &sha256(is));
            let text = text.replace(
                &format!("\"bytes\":{},\"sha256\":\"{}", was.len(), sha256(is)),
                &format!("\"bytes\":{},\"sha256\":\"{}", is.len(), sha256(is)),
            );
            older.insert(record.to_owned(), text.into());
        };
        if name.starts_with("plan/") {
            of_new(&mut older, &format!("log/{:010}.json", epoch_of(name)), name);
        } else if let Some(task) = name.strip_prefix("quarantine/") {
            of_new(&mut older, &format!("commit/{}", task.replace(".jsonl.gz", ".json")), name);
        }
    }
    older
}
