//! CloudFront's names of fields: every spelling in the code base is here.
//!
//! Names are case-sensitive. A column names the field of the standard log; a real-time log says the same thing under
//! another name, see [`realtime_name`].

use std::{collections::HashMap, sync::LazyLock};

mod similar;

pub use similar::similar_field;

/// The fields of the standard log in the order in which CloudFront writes them.
///
/// Earlier years wrote a prefix of this list, see [`era_fields`].
pub const STANDARD_FIELDS: [&str; 33] = [
    DATE,
    TIME,
    "x-edge-location",
    "sc-bytes",
    "c-ip",
    "cs-method",
    "cs(Host)",
    "cs-uri-stem",
    "sc-status",
    "cs(Referer)",
    USER_AGENT,
    "cs-uri-query",
    "cs(Cookie)",
    "x-edge-result-type",
    "x-edge-request-id",
    "x-host-header",
    "cs-protocol",
    "cs-bytes",
    "time-taken",
    "x-forwarded-for",
    "ssl-protocol",
    "ssl-cipher",
    "x-edge-response-result-type",
    "cs-protocol-version",
    "fle-status",
    "fle-encrypted-fields",
    "c-port",
    "time-to-first-byte",
    "x-edge-detailed-result-type",
    "sc-content-type",
    "sc-content-len",
    "sc-range-start",
    "sc-range-end",
];

/// Day of the request, `YYYY-MM-DD`, UTC.
pub const DATE: &str = "date";
/// Time of the request, `HH:MM:SS`, UTC.
pub const TIME: &str = "time";
/// Moment of the request in seconds since 1970, in real-time logs with a fraction.
pub const TIMESTAMP: &str = "timestamp";
/// Moment of the request in milliseconds since 1970.
pub const TIMESTAMP_MS: &str = "timestamp(ms)";
/// The two spellings of the distribution id in v2 logs, in order of preference.
pub const DISTRIBUTION_IDS: [&str; 2] = ["DistributionId", "distributionid"];
/// The distribution id in real-time logs, and in standard logs of staging distributions that of the primary one.
pub const PRIMARY_DISTRIBUTION_ID: &str = "primary-distribution-id";
/// The User-Agent header in a standard log.
pub const USER_AGENT: &str = "cs(User-Agent)";
/// A field that only logs of RTMP distributions have.
pub const RTMP_FIELD: &str = "x-event";

/// The fields that derived columns read: they count as claimed, so that they are not repeated in the map of extra fields.
pub const DERIVED_SOURCES: [&str; 6] = [DATE, TIME, TIMESTAMP, TIMESTAMP_MS, DISTRIBUTION_IDS[0], DISTRIBUTION_IDS[1]];

/// Fields that CloudFront added to the standard log after the 33, or writes on request.
const LATER_FIELDS: [&str; 15] = [
    "distribution-tenant-id",
    "connection-id",
    PRIMARY_DISTRIBUTION_ID,
    "primary-distribution-dns-name",
    TIMESTAMP,
    TIMESTAMP_MS,
    DISTRIBUTION_IDS[0],
    DISTRIBUTION_IDS[1],
    "origin-fbl",
    "origin-lbl",
    "asn",
    "c-country",
    "cache-behavior-path-pattern",
    "viewer-request-log-data",
    "viewer-response-log-data",
];

/// Fields that only a real-time log has.
const REALTIME_ONLY_FIELDS: [&str; 32] = [
    "s-ip",
    "cs-host",
    "c-ip-version",
    "cs-user-agent",
    "cs-referer",
    "cs-cookie",
    "cs-accept-encoding",
    "cs-accept",
    "cs-headers",
    "cs-header-names",
    "cs-headers-count",
    "r-host",
    "sr-reason",
    "x-edge-mqcs",
    "cmcd-encoded-bitrate",
    "cmcd-buffer-length",
    "cmcd-buffer-starvation",
    "cmcd-content-id",
    "cmcd-object-duration",
    "cmcd-deadline",
    "cmcd-measured-throughput",
    "cmcd-next-object-request",
    "cmcd-next-range-request",
    "cmcd-object-type",
    "cmcd-playback-rate",
    "cmcd-requested-maximum-throughput",
    "cmcd-streaming-format",
    "cmcd-session-id",
    "cmcd-stream-type",
    "cmcd-startup",
    "cmcd-top-bitrate",
    "cmcd-version",
];

/// Returns the fields of the era whose lines had `count` cells (12, 15, 18, 19, 23, 24, 26 or 33), `None` for any
/// other.
pub fn era_fields(count: usize) -> Option<&'static [&'static str]> {
    match count {
        12 | 15 | 18 | 19 | 23 | 24 | 26 | 33 => STANDARD_FIELDS.get(..count),
        _ => None,
    }
}

/// Returns all fields that CloudFront is known to write into any log but those of RTMP distributions.
pub fn all_fields() -> impl Iterator<Item = &'static str> {
    STANDARD_FIELDS.iter().chain(&LATER_FIELDS).chain(&REALTIME_ONLY_FIELDS).copied()
}

/// Returns whether CloudFront is known to write a field of this name into any log but those of RTMP distributions.
pub fn is_known_field(name: &str) -> bool {
    STANDARD_FIELDS.contains(&name) || LATER_FIELDS.contains(&name) || is_realtime_only_field(name)
}

/// Returns the field that a column of a Parquet log has: CloudFront writes the names in lower case, with `_` for all other
/// symbols. A name that is a field's own stays as it is; of two fields the standard log's counts.
pub fn of_parquet_column(column: &str) -> Option<&'static str> {
    static FIELDS: LazyLock<HashMap<String, &str>> = LazyLock::new(|| {
        let mut fields = HashMap::new();
        for field in all_fields() {
            let parts = field.split(|symbol: char| !symbol.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
            let parts: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
            fields.entry(parts.join("_")).or_insert(field);
        }
        // Athena's documentation spells this header right.
        fields.insert("cs_referrer".to_owned(), "cs(Referer)");
        fields
    });
    all_fields().find(|field| *field == column).or_else(|| FIELDS.get(column).copied())
}

