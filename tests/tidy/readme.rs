//! Runs every command in README.md, and compares its output with the output shown there.
//!
//! The kind of a fenced block defines how it is run:
//!
//! - `console`: lines after `$ ` are run here, in order, in one folder that has `logs/` and `realtime/`. Lines after `> `
//!   continue a command. The other lines are the command's output, to stdout or stderr; `...` alone on a line matches any
//!   lines, at the end of a line the rest of it. CI runs `make` commands: here only their targets are checked.
//! - `crontab`: the command after the five fields is run here.
//! - `sql duckdb`: run by `tests/integration`. `python pyspark`: run by `tests/engines`. Both in a folder with the table
//!   `lake/cf_logs`.
//! - `text`: not run.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use lakefront_loggen::{Hour, Options, write};
use tempfile::TempDir;

use crate::{
    makefile,
    markdown::{Block, blocks, code_spans, prose},
    repository::{Finding, assert_none, file},
};

const KINDS: [&str; 5] = ["console", "crontab", "sql duckdb", "python pyspark", "text"];

/// Two rows as Kinesis delivers them: no header, tabs between cells.
const REALTIME: &str = "1735790401.123\t192.0.2.7\t200\t512\tGET\t/a.html\twww.example.com\tMozilla/5.0%20(X11;%20Linux%20x86_64)\n\
                        1735790402.456\t2001:db8::7\t404\t256\tGET\t/b.html\twww.example.com\t-\n";

/// A command with the output that is shown below it.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    /// From 1.
    line: usize,
    command: String,
    shown: Vec<String>,
}

/// Returns the steps of a console block.
fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (index, line) in block.lines.iter().enumerate() {
        match (line.strip_prefix("$ "), line.strip_prefix("> "), steps.last_mut()) {
            (Some(command), _, _) => {
                steps.push(Step { line: block.line + 1 + index, command: command.to_owned(), shown: Vec::new() });
            }
            (None, Some(more), Some(step)) if step.shown.is_empty() => {
                step.command.push('\n');
                step.command.push_str(more);
            }
            (None, _, Some(step)) => step.shown.push(line.clone()),
            (None, _, None) => {}
        }
    }
    for step in &mut steps {
        // Blank lines between commands are not output.
        while step.shown.last().is_some_and(String::is_empty) {
            step.shown.pop();
        }
    }
    steps
}

/// Returns the command of a crontab line, in which `%` is escaped.
fn cron_step(block: &Block) -> Step {
    let text = block.lines.join("\n");
    let command = text.split_whitespace().skip(5).collect::<Vec<_>>().join(" ").replace("\\%", "%");
    Step { line: block.line + 1, command, shown: Vec::new() }
}

/// Returns whether the printed lines match the shown ones, in which `...` matches any lines.
fn is_as_shown(shown: &[String], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line == "..." => (0..=printed.len()).any(|skip| is_as_shown(rest, &printed[skip..])),
        Some((line, rest)) => printed.split_first().is_some_and(|(first, others)| {
            let is_same = match line.strip_suffix("...") {
                Some(start) => first.starts_with(start),
                None => first.trim_end() == line.trim_end(),
            };
            is_same && is_as_shown(rest, others)
        }),
    }
}

