//! Messages about names of fields that CloudFront does not have: typing errors, or new fields of CloudFront.

use std::collections::BTreeSet;

use lakefront_cloudfront::FieldNames;
use lakefront_schema::{FieldLists, fields};
use lakefront_storage::printable_name;

use crate::options::ReadingOptions;

/// Largest number of names that a warning shows.
const MAX_SHOWN_NAMES: usize = 20;

/// Returns names as a warning shows them: the first ones, each with the field that was probably meant.
pub fn field_names_text<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    first_names_text(names, 0)
}

/// Returns the text for these names and `further` ones that are not shown.
fn first_names_text<'n>(names: impl IntoIterator<Item = &'n str>, further: u64) -> String {
    let mut names = names.into_iter();
    let shown: Vec<String> = names.by_ref().take(MAX_SHOWN_NAMES).map(field_name_text).collect();
    let more = names.count() as u64 + further;
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// Returns a name as a message shows it, with the field that was probably meant.
pub fn field_name_text(name: &str) -> String {
    // A name comes from a log, or from a file of the user.
    let short: String = name.chars().take(FieldNames::MAX_NAME_CHARS).collect();
    let meant = fields::similar_field(&short).map_or_else(String::new, |field| format!(" (did you mean `{field}`?)"));
    format!("`{}`{meant}", printable_name(&short))
}

/// Warns of names in the headers of logs.
pub(crate) fn warn_of_header_names(unknown: &FieldNames, allowed_fields: &BTreeSet<String>) {
    let names: Vec<&str> = unknown.iter().filter(|name| !allowed_fields.contains(*name)).collect();
    if names.is_empty() {
        return;
    }
    tracing::warn!(
        "logs name fields that CloudFront is not known to have: {}; `--allow-field NAME` accepts a name",
        first_names_text(names, unknown.more())
    );
}

/// Warns of names in the table's lists, which an earlier version may not have checked.
pub(crate) fn warn_of_table_lists(lists: &FieldLists, reading: &ReadingOptions) {
    let is_meant = |name: &&str| reading.allowed_fields.contains(*name) || fields::similar_field(name).is_none();
    let names: Vec<&str> = lists.names().filter(|name| !is_meant(name)).collect();
    if reading.fields.is_none() && !names.is_empty() {
        tracing::warn!(
            "the table's list of fields has names that CloudFront does not have: {}; give `--fields` again, or `--allow-field NAME` to accept a name",
            field_names_text(names)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_with_the_probable_field_and_without_control_characters() {
        let text = field_names_text(["SC-Bytes", "x-new", "\u{1b}[2J"]);
        assert!(text.starts_with("`SC-Bytes` (did you mean `sc-bytes`?), `x-new`, `"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn only_the_first_of_many_names_are_shown() {
        let names: Vec<String> = (0..25).map(|name| format!("x-{name}")).collect();
        let text = field_names_text(names.iter().map(String::as_str));
        assert!(text.ends_with("`x-19`, and 5 more"), "{text}");
        assert_eq!(field_name_text(&"x".repeat(1000)).len(), FieldNames::MAX_NAME_CHARS + 2);
    }
}