/// Returns whether a log with a field of this name is a real-time log.
pub fn is_realtime_only_field(name: &str) -> bool {
    REALTIME_ONLY_FIELDS.contains(&name)
}

/// Returns whether only a standard log has a field of this name: a real-time log has no date, no time and no distribution id
/// of its own, and no name with a parenthesis.
pub fn is_standard_only_field(name: &str) -> bool {
    name == DATE || name == TIME || DISTRIBUTION_IDS.contains(&name) || name.contains('(')
}

/// Returns whether a log with a field of this name is one whose records may name their own distribution by
/// [`PRIMARY_DISTRIBUTION_ID`]: a standard log of the new kind (v2). In older ones that field is the staging distribution's
/// primary one.
pub fn names_own_distribution(name: &str) -> bool {
    name == TIMESTAMP || name == TIMESTAMP_MS || DISTRIBUTION_IDS.contains(&name)
}

/// Returns whether no other program than CloudFront has a field of this name in the headers of its logs; date, time and many
/// others are in those of web servers, too.
pub fn is_only_cloudfronts(name: &str) -> bool {
    name.starts_with("x-edge-") || name == "x-host-header" || name == "cs(Host)" || names_own_distribution(name)
}

/// Returns the name that a real-time log has for the field `standard` of a standard log.
///
/// The Host fields are swapped: a real-time log's `cs-host` is what the viewer sent, which a standard log calls
/// `x-host-header`; its `x-host-header` is the domain name of the distribution, a standard log's `cs(Host)`.
pub fn realtime_name(standard: &str) -> &str {
    match standard {
        "cs(Host)" => "x-host-header",
        "x-host-header" => "cs-host",
        "cs(Referer)" => "cs-referer",
        USER_AGENT => "cs-user-agent",
        "cs(Cookie)" => "cs-cookie",
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_era_is_a_prefix_of_the_standard_log() {
        let last_fields = [
            (12, "cs-uri-query"),
            (15, "x-edge-request-id"),
            (18, "cs-bytes"),
            (19, "time-taken"),
            (23, "x-edge-response-result-type"),
            (24, "cs-protocol-version"),
            (26, "fle-encrypted-fields"),
            (33, "sc-range-end"),
        ];
        for (count, last) in last_fields {
            let fields = era_fields(count).unwrap();
            assert_eq!(fields.len(), count);
            assert_eq!(*fields.last().unwrap(), last);
        }
        let eras: Vec<usize> = (0..100).filter(|count| era_fields(*count).is_some()).collect();
        assert_eq!(eras, last_fields.map(|(count, _)| count));
    }

    #[test]
    fn columns_of_parquet_logs_are_known_by_their_own_names_and_by_those_of_fields() {
        for (column, field) in [
            ("cs_user_agent", Some("cs(User-Agent)")),
            ("cs_host", Some("cs(Host)")),
            ("x_host_header", Some("x-host-header")),
            ("timestamp_ms", Some("timestamp(ms)")),
            ("distributionid", Some("distributionid")),
            ("cs_referer", Some("cs(Referer)")),
            ("cs_referrer", Some("cs(Referer)")),
            ("cs-host", Some("cs-host")),
            ("x_own", None),
        ] {
            assert_eq!(of_parquet_column(column), field, "{column}");
        }
    }

    #[test]
    fn no_field_is_in_two_lists() {
        let all: Vec<&str> = all_fields().collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(all.iter().all(|name| is_known_field(name)));
        assert!(DERIVED_SOURCES.iter().all(|name| is_known_field(name)));
    }

    #[test]
    fn field_names_are_case_sensitive_and_rtmp_is_not_known() {
        assert!(is_known_field("cs(Host)"));
        assert!(!is_known_field("cs(host)"));
        assert!(!is_known_field(RTMP_FIELD));
        assert!(!is_known_field(""));
    }

    #[test]
    fn a_real_time_log_swaps_the_two_host_fields() {
        assert_eq!(realtime_name("cs(Host)"), "x-host-header");
        assert_eq!(realtime_name("x-host-header"), "cs-host");
        assert_eq!(realtime_name("cs(User-Agent)"), "cs-user-agent");
        assert_eq!(realtime_name("sc-bytes"), "sc-bytes");
        let renamed = STANDARD_FIELDS.iter().filter(|name| realtime_name(name) != **name);
        assert!(renamed.map(|name| realtime_name(name)).all(is_known_field));
    }

    #[test]
    fn no_field_is_both_of_standard_logs_only_and_of_real_time_logs_only() {
        assert!(!REALTIME_ONLY_FIELDS.iter().any(|name| is_standard_only_field(name)));
        let standard: Vec<&str> = all_fields().filter(|name| is_standard_only_field(name)).collect();
        assert_eq!(
            standard.join(" "),
            "date time cs(Host) cs(Referer) cs(User-Agent) cs(Cookie) timestamp(ms) DistributionId distributionid"
        );
    }

    #[test]
    fn a_real_time_log_is_recognised_by_names_of_real_time_logs_only() {
        assert!(is_realtime_only_field("cs-host"));
        assert!(is_realtime_only_field("cmcd-version"));
        assert!(!STANDARD_FIELDS.iter().any(|name| is_realtime_only_field(name)));
        assert!(!is_realtime_only_field(PRIMARY_DISTRIBUTION_ID));
    }
}
