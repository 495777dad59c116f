//! Text for people: the summary of a run or dry run, and the output of status, verify, rebuild-state and schema.

use std::fmt::Write as _;

use indicatif::{HumanBytes, HumanCount};
use lakefront_operations::{
    ConvertOptions, Identity, OpenEpochStatus, OpenTasks, Preview, Rebuilt, Report, Status, Verification, brief,
    double_warnings, hour_text, printable_name,
};
use lakefront_schema::TableSchema;

use crate::hints;

/// Largest number of objects of one kind that are named.
const NAMED_FAILURES: usize = 10;
/// Largest number of fields or columns that are named.
const NAMED_FIELDS: usize = 20;

/// A text of labelled lines.
struct Lines {
    text: String,
}

impl Lines {
    fn add(&mut self, label: &str, value: &str) {
        let _ = writeln!(self.text, "{label:<11} {value}");
    }

    /// Adds the objects that were found and are not read, for reasons that a user may not expect. `range` is the text of
    /// [`Selection::range_flags`](lakefront_operations::select::Selection::range_flags).
    fn add_skipped(&mut self, without_hour: u64, range: &str, special: u64) {
        let is_one = without_hour == 1;
        if without_hour > 0 {
            let count = HumanCount(without_hour);
            self.add(
                "skipped",
                &if is_one {
                    format!("{count} log has no hour in its name: {range} it out")
                } else {
                    format!("{count} logs have no hour in their names: {range} them out")
                },
            );
        }
        if special > 0 {
            let files = if special == 1 { "file, not a log" } else { "files, not logs" };
            self.add("skipped", &format!("{} special {files}: named pipe, socket or device", HumanCount(special)));
        }
    }
}

/// Returns the summary of a run that reached its end. `nothing` is the text of a run that had nothing to do.
pub(crate) fn of_run(report: &Report, nothing: &str) -> String {
    let mut lines = Lines { text: String::new() };
    let objects = report.objects;
    if objects.planned == 0 {
        return of_no_news(report, nothing);
    }
    let parts = [
        (objects.converted, "converted"),
        (objects.failed, "failed"),
        (objects.gone, "gone"),
        (objects.replaced, "changed before they were read"),
        (objects.changed, "changed after they were converted"),
        (objects.unreadable, "could not be read"),
        (objects.unlisted, "could not be listed"),
        (objects.waiting, "waiting until their hour has settled"),
        (objects.adopted_converted, "converted by the run that left the epoch open"),
        (objects.known - objects.known_failed, "converted before"),
    ];
    lines.add("objects", &counted(&parts, "none"));
    lines.add_skipped(objects.without_hour, report.range, objects.special);
    if objects.doubles.twins > 0 && report.identity == Identity::Name {
        lines.add("same name", &same_name(objects.doubles.twins));
    }
    lines.add("rows", &rows(report));
    let adopted = report.adopted;
    if adopted.tasks > 0 {
        let (rows, files) = (HumanCount(adopted.rows), HumanCount(adopted.files));
        lines.add("adopted", &format!("{rows} rows in {files} data files of the run that left the epoch open"));
    }
    if report.rejected_rows() > 0 {
        lines.add("rejected", &rejects(report));
    }
    let cells = [
        (report.padded_rows, "padded rows"),
        (report.rows_with_extra_cells, "rows with extra cells"),
        (report.lossy_cells, "cells that are not UTF-8"),
    ];
    if cells.iter().any(|(count, _)| *count > 0) {
        lines.add("odd", &counted(&cells, "none"));
    }
    if !report.nulled_cells.is_empty() {
        let columns: Vec<(u64, &str)> =
            report.nulled_cells.iter().map(|(column, count)| (*count, column.as_str())).collect();
        lines.add("nulled", &format!("cells that are not a number: {}", counted(&columns, "none")));
    }
    let ratio = ratio(report.text_bytes, report.bytes_out);
    let (read, text, written) =
        (HumanBytes(report.bytes_in), HumanBytes(report.text_bytes), HumanBytes(report.bytes_out));
    lines.add("bytes", &format!("{read} read, {text} of text, {written} written{ratio}"));
    lines.add(
        "table",
        &format!(
            "{} data files in {} partitions: {}",
            HumanCount(report.files),
            HumanCount(report.partitions),
            report.table
        ),
    );
    lines.add("time", &speed(report));
    if report.rejected_rows() + objects.failed > 0 {
        lines.add("warning", &format!("rejected rows and failed objects are kept in {}/quarantine", report.state));
    }
    if objects.known_failed > 0 {
        lines.add("hint", &failed_before(objects.known_failed));
    }
    if !report.unclaimed_fields.is_empty() && !report.keeps_unclaimed_fields {
        lines.add("hint", &unclaimed(report));
    }
    if let Some(average) = report.small_files() {
        lines.add("hint", &small_files(average, report.files > 2 * report.partitions));
    }
    lines.text.truncate(lines.text.trim_end().len());
    lines.text
}

