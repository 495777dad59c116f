//! Adds and removes checksums of records, for records that a test changed and for states of earlier versions.

use std::{collections::BTreeMap, io::Read as _};

use flate2::{Compression, GzBuilder, read::GzDecoder};
use sha2::{Digest as _, Sha256};

/// The objects of a state, by name.
type Files = BTreeMap<String, Vec<u8>>;

/// Returns the SHA-256 of bytes, in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}

/// Returns the CRC-64/NVME of bytes, in base64: bit by bit, as the standard defines it.
pub(crate) fn crc64nvme(bytes: &[u8]) -> String {
    let bits = |crc: u64| (0..8).fold(crc, |crc, _| (crc >> 1) ^ (0x9A6C_9329_AC4B_C9B5 * (crc & 1)));
    let crc = !bytes.iter().fold(u64::MAX, |crc, byte| bits(crc ^ u64::from(*byte)));
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // 64 bits and two more are 11 digits.
    let digit = |index: u32| char::from(digits[((u128::from(crc) << 2 >> (60 - 6 * index)) & 63) as usize]);
    (0..11).map(digit).chain(['=']).collect()
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
    gzip_with(GzBuilder::new(), text)
}

fn gzip_with(header: GzBuilder, text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    header.mtime(0).read(text.as_bytes(), Compression::default()).read_to_end(&mut bytes).unwrap();
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

/// Returns a record, or gzipped lines, with the checksum of their changed text; `None` if they have no checksum.
fn resealed(text: &str, is_gzip: bool) -> Option<Vec<u8>> {
    if is_gzip {
        let body = &text[..text.rfind("{\"checksum\":")?];
        return Some(gzip(&format!("{body}{{\"checksum\":\"{}\"}}\n", sha256(body.as_bytes()))));
    }
    let body = &text[..text.rfind(",\"checksum\":")?];
    Some(sealed(&format!("{body}}}")).into_bytes())
}

/// Returns the state of a table as a version that hashed data files with SHA-256 would have left the epochs for which
/// `is_older` holds: with format 3. Later records name the changed ones.
pub(crate) fn with_sha256(state: &Files, table: &Files, is_older: impl Fn(u64) -> bool) -> Files {
    // Each object comes after those that it names.
    let rank = |name: &str| {
        let folders = ["table.json", "plan/", "log/", "gone/", "quarantine/", "seen/", "commit/", "closed/"];
        folders.iter().position(|folder| name.starts_with(folder))
    };
    let mut names: Vec<&String> = state.keys().filter(|name| rank(name).is_some()).collect();
    names.sort_by_key(|name| (epoch_of(name), rank(name)));
    let mut older = state.clone();
    // What changes in the text of later objects.
    let mut changes: Vec<(String, String)> = Vec::new();
    let mut seen = (0, Vec::new(), Vec::new());
    for name in names {
        let (bytes, epoch, is_gzip) = (&state[name], epoch_of(name), state[name].starts_with(&[0x1f, 0x8b]));
        let change = |text: &str| changes.iter().fold(text.to_owned(), |text, (was, is)| text.replace(was, is));
        let mut text = text_of(bytes);
        let older_bytes = if name.starts_with("quarantine/") {
            let header = GzDecoder::new(&bytes[..]);
            let comment = header.header().and_then(|header| header.comment()).map(<[u8]>::to_vec);
            let comment = comment.map(|comment| change(std::str::from_utf8(&comment).unwrap()));
            gzip_with(comment.into_iter().fold(GzBuilder::new(), GzBuilder::comment), &text)
        } else {
            if is_older(epoch) {
                text = text.replacen("\"format\":4", "\"format\":3", 1);
                if name.starts_with("commit/") {
                    for bytes in table.values() {
                        let (was, is) = (crc64nvme(bytes), sha256(bytes));
                        text = text.replace(&format!("\"crc64nvme\":\"{was}\""), &format!("\"sha256\":\"{is}\""));
                    }
                    assert!(!text.contains("crc64nvme"), "`{name}` names a missing file");
                }
            }
            resealed(&change(&text), is_gzip).unwrap_or_else(|| bytes.clone())
        };
        if name.starts_with("seen/") {
            if seen.0 != epoch {
                seen = (epoch, Vec::new(), Vec::new());
            }
            seen.1.push(sha256(bytes));
            seen.2.push(sha256(&older_bytes));
        } else if seen.0 == epoch {
            let contents = |digests: &[String]| sha256(digests.join(",").as_bytes());
            changes.push((contents(&seen.1), contents(&seen.2)));
        }
        let size = |bytes: &[u8], of: &[u8]| format!("\"bytes\":{},\"sha256\":\"{}\"", bytes.len(), sha256(of));
        changes.push((sha256(bytes), sha256(&older_bytes)));
        changes.push((size(bytes, &older_bytes), size(&older_bytes, &older_bytes)));
        older.insert(name.clone(), older_bytes);
    }
    older
}

/// Returns the state as a version without checksums would have left the epochs for which `is_older` holds.
pub(crate) fn without_checksums(state: &Files, table: &Files, is_older: impl Fn(u64) -> bool) -> Files {
    let state = &with_sha256(state, table, &is_older);
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
