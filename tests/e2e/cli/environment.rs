//! Full or read-only disks, and few open files.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    process::Command,
};

use crate::harness::{LEAN, NOW, RunOutput, TestFolder, log, only_on_disk};

/// Creates a table and a new log.
fn table() -> TestFolder {
    let folder = TestFolder::of_two_tasks();
    folder.add("E1EXAMPLE.2024-05-18-10.a", log("date time", &["2024-05-18 10:00:00"]));
    folder
}

const CONVERT: [&str; 5] = ["convert", "logs", "lake/cf_logs", "--now", NOW];

/// Runs the program with a line of shell, in which `"$@"` is the program and its flags.
fn in_shell(folder: &TestFolder, shell: &str, args: &[&str]) -> RunOutput {
    folder.run_in_shell(&[], shell, args)
}

/// Runs the program with `lake` mounted read-only. Returns `None` if mounts are not allowed here.
fn read_only(folder: &TestFolder, args: &[&str]) -> Option<RunOutput> {
    let mount = "mount --bind lake lake && mount -o remount,ro,bind lake";
    let allowed = Command::new("unshare").args(["-m", "sh", "-c", mount]).current_dir(folder.path("")).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        eprintln!("not tested: mounts are not allowed here");
        return None;
    }
    // Mounts in a separate namespace end with the program.
    Some(folder.run_in_shell(&["unshare", "-m"], &format!("{mount} && exec \"$@\""), args))
}

/// Runs the program without root's right to read every file, if it has that right.
pub(super) fn without_rights_of_root(folder: &TestFolder, args: &[&str]) -> RunOutput {
    let drop = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"];
    folder.write("probe", "");
    fs::set_permissions(folder.path("probe"), fs::Permissions::from_mode(0o000)).unwrap();
    let is_root = fs::read(folder.path("probe")).is_ok();
    fs::remove_file(folder.path("probe")).unwrap();
    folder.run_in_shell(if is_root { &drop } else { &[] }, "exec \"$@\"", args)
}

/// Removes all permissions of a log.
pub(super) fn forbid(folder: &TestFolder, name: &str) {
    fs::set_permissions(folder.path(&format!("logs/{name}")), fs::Permissions::from_mode(0o000)).unwrap();
}

#[test]
fn a_log_without_permission_is_named_and_converted_once_it_is_readable() {
    only_on_disk!("modes of files");
    let folder = TestFolder::new();
    for hour in ["05", "06", "07"] {
        let row = format!("2024-05-17 {hour}:00:00");
        folder.add(&format!("E1EXAMPLE.2024-05-17-{hour}.a"), log("date time", &[&row]));
    }
    folder.add("forbidden", log("date time", &[]));
    forbid(&folder, "forbidden");
    forbid(&folder, "E1EXAMPLE.2024-05-17-06.a");
    let convert = ["convert", "logs", "lake/cf_logs", "--now", NOW, "--exclude", "forbidden"];
    for night in 1..=2 {
        let ran = without_rights_of_root(&folder, &convert).exits(3);
        let ran = ran.says("E1EXAMPLE.2024-05-17-06.a").says("ermission denied");
        assert!(!ran.stderr.contains("2024-05-17-05") && !ran.stderr.contains("forbidden"), "{}", ran.stderr);
        assert_eq!(folder.rows().len(), 2, "night {night}");
    }
    let status = folder.json(&["status", "lake/cf_logs"]);
    assert!(status["open"].is_null() && status["inputs"]["unreadable"] == 2, "{status:#}");
    assert_eq!(status["unreadable"], 1, "{status:#}");
    assert!(status["unreadable_objects"][0].as_str().unwrap().ends_with("2024-05-17-06.a"), "{status:#}");
    folder.writes_nothing(&["verify", "lake/cf_logs", "--deep"], 0);

    let readable = fs::Permissions::from_mode(0o644);
    fs::set_permissions(folder.path("logs/E1EXAMPLE.2024-05-17-06.a"), readable).unwrap();
    without_rights_of_root(&folder, &convert).exits(0);
    assert_eq!(folder.rows().len(), 3);
    assert_eq!(folder.json(&["status", "lake/cf_logs"])["unreadable"], 0);
}

