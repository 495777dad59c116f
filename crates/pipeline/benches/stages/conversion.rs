//! A source and a table in, the options of a whole conversion out: the defaults, and a clock that stands still.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use lakefront_pipeline::{
    Connections, ConvertOptions, Destination, Folder, Holder, Limits, Source,
    options::{DEFAULT_LEASE, DEFAULT_TASK_BYTES},
    select::Selection,
};

pub(crate) fn options(source: &str, table: &str, connections: &Connections, threads: usize) -> ConvertOptions {
    ConvertOptions {
        sources: vec![Source::parse(source).unwrap()],
        connections: connections.clone(),
        selection: Selection::default(),
        destination: Destination::try_new(Folder::parse(table).unwrap(), None, connections).unwrap(),
        schema: None,
        extend_schema: false,
        partition_by: None,
        identity: None,
        new_identity: false,
        fields: None,
        allowed_fields: BTreeSet::new(),
        max_text_bytes: None,
        max_ratio: None,
        task_bytes: DEFAULT_TASK_BYTES,
        settle: Duration::ZERO,
        now: Timestamp::from_second(1_800_000_000).unwrap(),
        is_now_given: true,
        compression: None,
        max_file_bytes: None,
        max_rejects: None,
        max_unreadable: None,
        allow_empty: false,
        threads,
        memory_bytes: ConvertOptions::default_memory_bytes(threads),
        program_version: "0.0.0".to_owned(),
        lease: DEFAULT_LEASE,
        take_over: false,
        single_writer: false,
        run_id: "bench".to_owned(),
        holder: Holder::default(),
        limits: Limits::default(),
        advise: |_| None,
    }
}
