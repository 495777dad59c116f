//! Memory stays under what was allowed, whatever the input's size.

use std::{fs, process::Stdio, thread, time::Duration};

use lakefront_loggen::{Options, objects};

use crate::harness::{NOW, TestFolder, gzip, only_on_disk};

const MIB: usize = 1 << 20;
/// The least that a conversion needs, and what it may take at most then: a task at a time.
const CAP_MIB: usize = 256;

/// Runs the program and gives the largest resident memory that it had, in bytes.
fn peak_memory(folder: &TestFolder, args: &[&str]) -> usize {
    peak_memory_of(folder, args, 0)
}

/// The same, where it ends with another exit status.
fn peak_memory_of(folder: &TestFolder, args: &[&str], exit_status: i32) -> usize {
    let mut child = folder.command(args).stdout(Stdio::null()).spawn().unwrap();
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    let status = loop {
        // The kernel keeps the highest mark, so that only the last milliseconds can be missed.
        let status = fs::read_to_string(&status_file).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let mark = mark.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        peak_kib = mark.unwrap_or(0).max(peak_kib);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(2));
    };
    assert_eq!(status.code(), Some(exit_status));
    assert!(peak_kib > 0, "nothing is known of the program's memory");
    peak_kib * 1024
}

#[test]
fn an_object_of_300_mb_of_text_is_converted_within_the_memory_that_was_allowed() {
    only_on_disk!("memory, which the mirror would need, too");
    let folder = TestFolder::on_disk();
    let options = Options { rows_per_file: 8000, late_percent: 2.0, ..Options::default() };
    let text = objects(&options).next().unwrap().text;
    let member = gzip(&text);
    let members = 300_000_000 / text.len() + 1;
    folder.add("E1EXAMPLE.2025-01-02-03.a.gz", member.repeat(members));
    let cap = format!("{CAP_MIB}MiB");
    let common = ["convert", "logs", "lake/cf_logs", "--now", NOW, "--report", "report.json", "-q"];
    let peak = peak_memory(&folder, &[&common[..], &["--threads", "1", "--memory-bytes", &cap]].concat());
    assert!(peak <= CAP_MIB * MIB, "{} MiB were used, {CAP_MIB} MiB were allowed", peak / MIB);
    let report = folder.report();
    assert_eq!(report["rows"], members * 8000);
    assert!(report["text_bytes"].as_u64().unwrap() >= 300_000_000);
}

#[test]
fn an_object_with_rows_of_many_hours_is_converted_within_the_memory_that_was_allowed() {
    // As when someone puts the logs of most of a year into one object: six thousand data files are open at once.
    const HOURS: usize = 6000;
    const ROWS: usize = 20;
    only_on_disk!("memory, which the mirror would need, too");
    let rows = (0..HOURS * ROWS)
        .map(|row| format!("{}\t192.0.2.{}\t/page{row}\t200\n", 1_600_000_000 + row / ROWS * 3600, row % 250));
    let folder = TestFolder::new();
    folder.add(
        "year.gz",
        gzip("#Fields: timestamp c-ip cs-uri-stem sc-status\n".to_owned() + &rows.collect::<Vec<_>>().concat()),
    );
    let cap = format!("{CAP_MIB}MiB");
    let common = ["convert", "logs", "lake/cf_logs", "-q", "--schema", "cf_logs_wide", "--now", NOW];
    let peak = peak_memory(&folder, &[&common[..], &["--threads", "1", "--memory-bytes", &cap]].concat());
    assert!(peak <= CAP_MIB * MIB, "{} MiB were used, {CAP_MIB} MiB were allowed", peak / MIB);
    assert_eq!(folder.tree("lake/cf_logs").len(), HOURS);
}

