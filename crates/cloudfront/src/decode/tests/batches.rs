//! Objects that share batches, objects that are taken back, large objects, and memory.

use super::*;

const HEADER: &str = "#Fields: date time sc-status cs-uri-stem\n";

fn rows(count: usize, uri: &str) -> String {
    format!("2024-05-17\t10:00:00\t200\t{uri}\n").repeat(count)
}

fn decoder(sizes: DecodeSizes) -> Decoder {
    Decoder::with_sizes(options("cf_logs_wide", None), sizes)
}

fn rows_of(decoder: &mut Decoder) -> Rows {
    let schema = Arc::new(TableSchema::embedded("cf_logs_wide").unwrap());
    let mut rows = Rows::new(&schema);
    let mut enricher = Enricher::new(schema);
    decoder.flush().into_iter().for_each(|batch| rows.take(&mut enricher, batch));
    rows
}

fn add(decoder: &mut Decoder, name: &str, text: &str) -> Result<ObjectSummary, Error> {
    decoder.decode_small(name, text.as_bytes()).expect("small")
}

#[test]
fn small_objects_share_a_batch_in_order() {
    let mut decoder = decoder(DecodeSizes::default());
    add(&mut decoder, "a/E1.x", &format!("{HEADER}{}", rows(2, "/first"))).unwrap();
    add(&mut decoder, "b/E2.x", HEADER).unwrap();
    add(&mut decoder, "c/E3.x", &format!("{HEADER}{}", rows(1, "/a/longer/path/than/twelve"))).unwrap();
    let rows = rows_of(&mut decoder);
    assert_eq!(rows.column("filename"), ["a/E1.x", "a/E1.x", "c/E3.x"].map(Some));
    assert_eq!(rows.column("distribution"), ["E1", "E1", "E3"].map(Some));
    assert_eq!(rows.column("uri"), ["/first", "/first", "/a/longer/path/than/twelve"].map(Some));
    assert!(decoder.flush().is_none());
}

#[test]
fn a_failing_object_leaves_nothing_in_the_batch() {
    // A row that waits, and enough rows that some are in the columns already; in the text, and in the side buffers.
    for count in [1, 3000] {
        for uri in ["/short", "/a/longer/path/than/twelve"] {
            let mut decoder = decoder(DecodeSizes::default());
            let bad = format!("{HEADER}\n{}-\t-\n#Fields: date time x-event\n", rows(count, uri));
            let lossy = [
                format!("{HEADER}{}", rows(count, uri)).as_bytes(),
                b"2024-05-17\t10:00:00\t\xff\xff\xff\xff\xff\xff\n#Fields: x-event",
            ]
            .concat();
            assert_eq!(add(&mut decoder, "E0.x", &bad).unwrap_err().reason(), Some("rtmp"));
            add(&mut decoder, "E1.x", &format!("{HEADER}{}", rows(1, "/kept/and/longer/than/twelve"))).unwrap();
            assert_eq!(add(&mut decoder, "E2.x", &bad).unwrap_err().reason(), Some("rtmp"));
            assert!(decoder.decode_small("E3.x", &lossy).unwrap().is_err());
            assert!(decoder.decode_small("E4.x", &gzip(bad.as_bytes())[..60]).unwrap().is_err());
            add(&mut decoder, "E5.x", &format!("{HEADER}{}", rows(1, "/x"))).unwrap();
            let rows = rows_of(&mut decoder);
            assert_eq!(rows.column("filename"), ["E1.x", "E5.x"].map(Some), "{count} {uri}");
            assert_eq!(rows.column("uri"), ["/kept/and/longer/than/twelve", "/x"].map(Some));
        }
    }
}

#[test]
fn an_object_is_small_regardless_of_the_objects_before_it() {
    let sizes = DecodeSizes { batch_rows: 10, small_text_bytes: 600, ..DecodeSizes::default() };
    for waiting in [0, 9] {
        let mut decoder = decoder(sizes);
        add(&mut decoder, "E1.x", &format!("{HEADER}{}", rows(waiting, "/"))).unwrap();
        let is_small = |decoder: &mut Decoder, text: &str| decoder.decode_small("E2.x", text.as_bytes()).is_some();
        assert!(!is_small(&mut decoder, &format!("{HEADER}{}", rows(11, "/"))), "too many rows");
        assert!(!is_small(&mut decoder, &format!("{HEADER}{}", "x\n".repeat(11))), "too many rejects");
        assert!(!is_small(&mut decoder, &format!("{HEADER}{}", rows(1, &"x".repeat(600)))), "too much text");
        assert!(!decoder.is_full());
        assert!(is_small(&mut decoder, &format!("{HEADER}{}", rows(10, "/"))));
        assert!(decoder.is_full());
        assert_eq!(rows_of(&mut decoder).cells.len(), waiting + 10);
    }
}

#[test]
fn gzip_with_a_wrong_size_at_its_end_is_read() {
    let text = format!("{HEADER}{}", rows(20, "/"));
    let object = [gzip(text.as_bytes()), gzip(b"")].concat();
    assert_eq!(decode(object).summary.rows, 20);
}

