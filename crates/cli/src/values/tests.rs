//! Each kind of value: texts that are accepted, and texts that are refused with the flag, the value and an example.

use super::*;

/// Asserts that each text is refused, and that the message names the flag and the value and shows an example.
fn assert_refused<T: std::fmt::Debug>(texts: &[&str], read: impl Fn(&str) -> anyhow::Result<T>, flag: &str) {
    for text in texts {
        let message = read(text).expect_err(text).to_string();
        assert!(message.starts_with(&format!("`{flag} {}`: ", printable_name(text))), "{text}: {message}");
        assert!(message.contains("like `"), "{text}: {message}");
    }
}

/// Returns texts that are not a number in any flag: `{}` in the pattern is replaced by each of them.
fn not_digits(pattern: &str) -> Vec<String> {
    let numbers =
        ["", "-1", "+1", " 1", "1 ", "1_0", "1,5", "1e3", "0x1", "\u{661}", "\u{ff11}", "99999999999999999999", "x"];
    numbers.iter().map(|number| pattern.replace("{}", number)).collect()
}

fn refused_numbers<T: std::fmt::Debug>(pattern: &str, read: impl Fn(&str) -> anyhow::Result<T>, flag: &str) {
    let mut texts = not_digits(pattern);
    // A blank may be before a unit of bytes.
    texts.retain(|text| text != "1 MiB");
    assert_refused(&texts.iter().map(String::as_str).collect::<Vec<_>>(), read, flag);
}

#[test]
fn whole_numbers_have_no_sign_and_are_in_their_range() {
    let read = |text: &str| number("--threads", text, 1..=1024);
    assert_eq!((read("1").unwrap(), read("007").unwrap(), read("1024").unwrap()), (1, 7, 1024));
    assert_refused(&["0", "1025", "1.0", "1k"], read, "--threads");
    refused_numbers("{}", read, "--threads");
    assert_eq!(number("--only-new", "0", 0..=u64::MAX).unwrap(), 0);
}

#[test]
fn sizes_accept_binary_and_decimal_units() {
    for (text, expected) in [
        ("4096", 4096),
        ("1KiB", 1024),
        ("64MiB", 64 * MIB),
        ("2G", 2 * GIB),
        ("1 GB", 1_000_000_000),
        ("7B", 7),
        ("1kB", 1000),
        ("16777215TiB", 16_777_215 * TIB),
    ] {
        assert_eq!(bytes("--x", text).unwrap(), expected, "{text}");
    }
    let wrong = ["MiB", "0", "0KiB", "1.5GiB", "1XB", "1 ", "1  GB", "1GB ", "1GiB1", "1mib", "16777216TiB", "1MiBs"];
    assert_refused(&wrong, |text| bytes("--x", text), "--x");
    refused_numbers("{}", |text| bytes("--x", text), "--x");
    refused_numbers("{}MiB", |text| bytes("--x", text), "--x");
}

#[test]
fn durations_are_one_number_and_one_unit() {
    let read = |text: &str| duration("--settle", text);
    for (text, seconds) in [("90m", 5400), ("45s", 45), ("2h", 7200), ("1d", 86_400), ("0", 0), ("0h", 0), ("00s", 0)] {
        assert_eq!(read(text).unwrap(), Duration::from_secs(seconds), "{text}");
    }
    let wrong =
        ["2", "h", "2 h", "1h30m", "1.5h", "2H", "2hours", "2w", "2h ", "1ms", "2\u{127}", "213503982334602d", "00"];
    assert_refused(&wrong, read, "--settle");
    refused_numbers("{}h", read, "--settle");
}

#[test]
fn reject_limits_are_whole_numbers_or_shares() {
    for (text, limit) in [
        ("100", MaxRejects::Rows(100)),
        ("0", MaxRejects::Rows(0)),
        ("0.1%", MaxRejects::Percent(0.1)),
        ("0%", MaxRejects::Percent(0.0)),
        ("100%", MaxRejects::Percent(100.0)),
        ("100.0%", MaxRejects::Percent(100.0)),
    ] {
        assert_eq!(max_rejects(text).unwrap(), limit, "{text}");
    }
    let wrong = [
        "101%", "100.1%", "1 %", "%", "1%%", "%1", "NaN%", "nan%", "inf%", "inf", "-0%", "1e1%", ".5%", "5.%",
        "1.2.3%", "1.5", "1% ",
    ];
    assert_refused(&wrong, max_rejects, "--max-rejects");
    refused_numbers("{}", max_rejects, "--max-rejects");
    refused_numbers("{}%", max_rejects, "--max-rejects");
}

/// 2024-05-17T10:30:00Z, and its hour.
const NOW: (&str, i32) = ("2024-05-17T10:30:00Z", 476_650);

