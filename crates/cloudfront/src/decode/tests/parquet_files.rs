//! Standard logs as Parquet files.

use arrow::{
    array::{
        ArrayRef, BinaryArray, Date32Array, Float64Array, Int64Array, LargeStringArray, ListArray, NullArray,
        RecordBatch, StringArray, TimestampMillisecondArray,
    },
    datatypes::{DataType, Field, Int64Type, Schema},
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, Encoding, ZstdLevel},
    file::{
        metadata::KeyValue,
        properties::{WriterProperties, WriterVersion},
    },
};

use super::*;

/// Returns a file of these columns.
fn file_of(columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) -> Vec<u8> {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)));
    let batch = batch.unwrap();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

fn properties() -> WriterProperties {
    WriterProperties::builder().set_compression(Compression::SNAPPY).build()
}

fn strings<'s>(values: impl IntoIterator<Item = Option<&'s str>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

/// Returns a file as CloudFront writes it: strings alone, `-` for no value.
fn delivered(rows: usize) -> Vec<u8> {
    let number = |row: usize| (row * 7919).to_string();
    let numbers: Vec<String> = (0..rows).map(number).collect();
    let columns = vec![
        ("date", strings((0..rows).map(|_| Some("2024-05-17")))),
        ("time", strings((0..rows).map(|row| Some(if row % 2 == 0 { "10:00:00" } else { "10:59:59" })))),
        ("x_edge_location", strings((0..rows).map(|_| Some("DFW3")))),
        ("sc_bytes", strings(numbers.iter().map(|number| Some(number.as_str())))),
        ("cs_host", strings((0..rows).map(|_| Some("d111111abcdef8.cloudfront.net")))),
        ("cs_user_agent", strings((0..rows).map(|_| Some("curl/8.5.0")))),
        ("x_host_header", strings((0..rows).map(|_| Some("www.example.com")))),
        ("cs_uri_query", strings((0..rows).map(|_| Some("-")))),
        ("x_own", strings((0..rows).map(|row| (row % 3 > 0).then_some("own")))),
    ];
    file_of(columns, properties())
}

fn decode_parquet(file: &[u8]) -> Result<Decoded, Error> {
    decode_large(&options("cf_logs_wide", None), DecodeSizes::default(), file).map(|(decoded, _)| decoded)
}

#[test]
fn a_delivered_file_gives_the_rows_of_the_same_log_as_text() {
    let rows = 3_000;
    let mut text =
        "#Fields: date time x-edge-location sc-bytes cs(Host) cs(User-Agent) x-host-header cs-uri-query x_own\n"
            .to_owned();
    for row in 0..rows {
        let time = if row % 2 == 0 { "10:00:00" } else { "10:59:59" };
        let own = if row % 3 > 0 { "own" } else { "-" };
        text += &[
            "2024-05-17",
            time,
            "DFW3",
            &(row * 7919).to_string(),
            "d111111abcdef8.cloudfront.net",
            "curl/8.5.0",
            "www.example.com",
            "-",
            own,
        ]
        .join("\t");
        text += "\n";
    }
    let (expected, _) = decode_large(&options("cf_logs_wide", None), DecodeSizes::default(), text.as_bytes()).unwrap();
    let decoded = decode_parquet(&delivered(rows)).unwrap();
    assert_eq!(decoded.rows, expected.rows);
    assert_eq!((decoded.summary.lines, decoded.summary.rows, decoded.summary.comments), (3_000, 3_000, 0));
    assert_eq!(
        Decoder::new(options("cf_logs", None)).decode_small(NAME, &delivered(1)).map(|_| ()),
        None,
        "never small"
    );
}

#[test]
fn typed_columns_are_read_as_what_they_say() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("date", Arc::new(Date32Array::from(vec![Some(19_860), None]))),
        ("time", Arc::new(LargeStringArray::from(vec!["10:00:00", "-"]))),
        (
            "timestamp(ms)",
            Arc::new(TimestampMillisecondArray::from(vec![None, Some(1_715_940_001_250)]).with_timezone("UTC")),
        ),
        ("sc-bytes", Arc::new(Int64Array::from(vec![Some(17), None]))),
        ("time_taken", Arc::new(Float64Array::from(vec![0.25, 1e-3]))),
        ("c_ip", Arc::new(BinaryArray::from(vec![&b"192.0.2.1"[..], b"\xff"]))),
        ("cs_referrer", strings([Some("https://example.com/"), None])),
    ];
    let decoded = decode_parquet(&file_of(columns, properties())).unwrap();
    assert_eq!(decoded.rows.column("logtime"), [Some("10:00:00"), Some("10:00:01")]);
    assert_eq!(decoded.rows.column("requesttime"), [Some("1715940000000000 us"), Some("1715940001250000 us")]);
    assert_eq!(decoded.rows.column("bytes"), [Some("17"), None]);
    assert_eq!(decoded.rows.column("timetakenseconds"), [Some("0.25"), Some("0.001")]);
    assert_eq!(decoded.rows.column("requestip"), [Some("192.0.2.1"), Some("\u{fffd}")]);
    assert_eq!(decoded.rows.column("referrer"), [Some("https://example.com/"), None]);
    assert_eq!(decoded.summary.lossy_cells, 1);
}

#[test]
fn a_row_without_a_time_is_rejected_with_its_cells() {
    let columns =
        vec![("date", strings([Some("2024-05-17"), Some("x")])), ("time", strings([Some("10:00:00"), Some("y")]))];
    let decoded = decode_parquet(&file_of(columns, properties())).unwrap();
    let reject = &decoded.summary.rejects[0];
    assert_eq!((reject.line, reject.byte, reject.reason), (2, 20, RejectReason::BadDate));
    assert_eq!(reject.text, b"x\ty");
}

