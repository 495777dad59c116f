//! Properties of generated logs that their readers rely on.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    io::Read,
    net::IpAddr,
};

use flate2::read::GzDecoder;
use lakefront_loggen::{Era, Format, Hour, LogObject, Options, objects};

/// Returns options for three distributions, two hours, two files each.
fn small() -> Options {
    Options { distributions: 3, hours: 2, files_per_hour: 2, rows_per_file: 400, ..Options::default() }
}

fn in_hour(text: &str) -> Options {
    Options { start: text.parse().expect("an hour"), ..small() }
}

fn rows(object: &LogObject) -> impl Iterator<Item = Vec<&str>> {
    object.text.lines().skip(2).map(|line| line.split('\t').collect())
}

/// Returns every cell of the field with that name.
fn cells(options: &Options, field: &str) -> Vec<String> {
    let mut found = Vec::new();
    for object in objects(options) {
        let mut names = object.text.lines().nth(1).expect("two header lines").split(' ').skip(1);
        let position = names.position(|name| name == field).expect("the field is logged");
        found.extend(rows(&object).map(|row| row[position].to_owned()));
    }
    found
}

/// Decodes percent escapes once.
fn unescape(cell: &str) -> String {
    let mut parts = cell.split('%');
    let mut bytes = parts.next().expect("a split has a first part").as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("an escape"));
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn the_same_options_give_the_same_logs() {
    assert!(objects(&small()).eq(objects(&small())));
}

#[test]
fn another_seed_gives_other_logs() {
    let (one, other) = (objects(&small()), objects(&Options { seed: 2, ..small() }));
    for (one, other) in one.zip(other) {
        assert_ne!(one.key, other.key);
        assert_ne!(one.text, other.text);
    }
}

#[test]
fn a_seed_gives_the_same_bytes_on_every_machine_and_forever() {
    let mut sums = Vec::new();
    for object in objects(&Options { rows_per_file: 2000, ..Options::default() }) {
        let mut crc = flate2::Crc::new();
        crc.update(object.text.as_bytes());
        sums.push(format!("{} {:08x}", object.key, crc.sum()));
    }
    // Only a change of the word lists, the user agents or the weights may change this.
    assert_eq!(sums, ["E8EXAMPLEBYMGW.2025-01-02-03.5155a6d1.gz 1629da30"]);
}

#[test]
fn more_hours_distributions_and_files_change_none_of_the_others() {
    let few: HashMap<String, String> = objects(&small()).map(|object| (object.key, object.text)).collect();
    let more = Options { distributions: 4, hours: 3, files_per_hour: 3, ..small() };
    let more: HashMap<String, String> = objects(&more).map(|object| (object.key, object.text)).collect();
    assert_eq!((few.len(), more.len()), (12, 36));
    for (key, text) in few {
        assert_eq!(more.get(&key), Some(&text), "{key}");
    }
}