#[test]
fn hours_are_absolute_or_back_from_now() {
    let (now, now_hour) = (NOW.0.parse().unwrap(), NOW.1);
    for (text, expected) in [
        ("2024-05-17T10", now_hour),
        ("2024-05-17 10", now_hour),
        ("2024-05-17t10z", now_hour),
        ("2024-05-17T10Z", now_hour),
        ("2024-05-17T10:00", now_hour),
        ("2024-05-17 10:00:00Z", now_hour),
        ("2024-05-17T10:00:00.000", now_hour),
        ("2024-05-17", now_hour - 10),
        ("2024-05-17Z", now_hour - 10),
        ("2024-02-29", now_hour - 10 - 78 * 24),
        ("1970-01-01T00", 0),
        ("1969-12-31T23", -1),
        ("-1h", now_hour - 1),
        ("-3d", now_hour - 72),
        ("-0h", now_hour),
        ("-00012h", now_hour - 12),
    ] {
        assert_eq!(hour("--from", text, now).unwrap(), expected, "{text}");
    }
}

#[test]
fn a_text_that_is_not_an_hour_is_refused() {
    let read = |text: &str| hour("--from", text, NOW.0.parse().unwrap());
    let wrong = [
        "",
        " ",
        "-",
        "-3",
        "-3w",
        "3d",
        "--1d",
        "-+3d",
        "- 3d",
        "-3 d",
        "-3d ",
        "-3d12h",
        "-1.5d",
        "-3D",
        "-1000000h",
        "-41667d",
        "-18446744073709551616d",
        "-\u{663}d",
        "-3\u{434}",
        "2024-02-30",
        "2023-02-29",
        "2024-13-01",
        "2024-00-10",
        "2024-05-00",
        "2024-5-17",
        "24-05-17",
        "20240517",
        "+2024-05-17",
        "02024-05-17",
        "2024-05-17T",
        "2024-05-17 ",
        "2024-05-17T24",
        "2024-05-17T5",
        "2024-05-17T+5",
        "2024-05-17T10:",
        "2024-05-17T10:0",
        "2024-05-17T10:60",
        "2024-05-17T10:00:60",
        "2024-05-17T10:00:00.",
        "2024-05-17T1000",
        "2024-05-17T10 ",
        "2024-05-17  10",
        "2024-05-17T10Zx",
        "2024-05-17-10",
        "2024-05-17_10",
        "2024-05-17T10,2024-05-18",
        "2024/05/17",
        "17.05.2024",
        "2024-W20-5",
        "2024-138",
        " 2024-05-17",
        "today",
        "yesterday",
        "now",
        "1715941800",
        "\u{662}\u{660}24-05-17",
        "2024-05-17T\u{661}0",
        "2024-05-17T10\u{a0}",
        // Times with minutes are not whole hours.
        "2024-05-17T23:30",
        "2024-05-17 10:00:01",
        "2024-05-17T10:00:00.000000001Z",
    ];
    assert_refused(&wrong, read, "--from");
}

#[test]
fn offsets_and_zones_are_refused_as_times_are_utc() {
    let zones = [
        "2025-03-04T06+02:00",
        "2025-03-04T06-0500",
        "2025-03-04 06 +02",
        "2025-03-04T06:00:00+00:00",
        "2025-03-04T06CET",
        "2025-03-04 06 CET",
        "2025-03-04T06[Europe/Berlin]",
        "2025-03-04T06Z[Europe/Berlin]",
        "2025-03-04[Europe/Berlin]",
        "2025-03-04+02:00",
        "2025-03-04 CET",
        "2025-03-04 +02:00",
        "2025-03-04T06 UTC",
        "2025-03-04T06\u{2212}05:00",
        "2025-03-04T06 Z",
    ];
    let now: Timestamp = NOW.0.parse().unwrap();
    for zone in zones.iter().filter(|zone| !zone.contains("Z[")) {
        for message in
            [hour("--to", zone, now).unwrap_err(), time("--to", zone).unwrap_err(), day("--to", zone).unwrap_err()]
        {
            let message = message.to_string();
            assert!(message.contains(zone) && message.contains("times are UTC"), "{zone}: {message}");
        }
    }
    assert_refused(&zones, |text| hour("--to", text, now), "--to");
    assert_refused(&zones, |text| time("--now", text), "--now");
    assert_refused(&zones, |text| day("--since", text), "--since");
}

#[test]
fn a_time_has_a_date_and_a_time_of_day() {
    for (text, expected) in [
        ("2024-05-17T10:00:00Z", "2024-05-17T10:00:00Z"),
        ("2024-05-17 10:00:00", "2024-05-17T10:00:00Z"),
        ("2024-05-17T10:30", "2024-05-17T10:30:00Z"),
        ("2024-05-17T10", "2024-05-17T10:00:00Z"),
        ("2024-05-17T10:00:00.25Z", "2024-05-17T10:00:00.25Z"),
    ] {
        assert_eq!(time("--now", text).unwrap(), expected.parse().unwrap(), "{text}");
    }
    let wrong =
        ["", "2024-05-17", "2024-05-17Z", "2024-05-17T10:00:00Z ", "2024-05-17T10:00:00.0000000001Z", "now", "-1h"];
    assert_refused(&wrong, |text| time("--now", text), "--now");
}

#[test]
fn a_day_has_no_time_of_day() {
    assert_eq!(day("--since", "2024-05-17").unwrap(), "2024-05-17");
    let wrong = ["", "2024-05", "2024-02-30", "2024-05-17T00", "2024-05-17 00", "-3d", "20240517"];
    assert_refused(&wrong, |text| day("--since", text), "--since");
}
