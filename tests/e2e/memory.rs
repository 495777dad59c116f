//! Memory stays within the limit, regardless of the input's size.

use std::{fs, process::Stdio, thread, time::Duration};

use lakefront_loggen::{Options, objects};

use crate::harness::{NOW, TestFolder, gzip, only_on_disk};

const MIB: usize = 1 << 20;
/// Smallest memory limit of a conversion, in MiB: enough for one task at a time.
const CAP_MIB: usize = 256;

/// Converts with one thread and the smallest limit, and checks that the peak stays within it.
fn converts_within_the_least_memory(folder: &TestFolder, args: &[&str]) {
    let cap = format!("{CAP_MIB}MiB");
    let common = ["convert", "logs", "lake/cf_logs", "-q", "--now", NOW, "--report", "report.json"];
    let peak = peak_memory(folder, &[&common[..], &["--threads", "1", "--memory-bytes", &cap], args].concat());
    assert!(peak <= CAP_MIB * MIB, "{} MiB were used, the limit is {CAP_MIB} MiB", peak / MIB);
}

/// Returns a table schema with this many columns, each of a separate field.
fn wide_schema(columns: usize) -> String {
    let column = |number| format!("\n[[column]]\nname = \"c{number}\"\ntype = \"string\"\nfield = \"x-{number}\"\n");
    format!("name = \"wide\"\n{}", (0..columns).map(column).collect::<String>())
}

/// Runs the program, and returns its peak resident memory, in bytes.
fn peak_memory(folder: &TestFolder, args: &[&str]) -> usize {
    peak_memory_of(folder, args, 0)
}

/// Returns the peak memory of a run that ends with this exit status. A refused run may end before its memory was read:
/// then it is run once more.
fn peak_memory_of(folder: &TestFolder, args: &[&str], exit_status: i32) -> usize {
    for _ in 0..100 {
        let peak = seen_memory(folder, args, exit_status);
        if peak > 0 {
            return peak;
        }
        assert_ne!(exit_status, 0, "the program's memory could not be read");
    }
    panic!("the program's memory could not be read");
}

/// Returns the peak memory of a run as read from `/proc`; 0 if it ended too soon.
fn seen_memory(folder: &TestFolder, args: &[&str], exit_status: i32) -> usize {
    let mut child = folder.command(args).stdout(Stdio::null()).spawn().unwrap();
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    let status = loop {
        // The kernel keeps the peak, so only the last milliseconds can be missed.
        let status = fs::read_to_string(&status_file).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let mark = mark.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        peak_kib = mark.unwrap_or(0).max(peak_kib);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(if peak_kib == 0 { 0 } else { 2 }));
    };
    assert_eq!(status.code(), Some(exit_status));
    peak_kib * 1024
}

#[test]
fn an_object_of_300_mb_of_text_is_converted_within_the_memory_limit() {
    only_on_disk!("memory, which copies to buckets would need, too");
    let folder = TestFolder::on_disk();
    let options = Options { rows_per_file: 8000, late_percent: 2.0, ..Options::default() };
    let text = objects(&options).next().unwrap().text;
    let member = gzip(&text);
    let members = 300_000_000 / text.len() + 1;
    folder.add("E1EXAMPLE.2025-01-02-03.a.gz", member.repeat(members));
    let cap = format!("{CAP_MIB}MiB");
    let common = ["convert", "logs", "lake/cf_logs", "--now", NOW, "--report", "report.json", "-q"];
    let peak = peak_memory(&folder, &[&common[..], &["--threads", "1", "--memory-bytes", &cap]].concat());
    assert!(peak <= CAP_MIB * MIB, "{} MiB were used, the limit is {CAP_MIB} MiB", peak / MIB);
    let report = folder.report();
    assert_eq!(report["rows"], members * 8000);
    assert!(report["text_bytes"].as_u64().unwrap() >= 300_000_000);
}

#[test]
fn an_object_with_rows_of_many_hours_is_converted_within_the_memory_limit() {
    // Like the logs of most of a year in one object: six thousand data files are open at once.
    const HOURS: usize = 6000;
    const ROWS: usize = 20;
    only_on_disk!("memory, which copies to buckets would need, too");
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
    assert!(peak <= CAP_MIB * MIB, "{} MiB were used, the limit is {CAP_MIB} MiB", peak / MIB);
    assert_eq!(folder.tree("lake/cf_logs").len(), HOURS);
}

