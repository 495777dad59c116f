//! Logs in CloudFront's formats, from short descriptions.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

/// Fields of a standard log since December 2019.
pub(crate) const STANDARD: &str = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status \
    cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol \
    cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version \
    fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type \
    sc-content-len sc-range-start sc-range-end";

/// A row of these fields. Every cell has a different value, so that no two can be confused.
const ROW: &str = "2024-05-17 10:20:30 DFW3 1501 192.0.2.10 GET d111111abcdef8.cloudfront.net /index.html 200 \
    https://example.com/ curl/8.5.0 a=1&b=2 session=7 Hit \
    SOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ== www.example.com https \
    312 0.217 198.51.100.7 TLSv1.3 TLS_AES_128_GCM_SHA256 RefreshHit HTTP/2.0 \
    Processed 4 41234 0.119 OriginShieldHit text/html \
    1189 10 99";

/// Returns a line with its blanks replaced by TABs.
pub(crate) fn tabs(line: &str) -> String {
    line.replace(' ', "\t")
}

/// Returns a log with a header; blanks in its rows become TABs.
pub(crate) fn log(fields: &str, rows: &[&str]) -> String {
    let mut text = format!("#Version: 1.0\n#Fields: {fields}\n");
    for row in rows {
        text.push_str(&tabs(row));
        text.push('\n');
    }
    text
}

/// Returns a row of a standard log with some cells replaced, by field name. Without a line end.
pub(crate) fn standard_row(cells: &[(&str, &str)]) -> String {
    let mut row: Vec<&str> = ROW.split(' ').collect();
    for (field, cell) in cells {
        let position = STANDARD.split(' ').position(|name| name == *field);
        row[position.unwrap_or_else(|| panic!("`{field}` is not a field of a standard log"))] = cell;
    }
    row.join("\t")
}

/// Returns a standard log with a row for each list of replaced cells.
pub(crate) fn standard_log(rows: &[&[(&str, &str)]]) -> String {
    let rows: Vec<String> = rows.iter().map(|cells| standard_row(cells)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    log(STANDARD, &rows)
}

/// Returns the first `count` cells of a row of a standard log: rows of earlier eras are prefixes of it.
pub(crate) fn era_row(count: usize) -> String {
    standard_row(&[]).split('\t').take(count).collect::<Vec<_>>().join("\t")
}

/// Returns a user agent as CloudFront logs it: percent-encoded once.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            0..=32
            | 127..
            | b'<'
            | b'>'
            | b'"'
            | b'#'
            | b'%'
            | b'{'
            | b'}'
            | b'|'
            | b'\\'
            | b'^'
            | b'~'
            | b'['
            | b']'
            | b'`'
            | b'\'' => escaped.extend(["%", &format!("{byte:02X}")]),
            _ => escaped.push(char::from(byte)),
        }
    }
    escaped
}

/// Compresses text to one gzip member.
pub(crate) fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}