/// Returns the numbers of rejected rows by reason.
pub(crate) fn rejects(report: &Report) -> String {
    let rejects: Vec<(u64, &str)> = report.rejects.iter().map(|(reason, count)| (*count, reason.as_str())).collect();
    counted(&rejects, "none")
}

/// Returns the number of rows, and of the lines that are not rows and not rejected.
fn rows(report: &Report) -> String {
    let mut text = format!("{} rows", HumanCount(report.rows));
    for (count, what) in [(report.comments, "header"), (report.blanks, "blank")] {
        if count > 0 {
            let lines = if count == 1 { "line" } else { "lines" };
            let _ = write!(text, "; {} {what} {lines}", HumanCount(count));
        }
    }
    text
}

/// Returns the summary of a run that found nothing to do.
fn of_no_news(report: &Report, nothing: &str) -> String {
    let objects = report.objects;
    let mut lines = Lines { text: String::new() };
    let parts = [
        (objects.known - objects.known_failed, "converted before"),
        (objects.known_failed, "failed before"),
        (objects.not_selected, "not selected"),
        (objects.gone, "gone"),
        (objects.unreadable, "could not be read"),
        (objects.unlisted, "could not be listed"),
    ];
    let found = counted(&parts, "");
    lines.add("objects", &if found.is_empty() { nothing.to_owned() } else { format!("{nothing}: {found}") });
    lines.add_skipped(objects.without_hour, report.range, objects.special);
    if objects.waiting > 0 {
        let since = report.waiting.first_hour.as_ref().map_or_else(String::new, |hour| format!(", from {hour} on"));
        lines.add("waiting", &format!("{} objects{since}: their hour has not settled", HumanCount(objects.waiting)));
    }
    if objects.known_failed > 0 {
        lines.add("hint", &failed_before(objects.known_failed));
    }
    lines.add("table", &format!("{} (nothing was written)", report.table));
    lines.text.truncate(lines.text.trim_end().len());
    lines.text
}

fn same_name(twins: u64) -> String {
    format!("{} logs have the name of another one in this listing: the first of each name is taken", HumanCount(twins))
}

fn failed_before(objects: u64) -> String {
    format!(
        "{} objects failed before and have not changed; `lakefront retry TABLE` tries them again",
        HumanCount(objects)
    )
}

/// Returns the text of a dry run.
pub(crate) fn of_preview(preview: &Preview, options: &ConvertOptions) -> String {
    let mut lines = Lines { text: String::new() };
    lines.add("listed", &format!("{} objects", HumanCount(preview.listed)));
    if let Some(OpenTasks { epoch, tasks, committed }) = preview.open_epoch {
        let left = format!("{committed} of {tasks} tasks are committed, the others are done first");
        lines.add("open", &format!("epoch {epoch} is not finished: {left}"));
    }
    let planned = preview.planned;
    lines.add("objects", &format!("{} to convert, {}", HumanCount(planned.objects), HumanBytes(planned.bytes)));
    if preview.known > 0 {
        lines.add("known", &format!("{} objects that an earlier run processed", HumanCount(preview.known)));
    }
    if preview.changed > 0 {
        let changed = HumanCount(preview.changed);
        lines.add("changed", &format!("{changed} objects after they were converted: their rows stay as they are"));
    }
    if !preview.appended_columns.is_empty() {
        let columns = preview.appended_columns.iter().take(NAMED_FIELDS).cloned().collect::<Vec<_>>().join(" ");
        lines.add("schema", &format!("{} columns would be appended: {columns}", preview.appended_columns.len()));
    }
    if preview.doubles.twins > 0 && preview.identity == Identity::Name {
        lines.add("same name", &same_name(preview.doubles.twins));
    }
    if preview.doubles.other_sizes > 0 {
        lines.add(
            "warning",
            &format!(
                "{} logs have the name of another one in this listing, but another size: they are not read if that one has rows",
                HumanCount(preview.doubles.other_sizes)
            ),
        );
    }
    for warning in double_warnings(preview.doubles, preview.identity) {
        lines.add("warning", &warning);
    }
    lines.add("tasks", &HumanCount(preview.tasks.len() as u64).to_string());
    lines.add("hours", &HumanCount(preview.hours as u64).to_string());
    if preview.waiting.objects > 0 {
        let since =
            preview.first_waiting_hour.map_or_else(String::new, |hour| format!(", from {} on", hour_text(hour)));
        let waiting = format!(
            "{} objects, {}{since}: their hour has not settled",
            HumanCount(preview.waiting.objects),
            HumanBytes(preview.waiting.bytes)
        );
        lines.add("waiting", &waiting);
    }
    if preview.not_selected.objects > 0 {
        lines.add("skipped", &format!("{} objects that are not selected", HumanCount(preview.not_selected.objects)));
    }
    lines.add_skipped(preview.without_hour, options.selection.range_flags(), preview.special);
    if preview.known_failed > 0 {
        lines.add("hint", &failed_before(preview.known_failed));
    }
    for failure in preview.unlisted.iter().take(NAMED_FAILURES) {
        lines.add("warning", &format!("{}: {}", failure.location, brief(&failure.flaw, hints::advise)));
    }
    lines.add("table", &format!("{} (nothing was written)", options.run.destination));
    lines.text
}