#[test]
fn many_small_objects_with_much_text_are_converted_within_the_memory_limit() {
    // A few kilobytes each, so that all are fetched at once; 450 MiB of text together.
    const OBJECTS: usize = 60;
    const ROWS: usize = 7500;
    only_on_disk!("memory, which copies to buckets would need, too");
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
    assert!(peak <= CAP_MIB * MIB, "{} MiB were used, the limit is {CAP_MIB} MiB", peak / MIB);
    assert_eq!(folder.report()["rows"], OBJECTS * ROWS);
}

#[test]
fn a_gzip_header_with_a_name_of_hundreds_of_megabytes_needs_no_memory() {
    only_on_disk!("memory, which copies to buckets would need, too");
    let folder = TestFolder::on_disk();
    let text = "#Fields: date time sc-bytes\n2024-05-17\t10:00:00\t7\n";
    let named = |bytes: usize| {
        let name = vec![b'n'; bytes];
        let mut encoder = flate2::GzBuilder::new()
            .filename(name.as_slice())
            .comment(vec![b'c'; 100_000])
            .extra(vec![0; 65_535])
            .write(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    // Small enough to be fetched whole, but its text is far too large.
    folder.add("small.gz", named(70_000));
    folder.add("large.gz", named(400 * MIB));
    converts_within_the_least_memory(&folder, &[]);
    assert_eq!(folder.column("bytes"), serde_json::json!([7, 7]));
}

#[test]
fn text_of_one_endless_line_needs_no_memory() {
    only_on_disk!("memory, which copies to buckets would need, too");
    let folder = TestFolder::on_disk();
    let block = gzip(vec![b'z'; 16 * MIB]);
    // A good row first: an object with only rejects fails as a whole.
    let start = "#Fields: date time\n2024-05-17\t10:00:00\n2024-05-17\t10:00:00\t";
    let object = [gzip(start), block.repeat(25)].concat();
    folder.add("a.gz", object);
    let cap = format!("{CAP_MIB}MiB");
    let args =
        ["convert", "logs", "lake/cf_logs", "-q", "--threads", "1", "--memory-bytes", &cap, "--max-ratio", "2000"];
    let peak = peak_memory(&folder, &args);
    assert!(peak <= CAP_MIB * MIB, "{} MiB were used, the limit is {CAP_MIB} MiB", peak / MIB);
    assert_eq!(folder.quarantine()[0]["line_bytes"], 400 * MIB + 20);
}

#[test]
fn a_state_object_of_1_gib_or_that_unpacks_to_1_gib_needs_no_memory() {
    const CAP: usize = 192 * MIB;
    only_on_disk!("memory, which copies to buckets would need, too");
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
    // The log record has the size of its plan.
    let folder = open();
    let name = folder.states(&["plan/"]).into_keys().next().unwrap();
    fs::File::create(folder.state(&name)).unwrap().set_len(1 << 30).unwrap();
    is_small(&folder, &name);
    // `seen` objects are compressed.
    let folder = closed();
    let name = "seen/2024-05-17/0000000001";
    fs::write(folder.state(name), gzip(vec![b'x'; 256 << 20])).unwrap();
    is_small(&folder, name);
}

#[test]
fn a_table_of_very_many_columns_and_hours_is_written_within_the_memory_limit() {
    const HOURS: usize = 250;
    only_on_disk!("memory, which copies to buckets would need, too");
    let row = |row: usize| format!("{}\tone{row}\ttwo\n", 1_600_000_000 + row / 20 * 3600);
    let folder = TestFolder::new();
    folder.add("a.gz", gzip("#Fields: timestamp x-1 x-2\n".to_owned() + &(0..HOURS * 20).map(row).collect::<String>()));
    folder.write("wide.toml", wide_schema(1000));
    converts_within_the_least_memory(&folder, &["--schema", "wide.toml"]);
    assert_eq!(folder.tree("lake/cf_logs").len(), HOURS);
    assert_eq!(folder.report()["rows"], HOURS * 20);
}

#[test]
fn a_task_whose_objects_all_have_the_same_many_hours_is_converted_within_the_memory_limit() {
    // Each object has a row of each hour, so that no hour is complete before the last object, and together they exceed
    // the memory. Some objects are bad, which must have no effect in any pass; the first two are small.
    const HOURS: usize = 600;
    const OBJECTS: usize = 6;
    only_on_disk!("memory, which copies to buckets would need, too");
    let padding = |object| if object < 2 { String::new() } else { "y".repeat(40_000) };
    let log = |object: usize| {
        let row = |hour: usize| format!("{}\t{object}-{hour}\t{}\n", 1_600_000_000 + hour * 3600, padding(object));
        let rows: String = (0..HOURS).map(row).collect();
        format!("#Fields: timestamp x-1 x-2 x-unclaimed\n{rows}{}", "x\ty\n".repeat(object))
    };
    let folder = TestFolder::new();
    for object in 0..OBJECTS {
        folder.add(&format!("{object}.gz"), gzip(log(object)));
    }
    folder.add("1-bad.gz", &gzip(log(0))[..2000]);
    folder.add("3-bad.gz", &gzip(log(3))[..20_000]);
    folder.write("wide.toml", wide_schema(3));
    let with_failures = |args: &[&str]| {
        let common =
            ["convert", "logs", args[0], "-q", "--now", NOW, "--schema", "wide.toml", "--report", "report.json"];
        peak_memory_of(&folder, &[&common[..], &args[1..]].concat(), 3)
    };
    let cap = format!("{CAP_MIB}MiB");
    let peak = with_failures(&["lake/one", "--threads", "1", "--memory-bytes", &cap]);
    assert!(peak <= CAP_MIB * MIB, "{} MiB were used, the limit is {CAP_MIB} MiB", peak / MIB);
    let report = folder.report();
    assert_eq!((&report["rows"], &report["partitions"]), (&(HOURS * OBJECTS).into(), &HOURS.into()));
    assert_eq!(report["rejects"]["no-time"], (0..OBJECTS).sum::<usize>());
    assert_eq!(report["objects"]["failed"], 2);
    assert_eq!(report["unclaimed_fields"], serde_json::json!(["x-unclaimed"]));
    assert!(report["files"].as_u64().unwrap() <= 2 * HOURS as u64, "{}", report["files"]);
    let mut cells: Vec<String> =
        folder.rows_of("lake/one").iter().map(|row| row.get("c1").as_str().unwrap().to_owned()).collect();
    let mut expected: Vec<String> =
        (0..OBJECTS).flat_map(|object| (0..HOURS).map(move |hour| format!("{object}-{hour}"))).collect();
    cells.sort_unstable();
    expected.sort_unstable();
    assert!(cells == expected, "{} rows", cells.len());
    // With more threads and memory the table is the same, byte for byte.
    let two = ["convert", "logs", "lake/two", "--now", NOW, "--schema", "wide.toml", "--threads", "3", "-v"];
    folder.run(&two).exits(3).says("the task's objects are read once more");
    let (one, two) = (folder.files("lake/one"), folder.files("lake/two"));
    assert!(one.keys().eq(two.keys()));
    assert!(one.iter().all(|(name, path)| fs::read(path).unwrap() == fs::read(&two[name]).unwrap()));
}

#[test]
fn names_of_very_many_fields_are_bounded_in_memory_summary_and_report() {
    const OBJECTS: usize = 60;
    const NAMES: usize = 10_000;
    only_on_disk!("memory, which copies to buckets would need, too");
    let folder = TestFolder::new();
    for object in 0..OBJECTS {
        let names: Vec<String> = (0..NAMES).map(|name| format!("x-{object:03}-{name:05}")).collect();
        let names = names.join(" ");
        folder.add(&format!("{object}.gz"), gzip(format!("#Fields: date time {names}\n2024-05-17\t10:00:00\n")));
    }
    converts_within_the_least_memory(&folder, &[]);
    let report = folder.report();
    assert_eq!(report["rows"], OBJECTS);
    for fields in ["unclaimed_fields", "unknown_fields"] {
        let names = report[fields].as_array().unwrap();
        assert_eq!((names.len(), &names[999]), (1000, &"x-000-00999".into()), "{fields}");
        // Above a hundred thousand names the count is a lower bound.
        assert_eq!(report[format!("more_{fields}")], 99_000, "{fields}");
    }
    assert!(fs::metadata(folder.path("report.json")).unwrap().len() < 100_000);
    let again = folder.run(&["convert", "logs", "lake/again", "--now", NOW]).exits(0);
    assert!(again.stderr.contains(" and 99980 more; a new table with `--schema cf_logs_wide`"), "{}", again.stderr);
    assert!(again.stderr.contains("`x-000-00019`, and 99980 more; `--allow-field"), "{}", again.stderr);
}
