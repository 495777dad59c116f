//! The seeds of the fuzz target: a small log of each format.

use super::*;

const SEEDS: [(&str, &[u8]); 7] = [
    ("w3c", include_bytes!("../../../../../tests/fuzz/seeds/decode/w3c")),
    ("plain", include_bytes!("../../../../../tests/fuzz/seeds/decode/plain")),
    ("pipes", include_bytes!("../../../../../tests/fuzz/seeds/decode/pipes")),
    ("json", include_bytes!("../../../../../tests/fuzz/seeds/decode/json")),
    ("no-header", include_bytes!("../../../../../tests/fuzz/seeds/decode/no-header")),
    ("parquet-snappy", include_bytes!("../../../../../tests/fuzz/seeds/decode/parquet-snappy")),
    ("parquet-plain-v2", include_bytes!("../../../../../tests/fuzz/seeds/decode/parquet-plain-v2")),
];

#[test]
fn every_seed_is_read_as_its_format_and_in_blocks_of_any_size() {
    for (name, seed) in SEEDS {
        let (_, object) = seed.split_first().unwrap();
        let options = options("cf_logs_wide", None);
        let (decoded, _) = decode_large(&options, DecodeSizes::default(), object).unwrap();
        // The one without a header has twelve cells: in their order these are other fields.
        let bytes: Vec<Option<&str>> = decoded.rows.column("bytes");
        assert_eq!(bytes[..4], ["100", "101", "102", "103"].map(Some), "{name}");
        assert_eq!(decoded.summary.rows, if name == "json" { 5 } else { 4 }, "{name}");
        for batch_text_bytes in [1, 7, 100] {
            let sizes = DecodeSizes { batch_text_bytes, batch_rows: 3, ..DecodeSizes::default() };
            assert_eq!(decode_large(&options, sizes, object).unwrap().0, decoded, "{name}");
        }
    }
}
