//! Options of a whole conversion of a source to a table: the defaults, with a fixed time.

use std::time::Duration;

use jiff::Timestamp;
use lakefront_operations::{
    Connections, ConvertOptions, DEFAULT_LEASE, Destination, Holder, LeaseOptions, Limits, ReadingOptions, Resources,
    RunOptions, Source, TableOptions, default_memory_bytes, options::DEFAULT_TASK_BYTES, parse_table,
    select::Selection,
};

pub(crate) fn options(source: &str, table: &str, connections: &Connections, threads: usize) -> ConvertOptions {
    ConvertOptions {
        run: RunOptions {
            destination: Destination::try_new(parse_table(table).unwrap(), None, connections).unwrap(),
            connections: connections.clone(),
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            is_now_given: true,
            task_bytes: DEFAULT_TASK_BYTES,
            max_rejects: None,
            max_unreadable: None,
            resources: Resources { threads, memory_bytes: default_memory_bytes(threads) },
            lease: LeaseOptions { lifetime: DEFAULT_LEASE, take_over: false, holder: Holder::default() },
            single_writer: false,
            run_id: "bench".to_owned(),
            program_version: "0.0.0".to_owned(),
            limits: Limits::default(),
            advise: |_| None,
        },
        sources: vec![Source::parse(source).unwrap()],
        selection: Selection::default(),
        settle: Duration::ZERO,
        allow_empty: false,
        new_identity: false,
        table: TableOptions::default(),
        reading: ReadingOptions::default(),
    }
}
