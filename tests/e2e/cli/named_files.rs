//! Files named by flags and settings are read up to a limit, and the program never waits for them.

use std::process::Command;

use crate::harness::{LEAN, TestFolder, log, only_on_disk};

/// Runs the program with limits on address space and time, and checks that it refuses a file.
fn refuses(folder: &TestFolder, args: &[&str], says: &str) {
    let ran = folder.run_in_shell(&["timeout", "20"], "ulimit -v 4000000 && exec \"$@\"", args).exits(2);
    let ran = ran.says(says);
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
}

fn folder() -> TestFolder {
    let folder = TestFolder::new();
    folder.add("E1EXAMPLE.2024-05-17-09.a", log("date time", &["2024-05-17 09:00:00"]));
    folder
}

#[test]
fn an_endless_file_is_named_with_the_limit() {
    only_on_disk!("limits of memory");
    let folder = folder();
    std::fs::File::create(folder.path("large")).unwrap().set_len(1 << 50).unwrap();
    for file in ["/dev/zero", "/dev/urandom", "large"] {
        let says = format!("{file}: larger than 1 MiB");
        refuses(&folder, &["convert", "logs", "lake/cf_logs", "--fields", &format!("@{file}")], &says);
        refuses(&folder, &["retry", "lake/cf_logs", "--fields", &format!("@{file}")], &says);
        refuses(&folder, &["convert", "logs", "lake/cf_logs", "--schema", file], &says);
        refuses(&folder, &["schema", &format!("{}{file}", if file == "large" { "./" } else { "" })], &says);
    }
}

#[test]
fn a_named_pipe_is_refused_without_a_wait() {
    only_on_disk!("named pipes");
    let folder = folder();
    let pipe = folder.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = pipe.to_str().unwrap();
    for args in [&["--fields", &format!("@{pipe}")][..], &["--schema", pipe]] {
        refuses(&folder, &[&["convert", "logs", "lake/cf_logs"], args].concat(), "a named pipe");
    }
}

#[test]
fn files_that_the_environment_names_have_a_limit() {
    only_on_disk!("the environment of the program");
    let folder = folder();
    assert!(Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap().success());
    for (variable, bucket) in [
        ("AWS_CONFIG_FILE", "s3://logs-of-nobody/x"),
        ("AWS_SHARED_CREDENTIALS_FILE", "s3://logs-of-nobody/x"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "s3://logs-of-nobody/x"),
        ("AWS_CA_BUNDLE", "s3://logs-of-nobody/x"),
        ("SSL_CERT_FILE", "s3://logs-of-nobody/x"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "gs://logs-of-nobody/x"),
        ("GOOGLE_SERVICE_ACCOUNT", "gs://logs-of-nobody/x"),
        ("AZURE_FEDERATED_TOKEN_FILE", "az://logs-of-nobody/x"),
    ] {
        for (file, says) in [("/dev/zero", "larger than 1"), ("pipe", "a named pipe")] {
            let shell = format!("export {variable}={file} && exec \"$@\"");
            let args = ["convert", bucket, "lake/cf_logs"];
            let ran = folder.run_in_shell(&["timeout", "20"], &shell, &args).exits(2);
            ran.says(&format!("store: {variable}: {file}: ")).says(says).says("hint: ");
        }
    }
    // Files that a profile names.
    for (key, says) in [("ca_bundle", "larger than 16 MiB"), ("web_identity_token_file", "larger than 1 MiB")] {
        folder.write("config", format!("[default]\nrole_arn = arn:aws:iam::123456789012:role/x\n{key} = /dev/zero\n"));
        let shell = "unset AWS_CA_BUNDLE && export AWS_CONFIG_FILE=config && exec \"$@\"";
        let ran = folder.run_in_shell(&["timeout", "20"], shell, &["convert", "s3://logs-of-nobody/x", "lake/cf_logs"]);
        ran.exits(2).says(&format!("store: `{key}` of the profile `default`: /dev/zero: ")).says(says);
    }
}

#[test]
fn a_file_that_a_shell_pipes_in_is_read() {
    only_on_disk!("a shell");
    let folder = folder();
    folder.add("E1EXAMPLE.2024-05-17-10.b", "1715936400\t2\n");
    let shell = "echo '#Fields: timestamp sc-bytes' | \"$@\"";
    let args = [&["convert", "logs", "lake/cf_logs", "--fields", "@/dev/stdin"], &LEAN[..]].concat();
    folder.run_in_shell(&[], shell, &args).exits(0).says("2 converted");
}
