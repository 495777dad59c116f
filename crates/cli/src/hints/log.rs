//! Hints about logs that cannot be read.
//!
//! **Invariant**: these texts are in the quarantine, next to those of the errors, and a quarantine is a function of its task: a
//! run that finishes the epoch of another build writes it again. So a changed text needs a new `LAYOUT_VERSION`.

use lakefront_operations::{LogError, Misfit, NamedBy, NotCloudFront};

/// Returns the hint for an error; none if there is nothing to say.
pub(crate) fn hint(error: &LogError) -> Option<String> {
    match error {
        LogError::GzipTruncated { .. } | LogError::ParquetCorrupt { .. } => Some("fetch the object again".to_owned()),
        LogError::TooMuchText { .. } => Some("raise `--max-text-bytes` if this is no decompression bomb".to_owned()),
        LogError::TooCompressed { .. } => Some("raise `--max-ratio` if this is no decompression bomb".to_owned()),
        LogError::UnsupportedFormat { .. } => Some("deliver cells without quotes".to_owned()),
        LogError::NotCloudFront { why: NotCloudFront::CellCount { .. }, .. } => {
            Some("name the fields with `--fields`".to_owned())
        }
        LogError::AllRowsRejected { named_by, first_misfit, is_binary: false, .. } => {
            Some(all_rejected(*named_by, *first_misfit))
        }
        LogError::LargeParquet { .. } => Some("write it again as several smaller files".to_owned()),
        LogError::OwnDataFile => Some("exclude the table's folder: `--exclude`".to_owned()),
        LogError::UnsupportedParquet { .. } => {
            Some("write it again with plain columns of strings, numbers and times".to_owned())
        }
        LogError::GzipCorrupt { .. }
        | LogError::OtherData { .. }
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
        (NamedBy::Keys, _) => {
            "each row needs a date and time, or a timestamp, under CloudFront's names".to_owned()
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
            (NamedBy::Keys, None, "under CloudFront's names"),
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
    fn quoted_cells_have_a_hint_that_says_how_they_are_read() {
        let quoted = LogError::UnsupportedFormat { line: 1, format: "quoted" };
        assert!(hint(&quoted).unwrap().contains("without quotes"));
    }

    #[test]
    fn messages_that_a_quarantine_keeps_are_the_same_in_every_build() {
        let stored = |error: LogError| lakefront_operations::message(&error, super::super::advise);
        for (error, text) in [
            (
                LogError::GzipTruncated { object_bytes: 7 },
                "decompress: the gzip data ends in the middle of a member, after 7 bytes\nhint: fetch the object again",
            ),
            (
                LogError::TooMuchText { limit_bytes: 9 },
                "decompress: more than 9 bytes of text\nhint: raise `--max-text-bytes` if this is no decompression bomb",
            ),
            (
                LogError::TooCompressed { limit: 2, object_bytes: 3 },
                "decompress: more than 2 bytes of text for each of the object's 3 bytes\nhint: raise `--max-ratio` if this is no decompression bomb",
            ),
            (LogError::Archive { format: "zip", is_in_gzip: true }, "decompress: zip archive in gzip: unpack it first"),
            (
                LogError::OtherData { format: "Avro" },
                "decompress: Avro data, which is no log: deliver W3C, plain, JSON or Parquet logs",
            ),
            (
                LogError::UnsupportedFormat { line: 1, format: "quoted" },
                "decode: line 1: a log in a format that this version does not read: quoted cells\nhint: deliver cells without quotes",
            ),
            (
                LogError::NotCloudFront { line: 1, why: NotCloudFront::CellCount { cells: 11 } },
                "decode: line 1: no CloudFront log: no `#Fields` header, and 11 tab-separated cells are no era's\nhint: name the fields with `--fields`",
            ),
            (LogError::Rtmp { line: 2 }, "decode: line 2: field `x-event`: an RTMP log, which has no web requests"),
            (LogError::TooManyHours { line: 3, limit: 4 }, "decode: line 3: names more than 4 different hours"),
        ] {
            assert_eq!(stored(error), text);
        }
    }
}