#[test]
fn a_large_objects_batches_are_cut_by_rows_and_text() {
    let text = format!("{HEADER}{}", rows(100, "/"));
    let options = options("cf_logs", None);
    let batches = |sizes| decode_large(&options, sizes, text.as_bytes()).unwrap().1;
    assert_eq!(batches(DecodeSizes::default()), 1);
    assert_eq!(batches(DecodeSizes { batch_rows: 30, ..DecodeSizes::default() }), 4);
    assert_eq!(batches(DecodeSizes { batch_text_bytes: 1000, ..DecodeSizes::default() }), 3);
}

#[test]
fn very_many_rejects_come_in_portions() {
    let text = format!("{HEADER}{}{}", "x\n".repeat(25), rows(1, "/"));
    let mut decoder = decoder(DecodeSizes { batch_rows: 10, ..DecodeSizes::default() });
    let mut large = decoder.read_large(NAME, text.as_bytes(), text.len() as u64);
    let mut portions = Vec::new();
    while let Some(step) = large.step(&mut decoder).unwrap() {
        let rows = if let Step::Rows(batch) = step { batch.num_rows() } else { 0 };
        portions.push((rows, large.take_rejects().len()));
    }
    assert_eq!(portions, [(0, 10), (0, 10), (1, 5)]);
    assert_eq!(large.summary().unwrap().rejected, 25);
}

#[test]
fn a_large_object_does_not_touch_the_rows_of_small_ones() {
    let mut decoder = decoder(DecodeSizes::default());
    add(&mut decoder, "E1.x", &format!("{HEADER}{}", rows(1, "/of/the/small/object"))).unwrap();
    let text = format!("{HEADER}{}#Fields: x-event\n", rows(2, "/"));
    let mut bad = decoder.read_large("E2.x", text.as_bytes(), text.len() as u64);
    assert!(bad.step(&mut decoder).is_err());
    assert!(bad.step(&mut decoder).unwrap().is_none());
    assert!(bad.summary().is_none());
    let rows = rows_of(&mut decoder);
    assert_eq!(rows.column("uri"), [Some("/of/the/small/object")]);
}

#[test]
fn a_verdict_may_come_after_rows_and_is_the_same_if_the_object_is_only_judged() {
    let good = format!("{HEADER}{}", rows(100, "/"));
    let mut wrong_crc = gzip(good.as_bytes());
    let at = wrong_crc.len() - 8;
    wrong_crc[at] ^= 1;
    let hours: Vec<String> = (0..=MAX_HOURS).map(|hour| format!("{}\n", 1_600_000_000 + hour * 3600)).collect();
    for (object, reason) in [
        (format!("{good}#Fields: x-event\n").into_bytes(), "rtmp"),
        (gzip(good.as_bytes())[..80].to_vec(), "gzip-truncated"),
        (wrong_crc, "gzip-corrupt"),
        (gzip(("#Fields: timestamp\n".to_owned() + &hours.concat()).as_bytes()), "too-many-hours"),
    ] {
        for (block_bytes, batch_rows, gives_rows) in [(100, 10, true), (1 << 20, 1 << 20, false)] {
            let sizes = DecodeSizes { batch_text_bytes: block_bytes, batch_rows, ..DecodeSizes::default() };
            let options = options("cf_logs", None);
            let verdict = decode_large(&options, sizes, &object).unwrap_err();
            assert_eq!(verdict.reason(), Some(reason));
            let mut decoder = Decoder::with_sizes(Arc::clone(&options), sizes);
            let mut large = decoder.read_large(NAME, &object[..], object.len() as u64);
            let mut rows = 0;
            while let Ok(Some(step)) = large.step(&mut decoder) {
                if let Step::Rows(batch) = step {
                    rows += batch.num_rows();
                }
            }
            assert_eq!(rows > 0, gives_rows, "{reason}: {rows} rows");
            assert!(large.summary().is_none());
        }
    }
}

#[test]
fn a_block_is_written_over_only_after_all_batches_with_views_into_it_are_gone() {
    let uri = |row: usize| format!("/path/number/{row:05}");
    let lines: Vec<String> = (0..400).map(|row| rows(1, &uri(row))).collect();
    let text = HEADER.to_owned() + &lines.concat();
    let options = options("cf_logs_wide", None);
    let sizes = DecodeSizes { batch_text_bytes: 1000, ..DecodeSizes::default() };
    for held in 0..5 {
        let mut decoder = Decoder::with_sizes(Arc::clone(&options), sizes);
        let mut large = decoder.read_large(NAME, text.as_bytes(), text.len() as u64);
        let (mut waiting, mut all) = (std::collections::VecDeque::new(), Rows::new(&options.schema));
        let mut enricher = Enricher::new(Arc::clone(&options.schema));
        while let Some(step) = large.step(&mut decoder).unwrap() {
            if let Step::Rows(batch) = step {
                waiting.push_back(*batch);
            }
            if waiting.len() > held {
                all.take(&mut enricher, waiting.pop_front().unwrap());
            }
        }
        for batch in waiting {
            all.take(&mut enricher, batch);
        }
        let expected: Vec<String> = (0..400).map(uri).collect();
        assert_eq!(all.column("uri"), expected.iter().map(|uri| Some(uri.as_str())).collect::<Vec<_>>());
    }
}

