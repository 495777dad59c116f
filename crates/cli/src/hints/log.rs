//! Hints about logs that cannot be read.

use lakefront_operations::{LogError, Misfit, NamedBy, NotCloudFront};

const OTHER_FORMAT: &str = "deliver W3C or tab-separated logs";

/// Returns the hint for an error; none if there is nothing to say.
pub(crate) fn hint(error: &LogError) -> Option<String> {
    match error {
        LogError::GzipTruncated { .. } => Some("fetch the object again".to_owned()),
        LogError::TooMuchText { .. } => Some("raise `--max-text-bytes` if this is no decompression bomb".to_owned()),
        LogError::TooCompressed { .. } => Some("raise `--max-ratio` if this is no decompression bomb".to_owned()),
        LogError::OtherData { .. } | LogError::UnsupportedFormat { .. } => Some(OTHER_FORMAT.to_owned()),
        LogError::NotCloudFront { why: NotCloudFront::CellCount { .. }, .. } => {
            Some("name the fields with `--fields`".to_owned())
        }
        LogError::AllRowsRejected { named_by, first_misfit, is_binary: false, .. } => {
            Some(all_rejected(*named_by, *first_misfit))
        }
        LogError::GzipCorrupt { .. }
        | LogError::Archive { .. }
        | LogError::TooManyHours { .. }
        | LogError::Rtmp { .. }
        | LogError::NotCloudFront { .. }
        | LogError::AllRowsRejected { .. }
        | LogError::Read(_)
        | _ => None,
    }
}

fn all_rejected(named_by: NamedBy, first_misfit: Option<Misfit>) -> String {
    match (named_by, first_misfit) {
        (NamedBy::List, Some(Misfit { line, cells })) => format!(
            "line {line} has {cells} tab-separated cells, which is no list's number in `--fields`; `lakefront retry TABLE --fields LIST` tries the object again"
        ),
        (NamedBy::List, None) => "compare the names in `--fields` with the cells of a line; `lakefront retry TABLE --fields LIST` tries the object again".to_owned(),
        (NamedBy::CellCount, _) => {
            "name the fields with `--fields`: it is read as a standard log by its count of cells alone".to_owned()
        }
        (NamedBy::Header, _) => "rows need TABs between their cells, and a date and time, or a timestamp, that the `#Fields` line names".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint_if_all_rejected(named_by: NamedBy, first_misfit: Option<Misfit>, is_binary: bool) -> Option<String> {
        hint(&LogError::AllRowsRejected { reasons: Vec::new(), named_by, first_misfit, is_binary })
    }

    #[test]
    fn a_log_of_which_every_row_is_rejected_has_a_hint_about_its_fields() {
        let misfit = Some(Misfit { line: 1, cells: 1 });
        for (named_by, first_misfit, says) in [
            (NamedBy::Header, None, "TABs"),
            (NamedBy::List, misfit, "line 1 has 1 tab-separated cells"),
            (NamedBy::List, None, "compare the names in `--fields`"),
            (NamedBy::CellCount, None, "`--fields`"),
        ] {
            let hint = hint_if_all_rejected(named_by, first_misfit, false).unwrap();
            assert!(hint.contains(says), "{hint}");
        }
        let no_era = LogError::NotCloudFront { line: 1, why: NotCloudFront::CellCount { cells: 11 } };
        assert_eq!(hint(&no_era).unwrap(), "name the fields with `--fields`");
    }

    #[test]
    fn binary_data_and_archives_get_no_hint_about_fields() {
        assert_eq!(hint_if_all_rejected(NamedBy::List, None, true), None);
        assert_eq!(hint(&LogError::NotCloudFront { line: 1, why: NotCloudFront::Binary }), None);
        assert_eq!(hint(&LogError::Archive { format: "zstd", is_in_gzip: false }), None);
    }

    #[test]
    fn other_formats_have_a_hint_that_names_those_that_are_read() {
        let json = LogError::UnsupportedFormat { line: 1, format: "JSON" };
        assert!(hint(&json).unwrap().contains("W3C"));
    }
}
