//! A bucket in memory, as a store of `object_store`: it tests all code between a store of this crate and a real bucket.
//!
//! At times it answers as real ones do: a conflict although no writer won, "exists already" to a create that won and whose
//! answer was lost, and bodies that break off.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::MemoryStore;
use crate::Backend as _;

/// Number of requests of a kind of which one has an odd answer. Answers that are followed by a wait are rarer, so that tests
/// are fast.
const LOST_REPLY_EVERY: u64 = 5;
const CONFLICT_EVERY: u64 = 67;
const CUT_BODY_EVERY: u64 = 97;

/// A bucket whose prefixes are stores in memory.
#[derive(Debug)]
pub struct MemoryBucket {
    /// Stores, each with its prefix, which ends in a slash.
    stores: Vec<(String, MemoryStore)>,
    creates: AtomicU64,
    gets: AtomicU64,
}

impl MemoryBucket {
    /// Returns a bucket of these stores.
    pub fn new(stores: impl IntoIterator<Item = (&'static str, MemoryStore)>) -> Self {
        let stores = stores.into_iter().map(|(prefix, store)| (format!("{prefix}/"), store)).collect();
        Self { stores, creates: AtomicU64::new(0), gets: AtomicU64::new(0) }
    }

    fn at<'k>(&self, key: &'k Path) -> Result<(&MemoryStore, &'k str)> {
        for (prefix, store) in &self.stores {
            if let Some(name) = key.as_ref().strip_prefix(prefix.as_str()) {
                return Ok((store, name));
            }
        }
        Err(not_found(key))
    }

    fn metas(&self) -> Vec<ObjectMeta> {
        let of = |(prefix, store): &(String, MemoryStore)| {
            let entries = store.list("").unwrap_or_default();
            let metas: Vec<ObjectMeta> = entries
                .into_iter()
                .filter_map(|entry| {
                    let mut hasher = DefaultHasher::new();
                    store.bytes(&entry.name)?.hash(&mut hasher);
                    Some(ObjectMeta {
                        location: Path::parse(format!("{prefix}{}", entry.name)).ok()?,
                        last_modified: since_1970(entry.modified_ms).into(),
                        size: entry.size_bytes,
                        e_tag: Some(format!("\"{:016x}\"", hasher.finish())),
                        version: None,
                    })
                })
                .collect();
            metas
        };
        self.stores.iter().flat_map(of).collect()
    }
}

fn since_1970(milliseconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default())
}

fn not_found(key: &Path) -> Error {
    Error::NotFound { path: key.to_string(), source: "no such key".into() }
}

/// Returns an error of this crate as one of `object_store`.
fn as_theirs(key: &Path, error: &crate::Error) -> Error {
    if error.is_not_found() {
        return not_found(key);
    }
    Error::Generic { store: "memory", source: error.to_string().into() }
}

/// Returns the error of S3 for a condition that does not hold.
fn precondition(key: &Path) -> Error {
    let cause = Error::Precondition { path: key.to_string(), source: "it exists".into() };
    Error::AlreadyExists { path: key.to_string(), source: Box::new(cause) }
}

#[async_trait]
impl ObjectStore for MemoryBucket {
    async fn put_opts(&self, key: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let (store, name) = self.at(key)?;
        let bytes = Bytes::from(payload);
        let done = Ok(PutResult { e_tag: None, version: None });
        if options.mode != PutMode::Create {
            store.put(name, &bytes).map_err(|error| as_theirs(key, &error))?;
            return done;
        }
        let number = self.creates.fetch_add(1, Ordering::Relaxed) + 1;
        if number.is_multiple_of(CONFLICT_EVERY) && store.bytes(name).is_none() {
            return Err(Error::AlreadyExists { path: key.to_string(), source: "409 conflict".into() });
        }
        match store.store().put_if_absent(name, &bytes) {
            Ok(()) if number.is_multiple_of(LOST_REPLY_EVERY) => Err(precondition(key)),
            Ok(()) => done,
            Err(error) if error.is_already_exists() => Err(precondition(key)),
            Err(error) => Err(as_theirs(key, &error)),
        }
    }

    async fn get_opts(&self, key: &Path, options: GetOptions) -> Result<GetResult> {
        let (store, name) = self.at(key)?;
        let meta = self.metas().into_iter().find(|meta| meta.location == *key).ok_or_else(|| not_found(key))?;
        let range = match &options.range {
            None => 0..meta.size,
            Some(range) => range
                .as_range(meta.size)
                .map_err(|error| Error::Generic { store: "memory", source: Box::new(error) })?,
        };
        if options.head {
            let payload = GetResultPayload::Stream(stream::empty().boxed());
            return Ok(GetResult { payload, meta, range: 0..0, attributes: Attributes::default() });
        }
        let bytes = store.get(name, range.clone()).map_err(|error| as_theirs(key, &error))?;
        let number = self.gets.fetch_add(1, Ordering::Relaxed) + 1;
        let pieces = if number.is_multiple_of(CUT_BODY_EVERY) && bytes.len() > 1 {
            let cut = Error::Generic { store: "memory", source: "the body broke off".into() };
            let half = bytes.get(..bytes.len() / 2).unwrap_or_default().to_vec();
            vec![Ok(Bytes::from(half)), Err(cut)]
        } else {
            vec![Ok(Bytes::from(bytes))]
        };
        let payload = GetResultPayload::Stream(stream::iter(pieces).boxed());
        Ok(GetResult { payload, meta, range, attributes: Attributes::default() })
    }

    fn delete_stream(&self, keys: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let stores: Vec<(String, MemoryStore)> = self.stores.clone();
        keys.map(move |key| {
            let key = key?;
            let bucket = Self { stores: stores.clone(), creates: AtomicU64::new(0), gets: AtomicU64::new(0) };
            let (store, name) = bucket.at(&key)?;
            store.delete(name).map_err(|error| as_theirs(&key, &error))?;
            Ok(key)
        })
        .boxed()
    }

    fn list(&self, _prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::iter(self.metas().into_iter().map(Ok)).boxed()
    }

    async fn list_with_delimiter(&self, _prefix: Option<&Path>) -> Result<ListResult> {
        Err(unused("list_with_delimiter"))
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(unused("put_multipart_opts"))
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        Err(unused("copy_opts"))
    }
}

/// Returns the error of an operation that the protocol does not use.
fn unused(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.into(), implementer: "MemoryBucket".into() }
}

impl fmt::Display for MemoryBucket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("MemoryBucket")
    }
}
