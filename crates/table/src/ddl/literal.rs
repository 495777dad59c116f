//! Checks and quotes the parts of a statement: names, locations, partition values.

use super::{DdlError, PartitionColumn};

/// Longest database or table name in bytes: the limit of Athena and of the Glue catalog.
const MAX_NAME_BYTES: usize = 255;

/// Returns a checked name, which has no backtick, in backticks.
pub(super) fn identifier(name: &str) -> String {
    format!("`{name}`")
}

/// Returns a string literal: in single quotes, with a backslash before quotes and backslashes, which is how Athena's
/// DDL, Hive and Spark escape them. (A doubled quote would be two literals side by side.)
pub(super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        if matches!(c, '\'' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('\'');
    out
}

/// Returns the name if Athena takes it unchanged in every statement. It takes `-` in backticks, which Spark and Hive refuse.
pub(super) fn checked_name<'n>(what: &'static str, name: &'n str) -> Result<&'n str, DdlError> {
    if is_name(name) {
        return Ok(name);
    }
    let in_lower_case = Some(name.to_lowercase()).filter(|lower| is_name(lower));
    Err(DdlError::Name { what, got: shown(name), in_lower_case })
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

/// Returns the location with exactly one slash at its end.
pub(super) fn checked_location(location: &str) -> Result<String, DdlError> {
    let content = |what| Err(DdlError::LocationContent { got: shown(location), what });
    if location.contains(char::is_control) {
        return content("control characters");
    }
    // Athena would read it as a variable of a location template, Hive and Spark as one of their own.
    if location.contains("${") {
        return content("`${`");
    }
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
    };
    let is_url = location.split_once("://").is_some_and(|(scheme, rest)| {
        let has_host = !rest.starts_with('/') || scheme == "file";
        is_scheme(scheme) && has_host && !rest.trim_matches('/').is_empty()
    });
    if !is_url {
        return Err(DdlError::LocationNotUrl { got: shown(location) });
    }
    Ok(format!("{}/", location.trim_end_matches('/')))
}

/// Returns the values if there is one zero-padded number for each column.
pub(super) fn checked_partition<'p>(
    columns: &[PartitionColumn],
    values: &'p [String],
) -> Result<&'p [String], DdlError> {
    let fits = |(column, value): (&PartitionColumn, &String)| {
        value.len() == column.digits
            && value.bytes().all(|b| b.is_ascii_digit())
            && value.parse().is_ok_and(|number: u16| (column.first..=column.last).contains(&number))
    };
    if values.len() == columns.len() && columns.iter().zip(values).all(fits) {
        return Ok(values);
    }
    let example = ["2024", "05", "01", "07"];
    let expected: Vec<String> =
        columns.iter().zip(example).map(|(column, value)| format!("{}={value}", column.name)).collect();
    Err(DdlError::PartitionValues { got: shown(&values.join("/")), expected: expected.join("/") })
}

/// Returns a value as messages show it: without control characters, and of limited length.
fn shown(text: &str) -> String {
    const MAX_SHOWN: usize = 300;
    let mut shown = String::new();
    for c in text.chars().take(MAX_SHOWN) {
        if c.is_control() { shown.extend(c.escape_debug()) } else { shown.push(c) }
    }
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}