/// A folder with logs, and the program on its path.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        let folder = place.folder.path();
        fs::create_dir(folder.join("bin")).unwrap();
        symlink(env!("CARGO_BIN_EXE_lakefront"), folder.join("bin/lakefront")).unwrap();
        let day = place.run("date -u -d '2 days ago' +%F").1;
        // The turn of a year, a day after it, and a day for the nightly run.
        for (start, hours) in [("2024-12-31T22", 4), ("2025-01-02T03", 3), (&format!("{}T12", day.trim()), 1)] {
            let start: Hour = start.parse().unwrap();
            let options =
                Options { distributions: 2, start, hours, rows_per_file: 60, late_percent: 0.0, ..Options::default() };
            write(&options, &folder.join("logs")).unwrap();
        }
        fs::create_dir(folder.join("realtime")).unwrap();
        fs::write(folder.join("realtime/records-1"), REALTIME).unwrap();
        place
    }

    /// Runs a command, and returns whether it succeeded and its output.
    fn run(&self, command: &str) -> (bool, String) {
        let folder: &Path = self.folder.path();
        let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
        let output = Command::new("bash")
            .args(["-c", &format!("exec 2>&1; set -euo pipefail; {command}")])
            .current_dir(folder)
            .env("PATH", path)
            .env("HOME", folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    fn check(&self, step: &Step) -> Option<Finding> {
        let Step { line, command, shown } = step;
        let (is_success, printed) = self.run(command);
        let lines: Vec<&str> = printed.lines().collect();
        let what = if !is_success {
            "fails"
        } else if !shown.is_empty() && !is_as_shown(shown, &lines) {
            "prints other lines"
        } else {
            return None;
        };
        Some(Finding::new("README.md", *line, format!("`{command}` {what}:\n{printed}")))
    }
}

#[test]
fn every_command_of_the_readme_works_and_prints_the_lines_shown() {
    let readme = file("README.md");
    let makefile = file("Makefile");
    let targets = makefile::targets(&makefile);
    let place = Place::new();
    let mut findings = Vec::new();
    for block in blocks(&readme.text) {
        if !KINDS.contains(&block.kind.as_str()) {
            let what = format!("blocks of kind `{}` are not run: use one of {KINDS:?}", block.kind);
            findings.push(Finding::new(&readme.path, block.line, what));
        }
        let steps = match block.kind.as_str() {
            "console" => steps(&block),
            "crontab" => vec![cron_step(&block)],
            _ => continue,
        };
        for step in steps {
            match step.command.strip_prefix("make ") {
                Some(target) if targets.contains(target) => {}
                _ => findings.extend(place.check(&step)),
            }
        }
    }
    assert_none(findings);
}

#[test]
fn every_flag_in_the_readme_exists() {
    let place = Place::new();
    let mut help = String::new();
    for command in ["", "convert", "status", "verify", "retry", "resolve", "rebuild-state", "ddl", "schema"] {
        let (is_success, text) = place.run(&format!("lakefront {command} --help"));
        assert!(is_success, "lakefront {command} --help: {text}");
        help.push_str(&text);
    }
    let readme = file("README.md");
    let mut findings = Vec::new();
    for (line, text) in prose(&readme.text) {
        let words = code_spans(text).into_iter().flat_map(|span| span.split([' ', '=', '|']));
        for flag in words.filter(|word| word.starts_with("--")).filter(|flag| !help.contains(flag)) {
            findings.push(Finding::new(&readme.path, line, format!("`{flag}` is not a flag of `lakefront`")));
        }
    }
    assert_none(findings);
}

#[test]
fn blocks_become_steps() {
    let lines = ["$ a |", "> b", "x", "", "$ c"].map(str::to_owned).to_vec();
    let block = Block { line: 7, kind: "console".into(), lines };
    let step = |line, command: &str, shown: &[&str]| Step {
        line,
        command: command.to_owned(),
        shown: shown.iter().map(|&line| line.to_owned()).collect(),
    };
    assert_eq!(steps(&block), [step(8, "a |\nb", &["x"]), step(12, "c", &[])]);
    let cron = Block { line: 3, kind: "crontab".into(), lines: vec!["30 3 * * *  a +\\%F".to_owned()] };
    assert_eq!(cron_step(&cron), step(4, "a +%F", &[]));
}

#[test]
fn a_command_that_fails_or_prints_other_lines_is_found() {
    let place = Place::new();
    let is_fine = |command: &str, shown: &[&str]| {
        let shown = shown.iter().map(|&line| line.to_owned()).collect();
        place.check(&Step { line: 1, command: command.to_owned(), shown }).is_none()
    };
    assert!(
        is_fine("echo a; echo b; echo c", &["a", "...", "c"])
            && is_fine("echo abc", &["ab..."])
            && is_fine("echo a", &["..."])
    );
    assert!(!is_fine("echo a; echo b", &["a"]) && !is_fine("echo a", &["b", "..."]));
    assert!(!is_fine("false | true", &[]) && !is_fine("lakefront nonsense", &[]));
}