#[test]
fn a_row_over_the_limit_is_rejected_and_a_long_value_of_many_rows_takes_no_memory_for_each() {
    let long = "x".repeat(8 << 20);
    let value = |row: usize| if row == 999 { "short" } else { long.as_str() };
    let columns = vec![
        ("date", strings((0..1000).map(|_| Some("2024-05-17")))),
        ("time", strings((0..1000).map(|_| Some("10:00:00")))),
        (
            "cs_uri_stem",
            strings((0..64).map(|_| Some(long.as_str())).chain((64..1000).map(|row| Some(value(row.max(999)))))),
        ),
    ];
    let properties = WriterProperties::builder().set_dictionary_page_size_limit(32 << 20).build();
    let decoded = decode_parquet(&file_of(columns, properties)).unwrap();
    assert_eq!((decoded.summary.rows, decoded.summary.rejected), (936, 64));
    let reject = &decoded.summary.rejects[0];
    assert_eq!((reject.reason, reject.line_bytes), (RejectReason::LineTooLong, 20 + (8 << 20)));
    assert!(reject.text.starts_with(b"2024-05-17\t10:00:00\txxx") && reject.text.len() == 64 * 1024);
    assert_eq!(decoded.summary.rejects[1].byte, 21 + (8 << 20));
}

#[test]
fn nested_columns_delta_encodings_and_bombs_are_refused_before_they_take_memory() {
    let dates = || strings([Some("2024-05-17")]);
    let list: ListArray = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None])]);
    let nested = file_of(vec![("date", dates()), ("time", Arc::new(list))], properties());
    let delta =
        WriterProperties::builder().set_dictionary_enabled(false).set_encoding(Encoding::DELTA_LENGTH_BYTE_ARRAY);
    let delta = file_of(vec![("date", dates())], delta.build());
    for (file, says) in [(nested, "lists or nested columns"), (delta, "delta encodings")] {
        let error = decode_parquet(&file).unwrap_err();
        assert_eq!(error.reason(), Some("unsupported-format"));
        assert!(error.to_string().contains(says), "{error}");
    }
    let value = "x".repeat(500_000);
    let columns = vec![
        ("date", strings((0..500).map(|_| Some("2024-05-17")))),
        ("time", strings((0..500).map(|_| Some("10:00:00")))),
        ("cs_uri_stem", strings((0..500).map(|_| Some(value.as_str())))),
    ];
    let bomb = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    assert_eq!(decode_parquet(&file_of(columns, bomb)).unwrap_err().reason(), Some("too-large"));
}

#[test]
fn a_null_is_an_empty_cell_of_a_rejected_row_and_a_column_of_nulls_is_null() {
    let columns = vec![
        ("date", strings([Some("2024-05-17"), None])),
        ("time", strings([Some("10:00:00"), Some("10:00:01")])),
        ("c_ip", Arc::new(NullArray::new(2)) as ArrayRef),
        ("cs_method", strings([None, Some("GET")])),
    ];
    let decoded = decode_parquet(&file_of(columns, properties())).unwrap();
    assert_eq!((decoded.cell("requestip"), decoded.cell("method")), (None, None));
    assert_eq!(decoded.summary.rejects[0].text, b"\t10:00:01\t\tGET");
}

#[test]
fn files_of_other_programs_and_of_lakefront_are_no_logs() {
    let reason = |file: &[u8]| decode_parquet(file).unwrap_err().reason().unwrap();
    let other = file_of(vec![("a", strings([Some("b")]))], properties());
    assert_eq!(reason(&other), "no-cloudfront-log");
    let entry = KeyValue::new("lakefront.schema".to_owned(), "cf_logs/1".to_owned());
    let own = WriterProperties::builder().set_key_value_metadata(Some(vec![entry])).build();
    let own = file_of(vec![("date", strings([Some("2024-05-17")])), ("time", strings([Some("10:00:00")]))], own);
    assert!(matches!(decode_parquet(&own), Err(Error::OwnDataFile)));
    assert_eq!(reason(b"PAR1\x15\x04\x15\x10PAR1"), "parquet-corrupt");
    let schema = Arc::new(Schema::new(vec![Field::new("date", DataType::Utf8, true)]));
    let mut empty = Vec::new();
    ArrowWriter::try_new(&mut empty, schema, None).unwrap().close().unwrap();
    assert_eq!(decode_parquet(&empty).unwrap().summary.rows, 0);
}

#[test]
fn a_cut_or_turned_byte_is_a_verdict_or_harmless_and_never_more() {
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for compression in [Compression::SNAPPY, Compression::UNCOMPRESSED, Compression::ZSTD(ZstdLevel::default())] {
            let properties = WriterProperties::builder().set_writer_version(version).set_compression(compression);
            let columns = vec![
                ("date", strings((0..40).map(|_| Some("2024-05-17")))),
                ("time", strings((0..40).map(|_| Some("10:00:00")))),
                ("sc_bytes", strings((0..40).map(|row| Some(["1", "22", "333", "-"][row % 4])))),
            ];
            let file = file_of(columns, properties.build());
            assert_eq!(decode_parquet(&file).unwrap().summary.rows, 40);
            for end in (0..file.len()).step_by(29) {
                let cut = decode_parquet(&file[..end]);
                assert!(cut.is_err() || end < 5, "{end}");
            }
            for at in (4..file.len()).step_by(2) {
                let mut turned = file.clone();
                turned[at] ^= [0x01, 0x80, 0x55, 0x10][at / 2 % 4];
                if let Ok(decoded) = decode_parquet(&turned) {
                    let summary = decoded.summary;
                    assert_eq!(summary.rows + summary.rejected, 40, "at {at}");
                }
            }
        }
    }
}
