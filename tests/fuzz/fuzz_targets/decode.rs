//! Reads any bytes as an object: as a small one, and as a large one in small blocks. Both give the same, and all of it is
//! valid.

#![no_main]

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray};
use lakefront_cloudfront::{
    DecodeOptions, DecodeSizes, DecodedBatch, Decoder, Enricher, Error, FormatOptions, ObjectSummary, TextLimits,
    decode::large::Step,
};
use lakefront_schema::{FieldLists, TableSchema};
use libfuzzer_sys::fuzz_target;

const NAME: &str = "logs/E1EXAMPLE.2024-05-17-10.0a1b2c3d.gz";

static SCHEMA: LazyLock<Arc<TableSchema>> = LazyLock::new(|| {
    let columns = [("type = \"string\"", "cs-uri-stem\"\ndecode = \"percent"), ("type = \"double\"", "time-taken")];
    let columns =
        columns.map(|(kind, field)| format!("[[column]]\nname = \"{}\"\n{kind}\nfield = \"{field}\"\n", &field[..2]));
    let wide = TableSchema::embedded("cf_logs_wide").unwrap().to_toml();
    // Without user agents: they have tests of their own, and are slow.
    let derived = ["browserfamily", "osfamily", "isbot"];
    let kept = wide.split("[[column]]").filter(|column| !derived.iter().any(|name| column.contains(name)));
    let toml = format!("{}{}", kept.collect::<Vec<_>>().join("[[column]]"), columns.concat());
    Arc::new(TableSchema::from_toml(&toml, "fuzz").unwrap())
});

type Outcome = Result<(ObjectSummary, Vec<RecordBatch>), Option<&'static str>>;

fn decoder(fields: &[&str], sizes: DecodeSizes) -> Decoder {
    let options = DecodeOptions {
        schema: Arc::clone(&SCHEMA),
        fields: FieldLists::try_new(fields).unwrap(),
        formats: FormatOptions::default(),
        latest_second: 1 << 31,
        text_limits: TextLimits { text_bytes: 1 << 20, ratio: 200 },
    };
    Decoder::with_sizes(Arc::new(options), sizes)
}

fn checked(batch: DecodedBatch) -> RecordBatch {
    let blocks = Enricher::new(Arc::clone(&SCHEMA)).enrich(batch);
    let batches: Vec<RecordBatch> = blocks.iter().map(|block| block.to_arrow(&SCHEMA.arrow_schema())).collect();
    let batch = joined(&batches);
    for column in batch.columns() {
        column.to_data().validate_full().unwrap();
        check_views(column);
        if let Some(map) = column.as_map_opt() {
            map.entries().columns().iter().for_each(check_views);
        }
    }
    RecordBatch::try_new(batch.schema(), batch.columns().to_vec()).unwrap()
}

fn check_views(column: &ArrayRef) {
    if let Some(texts) = column.as_string_view_opt() {
        StringViewArray::try_new(texts.views().clone(), texts.data_buffers().to_vec(), texts.nulls().cloned()).unwrap();
    }
}

/// Returns the outcome of a small object; `None` if it is none, as it is a Parquet file.
fn small(decoder: &mut Decoder, object: &[u8]) -> Option<Outcome> {
    let result = decoder.decode_small(NAME, object)?;
    let batches = decoder.flush().into_iter().map(checked).collect();
    Some(result.map(|summary| (summary, batches)).map_err(|error| error.reason()))
}

fn large(fields: &[&str], sizes: DecodeSizes, object: &[u8]) -> Outcome {
    let mut decoder = decoder(fields, sizes);
    let mut read = || -> Result<_, Error> {
        let mut rows = decoder.read_large(NAME, object, object.len() as u64);
        let (mut batches, mut rejects) = (Vec::new(), Vec::new());
        while let Some(step) = rows.step(&mut decoder)? {
            if let Step::Rows(batch) = step {
                batches.push(checked(*batch));
            }
            rejects.append(&mut rows.take_rejects());
        }
        let summary = rows.summary().expect("a summary after the last step");
        Ok((ObjectSummary { rejects, ..summary }, batches))
    };
    read().map_err(|error| error.reason())
}

/// Returns all rows in one batch.
fn joined(batches: &[RecordBatch]) -> RecordBatch {
    arrow::compute::concat_batches(&SCHEMA.arrow_schema(), batches).unwrap()
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, object)) = input.split_first() else { return };
    let lists = ["date time sc-status cs-uri-stem x-given timestamp", "timestamp sc-status"];
    let fields = lists.get(..usize::from(choice % 4).saturating_sub(1)).unwrap_or_default();
    let sizes = DecodeSizes { line_bytes: 64 + usize::from(choice), kept_line_bytes: 32, ..DecodeSizes::default() };

    let mut shared = decoder(fields, sizes);
    let is_small = small(&mut shared, object);
    let expected = is_small.unwrap_or_else(|| large(fields, sizes, object));
    // Once more, in memory that the first one has used.
    let again = small(&mut shared, object).unwrap_or_else(|| large(fields, sizes, object));
    let tiny = DecodeSizes {
        batch_rows: 1 + usize::from(choice % 7),
        batch_text_bytes: 1 + usize::from(choice),
        ..sizes
    };
    for other in [again, large(fields, tiny, object)] {
        match (&expected, other) {
            (Ok((summary, batches)), Ok((other, other_batches))) => {
                let ObjectSummary { lines, rows, rejected, comments, blanks, rejects, .. } = summary;
                assert_eq!(*lines, rows + rejected + comments + blanks);
                assert_eq!(*rejected, rejects.len() as u64);
                assert_eq!(summary, &other);
                let (all, other_all) = (joined(batches), joined(&other_batches));
                assert_eq!(all.num_rows() as u64, *rows);
                assert_eq!(all, other_all);
            }
            // What is read in blocks is inflated by another library, which refuses some streams whose text has the right CRC.
            (Ok(_), Err(Some("gzip-corrupt"))) => {}
            // A large object's text is judged while it is decompressed, so of two faults another may come first.
            (Err(_), Err(_)) => {}
            (expected, other) => panic!("{expected:?}\n{other:?}"),
        }
    }
});