/// Returns the text of a table's status.
pub(crate) fn of_status(status: &Status) -> String {
    let mut lines = Lines { text: String::new() };
    lines.add("table", &status.table);
    lines.add("state", &status.state);
    lines.add("schema", &format!("{}, by {}", status.schema, status.partition_columns.join(", ")));
    if status.identity == Identity::Name {
        lines.add("logs", "known by their names, in any folder");
    }
    let planned =
        status.last_planned.as_ref().map_or_else(String::new, |planned| format!(", the last planned {planned}"));
    lines.add("epochs", &format!("{} closed{planned}", HumanCount(status.epochs)));
    lines.add("open", &status.open.as_ref().map_or_else(|| "none: no run is active".to_owned(), open_epoch));
    let (files, partitions) = (HumanCount(status.files), HumanCount(status.partitions));
    lines.add("data", &format!("{files} data files in {partitions} partitions, {}", HumanBytes(status.bytes)));
    lines.add("rows", &format!("{}, and {} rejected", HumanCount(status.rows), HumanCount(status.rejects)));
    let inputs = status.inputs;
    let parts = [
        (inputs.converted, "converted"),
        (inputs.gone, "gone before they were read"),
        (inputs.replaced, "changed before they were read"),
        (inputs.changed, "changed after they were converted"),
        (status.unreadable, "could not be read so far"),
        (status.failed, "failed and not converted since"),
    ];
    lines.add("objects", &counted(&parts, "none"));
    add_named(&mut lines, "failed", &status.failed_objects, status.failed);
    add_named(&mut lines, "unreadable", &status.unreadable_objects, status.unreadable);
    add_only_rejects(&mut lines, status);
    if status.waiting.objects > 0 {
        let first = status.waiting.first_hour.as_ref().map_or_else(String::new, |hour| format!(", from {hour} on"));
        let waiting = HumanCount(status.waiting.objects);
        lines.add(
            "waiting",
            &format!(
                "{waiting} objects{first}, when the last epoch was planned; `convert --dry-run` shows what waits now"
            ),
        );
    }
    lines.text
}

/// Adds the objects that count as converted though all their rows were rejected.
fn add_only_rejects(lines: &mut Lines, status: &Status) {
    if status.only_rejects == 0 {
        return;
    }
    lines.add(
        "no rows",
        &format!(
            "{} objects count as converted in an earlier version though every row was rejected: `lakefront retry TABLE` tries them again",
            HumanCount(status.only_rejects)
        ),
    );
    add_named(lines, "no rows", &status.only_rejects_objects, status.only_rejects);
}

/// Adds the names of the first of `count` objects.
fn add_named(lines: &mut Lines, label: &str, names: &[String], count: u64) {
    for name in names.iter().take(NAMED_FAILURES) {
        lines.add(label, name);
    }
    if count > NAMED_FAILURES as u64 {
        let more = count - NAMED_FAILURES as u64;
        lines.add(label, &format!("and {more} more: `--json` names up to a thousand"));
    }
}

fn open_epoch(open: &OpenEpochStatus) -> String {
    let OpenEpochStatus { epoch, tasks, committed, inputs_left, host, pid, is_released, idle_seconds, .. } = open;
    let holder = match (host, pid) {
        (Some(host), Some(pid)) => format!("process {pid} on {}", printable_name(host)),
        _ => "no run yet".to_owned(),
    };
    let idle = idle_seconds.map_or_else(String::new, |seconds| format!(", last heartbeat {seconds} s ago"));
    let state =
        if *is_released { format!("left by {holder}: the next run continues it") } else { format!("{holder}{idle}") };
    format!("epoch {epoch}, {committed} of {tasks} tasks committed; {state}; {} objects left", HumanCount(*inputs_left))
}

