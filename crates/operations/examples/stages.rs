//! The program of `make bench-instructions`: runs one stage on the same 20,000 rows, in a function that callgrind can find.
//!
//! `stages STAGE` prints the number of rows. The input of the stage is prepared before; only the instructions in
//! [`measured`] are counted. `scripts/bench/instructions.py` runs this program under callgrind.

#![expect(clippy::print_stdout, reason = "a program of its own, for measuring")]
#![expect(clippy::unwrap_used, reason = "a program that cannot run should stop")]

#[path = "../benches/stages/stage_work.rs"]
mod stage_work;

use std::{env, error::Error, hint::black_box, sync::Arc};

use lakefront_cloudfront::Enricher;
use lakefront_table::encode::Compression;

use self::stage_work::{decode, decode_each, decoder, decompress, encode, enrich, logs, schema};

const FILES: u32 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let (logs, schema) = (logs(FILES), schema());
    let mut rows = FILES * 1000;
    let mut decoder = decoder(&schema);
    let mut enricher = Enricher::new(Arc::clone(&schema));
    match env::args().nth(1).as_deref() {
        Some("decompress") => {
            let mut buffer = vec![0; 1 << 20];
            measured(|| decompress(&logs, &mut buffer));
        }
        Some("decode") => {
            // Once before, so that memory is there to be used again, as in a run.
            decode_each(&mut decoder, &logs, drop);
            measured(|| decode_each(&mut decoder, &logs, |batch| _ = black_box(batch)));
        }
        Some("enrich") => {
            let batches = decode(&mut decoder, &logs);
            measured(|| _ = black_box(enrich(&mut enricher, batches)));
        }
        Some("agents") => {
            // The first log loads the rules and compiles most of those needed; agents that are only in the other logs are new.
            let (first, rest) = logs.split_at(1);
            rows -= 1000;
            let first = enrich(&mut enricher, decode(&mut decoder, first));
            encode(&schema, Compression::None, &first);
            let rest = enrich(&mut enricher, decode(&mut decoder, rest));
            measured(|| _ = black_box(encode(&schema, Compression::None, &rest)));
        }
        Some(stage @ ("encode" | "compress")) => {
            let blocks = enrich(&mut enricher, decode(&mut decoder, &logs));
            let compression = if stage == "encode" { Compression::None } else { Compression::default() };
            // Once before, so that all user agents are known.
            encode(&schema, compression, &blocks);
            measured(|| _ = black_box(encode(&schema, compression, &blocks)));
        }
        _ => return Err("usage: stages decompress | decode | agents | enrich | encode | compress".into()),
    }
    println!("rows={rows}");
    Ok(())
}

/// Runs the work whose instructions are counted. Callgrind finds this function by its name.
#[inline(never)]
fn measured(work: impl FnOnce()) {
    work();
    black_box(());
}