#[test]
fn too_many_logs_without_permission_stop_the_run_and_a_higher_limit_lets_the_next_one_continue() {
    only_on_disk!("modes of files");
    let folder = TestFolder::new();
    for minute in 10..16 {
        let row = format!("2024-05-17 05:{minute}:00");
        folder.add(&format!("E1EXAMPLE.2024-05-17-05.{minute}"), log("date time", &[&row]));
    }
    folder.add("forbidden", log("date time", &[]));
    for name in ["forbidden", "E1EXAMPLE.2024-05-17-05.11", "E1EXAMPLE.2024-05-17-05.14"] {
        forbid(&folder, name);
    }
    let convert = |limit| {
        let convert = ["convert", "logs", "lake/cf_logs", "--now", NOW, "--exclude", "forbidden"];
        without_rights_of_root(&folder, &[&convert[..], &["--max-unreadable", limit]].concat())
    };
    convert("2").exits(1).says("2 objects could not be read").says("--max-unreadable");
    convert("3").exits(3).says("E1EXAMPLE.2024-05-17-05.11").says("E1EXAMPLE.2024-05-17-05.14");
    assert_eq!(folder.rows().len(), 4);
}

#[test]
fn on_a_read_only_disk_commands_that_read_work_and_those_that_write_stop_with_a_message() {
    only_on_disk!("disks and open files");
    let folder = table();
    let before = folder.snapshot("lake");
    for (args, status) in [
        (&CONVERT[..], 1),
        (&["rebuild-state", "lake/cf_logs"], 1),
        (&["status", "lake/cf_logs"], 0),
        (&["verify", "lake/cf_logs", "--deep"], 0),
        (&["ddl", "lake/cf_logs"], 0),
        (&["convert", "logs", "lake/cf_logs", "--dry-run"], 0),
    ] {
        let Some(ran) = read_only(&folder, args) else { return };
        let ran = ran.exits(status);
        if status == 1 {
            assert!(
                ran.stderr.contains("read-only") && ran.stderr.contains("lake/cf_logs.lakefront"),
                "{}",
                ran.stderr
            );
        }
    }
    assert!(folder.snapshot("lake") == before);
    folder.converts(&[]);
    assert_eq!(folder.rows().len(), 3);
}

#[test]
fn on_a_read_only_disk_the_status_of_an_open_epoch_is_printed() {
    only_on_disk!("disks and open files");
    let folder = table();
    folder.reopen(1, &[1]);
    let Some(ran) = read_only(&folder, &["status", "lake/cf_logs"]) else { return };
    assert!(ran.exits(0).stdout.contains("epoch 1, 1 of 2 tasks committed"));
}

#[test]
fn files_in_place_of_the_states_folders_stop_a_run_with_a_message() {
    only_on_disk!("disks and open files");
    let folder = TestFolder::new();
    folder.add("a.log", log("date time", &["2024-05-17 09:00:00"]));
    folder.write("lake/cf_logs.lakefront", "a file");
    folder.run(&CONVERT).exits(1).says("cf_logs.lakefront").says("not a folder");
    assert_eq!(folder.tree("lake"), ["cf_logs.lakefront"]);

    for name in ["tmp", "commit/0000000002", "plan/x", "year"] {
        let folder = table();
        let way = match name {
            "year" => folder.path("lake/cf_logs/year=2024/month=05/day=18/hour=10"),
            "plan/x" => {
                // The run reaches its plan.
                fs::rename(folder.state("plan"), folder.path("plan")).unwrap();
                folder.state("plan")
            }
            name => folder.state(name),
        };
        let _ = fs::remove_dir(&way);
        fs::write(&way, "a file").unwrap();
        let ran = folder.run(&CONVERT).exits(1);
        assert!(ran.stderr.contains(way.to_str().unwrap()), "{name}: {}", ran.stderr);
        // Without the file, the next run finishes.
        fs::remove_file(&way).unwrap();
        if name == "plan/x" {
            fs::rename(folder.path("plan"), &way).unwrap();
        }
        folder.converts(&[]);
        assert_eq!(folder.rows().len(), 3, "{name}");
    }
}