/// Returns the text of a verification and its faults.
pub(crate) fn of_verification(verification: &Verification, is_deep: bool) -> String {
    let mut lines = Lines { text: String::new() };
    let Verification { epochs, open, tasks, inputs, files, rows, bytes, expired_files, num_faults, faults, .. } =
        verification;
    let unchecked = verification.epochs_without_checksums;
    let (epochs, tasks, inputs) = (HumanCount(*epochs), HumanCount(*tasks), HumanCount(*inputs));
    lines.add("state", &format!("{epochs} epochs, {tasks} committed tasks of {inputs} objects"));
    if let Some(OpenTasks { epoch, tasks, committed }) = open {
        lines.add("open", &format!("epoch {epoch}, {committed} of {tasks} tasks committed"));
    }
    if unchecked > 0 {
        let text =
            format!("none in {} epochs of earlier versions: their records were read unchecked", HumanCount(unchecked));
        lines.add("checksums", &text);
    }
    let how = match verification.files_by_checksum {
        _ if !is_deep => "by name and size".to_owned(),
        0 => "every byte read".to_owned(),
        all if all == *files => "by the checksums of the store, and by their footers".to_owned(),
        some => format!("{} by the checksums of the store, and every byte of the others read", HumanCount(some)),
    };
    lines.add(
        "data",
        &format!("{} data files, {} rows, {}: {how}", HumanCount(*files), HumanCount(*rows), HumanBytes(*bytes)),
    );
    if *expired_files > 0 {
        lines.add("expired", &format!("{} data files", HumanCount(*expired_files)));
    }
    for fault in faults {
        lines.add("fault", &format!("{}: {}: {}", fault.invariant, fault.object, fault.what));
    }
    if *num_faults > faults.len() as u64 {
        lines.add("fault", &format!("and {} more", num_faults - faults.len() as u64));
    }
    lines.add(
        "result",
        &if *num_faults == 0 { "no fault".to_owned() } else { format!("{} faults", HumanCount(*num_faults)) },
    );
    lines.text
}

/// Returns the text about a state whose index files were regenerated.
pub(crate) fn of_rebuilt(rebuilt: &Rebuilt) -> String {
    let mut lines = Lines { text: String::new() };
    lines.add("epochs", &format!("{} checked", HumanCount(rebuilt.epochs)));
    let kinds = [("created", &rebuilt.created), ("replaced", &rebuilt.replaced), ("removed", &rebuilt.removed)];
    for (label, objects) in kinds {
        for object in objects {
            lines.add(label, object);
        }
    }
    if kinds.iter().all(|(_, objects)| objects.is_empty()) {
        lines.add("result", "all was correct");
    }
    lines.text
}

/// Returns the Arrow fields of a table schema, one per line.
pub(crate) fn arrow_fields(schema: &TableSchema) -> String {
    schema.arrow_schema().fields().iter().fold(String::new(), |mut text, field| {
        let null = if field.is_nullable() { "" } else { " not null" };
        let _ = writeln!(text, "{}: {}{null}", field.name(), field.data_type());
        text
    })
}

/// Returns the SQL columns of a table schema, one per line.
pub(crate) fn sql_columns(schema: &TableSchema) -> String {
    let lines: Vec<String> =
        schema.columns().iter().map(|column| format!("`{}` {}", column.name, column.sql_type())).collect();
    format!("{}\n", lines.join(",\n"))
}

fn counted(parts: &[(u64, &str)], none: &str) -> String {
    let texts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", HumanCount(*count)))
        .collect();
    if texts.is_empty() { none.to_owned() } else { texts.join(", ") }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio with one decimal")]
fn ratio(text_bytes: u64, bytes_out: u64) -> String {
    if bytes_out == 0 { String::new() } else { format!(" (1:{:.1} of the text)", text_bytes as f64 / bytes_out as f64) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate, rounded for people")]
fn speed(report: &Report) -> String {
    let rows = report.per_second(report.rows) as u64;
    let megabytes = report.per_second(report.text_bytes) / 1e6;
    format!("{:.1} s, {} rows/s, {megabytes:.0} MB of text/s", report.seconds, HumanCount(rows))
}

fn unclaimed(report: &Report) -> String {
    let names: Vec<String> =
        report.unclaimed_fields.iter().take(NAMED_FIELDS).map(|name| printable_name(name)).collect();
    let names = names.join(" ");
    let more = report.unclaimed_fields.len().saturating_sub(NAMED_FIELDS) as u64 + report.more_unclaimed_fields;
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "the logs have fields that `{}` does not keep: {names}{more}; a new table with `--schema cf_logs_wide` keeps them",
        report.schema
    )
}

/// Returns the hint about small data files.
fn small_files(average_bytes: u64, several_a_partition: bool) -> String {
    let kib = average_bytes / 1024;
    if several_a_partition {
        format!(
            "data files are small ({kib} KiB on average, several per partition); a larger `--task-bytes`, or fewer and larger runs, make fewer and larger ones"
        )
    } else {
        format!("data files are small ({kib} KiB on average); `--partition-by day` makes fewer and larger ones")
    }
}
