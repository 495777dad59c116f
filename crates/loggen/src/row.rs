//! A request in, one line of a log out; and the first two lines of every log.

use crate::{
    Hour,
    options::{Era, Format},
    request::{InHour, Request, push_number},
};

/// The fields of [`Era::Fields33`]; those of every other era are the first of them.
pub(crate) const FIELDS: [&str; 33] = [
    "date",
    "time",
    "x-edge-location",
    "sc-bytes",
    "c-ip",
    "cs-method",
    "cs(Host)",
    "cs-uri-stem",
    "sc-status",
    "cs(Referer)",
    "cs(User-Agent)",
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

/// Writes the rows of one file.
#[derive(Debug)]
pub(crate) struct RowWriter<'a> {
    era: Era,
    format: Format,
    domain: &'a str,
    /// `YYYY-MM-DD<TAB>HH:` of the hour before, the file's own and the one after.
    beginnings: [String; 3],
}

impl<'a> RowWriter<'a> {
    pub(crate) fn new(era: Era, format: Format, domain: &'a str, hour: Hour) -> Self {
        let beginnings =
            [hour.minus(1), hour, hour.plus(1)].map(|hour| format!("{}\t{:02}:", hour.date(), hour.of_day()));
        Self { era, format, domain, beginnings }
    }

    fn names(&self) -> &'static [&'static str] {
        &FIELDS[..self.era.num_fields()]
    }

    /// Appends the lines that name the fields.
    pub(crate) fn push_header(&self, out: &mut String) {
        match self.format {
            Format::W3c | Format::Pipes => {
                out.push_str("#Version: 1.0\n#Fields:");
                for name in self.names() {
                    out.push(' ');
                    out.push_str(name);
                }
                out.push('\n');
            }
            Format::Plain => {
                out.push_str(&self.names().join("\t"));
                out.push('\n');
            }
            Format::Raw | Format::Json => {}
        }
    }

    /// Appends one row with its line end.
    pub(crate) fn push_row(&self, out: &mut String, request: &Request<'_>) {
        if matches!(self.format, Format::W3c | Format::Plain | Format::Raw) {
            return self.push_tabs(out, request);
        }
        let mut tabs = String::new();
        self.push_tabs(&mut tabs, request);
        let cells = tabs.trim_end_matches('\n').split('\t');
        if self.format == Format::Pipes {
            for (place, cell) in cells.enumerate() {
                out.push_str(if place == 0 { "" } else { "|" });
                out.push_str(cell);
            }
        } else {
            for (place, (name, cell)) in self.names().iter().zip(cells).enumerate() {
                out.push_str(if place == 0 { "{\"" } else { ",\"" });
                out.push_str(name);
                out.push_str("\":\"");
                // Cells have no control characters, and names none that JSON escapes.
                for character in cell.chars() {
                    if matches!(character, '"' | '\\') {
                        out.push('\\');
                    }
                    out.push(character);
                }
                out.push('"');
            }
            out.push('}');
        }
        out.push('\n');
    }

    fn push_tabs(&self, out: &mut String, request: &Request<'_>) {
        self.push_first_12(out, request);
        if self.era >= Era::Fields15 {
            push_cell(out, request.cookie);
            push_cell(out, request.result);
            push_cell(out, request.id);
        }
        if self.era >= Era::Fields18 {
            push_cell(out, request.host);
            push_cell(out, request.protocol);
            push_number_cell(out, request.received_bytes);
        }
        if self.era >= Era::Fields19 {
            push_seconds_cell(out, request.taken_ms);
        }
        if self.era >= Era::Fields23 {
            push_cell(out, request.forwarded_for);
            push_cell(out, request.tls);
            push_cell(out, request.cipher);
            push_cell(out, request.response_result);
        }
        if self.era >= Era::Fields24 {
            push_cell(out, request.version);
        }
        if self.era >= Era::Fields26 {
            push_cell(out, request.encryption.map_or("-", |(status, _)| status));
            push_optional_cell(out, request.encryption.map(|(_, num_fields)| num_fields));
        }
        if self.era >= Era::Fields33 {
            push_number_cell(out, u64::from(request.port));
            push_seconds_cell(out, request.first_byte_ms);
            push_cell(out, request.detailed_result);
            push_cell(out, request.content_type);
            push_optional_cell(out, request.content_bytes);
            push_optional_cell(out, request.range.map(|(first, _)| first));
            push_optional_cell(out, request.range.map(|(_, last)| last));
        }
        out.push('\n');
    }

    fn push_first_12(&self, out: &mut String, request: &Request<'_>) {
        let [before, own, after] = &self.beginnings;
        out.push_str(match request.hour {
            InHour::Before => before,
            InHour::Own => own,
            InHour::After => after,
        });
        push_two_digits(out, request.second / 60);
        out.push(':');
        push_two_digits(out, request.second % 60);
        push_cell(out, request.location);
        push_number_cell(out, request.sent_bytes);
        push_cell(out, request.address);
        push_cell(out, request.method);
        push_cell(out, self.domain);
        push_cell(out, request.stem);
        push_cell(out, request.status);
        push_cell(out, request.referer);
        push_cell(out, request.user_agent);
        push_cell(out, request.query);
    }
}

fn push_cell(out: &mut String, text: &str) {
    out.push('\t');
    out.push_str(text);
}

fn push_number_cell(out: &mut String, number: u64) {
    out.push('\t');
    push_number(out, number);
}

fn push_optional_cell(out: &mut String, number: Option<u32>) {
    match number {
        Some(number) => push_number_cell(out, u64::from(number)),
        None => push_cell(out, "-"),
    }
}

fn push_seconds_cell(out: &mut String, milliseconds: u64) {
    push_number_cell(out, milliseconds / 1000);
    let fraction = milliseconds % 1000;
    out.push('.');
    out.push(digit(fraction / 100));
    out.push(digit(fraction / 10));
    out.push(digit(fraction));
}

fn push_two_digits(out: &mut String, number: u32) {
    out.push(digit(u64::from(number / 10)));
    out.push(digit(u64::from(number)));
}

/// Returns the last digit of a number.
fn digit(number: u64) -> char {
    char::from(b'0' + (number % 10) as u8)
}
