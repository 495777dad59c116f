//! Checksums and digests, worked out from what is stored: each record is what was written, and was written for those that
//! are there.

use std::io::Read as _;

use flate2::{Compression, GzBuilder, read::GzDecoder};
use serde_json::Value;

use super::{Files, records::text_of, sha256};

/// The length of `,"checksum":"<64 digits>"}`.
const END: usize = 15 + 64;

/// Whether a record has a checksum, and it is its own.
fn is_sealed(bytes: &[u8]) -> bool {
    let Some(text) = text_of(bytes) else { return false };
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let Some((lines, last)) = text.trim_end().rsplit_once('\n') else { return false };
        return last == format!("{{\"checksum\":\"{}\"}}", sha256(format!("{lines}\n").as_bytes()));
    }
    let body = text.get(..text.len().saturating_sub(END)).unwrap_or_default();
    text == format!("{body},\"checksum\":\"{}\"}}", sha256(body.as_bytes()))
}

/// A record with a checksum of its own, from its value.
pub(crate) fn sealed(value: &Value) -> Vec<u8> {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove("checksum");
    let text = value.to_string();
    let body = text.strip_suffix('}').unwrap();
    format!("{body},\"checksum\":\"{}\"}}", sha256(body.as_bytes())).into_bytes()
}

fn first_line(bytes: &[u8]) -> Value {
    let text = text_of(bytes).unwrap_or_default();
    serde_json::from_str(text.lines().next().unwrap_or_default()).unwrap_or_default()
}

/// The epoch in a name of the state.
fn epoch_of(name: &str) -> u64 {
    let digits = name.split(['/', '-', '.']).find(|part| part.len() == 10 && part.bytes().all(|b| b.is_ascii_digit()));
    digits.map_or(0, |digits| digits.parse().unwrap())
}

/// The comment in the gzip header.
fn comment(bytes: &[u8]) -> Option<String> {
    let decoder = GzDecoder::new(bytes);
    Some(String::from_utf8(decoder.header()?.comment()?.to_vec()).unwrap())
}

/// What is wrong with checksums and digests.
pub(crate) fn faults(state: &Files) -> Vec<String> {
    let mut faults = Vec::new();
    let digest = |name: &str| state.get(name).map(|bytes| sha256(bytes));
    let log_name = |epoch: u64| format!("log/{epoch:010}.json");
    let closed_name = |epoch: u64| format!("closed/{epoch:010}.json");
    let is_sealed_epoch = |epoch: u64| state.get(&log_name(epoch)).is_some_and(|log| first_line(log)["format"] == 3);
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
                expect(name, record["format"] != 3 || is_sealed(bytes), "has no checksum of its own");
                continue;
            }
            // One that lost its claim has no log record.
            "plan" if is_sealed_epoch(epoch) => expect(name, is_sealed(bytes), "has no checksum of its own"),
            "quarantine" => {
                let expected = is_sealed_epoch(epoch).then(|| format!("log {}", log.unwrap()));
                expect(name, comment(bytes) == expected, "was not written for its log record");
                continue;
            }
            "log" | "gone" | "commit" | "closed" | "seen" if is_sealed_epoch(epoch) => {
                expect(name, record["format"] == 3 && is_sealed(bytes), "has no checksum of its own");
            }
            "log" | "gone" | "commit" | "closed" | "seen" => {
                expect(name, record["format"] == 1 || record["format"] == 2, "has another format than its epoch");
                expect(name, !text_of(bytes).unwrap_or_default().contains("\"checksum\""), "has a checksum");
                expect(name, epoch < 2 || !is_sealed_epoch(epoch - 1), "comes after an epoch with checksums");
                continue;
            }
            _ => continue,
        }
        match folder {
            "log" => {
                expect(name, names("table", digest("table.json")), "was not written for `table.json`");
                expect(name, names("closed", digest(&closed_name(epoch - 1))), "does not build on the epoch before");
            }
            "gone" | "commit" | "seen" => expect(name, names("log", log), "was not written for its log record"),
            "closed" => {
                expect(name, names("log", log), "was not written for its log record");
                expect(name, names("before", digest(&closed_name(epoch - 1))), "does not build on the epoch before");
                let end = format!("/{epoch:010}");
                let seen = state.iter().filter(|(name, _)| name.starts_with("seen/") && name.ends_with(&end));
                let digests: Vec<String> = seen.map(|(_, bytes)| sha256(bytes)).collect();
                let contents = sha256(digests.join(",").as_bytes());
                expect(name, record["seen"]["contents"] == contents, "was not made from what was seen");
            }
            _ => {}
        }
    }
    faults
}

/// Takes a key with a text of hexadecimal digits out of JSON, where the others keep their places.
fn without(text: &str, key: &str) -> String {
    let Some((before, rest)) = text.split_once(&format!(",\"{key}\":\"")) else { return text.to_owned() };
    let (digits, after) = rest.split_once('"').unwrap();
    assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "`{key}` is {digits}");
    format!("{before}{after}")
}

fn gzip(text: &str, comment: Option<String>) -> Vec<u8> {
    let builder = GzBuilder::new().mtime(0);
    let builder = comment.into_iter().fold(builder, |builder, comment| builder.comment(comment));
    let mut bytes = Vec::new();
    builder.read(text.as_bytes(), Compression::default()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// The state as a version would have left it that knew no checksums: all epochs that `is_older` says.
pub(crate) fn without_checksums(state: &Files, is_older: impl Fn(u64) -> bool) -> Files {
    let mut older = Files::new();
    for (name, bytes) in state {
        let folder = name.split('/').next().unwrap_or_default();
        let is_record = ["table.json", "log", "plan", "gone", "commit", "closed", "seen"].contains(&folder);
        if !is_older(epoch_of(name)) || !(is_record || folder == "quarantine") {
            older.insert(name.clone(), bytes.clone());
            continue;
        }
        let mut text = text_of(bytes).unwrap();
        if folder == "quarantine" {
            older.insert(name.clone(), gzip(&text, None).into());
            continue;
        }
        let is_new = text.contains("\"unreadable\"") || text.contains("\"identity\":\"name\"") || text.contains("\"fields\":[");
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
            older.insert(name.clone(), gzip(&text[..end], None).into());
        } else {
            older.insert(name.clone(), text.into());
        }
    }
    // What records say of other bytes.
    for name in state.keys().filter(|name| is_older(epoch_of(name))) {
        let of_new = |older: &mut Files, record: &str, object: &str| {
            let Some(bytes) = older.get(record) else { return };
            let text = text_of(bytes).unwrap();
            let (was, is) = (&state[object], &older[object]);
            let text = text.replace(&sha256(was), &sha256(is));
            let text = text.replace(&format!("\"bytes\":{},\"sha256\":\"{}", was.len(), sha256(is)), &format!("\"bytes\":{},\"sha256\":\"{}", is.len(), sha256(is)));
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