#[test]
fn keys_have_distribution_hour_and_eight_hex_digits() {
    let mut keys = HashSet::new();
    for object in objects(&Options { start: "2024-12-31T23".parse().unwrap(), files_per_hour: 300, ..small() }) {
        let parts: Vec<&str> = object.key.split('.').collect();
        let [id, hour, unique, "gz"] = parts[..] else { panic!("{}", object.key) };
        assert!(id.starts_with('E') && (13..=14).contains(&id.len()), "{id}");
        assert!(["2024-12-31-23", "2025-01-01-00"].contains(&hour), "{hour}");
        assert!(unique.len() == 8 && unique.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{unique}");
        assert!(keys.insert(object.key.clone()), "{} twice", object.key);
    }
    assert_eq!(keys.len(), 2 * 3 * 300);
}

#[test]
fn objects_come_by_hour_then_distribution() {
    let order: Vec<String> =
        objects(&small()).filter_map(|object| Some(object.key.rsplitn(3, '.').nth(2)?.to_owned())).collect();
    let hours: Vec<&str> = order.iter().map(|start| start.split('.').nth(1).unwrap()).collect();
    assert!(hours.is_sorted(), "{hours:?}");
    assert_eq!(order.chunks(2).filter(|files| files[0] == files[1]).count(), 6, "{order:?}");
}

#[test]
fn each_era_has_its_fields_in_header_and_rows() {
    for era in Era::ALL {
        for object in objects(&Options { era, ..small() }) {
            let mut lines = object.text.lines();
            assert_eq!(lines.next(), Some("#Version: 1.0"));
            let fields = lines.next().unwrap().strip_prefix("#Fields: ").unwrap();
            assert!(fields.starts_with("date time x-edge-location sc-bytes c-ip cs-method cs(Host)"), "{fields}");
            assert_eq!(fields.split(' ').count(), era.num_fields());
            assert_eq!(rows(&object).count(), 400);
            assert!(rows(&object).all(|row| row.len() == era.num_fields()), "era {era}");
            assert!(object.text.ends_with('\n'));
        }
    }
}

#[test]
fn an_earlier_era_has_the_same_rows_with_fewer_cells() {
    let whole = objects(&small()).next().unwrap();
    let short = objects(&Options { era: Era::Fields19, ..small() }).next().unwrap();
    for (whole, short) in rows(&whole).zip(rows(&short)) {
        assert_eq!(whole[..19], short[..]);
    }
}

#[test]
fn every_format_has_the_same_cells() {
    let text_of = |format| objects(&Options { format, ..small() }).next().unwrap().text;
    let tabs = text_of(Format::W3c);
    let (header, rows) = tabs.split_once('\n').and_then(|(_, rest)| rest.split_once('\n')).unwrap();
    let names = header.trim_start_matches("#Fields: ");
    assert_eq!(text_of(Format::Raw), rows);
    assert_eq!(text_of(Format::Plain), format!("{}\n{rows}", names.replace(' ', "\t")));
    assert_eq!(text_of(Format::Pipes), format!("#Version: 1.0\n{header}\n{}", rows.replace('\t', "|")));
    let as_json = |row: &str| {
        let cells = row.split('\t').map(|cell| cell.replace('\\', "\\\\"));
        let pairs: Vec<String> =
            names.split(' ').zip(cells).map(|(name, cell)| format!("\"{name}\":\"{cell}\"")).collect();
        format!("{{{}}}\n", pairs.join(","))
    };
    assert_eq!(text_of(Format::Json), rows.lines().map(as_json).collect::<String>());
}

#[test]
fn cells_have_no_character_that_cloudfront_escapes() {
    for hour in ["2011-04-27T22", "2016-10-01T00", "2025-01-02T03"] {
        for object in objects(&in_hour(hour)) {
            for row in rows(&object) {
                for (position, cell) in row.into_iter().enumerate() {
                    assert!(!cell.is_empty());
                    // x-forwarded-for has backslashes, as in real logs.
                    let forbidden = if position == 19 { "<>\"#{}|^~[]`' \r" } else { "<>\"#{}|\\^~[]`' \r" };
                    assert!(!cell.contains(|letter: char| forbidden.contains(letter) || !letter.is_ascii()), "{cell}");
                    for part in cell.split('%').skip(1) {
                        let digits = part.get(..2).unwrap_or_default();
                        let is_hex = digits.bytes().all(|byte| b"0123456789ABCDEF".contains(&byte));
                        assert!(digits.len() == 2 && is_hex, "{cell}");
                    }
                }
            }
        }
    }
}

#[test]
fn headers_are_escaped_twice_in_the_years_when_cloudfront_did() {
    for field in ["cs(User-Agent)", "cs(Referer)", "cs(Cookie)"] {
        for (hour, is_double) in [("2011-04-27T20", false), ("2019-12-31T20", true), ("2020-02-01T00", false)] {
            let once: Vec<String> = cells(&in_hour(hour), field).iter().map(|cell| unescape(cell)).collect();
            let has_blanks = once.iter().any(|text| text.contains([' ', '"', '\\']));
            assert_eq!(has_blanks, !is_double, "{field} in {hour}");
            assert!(!is_double || once.iter().any(|text| text.contains("%20")), "{field} in {hour}");
        }
    }
}

#[test]
fn all_other_fields_are_always_escaped_once() {
    let once: Vec<String> =
        cells(&in_hour("2016-10-01T00"), "cs-uri-query").iter().map(|cell| unescape(cell)).collect();
    assert!(once.iter().any(|query| query.contains("{\"x\":0")));
    assert!(once.iter().any(|query| query.contains("%20")));
    assert!(cells(&in_hour("2016-10-01T00"), "cs-uri-stem").iter().any(|stem| unescape(stem).contains("%20")));
}

#[test]
fn a_user_agent_unescapes_to_a_line_of_the_data_file() {
    let known: HashSet<&str> = include_str!("../data/user-agents.txt").lines().chain(["-"]).collect();
    let mut seen = HashSet::new();
    for hour in ["2016-10-01T00", "2025-01-02T03"] {
        for cell in cells(&in_hour(hour), "cs(User-Agent)") {
            let mut text = unescape(&cell);
            if hour < "2020" {
                text = text.replace("%20", " ").replace("%22", "\"").replace("%5C", "\\");
            }
            assert!(known.contains(text.as_str()), "{cell}");
            seen.insert(text);
        }
    }
    assert!(seen.len() > 100, "{} of {}", seen.len(), known.len());
}

#[test]
fn request_ids_are_unique_and_56_characters_of_base64url() {
    let ids = cells(&small(), "x-edge-request-id");
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    for id in ids {
        let digits = id.strip_suffix("==").unwrap();
        let is_base64url = digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        assert!(digits.len() == 54 && is_base64url, "{id}");
    }
}

#[test]
fn addresses_are_those_of_documentation() {
    let mut distinct = HashSet::new();
    let mut num_v6 = 0;
    let options = Options { rows_per_file: 20_000, ..Options::default() };
    let viewers = cells(&options, "c-ip").into_iter();
    let forwarded = cells(&options, "x-forwarded-for").into_iter().filter(|cell| cell != "-");
    for cell in viewers.chain(forwarded) {
        for text in cell.split(r",\x20") {
            let is_documentation = match text.parse().unwrap() {
                IpAddr::V4(address) => {
                    [[192, 0, 2], [198, 51, 100], [203, 0, 113]].contains(&address.octets()[..3].try_into().unwrap())
                }
                IpAddr::V6(address) => {
                    num_v6 += 1;
                    address.segments()[..2] == [0x2001, 0x0db8]
                }
            };
            assert!(is_documentation, "{text}");
            distinct.insert(text.to_owned());
        }
    }
    assert!(distinct.len() > 3000 && num_v6 > 3000, "{} addresses, {num_v6} times IPv6", distinct.len());
}

#[test]
fn hosts_are_those_of_documentation() {
    for host in cells(&small(), "x-host-header").into_iter().chain(cells(&small(), "cs(Host)")) {
        assert!(
            host.contains(".example.") || host.starts_with("d111111") && host.ends_with(".cloudfront.net"),
            "{host}"
        );
    }
}

#[test]
fn between_5_and_20_percent_of_the_cells_are_absent() {
    for era in Era::ALL {
        let (mut absent, mut all) = (0, 0);
        for object in objects(&Options { era, ..small() }) {
            absent += rows(&object).flatten().filter(|cell| *cell == "-").count();
            all += rows(&object).flatten().count();
        }
        assert!((5..=20).contains(&(absent * 100 / all)), "era {era}: {absent} of {all}");
    }
}

#[test]
fn a_row_is_about_half_a_kilobyte() {
    let bytes: usize = objects(&small()).map(|object| object.text.len()).sum();
    assert!((450..=550).contains(&(bytes / (12 * 400))), "{bytes} bytes");
}

#[test]
fn there_are_many_uris_and_a_few_are_common() {
    let mut counts: HashMap<String, u32> = HashMap::new();
    for cell in cells(&Options { rows_per_file: 20_000, ..Options::default() }, "cs-uri-stem") {
        assert!(cell.starts_with('/') && !cell.contains('?'), "{cell}");
        *counts.entry(cell).or_default() += 1;
    }
    let mut counts: Vec<u32> = counts.into_values().collect();
    counts.sort_unstable_by(|one, other| other.cmp(one));
    assert!(counts.len() > 2000, "{} distinct", counts.len());
    let head: u32 = counts[..100].iter().sum();
    assert!((5_000..16_000).contains(&head), "the 100 most common have {head} of 20000 rows");
}

#[test]
fn times_are_unsorted_and_of_the_files_hour() {
    let options = Options { late_percent: 0.0, ..small() };
    let times = cells(&options, "time");
    assert!(!times.is_sorted());
    assert!(times[..3 * 2 * 400].iter().all(|time| time.starts_with("03:")));
    assert!(cells(&options, "date").iter().all(|date| date == "2025-01-02"));
}

#[test]
fn late_rows_are_of_the_hour_before_or_after() {
    let options = Options { start: "2024-12-31T23".parse().unwrap(), hours: 1, late_percent: 20.0, ..small() };
    let mut counts: HashMap<String, u32> = HashMap::new();
    for (date, time) in cells(&options, "date").into_iter().zip(cells(&options, "time")) {
        *counts.entry(format!("{date}T{}", &time[..2])).or_default() += 1;
    }
    let hours: BTreeSet<&str> = counts.keys().map(String::as_str).collect();
    assert_eq!(hours, BTreeSet::from(["2024-12-31T22", "2024-12-31T23", "2025-01-01T00"]));
    let late = counts["2024-12-31T22"] + counts["2025-01-01T00"];
    assert!((360..600).contains(&late), "{late} of 2400");
}

#[test]
fn parts_of_a_row_fit_together() {
    let mut statuses = HashSet::new();
    for object in objects(&Options { rows_per_file: 5000, ..small() }) {
        for row in rows(&object) {
            let (status, result, protocol) = (row[8], row[13], row[16]);
            statuses.insert(status.to_owned());
            let say = || row.join(" ");
            assert_eq!(protocol == "https", row[20] != "-" && row[21] != "-", "{}", say());
            assert!(protocol == "https" || ["HTTP/1.0", "HTTP/1.1"].contains(&row[23]), "{}", say());
            assert!(row[23] != "HTTP/3.0" || row[20] == "TLSv1.3", "{}", say());
            assert!(result != "Hit" || ["200", "206", "301", "304"].contains(&status), "{}", say());
            assert_eq!(status == "206", row[31] != "-" && row[32] != "-", "{}", say());
            assert!(status != "000" || row[3] == "0" && result == "Error", "{}", say());
            let seconds = |cell: &str| {
                assert_eq!(cell.split_once('.').unwrap().1.len(), 3, "{cell}");
                cell.parse::<f64>().unwrap()
            };
            assert!(seconds(row[27]) <= seconds(row[18]), "{}", say());
            assert!(row[26].parse::<u16>().unwrap() >= 1024, "{}", say());
            for number in [row[3], row[17]] {
                number.parse::<u64>().unwrap();
            }
            if let (Ok(length), Ok(first), Ok(last)) =
                (row[30].parse::<u64>(), row[31].parse::<u64>(), row[32].parse::<u64>())
            {
                assert_eq!(length, last - first + 1, "{}", say());
            }
        }
    }
    for status in ["000", "200", "206", "301", "304", "403", "404", "502"] {
        assert!(statuses.contains(status), "{status}");
    }
}

#[test]
fn gzip_unpacks_to_the_text() {
    for gzip_level in [0, 6, 99] {
        let object = objects(&Options { gzip_level, ..small() }).next().unwrap();
        let bytes = object.gzip().unwrap();
        let mut text = String::new();
        GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, object.text);
        assert_eq!(bytes, object.gzip().unwrap());
    }
}

#[test]
fn without_hours_or_files_there_are_no_logs() {
    for options in [
        Options { hours: 0, ..small() },
        Options { distributions: 0, ..small() },
        Options { files_per_hour: 0, ..small() },
    ] {
        assert_eq!(objects(&options).count(), 0);
    }
    let object = objects(&Options { rows_per_file: 0, ..small() }).next().unwrap();
    assert_eq!(object.text.lines().count(), 2);
    assert_eq!(objects(&Options { start: Hour::LAST, hours: 9, ..small() }).count(), 6);
}
