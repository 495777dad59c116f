//! The values of `--fields` and `--allow-field`: lists of names, checked against the fields of CloudFront.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context, anyhow, bail};
use lakefront_operations::{ReadingOptions, field_name_text, field_names_text, printable_name, read_text};
use lakefront_schema::{FieldLists, FieldListsError, fields};

/// Largest number of characters of a typed list that a message repeats.
const SHOWN_CHARS: usize = 60;

/// Returns the lists of `--fields`, each a list or `@FILE`; `None` if the flag was not given.
///
/// # Errors
/// A file cannot be read, a list has no field of CloudFront, a name looks like a misspelled field, or two lists have the
/// same length.
pub(crate) fn read(typed: &[String], allowed: &[String]) -> anyhow::Result<Option<FieldLists>> {
    if typed.is_empty() {
        return Ok(None);
    }
    let text_of = |list: &String| match list.strip_prefix('@') {
        Some(file) => read_text(Path::new(file)).map(|text| names_in(&text)).context("`--fields`"),
        None => Ok(list.clone()),
    };
    let texts = typed.iter().map(text_of).collect::<anyhow::Result<Vec<_>>>()?;
    for (list, text) in typed.iter().zip(&texts) {
        check_names(list, text, allowed)?;
    }
    FieldLists::try_new(&texts).map(Some).map_err(|error| match error {
        FieldListsError::SameLength { width, first, second } => {
            let shown = |list: usize| typed.get(list).map_or_else(String::new, |list| shown(list));
            anyhow!(
                "`--fields`: {} and {} have {width} names each: a line is matched to a list only by its number of cells\nhint: convert the logs of each list in a separate run, with `--include`",
                shown(first),
                shown(second)
            )
        }
        FieldListsError::Empty { .. } => no_field(),
    })
}

/// Returns the names in a file: without a byte order mark, which editors write, and without the word that begins the line in
/// a log.
fn names_in(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    text.strip_prefix("#Fields:").unwrap_or(text).to_owned()
}

fn check_names(list: &str, text: &str, allowed: &[String]) -> anyhow::Result<()> {
    // One list alone: only its names are checked here.
    let Ok(names) = FieldLists::try_new([text]) else { return Err(no_field()) };
    let is_meant = |name: &&str| allowed.iter().any(|allowed| allowed == name) || fields::similar_field(name).is_none();
    let typos: Vec<&str> = names.names().filter(|name| !is_meant(name)).collect();
    if let [first, ..] = typos.as_slice() {
        bail!(
            "`--fields {}`: CloudFront has no field {}\nhint: correct the list, or insist with `--allow-field {}`",
            shown_bare(list),
            field_names_text(typos.iter().copied()),
            printable_name(first)
        );
    }
    if !names.names().any(fields::is_known_field) {
        return Err(no_field());
    }
    Ok(())
}

fn no_field() -> anyhow::Error {
    anyhow!(
        "`--fields`: no name in it is a field of CloudFront\nhint: name them as CloudFront does, like `timestamp c-ip sc-status`"
    )
}

fn shown(list: &str) -> String {
    format!("`{}`", shown_bare(list))
}

fn shown_bare(list: &str) -> String {
    let short: String = list.chars().take(SHOWN_CHARS).collect();
    let more = if short.len() < list.len() { "..." } else { "" };
    format!("{}{more}", printable_name(&short))
}

/// Warns of names in `--fields` that CloudFront is not known to have, and of names that a list has twice.
pub(crate) fn warn(reading: &ReadingOptions) {
    let lists = reading.fields.iter().flat_map(FieldLists::iter);
    let (mut unknown, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for list in lists {
        let mut names = BTreeSet::new();
        for name in list.split(' ') {
            if !names.insert(name) {
                twice.insert(name);
            }
            if !fields::is_known_field(name) && !reading.allowed_fields.contains(name) {
                unknown.insert(name);
            }
        }
    }
    if !unknown.is_empty() {
        tracing::warn!(
            "`--fields` names fields that CloudFront is not known to have: {}; `--allow-field NAME` accepts a name",
            field_names_text(unknown)
        );
    }
    for name in twice {
        tracing::warn!("`--fields` names {} twice in a list: the first one counts", field_name_text(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(typed: &[&str], allowed: &[&str]) -> anyhow::Result<Vec<String>> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let lists = read(&owned(typed), &owned(allowed))?.unwrap();
        Ok(lists.iter().map(str::to_owned).collect())
    }

    #[test]
    fn field_lists_accept_blanks_and_commas() {
        assert_eq!(of(&["timestamp, c-ip\tsc-status\n"], &[]).unwrap(), ["timestamp c-ip sc-status"]);
        assert!(of(&["a b c"], &[]).is_err() && of(&[""], &[]).is_err());
        assert!(read(&[], &[]).unwrap().is_none());
    }

    #[test]
    fn a_misspelled_field_is_refused_and_the_field_is_suggested() {
        for (list, typed, meant) in [
            ("timstamp c-ip", "timstamp", "timestamp"),
            ("timestamp cs-protocol-Version", "cs-protocol-Version", "cs-protocol-version"),
            ("timestamp C-IP", "C-IP", "c-ip"),
        ] {
            let error = of(&[list], &[]).unwrap_err().to_string();
            assert!(error.contains(&format!("`{typed}` (did you mean `{meant}`?)")), "{error}");
            assert!(
                error.contains(&format!("\nhint: correct the list, or insist with `--allow-field {typed}`")),
                "{error}"
            );
            assert_eq!(of(&[list, "timestamp"], &[typed]).unwrap(), ["timestamp", list]);
        }
        assert!(of(&["timestamp x-new-field"], &[]).is_ok(), "CloudFront adds fields");
        assert!(of(&["timstamp"], &["timstamp"]).is_err(), "no field of CloudFront is left");
    }

    #[test]
    fn two_lists_of_the_same_length_are_refused_and_named() {
        let error = of(&["timestamp c-ip", "timestamp", "c-ip,timestamp"], &[]).unwrap_err().to_string();
        assert!(error.contains("`timestamp c-ip` and `c-ip,timestamp` have 2 names each"), "{error}");
    }
}