#[test]
fn many_small_objects_with_much_text_are_converted_within_the_memory_that_was_allowed() {
    // A few kilobytes each, so that all of them are fetched at once; 450 MiB of text together.
    const OBJECTS: usize = 60;
    const ROWS: usize = 7500;
    only_on_disk!("memory, which the mirror would need, too");
    let row = format!("2024-05-17\t10:00:00\t/{}\n", "page".repeat(250));
    let object = gzip("#Fields: date time cs-uri-stem\n".to_owned() + &row.repeat(ROWS));
    assert!(object.len() * OBJECTS < 4 * MIB, "{} bytes each", object.len());
    let folder = TestFolder::new();
    for number in 0..OBJECTS {
        folder.add(&format!("{number:02}.gz"), &object);
    }
    let cap = format!("{CAP_MIB}MiB");
    let common = ["convert", "logs", "lake/cf_logs", "-q", "--now", NOW, "--report", "report.json"];
    let peak = peak_memory(&folder, &[&common[..], &["--threads", "1", "--memory-bytes", &cap]].concat());
    assert!(peak <= CAP_MIB * MIB, "{} MiB were used, {CAP_MIB} MiB were allowed", peak / MIB);
    assert_eq!(folder.report()["rows"], OBJECTS * ROWS);
}

#[test]
fn text_of_one_endless_line_takes_no_memory() {
    only_on_disk!("memory, which the mirror would need, too");
    let folder = TestFolder::on_disk();
    let block = gzip(vec![b'z'; 16 * MIB]);
    // A good row before it: an object with nothing but rejects fails as a whole.
    let start = "#Fields: date time\n2024-05-17\t10:00:00\n2024-05-17\t10:00:00\t";
    let object = [gzip(start), block.repeat(25)].concat();
    folder.add("a.gz", object);
    let cap = format!("{CAP_MIB}MiB");
    let args =
        ["convert", "logs", "lake/cf_logs", "-q", "--threads", "1", "--memory-bytes", &cap, "--max-ratio", "2000"];
    let peak = peak_memory(&folder, &args);
    assert!(peak <= CAP_MIB * MIB, "{} MiB were used, {CAP_MIB} MiB were allowed", peak / MIB);
    assert_eq!(folder.quarantine()[0]["line_bytes"], 400 * MIB + 20);
}

#[test]
fn an_object_of_the_state_that_is_a_gib_or_unpacks_to_as_much_takes_no_memory() {
    const CAP: usize = 192 * MIB;
    only_on_disk!("memory, which the mirror would need, too");
    let open = || {
        let folder = TestFolder::of_two_tasks();
        folder.reopen(1, &[1]);
        folder
    };
    let closed = TestFolder::of_two_tasks;
    let cases = [
        ("table.json", false),
        ("log/0000000001.json", false),
        ("closed/0000000001.json", false),
        ("seen/2024-05-17/0000000001", false),
        ("commit/0000000001/00000.json", true),
        ("gone/0000000001/00001.json", true),
    ];
    let args = ["convert", "logs", "lake/cf_logs", "--now", NOW, "-q"];
    let is_small = |folder: &TestFolder, name: &str| {
        let peak = peak_memory_of(folder, &args, 1);
        assert!(peak <= CAP, "{name}: {} MiB", peak / MIB);
        folder.run(&args).exits(1).says(name).says("\nhint: ");
    };
    for (name, is_open) in cases {
        let folder = if is_open { open() } else { closed() };
        fs::File::create(folder.state(name)).unwrap().set_len(1 << 30).unwrap();
        is_small(&folder, name);
    }
    // The log record says how long its plan is.
    let folder = open();
    let name = folder.states(&["plan/"]).into_keys().next().unwrap();
    fs::File::create(folder.state(&name)).unwrap().set_len(1 << 30).unwrap();
    is_small(&folder, &name);
    // What was seen is compressed.
    let folder = closed();
    let name = "seen/2024-05-17/0000000001";
    fs::write(folder.state(name), gzip(vec![b'x'; 256 << 20])).unwrap();
    is_small(&folder, name);
}
