//! An object's name in; its distribution and the hour of its requests out.
//!
//! `example-prefix/EMLARXS9EXAMPLE.2019-11-14-20.RT4KCN4SGK9.gz` is of distribution `EMLARXS9EXAMPLE` and of the hour
//! 2019-11-14T20 (UTC). Only the last path segment is read. Names only help planning: partitions come from the records' own
//! times.

/// Returns the last path segment up to its first `.`: the distribution ID of a standard log.
pub fn distribution(name: &str) -> &str {
    let segment = last_segment(name);
    segment.split_once('.').map_or(segment, |(distribution, _)| distribution)
}

/// Returns the hour in the last path segment, in hours since 1970-01-01T00 UTC: the first `YYYY-MM-DD-HH` that is a real
/// hour and has no digit before or after it.
pub fn hour(name: &str) -> Option<i32> {
    const PATTERN_BYTES: usize = "YYYY-MM-DD-HH".len();
    let segment = last_segment(name).as_bytes();
    (0..segment.len().saturating_sub(PATTERN_BYTES - 1)).find_map(|start| {
        let digit_at = |at: Option<usize>| at.and_then(|at| segment.get(at)).is_some_and(u8::is_ascii_digit);
        if digit_at(start.checked_sub(1)) || digit_at(Some(start + PATTERN_BYTES)) {
            return None;
        }
        let (date, hour) = segment[start..start + PATTERN_BYTES].split_at("YYYY-MM-DD".len());
        let [b'-', tens @ b'0'..=b'2', ones @ b'0'..=b'9'] = *hour else { return None };
        let hour = i32::from(tens - b'0') * 10 + i32::from(ones - b'0');
        (hour < 24).then_some(())?;
        Some(crate::days_of_date(date)? * 24 + hour)
    })
}

/// Returns the last path segment: the name of a log without its folder.
pub fn last_segment(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, segment)| segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(days: i32, hour: i32) -> i32 {
        days * 24 + hour
    }

    #[test]
    fn the_name_of_a_standard_log_has_its_distribution_and_hour() {
        let name = "example-prefix/EMLARXS9EXAMPLE.2019-11-14-20.RT4KCN4SGK9.gz";
        assert_eq!(distribution(name), "EMLARXS9EXAMPLE");
        assert_eq!(hour(name), Some(hours(18_214, 20)));
    }

    #[test]
    fn a_firehose_object_has_its_delivery_hour() {
        let name = "2022/12/14/08/cf-logs-1-2022-12-14-08-09-40-5b0c0f0e-1b2c-4f4e-9a53-7c1f2d3e4a5b";
        assert_eq!(hour(name), Some(hours(19_340, 8)));
    }

    #[test]
    fn only_the_last_segment_counts() {
        assert_eq!(hour("E1.2019-11-14-20.x/log.gz"), None);
        assert_eq!(distribution("a.b/log"), "log");
    }

    #[test]
    fn impossible_hours_and_longer_numbers_are_not_an_hour() {
        for name in ["E1.2019-02-30-10.x", "E1.2019-11-14-24.x", "E1.12019-11-14-20.x", "E1.2019-11-14-201.x", "E1", ""]
        {
            assert_eq!(hour(name), None, "{name}");
        }
        assert_eq!(hour("2019-11-14-20"), Some(hours(18_214, 20)));
    }
}
