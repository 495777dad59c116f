//! Files in a folder, written by the library and by the command.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::Path,
    process::{Command, Output},
};

use lakefront_loggen::{Error, Options, Summary, objects, write};

fn small() -> Options {
    Options { distributions: 2, hours: 3, files_per_hour: 2, rows_per_file: 50, ..Options::default() }
}

/// Returns the bytes of each file by its name.
#[expect(clippy::disallowed_methods, reason = "the test reads what was written")]
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("the folder exists");
    entries
        .map(|entry| {
            let entry = entry.expect("the folder can be read");
            let bytes = std::fs::read(entry.path()).expect("a file can be read");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect()
}

fn loggen(folder: &Path, flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loggen")).arg(folder).args(flags).output().expect("loggen starts")
}

#[test]
fn any_number_of_threads_writes_the_same_bytes() {
    let expected: BTreeMap<String, Vec<u8>> =
        objects(&small()).map(|object| (object.key.clone(), object.gzip().unwrap())).collect();
    for threads in [1, 2, 7] {
        let folder = tempfile::tempdir().unwrap();
        write(&Options { threads: NonZeroUsize::new(threads), ..small() }, folder.path()).unwrap();
        assert_eq!(files(folder.path()), expected, "{threads} threads");
    }
}

#[test]
fn the_summary_counts_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let summary = write(&small(), &folder.path().join("new").join("logs")).unwrap();
    let written = files(&folder.path().join("new").join("logs"));
    let text_bytes = objects(&small()).map(|object| object.text.len() as u64).sum();
    let gzip_bytes = written.values().map(|bytes| bytes.len() as u64).sum();
    assert_eq!(summary, Summary { files: 12, rows: 600, text_bytes, gzip_bytes });
    assert_eq!(written.len(), 12);
}

#[test]
fn plain_text_has_no_gz_in_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { plain: true, ..small() };
    let summary = write(&options, folder.path()).unwrap();
    let expected: BTreeMap<String, Vec<u8>> =
        objects(&options).map(|object| (object.key, object.text.into_bytes())).collect();
    assert_eq!(files(folder.path()), expected);
    assert_eq!(summary.gzip_bytes, 0);
    assert!(expected.keys().all(|key| !key.contains(".gz")));
}

#[test]
fn an_existing_file_is_not_overwritten_and_none_is_added() {
    let folder = tempfile::tempdir().unwrap();
    let last = objects(&small()).last().unwrap().key;
    tempfile::Builder::new().prefix(&last).rand_bytes(0).tempfile_in(folder.path()).unwrap().keep().unwrap();
    let error = write(&small(), folder.path()).unwrap_err();
    assert!(matches!(&error, Error::Exists { path } if path.ends_with(&last)), "{error}");
    assert_eq!(files(folder.path()), BTreeMap::from([(last, Vec::new())]));
}

#[test]
fn later_hours_are_added_to_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    write(&small(), folder.path()).unwrap();
    let earlier = files(folder.path());
    write(&Options { start: small().start.plus(3), ..small() }, folder.path()).unwrap();
    let all = files(folder.path());
    assert_eq!(all.len(), 24);
    assert!(earlier.iter().all(|(key, bytes)| all.get(key) == Some(bytes)));
}

#[test]
fn the_command_follows_its_flags_and_prints_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let flags = "--seed 7 --distributions 2 --start 2016-10-01T05 --hours 2 --files-per-hour 3 --rows-per-file 20 --era 24 \
                 --gzip-level 1 --late-percent 5 --threads 2";
    let output = loggen(folder.path(), &flags.split_whitespace().collect::<Vec<_>>());
    let line = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(line.starts_with("12 files, 240 rows, ") && line.lines().count() == 1, "{line}");
    let options = Options {
        seed: 7,
        distributions: 2,
        start: "2016-10-01T05".parse().unwrap(),
        hours: 2,
        files_per_hour: 3,
        rows_per_file: 20,
        era: "24".parse().unwrap(),
        gzip_level: 1,
        late_percent: 5.0,
        ..Options::default()
    };
    let expected: BTreeMap<String, Vec<u8>> =
        objects(&options).map(|object| (object.key.clone(), object.gzip().unwrap())).collect();
    assert_eq!(files(folder.path()), expected);
}

#[test]
fn the_command_does_not_overwrite_its_own_files() {
    let folder = tempfile::tempdir().unwrap();
    assert!(loggen(folder.path(), &["--rows-per-file", "5"]).status.success());
    let before = files(folder.path());
    let output = loggen(folder.path(), &["--rows-per-file", "6"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains("exists") && message.contains("hint: "), "{message}");
    assert_eq!(files(folder.path()), before);
}

#[test]
fn the_command_refuses_invalid_values() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [
        ["--era", "13"],
        ["--start", "2025-01-02"],
        ["--late-percent", "101"],
        ["--late-percent", "NaN"],
        ["--gzip-level", "10"],
        ["--hours", "0"],
        ["--threads", "0"],
    ] {
        let output = loggen(folder.path(), &flags);
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains(flags[1]), "{flags:?}");
    }
    assert!(files(folder.path()).is_empty());
}
