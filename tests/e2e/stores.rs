//! Logs and tables in S3, with a server in this process that may be hostile: what the program sends, follows, prints
//! and leaves.

use std::{
    fs,
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use crate::harness::{LEAN, NOW, Request, Response, RunOutput, S3, TestFolder, log, only_on_disk};

const CONVERT: [&str; 5] = ["convert", "s3://logs/cf", "s3://lake/cf_logs", "--now", NOW];
const TOKEN: &str = "IQoJb3JpZ2luX2VjEOj//////////wEaCXVzLWVhc3QtMSJHMEUCIQDmQ+hunter2+x/y==";

/// Returns the program, configured for a store.
fn program(folder: &TestFolder, store: &S3) -> Command {
    let mut command = folder.command(&[]);
    store.configure(&mut command);
    command
}

fn run(command: &mut Command, args: &[&str]) -> RunOutput {
    command.args(args).output().unwrap().into()
}

/// Adds two logs to a store.
fn with_logs(store: S3) -> S3 {
    for hour in ["09", "10"] {
        let row = format!("2024-05-17 {hour}:00:00");
        store.put(&format!("logs/cf/E1EXAMPLE.2024-05-17-{hour}.a.log"), log("date time", &[&row]));
    }
    store
}

#[test]
fn a_redirect_to_another_host_is_not_followed_and_no_credentials_are_sent_there() {
    only_on_disk!("a separate store");
    let folder = TestFolder::new();
    let other = S3::new();
    let port = other.port();
    // Kinds of requests that are redirected: all, reads of logs, writes, writes of data files.
    let kinds: [fn(&Request) -> bool; 4] = [
        |_| true,
        |request| request.method == "GET" && request.path.starts_with("logs/cf"),
        |request| request.method == "PUT",
        |request| request.path.ends_with(".parquet"),
    ];
    for (kind, host) in kinds.into_iter().zip(["localhost", "127.0.0.1", "localhost", "[::1]"]) {
        let store = with_logs(S3::responding(move |request| {
            let location = format!("Location: http://{host}:{port}/{}\r\n", request.path);
            if kind(request) {
                Response::Given("307 Temporary Redirect".into(), location, String::new())
            } else {
                Response::Correct
            }
        }));
        let ran = run(program(&folder, &store).env("AWS_SESSION_TOKEN", TOKEN), &[&CONVERT[..], &["-vv"]].concat());
        let ran = ran.exits(1).says(&format!("a redirect to `{host}:{port}`, which is another host")).says("hint: ");
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
        assert!(store.requests().iter().all(|request| request.header("x-amz-security-token") == TOKEN));
    }
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn responses_of_a_store_are_shown_without_the_secrets_of_the_request() {
    only_on_disk!("a separate store");
    let folder = TestFolder::new();
    let echo = |request: &Request| {
        let (sent, token) = (request.header("authorization"), request.header("x-amz-security-token"));
        let signature = sent.rsplit('=').next().unwrap();
        let cut: String = token.chars().skip(7).take(30).collect();
        format!("said {signature} {token} {} {cut} secret-of-the-tests AKIDOFTHETESTS ends", token.to_lowercase())
    };
    let kinds: [fn(&Request) -> bool; 3] =
        [|_| true, |request| request.path.starts_with("logs/cf"), |request| request.method == "PUT"];
    for kind in kinds {
        for status in ["403 Forbidden", "400 Bad Request", "405 Method Not Allowed", "301 Moved"] {
            let store = with_logs(S3::responding(move |request| {
                if !kind(request) {
                    return Response::Correct;
                }
                let said = echo(request);
                let headers = format!(
                    "x-amz-bucket-region: {said}\r\nLocation: http://{}/\r\n",
                    request.header("x-amz-security-token").replace(['/', '+', '='], "")
                );
                Response::Given(
                    status.into(),
                    headers,
                    format!("<Error><Code>{said}</Code><Message>{said}</Message><Region>{said}</Region></Error>"),
                )
            }));
            let ran =
                run(program(&folder, &store).env("AWS_SESSION_TOKEN", TOKEN), &[&CONVERT[..], &["-vvv"]].concat());
            assert!(ran.status == Some(1) || ran.status == Some(3), "{ran:?}");
            let shown = format!("{}{}", ran.stdout, ran.stderr).to_lowercase();
            for secret in ["hunter2", "b3jpz2lux2v", "secret-of-the-tests", "akidofthetests", "ivjeoj"] {
                assert!(!shown.contains(secret), "{secret} {status}:\n{shown}");
            }
            assert!(shown.contains("[removed]"), "{status}:\n{shown}");
            let signatures: Vec<String> =
                store.requests().iter().map(|request| request.header("authorization").to_owned()).collect();
            assert!(signatures.iter().all(|sent| !shown.contains(sent.rsplit('=').next().unwrap())), "{shown}");
        }
    }
}

#[test]
fn settings_that_cannot_be_part_of_a_request_are_wrong_usage_and_named() {
    only_on_disk!("a separate store");
    let folder = TestFolder::new();
    let store = with_logs(S3::new());
    let at = |end: &str| format!("http://127.0.0.1:{}{end}", store.port());
    let variables: &[(&str, &str, &str)] = &[
        ("AWS_ACCESS_KEY_ID", "hunter2\nhunter2", "AWS_ACCESS_KEY_ID: has a line break"),
        ("AWS_ACCESS_KEY_ID", "hunter2 hunter2", "AWS_ACCESS_KEY_ID: has a blank"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2\u{7}hunter2", "AWS_SECRET_ACCESS_KEY: has a control character"),
        ("AWS_SESSION_TOKEN", "hunter2\u{1b}[31mhunter2", "AWS_SESSION_TOKEN: has a control character"),
        ("AWS_SESSION_TOKEN", "hünter2", "AWS_SESSION_TOKEN: has a character that is not ASCII"),
        ("AWS_REGION", "us east", "AWS_REGION: `us east` is not a region"),
        ("AWS_REGION", "us-east-1\u{1b}[31m", "AWS_REGION: `us-east-1\\u{1b}[31m` is not a region"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:99999", "AWS_ENDPOINT_URL_S3: the port 99999 is above 65535"),
        ("AWS_ENDPOINT_URL_S3", "http://[::1", "AWS_ENDPOINT_URL_S3: a `]` is missing"),
        ("AWS_ENDPOINT_URL_S3", "127.0.0.1", "AWS_ENDPOINT_URL_S3: expected `https://host"),
        ("AWS_ENDPOINT_URL_S3", "http://local host", "AWS_ENDPOINT_URL_S3: "),
        ("AWS_ENDPOINT_URL_S3", "http://user:hunter2@127.0.0.1", "AWS_ENDPOINT_URL_S3: holds credentials"),
    ];
    for (name, value, says) in variables {
        let ran = run(program(&folder, &store).env(name, value), &CONVERT).exits(2).says(says).says("hint: ");
        assert!(!ran.stderr.contains("nter2") && !ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    }
    for url in ["http://[::1", "https://localhost:99999"] {
        let mut command = program(&folder, &store);
        command.env_remove("AWS_ENDPOINT_URL_S3").env("AWS_ENDPOINT_URL", url);
        run(&mut command, &CONVERT).exits(2).says("AWS_ENDPOINT_URL: ").says("hint: ");
    }
    folder.write(
        "config",
        "[profile mine]\nregion = us east\n[profile other]\naws_access_key_id = hunter2 x\naws_secret_access_key = y\n[profile url]\nendpoint_url = http://[::1\n",
    );
    for (profile, says) in [
        ("mine", "`region` of the profile `mine`: `us east` is not a region"),
        ("other", "`aws_access_key_id` of the profile `other`: has a blank"),
        ("url", "`endpoint_url` of the profile `url`: a `]` is missing"),
    ] {
        let mut command = program(&folder, &store);
        command
            .env("AWS_CONFIG_FILE", folder.path("config"))
            .env_remove("AWS_REGION")
            .env_remove("AWS_ENDPOINT_URL_S3");
        run(&mut command, &[&CONVERT[..], &["--profile", profile]].concat()).exits(2).says(says).says("hint: ");
    }
    for (flags, says) in [
        (vec!["--region", "us east"], "`--region`: `us east` is not a region"),
        (vec!["--source-region", "us/east"], "`--source-region`: `us/east` is not a region"),
        (vec!["--region", ""], "`--region`"),
        (vec!["--endpoint-url", "http://[::1"], "`--endpoint-url`: a `]` is missing"),
        (vec!["--source-endpoint-url", "https://localhost:99999"], "`--source-endpoint-url`: the port 99999"),
        (
            vec!["--endpoint-url", &at(""), "--addressing-style", "virtual"],
            "`--addressing-style virtual`: a bucket's name",
        ),
        (vec!["--addressing-style", "virtual"], "`--addressing-style virtual`: a bucket's name"),
        (vec!["--sse", "aws:kms", "--sse-kms-key-id", "a\u{1}b"], "`--sse-kms-key-id`: has a control character"),
    ] {
        run(&mut program(&folder, &store), &[&CONVERT[..], &flags].concat()).exits(2).says(says).says("hint: ");
    }
    for (name, says) in [("AZURE_STORAGE_TOKEN", "az://logs/cf"), ("GOOGLE_BASE_URL", "gs://logs/cf")] {
        let value = if name == "GOOGLE_BASE_URL" { "http://[::1" } else { "hunter2\nx" };
        let mut command = program(&folder, &store);
        command.env("AZURE_STORAGE_ACCOUNT_NAME", "account").env(name, value);
        let ran = run(&mut command, &["convert", says, "lake/cf_logs"]).exits(2).says(&format!("{name}: "));
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
    assert_eq!(store.requests().len(), 0);
}

#[test]
fn blanks_around_settings_are_ignored() {
    only_on_disk!("a separate store");
    let folder = TestFolder::new();
    let store = with_logs(S3::new());
    let mut command = program(&folder, &store);
    command
        .env("AWS_ACCESS_KEY_ID", "AKIDOFTHETESTS\n")
        .env("AWS_SECRET_ACCESS_KEY", " secret-of-the-tests\r\n")
        .env("AWS_SESSION_TOKEN", format!("{TOKEN}\t\n"))
        .env("AWS_REGION", " eu-west-1\n")
        .env("AWS_ENDPOINT_URL_S3", format!("http://127.0.0.1:{}/ \n", store.port()));
    run(&mut command, &CONVERT).exits(0);
    for request in store.requests() {
        assert_eq!(request.header("x-amz-security-token"), TOKEN);
        assert!(request.header("authorization").contains("Credential=AKIDOFTHETESTS/"), "{request:?}");
        assert!(request.header("authorization").contains("/eu-west-1/s3/"), "{request:?}");
    }
    let url = format!("http://127.0.0.1:{}\n", store.port());
    let flags = ["--region", "us-east-1 ", "--endpoint-url", &url];
    run(program(&folder, &store).env_remove("AWS_ENDPOINT_URL_S3"), &[&CONVERT[..], &flags].concat()).exits(0);
}

#[test]
fn retry_settings_of_other_tools_are_ignored() {
    only_on_disk!("a separate store");
    let folder = TestFolder::new();
    let store = S3::new();
    store.put("logs/cf/E1EXAMPLE.2024-05-17-09.a", log("date time", &["2024-05-17 09:00:00"]));
    for (variable, value) in [("AWS_RETRY_MODE", "legacy"), ("AWS_RETRY_MODE", "x\n"), ("AWS_MAX_ATTEMPTS", "0")] {
        run(program(&folder, &store).env(variable, value), &CONVERT).exits(0);
    }
}

#[test]
fn sixty_four_open_files_are_enough_for_buckets() {
    only_on_disk!("a separate store");
    let folder = TestFolder::new();
    let store = S3::new();
    let rows: Vec<String> =
        (0..200).map(|hour| format!("2024-05-{:02} {:02}:00:00", 1 + hour / 24, hour % 24)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    store.put("logs/cf/E1EXAMPLE.2024-05-17-00.hours", log("date time", &rows));
    for number in 0..200 {
        store.put(&format!("logs/cf/E1EXAMPLE.2024-05-17-00.{number:03}"), log("date time", &["2024-05-17 00:00:00"]));
    }
    let run = |args: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n 64 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_lakefront")]);
        store.configure(&mut command).current_dir(folder.path("")).stdin(Stdio::null());
        // The host's name is resolved for each connection, which opens files, too.
        command.env("AWS_ENDPOINT_URL_S3", format!("http://localhost:{}", store.port()));
        RunOutput::from(command.args(args).output().unwrap())
    };
    run(&[&CONVERT[..], &["--threads", "4", "--task-bytes", "1KiB"], &LEAN[..]].concat()).exits(0);
    run(&["verify", "s3://lake/cf_logs", "--deep"]).exits(0);
    assert!(run(&["status", "s3://lake/cf_logs", "--json"]).exits(0).stdout.contains("\"rows\": 400"));
}

#[test]
fn too_few_open_files_for_buckets_stop_a_run_with_the_limit_in_its_message() {
    only_on_disk!("a separate store");
    let folder = TestFolder::new();
    let store = S3::new();
    store.put("logs/cf/E1EXAMPLE.2024-05-17-09.a", log("date time", &["2024-05-17 09:00:00"]));
    let mut named = 0;
    for files in 5..32 {
        let mut command = Command::new("sh");
        let limit = format!("ulimit -n {files} && exec \"$@\"");
        command.args(["-c", &limit, "sh", env!("CARGO_BIN_EXE_lakefront")]);
        store.configure(&mut command).current_dir(folder.path("")).stdin(Stdio::null());
        let ran = RunOutput::from(command.args(CONVERT).output().unwrap());
        // 127: the program's libraries cannot be loaded.
        assert!(matches!(ran.status, Some(0 | 1 | 127)), "{files}: {ran:?}");
        assert!(!ran.stderr.contains("this is a bug"), "{files}: {}", ran.stderr);
        named += usize::from(ran.stderr.contains(&format!("`ulimit -n` ({files} open files")));
    }
    assert!(named > 0);
    run(&mut program(&folder, &store), &CONVERT).exits(0);
}

#[test]
fn a_key_that_is_too_long_for_a_request_is_named_and_the_others_are_converted() {
    only_on_disk!("a separate store");
    let folder = TestFolder::new();
    let store = S3::new();
    let rows = log("date time", &["2024-05-17 09:00:00"]);
    store.put("logs/cf/E1EXAMPLE.2024-05-17-09.a", &rows);
    store.put(&format!("logs/cf/E1EXAMPLE.2024-05-17-09.{}", "b".repeat(70_000)), &rows);
    let ran = run(&mut program(&folder, &store), &CONVERT).exits(3);
    assert!(ran.stderr.contains("too many bytes: it cannot be requested"), "{}", ran.stderr);
    let status = run(&mut program(&folder, &store), &["status", "s3://lake/cf_logs", "--json"]).exits(0);
    assert!(status.stdout.contains("\"rows\": 1"), "{}", status.stdout);
}

#[test]
fn the_limit_of_open_files_is_raised_as_far_as_allowed() {
    only_on_disk!("a separate store");
    if !fs::exists("/proc/self/limits").unwrap() {
        return;
    }
    let (sender, hung) = mpsc::channel();
    let store = S3::responding(move |_| {
        let _ = sender.send(());
        Response::Never
    });
    let folder = TestFolder::new();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -S -n 64 && ulimit -H -n 300 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_lakefront")]);
    store.configure(&mut command).current_dir(folder.path("")).stdin(Stdio::null()).stderr(Stdio::null());
    let mut child = command.args(CONVERT).spawn().unwrap();
    hung.recv_timeout(Duration::from_mins(1)).unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let open = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(open.split_whitespace().skip(3).take(2).collect::<Vec<_>>(), ["300", "300"], "{open}");
}

#[test]
fn a_run_that_is_killed_leaves_no_rows_in_the_folder_of_temporary_files() {
    only_on_disk!("a separate store");
    let folder = TestFolder::new();
    fs::create_dir(folder.path("tmp")).unwrap();
    let (sender, hung) = mpsc::channel();
    let store = S3::responding(move |request| {
        if request.method == "PUT" && request.path.ends_with(".parquet") {
            let _ = sender.send(request.header("content-length").parse::<u64>().unwrap());
            return Response::Never;
        }
        Response::Correct
    });
    // Rows that do not compress, so that the data file is too large to stay in memory.
    let mut number = 1_u64;
    let rows: Vec<String> = (0..6_000)
        .map(|_| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            format!("2024-05-17 09:00:00 {number:016x}{:016x}", number.rotate_left(23))
        })
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    store.put("logs/cf/E1EXAMPLE.2024-05-17-09.a.log", log("date time x-edge-request-id", &rows));
    let mut command = program(&folder, &store);
    let mut child = command.env("TMPDIR", folder.path("tmp")).args(CONVERT).stderr(Stdio::null()).spawn().unwrap();
    assert!(hung.recv_timeout(Duration::from_mins(2)).unwrap() > 64 << 10);
    assert_eq!(folder.tree("tmp"), [""; 0]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(folder.tree("tmp"), [""; 0]);
}

#[test]
fn data_files_are_verified_by_checksums_of_whole_objects_or_by_reading() {
    only_on_disk!("a separate store");
    let folder = TestFolder::new();
    let store = with_logs(S3::new());
    run(&mut program(&folder, &store), &[&CONVERT[..], &LEAN[..]].concat()).exits(0);
    let deep = ["verify", "s3://lake/cf_logs", "--deep", "--json"];
    // Returns the output, and the requests for data files.
    let verify = |status: i32| {
        let before = store.requests().len();
        let ran = run(&mut program(&folder, &store), &deep).exits(status);
        let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let requests = store.requests().split_off(before);
        (json, requests.into_iter().filter(|request| request.path.ends_with(".parquet")).collect::<Vec<_>>())
    };
    let is_tail = |request: &Request| request.header("range").starts_with("bytes=-");
    for (kind, by_checksum) in [(None, 0), (Some("COMPOSITE"), 0), (Some("FULL_OBJECT"), 2)] {
        store.show_checksums(kind);
        let (found, requests) = verify(0);
        assert_eq!((&found["files"], &found["files_by_checksum"]), (&2.into(), &by_checksum.into()), "{kind:?}");
        let heads = requests.iter().filter(|request| request.method == "HEAD");
        for head in heads.clone() {
            assert!(head.header("authorization").contains("x-amz-checksum-mode"), "{head:?}");
        }
        let reads = requests.iter().filter(|request| request.method == "GET" && !is_tail(request)).count();
        let tails = requests.iter().filter(|request| request.method == "GET" && is_tail(request)).count();
        assert_eq!((heads.count(), reads, tails), (2, 2 - by_checksum, 4), "{kind:?}: {requests:#?}");
    }
    let ran = run(&mut program(&folder, &store), &deep[..3]).exits(0);
    assert!(ran.stdout.contains("by the checksums of the store, and by their footers"), "{}", ran.stdout);
    // A changed byte is found by either.
    let path = "lake/cf_logs/year=2024/month=05/day=17/hour=09/part-0000000001-00000-000.parquet";
    let mut bytes = store.get(path);
    bytes[20] ^= 1;
    store.put(path, bytes);
    for kind in [None, Some("COMPOSITE"), Some("FULL_OBJECT")] {
        store.show_checksums(kind);
        let (found, _) = verify(1);
        assert_eq!((&found["num_faults"], &found["faults"][0]["invariant"]), (&1.into(), &"I6".into()), "{kind:?}");
    }
}