/// Replaces a file of the state with a named pipe, or with a link to a device.
fn put_in_place_of(folder: &TestFolder, name: &str, is_pipe: bool) {
    let way = folder.state(name);
    let _ = fs::remove_file(&way);
    if is_pipe {
        assert!(Command::new("mkfifo").arg(&way).status().unwrap().success());
    } else {
        symlink("/dev/zero", &way).unwrap();
    }
}

#[test]
fn a_pipe_or_a_device_in_place_of_a_state_object_is_refused_without_a_wait() {
    only_on_disk!("named pipes");
    // The run must end before the time limit.
    let ends = |folder: &TestFolder, args: &[&str]| {
        let ran = folder.run_in_shell(&["timeout", "60"], "exec \"$@\"", args);
        assert!([Some(0), Some(1), Some(2), Some(3)].contains(&ran.status), "{args:?}: {ran:?}");
        ran
    };
    let names = table().tree("lake/cf_logs.lakefront");
    assert!(names.len() > 8, "{names:?}");
    for (number, name) in names.iter().map(String::as_str).chain(["lock"]).enumerate() {
        let folder = table();
        put_in_place_of(&folder, name, number % 2 == 0);
        for command in ["verify", "status", "ddl", "rebuild-state"] {
            ends(&folder, &[command, "lake/cf_logs"]);
        }
        ends(&folder, &CONVERT);
    }
    // A file that the run needs is named in the message.
    for (name, is_pipe, kind) in
        [("table.json", true, "a named pipe"), ("table.json", false, "a device"), ("lock", true, "a named pipe")]
    {
        let folder = table();
        put_in_place_of(&folder, name, is_pipe);
        ends(&folder, &CONVERT).exits(1).says(&format!("cf_logs.lakefront/{name}: is {kind}, not"));
    }
}

#[test]
fn sixty_four_open_files_are_enough_for_any_number_of_logs_hours_and_epochs() {
    only_on_disk!("disks and open files");
    let folder = TestFolder::new();
    let rows: Vec<String> =
        (0..300).map(|hour| format!("2024-05-{:02} {:02}:00:00", 1 + hour / 24, hour % 24)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    folder.add("E1EXAMPLE.2024-05-17-00.hours", log("date time", &rows));
    for number in 0..200 {
        folder.add(&format!("E1EXAMPLE.2024-05-17-00.{number:03}"), log("date time", &["2024-05-17 00:00:00"]));
    }
    // A large machine has more threads than these files are enough for.
    for threads in ["4", "64"] {
        for folder_of_table in ["lake/cf_logs", "lake/cf_logs.lakefront"] {
            let _ = fs::remove_dir_all(folder.path(folder_of_table));
        }
        let args = [&CONVERT[..], &["--threads", threads, "--task-bytes", "1KiB"], &LEAN[..]].concat();
        let ran = in_shell(&folder, "ulimit -n 64 && exec \"$@\"", &args).exits(0);
        assert_eq!(ran.stderr.contains("are too few for 64 threads"), threads == "64", "{}", ran.stderr);
    }
    in_shell(&folder, "ulimit -n 64 && exec \"$@\"", &["verify", "lake/cf_logs", "--deep"]).exits(0);
    assert_eq!(folder.json(&["status", "lake/cf_logs"])["rows"], 500);
}

#[test]
fn a_limit_of_file_sizes_is_named_and_the_next_run_finishes() {
    only_on_disk!("disks and open files");
    let folder = table();
    // In blocks of 512 or 1024 bytes: a data file is larger than either.
    let ran = in_shell(&folder, "ulimit -f 1 && exec \"$@\"", &CONVERT).exits(1);
    assert!(ran.stderr.contains("ile too large") && ran.stderr.contains("lake/cf_logs"), "{}", ran.stderr);
    folder.run(&CONVERT).exits(0);
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn too_few_open_files_stop_a_run_cleanly_and_the_next_one_finishes() {
    only_on_disk!("disks and open files");
    let folder = table();
    for files in [4, 6, 8] {
        let ran = in_shell(&folder, &format!("ulimit -n {files} && exec \"$@\""), &CONVERT);
        assert!(ran.status == Some(0) || ran.status == Some(1) || ran.status == Some(127), "{ran:?}");
    }
    folder.run(&CONVERT).exits(0);
    assert_eq!(folder.rows().len(), 3);
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}
