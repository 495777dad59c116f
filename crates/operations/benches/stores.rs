//! Cost of a slow store: converts 20,000 small logs from a bucket in memory to a table in another one, with and without a
//! delay of 50 milliseconds per request.
//!
//! The delay is inside this process, so that no server competes for the cores. Prints one line of figures for each run, and
//! the ratio of the medians, which should be at most 1.3.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a program of its own, for measuring")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run should stop")]

#[path = "stages/conversion.rs"]
mod conversion;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lakefront_loggen::{Options, objects};
use lakefront_operations::{Connections, Stop, convert, progress::Silent};
use object_store::{
    ObjectStore, ObjectStoreExt as _, PutPayload,
    memory::InMemory,
    path::Path,
    throttle::{ThrottleConfig, ThrottledStore},
};

use self::conversion::options;

const DELAY: Duration = Duration::from_millis(50);
const ROUNDS: usize = 3;
const THREADS: usize = 2;
/// Number of logs, of 300 rows each over two days: 20 KB each, compressed.
const LOGS: u32 = 20_000;
const ROWS: u32 = 300;
const HOURS: u32 = 50;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let logs: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let made = Options { hours: HOURS, files_per_hour: LOGS / HOURS, rows_per_file: ROWS, ..Options::default() };
    for log in objects(&made) {
        let (key, bytes) = (Path::from(log.key.as_str()), PutPayload::from(log.gzip().unwrap()));
        runtime.block_on(logs.put(&key, bytes)).unwrap();
    }
    let seconds_of = |delay: Duration| {
        let [logs, lake] = [Arc::clone(&logs), Arc::new(InMemory::new())].map(|store| delayed(store, delay));
        let connections = Connections::default().with_store("s3://logs", logs).with_store("s3://lake", lake);
        let options = options("s3://logs", "s3://lake/cf_logs", &connections, THREADS);
        let begun = Instant::now();
        let run = convert(&options, &Stop::default(), &Silent);
        assert!(run.error.is_none(), "{:?}", run.error);
        assert_eq!(run.report.rows, u64::from(LOGS * ROWS));
        let seconds = begun.elapsed().as_secs_f64();
        println!("logs={LOGS} delay_ms={} seconds={seconds:.2}", delay.as_millis());
        seconds
    };
    let mut seconds = [(); ROUNDS].map(|()| [seconds_of(Duration::ZERO), seconds_of(DELAY)]);
    let mut median = |which: usize| {
        seconds.sort_by(|one, other| one[which].total_cmp(&other[which]));
        seconds[ROUNDS / 2][which]
    };
    println!("with_delay/without={:.2}", median(1) / median(0));
}

/// Returns the same store with a delay for each request.
fn delayed(store: Arc<dyn ObjectStore>, delay: Duration) -> Arc<dyn ObjectStore> {
    if delay.is_zero() {
        return store;
    }
    let config = ThrottleConfig {
        wait_delete_per_call: delay,
        wait_get_per_call: delay,
        wait_list_per_call: delay,
        wait_list_with_delimiter_per_call: delay,
        wait_put_per_call: delay,
        ..ThrottleConfig::default()
    };
    Arc::new(ThrottledStore::new(store, config))
}
