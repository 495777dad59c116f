//! Text of a look into a log.

use std::{collections::HashSet, fmt::Write as _};

use indicatif::{HumanBytes, HumanCount};
use lakefront_operations::{
    field_names_text,
    inspect::{InspectedField, InspectedRow, Inspection},
    printable_name,
};
use lakefront_schema::fields::DERIVED_SOURCES;

/// Largest width of a value in the table of fields, in characters.
const MAX_VALUE_CHARACTERS: usize = 32;
/// Largest width of a rejected line, in characters.
const MAX_LINE_CHARACTERS: usize = 100;

/// Returns the text.
pub(crate) fn text(inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut add = |label: &str, value: &str| {
        let _ = writeln!(text, "{label:<11} {value}");
    };
    add("object", &inspection.object);
    add("bytes", &bytes(inspection));
    add("format", &format(inspection));
    if inspection.lines > 0 || inspection.error.is_none() {
        add("lines", &lines(inspection));
    }
    let odd = [
        (inspection.padded_rows, "row has", "rows have", "fewer cells than names"),
        (inspection.rows_with_extra_cells, "row has", "rows have", "more cells than names"),
        (inspection.lossy_cells, "cell is", "cells are", "not UTF-8"),
    ];
    for (count, one, several, what) in odd.into_iter().filter(|(count, ..)| *count > 0) {
        add("odd", &format!("{} {what}", counted(count, one, several)));
    }
    for (column, count) in &inspection.nulled_cells {
        let cells = counted(*count, "cell is", "cells are");
        add("nulled", &format!("{cells} not a number: `{}`", printable_name(column)));
    }
    if !inspection.unknown_fields.is_empty() {
        let names = field_names_text(inspection.unknown_fields.iter().map(String::as_str));
        add("unknown", &format!("fields that CloudFront is not known to have: {names}"));
    }
    for reject in &inspection.first_rejects {
        let line = shown(&reject.text, MAX_LINE_CHARACTERS);
        add("rejected", &format!("line {}, byte {}: {}: {line}", reject.line, reject.byte, reject.reason));
    }
    if let Some(error) = &inspection.error {
        add("error", &error.message);
    }
    text.push_str(&table(inspection));
    text
}

fn bytes(inspection: &Inspection) -> String {
    let stored = inspection.bytes.map_or_else(String::new, |bytes| format!("{}, ", HumanBytes(bytes)));
    let compression = if inspection.compression == "gzip" { "gzip" } else { "not compressed" };
    let text = inspection.text_bytes;
    let text = if text > 0 { format!("; {} of text", HumanBytes(text)) } else { String::new() };
    format!("{stored}{compression}{text}")
}

fn format(inspection: &Inspection) -> String {
    let Some(format) = inspection.format else { return format!("unknown: {}", inspection.why) };
    let delimiter = match inspection.delimiter.as_deref() {
        None => String::new(),
        Some("\t") => ", TABs between cells".to_owned(),
        Some(" ") => ", blanks between cells".to_owned(),
        Some(delimiter) => format!(", `{}` between cells", printable_name(delimiter)),
    };
    format!("{format}{delimiter}: {}", inspection.why)
}

fn lines(inspection: &Inspection) -> String {
    let Inspection { lines, rows, comments, blanks, .. } = inspection;
    let rejected: u64 = inspection.rejects.values().sum();
    format!(
        "{} = {} + {} rejected + {} + {}",
        HumanCount(*lines),
        counted(*rows, "row", "rows"),
        HumanCount(rejected),
        counted(*comments, "header line", "header lines"),
        counted(*blanks, "blank line", "blank lines"),
    )
}

fn counted(count: u64, one: &str, several: &str) -> String {
    format!("{} {}", HumanCount(count), if count == 1 { one } else { several })
}

/// Returns the fields, the columns that take them, and their values in the first rows.
fn table(inspection: &Inspection) -> String {
    let Inspection { fields, derived, first_rows, .. } = inspection;
    if fields.is_empty() && first_rows.is_empty() {
        return String::new();
    }
    let derived = if first_rows.is_empty() { &[] } else { derived.as_slice() };
    let mut lines = vec![["field".to_owned(), "column".to_owned()].to_vec()];
    lines[0].extend((1..=first_rows.len()).map(|row| format!("row {row}")));
    let keeps_others = derived.iter().any(|column| column.columns == ["extra"]);
    let mut seen = HashSet::new();
    for InspectedField { field, columns, .. } in fields.iter().chain(derived) {
        // Of a name that is there twice the first one counts.
        let is_repeated = field.as_ref().is_some_and(|field| !seen.insert(field));
        let name = field.as_deref().map_or_else(|| "(derived)".to_owned(), |field| shown(field, MAX_VALUE_CHARACTERS));
        let cell = |row: &InspectedRow, column: &str| match row.cell(column) {
            Some(cell) => shown(cell, MAX_VALUE_CHARACTERS),
            None => "NULL".to_owned(),
        };
        // A field may have several columns, each of another type.
        for (place, column) in columns.iter().enumerate() {
            let name = if place == 0 { name.clone() } else { String::new() };
            let cells = first_rows.iter().map(|row| cell(row, column));
            lines.push([name, column.clone()].into_iter().chain(cells).collect());
        }
        if columns.is_empty() {
            let is_source = field.as_deref().is_some_and(|field| DERIVED_SOURCES.contains(&field));
            let taken = match (is_source, keeps_others && !is_repeated) {
                (true, _) => "(derived columns)",
                (false, true) => "extra",
                (false, false) => "-",
            };
            lines.push([name, taken.to_owned()].into_iter().chain(first_rows.iter().map(|_| String::new())).collect());
        }
    }
    let width = |place: usize| lines.iter().map(|line| line[place].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = "\n".to_owned();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

/// Returns a value of a log for a terminal, at most this long.
fn shown(value: &str, most: usize) -> String {
    let printable = printable_name(value);
    if printable.chars().count() <= most {
        return printable;
    }
    let kept: String = printable.chars().take(most - 3).collect();
    format!("{kept}...")
}
