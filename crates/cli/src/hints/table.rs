//! Hints about tables and their DDL.

use lakefront_operations::{TableError, ddl::DdlError};

/// Returns the hint for an error; none if there is nothing to say.
pub(crate) fn hint(error: &TableError) -> Option<String> {
    match error {
        TableError::Compression { .. } => Some("`zstd(1)` to `zstd(22)`, `snappy` or `none`".to_owned()),
        TableError::PartitionBy { .. } => Some("`year`, `month`, `day` or `hour`".to_owned()),
        TableError::Partition(_) | TableError::Column { .. } | TableError::DataFile { .. } | _ => None,
    }
}

/// Returns the hint for an error about DDL; none if there is nothing to say.
pub(crate) fn ddl_hint(error: &DdlError) -> Option<String> {
    Some(match error {
        DdlError::Name { in_lower_case, .. } => match in_lower_case {
            Some(lower) => format!("Athena keeps names in lower case: use `{lower}`"),
            None => "choose another name, for example `cf_logs`".to_owned(),
        },
        DdlError::LocationNotUrl { .. } => "write for example `s3://bucket/lake/cf_logs/`".to_owned(),
        DdlError::LocationContent { .. } => "choose a place without it".to_owned(),
        DdlError::PartitionColumns { .. } => {
            "use `year`, `year,month`, `year,month,day` or `year,month,day,hour`".to_owned()
        }
        DdlError::PartitionValues { .. } => "values are zero-padded numbers, one for each partition column".to_owned(),
        DdlError::StatementTooLong { .. } => "shorten the location or the columns' comments".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use lakefront_operations::{Error, PartitionBy, message};

    use super::*;
    use crate::hints::advise;

    #[test]
    fn an_error_about_ddl_has_one_hint() {
        let printed = |error: DdlError| message(&Error::Ddl(error), advise);
        let got = || "X".to_owned();
        for (error, hint) in [
            (
                DdlError::Name { what: "table", got: got(), in_lower_case: Some("x".to_owned()) },
                "Athena keeps names in lower case: use `x`",
            ),
            (DdlError::Name { what: "table", got: got(), in_lower_case: None }, "choose another name"),
            (DdlError::LocationNotUrl { got: got() }, "write for example `s3://bucket/lake/cf_logs/`"),
            (DdlError::LocationContent { got: got(), what: "`${`" }, "choose a place without it"),
            (DdlError::PartitionColumns { got: got() }, "use `year`"),
            (DdlError::PartitionValues { got: got(), expected: got() }, "values are zero-padded numbers"),
            (DdlError::StatementTooLong { bytes: 2, limit_bytes: 1 }, "shorten the location"),
        ] {
            let printed = printed(error);
            assert!(printed.starts_with("ddl: ") && printed.contains(&format!("\nhint: {hint}")), "{printed}");
            assert_eq!(printed.lines().count(), 2, "{printed}");
        }
    }

    #[test]
    fn unknown_settings_have_a_hint_with_the_known_ones() {
        let error = "days".parse::<PartitionBy>().unwrap_err();
        let printed = message(&error, advise);
        assert_eq!(printed, "partition: unknown partition column `days`\nhint: `year`, `month`, `day` or `hour`");
    }
}
