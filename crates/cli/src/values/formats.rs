//! Values of `--format` and `--delimiter`.

use lakefront_operations::{Change, Delimiter, LogFormat};

use super::refused;

/// Value of `--format` and `--delimiter` with which a table finds them out for each log.
const AUTO: &str = "auto";

/// Returns the change that a flag asks for.
///
/// # Errors
/// The value is wrong.
pub(crate) fn change<T>(text: Option<&str>, read: impl Fn(&str) -> anyhow::Result<T>) -> anyhow::Result<Change<T>> {
    Ok(match text {
        None => Change::Keep,
        Some(AUTO) => Change::Remove,
        Some(text) => Change::Set(read(text)?),
    })
}

/// Returns a format of logs.
///
/// # Errors
/// The format does not exist.
pub(crate) fn log_format(text: &str) -> anyhow::Result<LogFormat> {
    let names: Vec<String> = LogFormat::ALL.iter().map(|format| format!("`{}`", format.as_str())).collect();
    let expected = format!("`{AUTO}`, or one of {}", names.join(", "));
    text.parse().map_err(|_| refused("--format", text, &expected))
}

/// Returns a delimiter as it is typed: `\t` is a TAB.
///
/// # Errors
/// It has no character, too many, or a line end.
pub(crate) fn delimiter(text: &str) -> anyhow::Result<Delimiter> {
    let expected = format!("`{AUTO}`, or 1 to 5 characters without a line end, like `;` or `\\t`");
    let unescaped = if text == r"\t" { "\t" } else { text };
    unescaped.parse().map_err(|_| refused("--delimiter", text, &expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_a_setting_away_and_no_flag_keeps_it() {
        let changed = |text| change(text, log_format).unwrap();
        assert_eq!(
            [None, Some("auto"), Some("json")].map(changed),
            [Change::Keep, Change::Remove, Change::Set(LogFormat::Json)]
        );
        assert!(change(Some("xml"), log_format).unwrap_err().to_string().contains("`plain`"));
    }

    #[test]
    fn a_tab_is_typed_with_a_backslash() {
        assert_eq!([r"\t", "\t", "::"].map(|text| delimiter(text).unwrap().as_str().to_owned()), ["\t", "\t", "::"]);
        assert!(delimiter("123456").unwrap_err().to_string().contains("1 to 5 characters"));
    }
}