#[test]
fn a_wide_header_costs_no_memory_per_row() {
    // A name of 64 KiB for each of 2000 rows would be 128 MiB.
    let name = "n".repeat(64 * 1024);
    let text = format!("#Fields: date time {name}\n{}", "2024-05-17\t10:00:00\tv\n".repeat(2000));
    let mut decoder = decoder(DecodeSizes::default());
    add(&mut decoder, "E1.x", &text).unwrap();
    let batch = decoder.flush().unwrap();
    let bytes: usize = batch.blocks.iter().map(|block| block.rows.memory_bytes()).sum();
    assert!(bytes < 32 << 20, "{bytes}");
}

#[test]
fn wide_rows_fill_a_batch_sooner() {
    let names: Vec<String> = (0..2000).map(|field| format!("x-{field}")).collect();
    let row = format!("2024-05-17\t10:00:00{}\n", "\t".repeat(2000));
    let text = format!("#Fields: date time {}\n{}", names.join(" "), row.repeat(50));
    let sizes = DecodeSizes { batch_rows: 200, ..DecodeSizes::default() };
    assert!(decoder(sizes).decode_small(NAME, text.as_bytes()).is_none());
    let (decoded, batches) = decode_large(&options("cf_logs_wide", None), sizes, text.as_bytes()).unwrap();
    assert_eq!((decoded.summary.rows, batches), (50, 5));
}

#[test]
fn a_batch_has_few_rows_if_the_table_has_very_many_columns() {
    let column =
        |number: usize| format!("[[column]]\nname = \"c{number}\"\ntype = \"string\"\nfield = \"x-{number}\"\n");
    let toml: String = (0..2000).map(column).collect();
    let schema = TableSchema::from_toml(&format!("name = \"wide\"\n{toml}"), "wide.toml").unwrap();
    let options = Arc::new(DecodeOptions { schema: Arc::new(schema), ..(*options("cf_logs", None)).clone() });
    let text = "#Fields: date time\n".to_owned() + &"2024-05-17\t10:00:00\n".repeat(50);
    let sizes = DecodeSizes { batch_rows: 200, ..DecodeSizes::default() };
    assert!(Decoder::with_sizes(Arc::clone(&options), sizes).decode_small(NAME, text.as_bytes()).is_none());
    let (decoded, batches) = decode_large(&options, sizes, text.as_bytes()).unwrap();
    assert_eq!((decoded.summary.rows, batches), (50, 5));
}

#[test]
fn names_of_unclaimed_fields_are_kept_for_many_objects_at_once_and_for_good_ones_alone() {
    let mut decoder = decoder(DecodeSizes::default());
    let log = |number: usize, rest: &str| format!("#Fields: date time x-{number:04}\n{rest}");
    for number in 0..1500 {
        let bad = if number == 7 { "2024-05-17\tnoon\n" } else { "" };
        let result = decoder.decode_small(NAME, log(number, bad).as_bytes()).unwrap();
        assert_eq!(result.is_err(), number == 7);
    }
    let names = decoder.take_unclaimed_fields();
    assert_eq!((names.iter().count(), names.more()), (FieldNames::MAX_NAMES, 499));
    assert!(names.iter().all(|name| name != "x-0007"));
    assert!(decoder.take_unclaimed_fields().is_empty(), "returned once");
}

#[test]
fn a_batch_is_full_sooner_if_layouts_alternate() {
    let mut decoder = decoder(DecodeSizes::default());
    let log = |number: usize| {
        let names = if number.is_multiple_of(2) { "date time sc-status" } else { "date time cs-uri-stem" };
        format!("#Fields: {names}\n2024-05-17\t10:00:00\t{number}\n")
    };
    let mut objects = 0;
    while !decoder.is_full() {
        add(&mut decoder, &format!("E{objects}.x"), &log(objects)).unwrap();
        objects += 1;
    }
    assert_eq!(objects, 256);
    let rows = rows_of(&mut decoder);
    let number = |object: usize| Some(object.to_string());
    let is_status = |object: usize| object.is_multiple_of(2);
    let expected =
        |wanted: bool| (0..objects).map(move |object| number(object).filter(|_| is_status(object) == wanted));
    assert!(rows.column("status").into_iter().eq(expected(true).collect::<Vec<_>>().iter().map(Option::as_deref)));
    assert!(rows.column("uri").into_iter().eq(expected(false).collect::<Vec<_>>().iter().map(Option::as_deref)));
    assert!(!decoder.is_full());
    // One object whose header changes with each row is not small, and comes in several batches.
    let text: String = (0..600).map(log).collect();
    assert!(decoder.decode_small(NAME, text.as_bytes()).is_none());
    let (one, batches) = decode_large(&options("cf_logs", None), DecodeSizes::default(), text.as_bytes()).unwrap();
    assert_eq!((one.summary.rows, batches), (600, 3));
}
