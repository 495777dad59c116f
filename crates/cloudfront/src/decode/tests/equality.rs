//! An object read as small, or as large in blocks of any size, gives the same rows, rejects and counts.

use super::*;

/// Random numbers by splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn pick<'a>(&mut self, choices: &[&'a [u8]]) -> &'a [u8] {
        choices[self.below(choices.len())]
    }
}

const CELLS: [&[u8]; 14] = [
    b"2024-05-17",
    b"10:00:00",
    b"1715940000.25",
    b"-",
    b"",
    b"200",
    b"x12",
    b"/a/path/longer/than/twelve",
    b"\xff",
    b"caf\xc3\xa9 and more of it \xe9",
    b"\r",
    b" ",
    b"%41",
    b"curl/8.5.0",
];

const LINES: [&[u8]; 12] = [
    b"#Version: 1.0",
    b"#",
    b"#Fields: date time sc-status cs-uri-stem cs(User-Agent) x-unknown sc-bytes",
    b"#Fields: timestamp sc-bytes x-other date time date",
    b"",
    b" \t\r",
    b"\xef\xbb\xbf",
    b"#xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    b"                                                                                                                 \t",
    b"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\xc3\xa9\r",
    b"\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\tz",
    b"#Fields: x-event",
];

/// Longest line in bytes: some lines are longer, by one byte or by many.
const LINE_BYTES: usize = 80;

fn text(random: &mut Random) -> Vec<u8> {
    let mut text = Vec::new();
    if random.below(8) == 0 {
        text.extend_from_slice(b"\xef\xbb\xbf");
    }
    if random.below(4) > 0 {
        text.extend_from_slice(LINES[2 + random.below(2)]);
        text.push(b'\n');
    }
    for _ in 0..random.below(30) {
        match random.below(20) {
            // The last one, which fails the object, is rare.
            0..4 => {
                let last = if random.below(20) == 0 { LINES.len() } else { LINES.len() - 1 };
                text.extend_from_slice(random.pick(&LINES[..last]));
            }
            4 => text.extend_from_slice(&vec![b'w'; LINE_BYTES - 2 + random.below(5)]),
            5..10 => {
                let cells = [12, 15, 18, 13, 3][random.below(5)];
                text.extend_from_slice(&b"2024-05-17\t10:00:00"[..]);
                (2..cells).for_each(|_| text.extend_from_slice(b"\tc"));
            }
            10..15 => {
                text.extend_from_slice(b"2024-05-17\t10:00:00");
                for _ in 0..random.below(7) {
                    text.push(b'\t');
                    text.extend_from_slice(random.pick(&CELLS));
                }
            }
            _ => {
                for _ in 0..=random.below(7) {
                    text.extend_from_slice(random.pick(&CELLS));
                    text.push(b'\t');
                }
            }
        }
        text.extend_from_slice(random.pick(&[b"\n", b"\n", b"\n", b"\r\n", b"\r\r\n"]));
    }
    text.truncate(text.len() - random.below(3).min(text.len()));
    text
}

const KEYS: [&[u8]; 10] = [
    b"date",
    b"time",
    b"sc-status",
    b"cs-uri-stem",
    b"x-unknown",
    b"timestamp",
    b"cs-host",
    b"x-host-header",
    b"",
    b"cs(\\u0048ost)",
];

const VALUES: [&[u8]; 12] = [
    b"\"2024-05-17\"",
    b"\"10:00:00\"",
    b"\"1715940000.25\"",
    b"null",
    b"200",
    b"-0.5e3",
    b"\"-\"",
    b"\"\"",
    b"\"a \\\"b\\\"\\t\\u00e9\"",
    b"\"\xff\"",
    b"{\"a\": [1]}",
    b"\"unfinished",
];

/// Returns a text of JSON lines or of delimited rows, with lines of other formats between them.
fn text_of_other_format(random: &mut Random) -> Vec<u8> {
    let delimiter = random.pick(&[b",", b"|", b"::", b"\t", b" "]);
    let names: [&[u8]; 4] = [b"date", b"time", b"x-edge-location", b"sc-status"];
    let header = if random.below(2) == 0 { &b"#Fields: "[..] } else { b"" };
    let mut text = Vec::new();
    let is_json = random.below(2) == 0;
    if !is_json {
        text.extend_from_slice(
            &[header, &names.join(if header.is_empty() { delimiter } else { b" " }), b"\n"].concat(),
        );
    }
    for _ in 0..random.below(30) {
        match random.below(20) {
            0 => text.extend_from_slice(random.pick(&LINES[..LINES.len() - 1])),
            1 => text.extend_from_slice(&names.join(delimiter)),
            2 => text.extend_from_slice(&[&b"#Fields: "[..], &names.join(&b' ')].concat()),
            _ if is_json => {
                text.extend_from_slice(b"{\"date\":\"2024-05-17\",\"time\":\"10:00:00\"");
                for _ in 0..random.below(4) {
                    text.extend_from_slice(&[&b",\""[..], random.pick(&KEYS), b"\":", random.pick(&VALUES)].concat());
                }
                text.push(b'}');
            }
            _ => {
                let cells: Vec<&[u8]> = (0..2 + random.below(4)).map(|_| random.pick(&CELLS)).collect();
                let dated = [&[&b"2024-05-17"[..], b"10:00:00"][..], &cells[2..]].concat();
                text.extend_from_slice(&if random.below(4) == 0 { cells } else { dated }.join(delimiter));
            }
        }
        text.extend_from_slice(random.pick(&[b"\n", b"\n", b"\r\n"]));
    }
    text
}

/// Returns what an object gave, or why it failed.
fn outcome(result: Result<Decoded, Error>) -> Result<Decoded, (Option<&'static str>, String)> {
    result.map_err(|error| (error.reason(), error.to_string()))
}

#[test]
fn small_and_large_give_the_same() {
    let mut random = Random(1);
    let with_names = options("cf_logs_wide", Some("date time sc-status cs-uri-stem x-given"));
    let without = options("cf_logs_wide", None);
    let sizes = DecodeSizes { line_bytes: LINE_BYTES, kept_line_bytes: 16, ..DecodeSizes::default() };
    let mut converted = 0;
    for number in 0..800 {
        let text = if number % 2 == 0 { text(&mut random) } else { text_of_other_format(&mut random) };
        let object = if number % 5 == 0 { gzip(&text) } else { text.clone() };
        let options = if number % 3 == 0 { &with_names } else { &without };
        let small = outcome(decode_small(options, sizes, &object));
        if let Ok(Decoded { summary, rows, .. }) = &small {
            let ObjectSummary { text_bytes, lines, comments, blanks, rejected, rejects, .. } = summary;
            assert_eq!(*lines, summary.rows + rejected + comments + blanks);
            assert_eq!((*text_bytes, *rejected), (text.len() as u64, rejects.len() as u64));
            assert_eq!(summary.rows, rows.cells.len() as u64);
            for reject in rejects {
                let at = usize::try_from(reject.byte).unwrap();
                assert!(text[at..].starts_with(&reject.text), "a reject's byte is where its line starts");
            }
            converted += 1;
        }
        let batch_rows = 1 + random.below(9);
        for block_bytes in [1 + random.below(20), 64, 1 + random.below(400)] {
            let sizes = DecodeSizes { batch_rows, batch_text_bytes: block_bytes, ..sizes };
            let large = outcome(decode_large(options, sizes, &object).map(|(decoded, _)| decoded));
            assert_eq!(large, small, "{sizes:?}\n{}", text.escape_ascii());
        }
    }
    assert!(converted > 300, "{converted}");
}
