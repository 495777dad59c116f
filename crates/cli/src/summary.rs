//! What a person reads at the end of a run, or instead of one.

use std::fmt::Write as _;

use indicatif::{HumanBytes, HumanCount};
use lakefront_pipeline::{ConvertOptions, Preview, Report, printable_name};
use lakefront_schema::TableSchema;

/// What could not be listed is named up to this many times.
const NAMED_FAILURES: usize = 10;
/// Fields that are named.
const NAMED_FIELDS: usize = 20;
/// Of a field's name so many characters are shown: it comes from a log.
const NAME_CHARS: usize = 80;

/// A text of labelled lines.
struct Lines {
    text: String,
}

impl Lines {
    fn add(&mut self, label: &str, value: &str) {
        let _ = writeln!(self.text, "{label:<11} {value}");
    }
}

/// The summary of a run that came to its end.
pub(crate) fn of_run(report: &Report, options: &ConvertOptions) -> String {
    let mut lines = Lines { text: String::new() };
    let objects = report.objects;
    let parts = [
        (objects.converted, "converted"),
        (objects.failed, "failed"),
        (objects.gone, "gone"),
        (objects.changed, "changed"),
        (objects.unlisted, "could not be listed"),
        (objects.waiting, "waiting until their hour has settled"),
    ];
    lines.add("objects", &counted(&parts, "none"));
    lines.add("rows", &format!("{} of {} lines", HumanCount(report.rows), HumanCount(report.lines)));
    let rejects: Vec<(u64, &str)> = report.rejects.iter().map(|(reason, count)| (*count, reason.as_str())).collect();
    if report.rejected_rows() > 0 {
        lines.add("rejected", &counted(&rejects, "none"));
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
        lines.add("nulled", &format!("cells that are no number: {}", counted(&columns, "none")));
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
    if report.rejected_rows() + objects.failed > 0
        && let Ok(state) = options.table.state()
    {
        lines.add("warning", &format!("rejected rows and failed objects are kept in {state}/quarantine"));
    }
    if !report.unclaimed_fields.is_empty() && !keeps_unclaimed(&options.schema) {
        lines.add("hint", &unclaimed(report, &options.schema));
    }
    if let Some(hint) = report.hint() {
        lines.add("hint", &hint);
    }
    lines.text.truncate(lines.text.trim_end().len());
    lines.text
}

/// What a run would do.
pub(crate) fn of_preview(preview: &Preview, options: &ConvertOptions) -> String {
    let Preview { plan, listed, unlisted } = preview;
    let planned = plan.planned();
    let mut lines = Lines { text: String::new() };
    lines.add("listed", &format!("{} objects", HumanCount(*listed)));
    lines.add("objects", &format!("{} to convert, {}", HumanCount(planned.objects), HumanBytes(planned.bytes)));
    lines.add("tasks", &HumanCount(plan.tasks.len() as u64).to_string());
    lines.add("hours", &HumanCount(plan.hours as u64).to_string());
    if plan.waiting.objects > 0 {
        let since = plan.first_waiting_hour.map_or_else(String::new, |hour| format!(", from {} on", hour_text(hour)));
        let waiting = format!(
            "{} objects, {}{since}: their hour has not settled",
            HumanCount(plan.waiting.objects),
            HumanBytes(plan.waiting.bytes)
        );
        lines.add("waiting", &waiting);
    }
    if plan.not_selected.objects > 0 {
        lines.add(
            "skipped",
            &format!("{} objects that the selection does not take", HumanCount(plan.not_selected.objects)),
        );
    }
    for failure in unlisted.iter().take(NAMED_FAILURES) {
        lines.add("warning", &format!("{}: {}", failure.location, failure.reason));
    }
    lines.add("table", &format!("{} (nothing was written)", options.table));
    lines.text
}

/// The Arrow fields of a table schema, one a line.
pub(crate) fn arrow_fields(schema: &TableSchema) -> String {
    schema.arrow_schema().fields().iter().fold(String::new(), |mut text, field| {
        let null = if field.is_nullable() { "" } else { " not null" };
        let _ = writeln!(text, "{}: {}{null}", field.name(), field.data_type());
        text
    })
}

/// The SQL columns of a table schema, one a line.
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

fn keeps_unclaimed(schema: &TableSchema) -> bool {
    use lakefront_schema::{Derivation, Source};
    schema.columns().iter().any(|column| column.source == Source::Derived(Derivation::Extra))
}

fn unclaimed(report: &Report, schema: &TableSchema) -> String {
    let short = |name: &String| printable_name(&name.chars().take(NAME_CHARS).collect::<String>());
    let names: Vec<String> = report.unclaimed_fields.iter().take(NAMED_FIELDS).map(short).collect();
    let names = names.join(" ");
    let more = report.unclaimed_fields.len().saturating_sub(NAMED_FIELDS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "the logs have fields that `{}` does not keep: {names}{more}; `--schema cf_logs_wide` keeps them",
        schema.name()
    )
}

fn hour_text(hour: i32) -> String {
    let moment = jiff::Timestamp::from_second(i64::from(hour) * 3600).unwrap_or_default();
    moment.strftime("%Y-%m-%dT%H").to_string()
}
