//! Stage 9 in a bucket: names in, objects out.
//!
//! - A name appears whole, because one request writes it: no multipart upload, which some stores complete without looking at
//!   the condition.
//! - Of several writers one wins, because the request says `If-None-Match: *`. If the
//!   answer may mean two things, the name is looked at.
//!
//! **Errors.** [`Error::AlreadyExists`] only if the name was seen to exist: the store's own "precondition failed", or a
//! conflict after which it exists. An earlier attempt of this request, whose answer was lost, may have written it: the caller
//! compares.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use sha2::{Digest as _, Sha256};

use super::connections::Client;
use super::failure::{Failure, Witness};
use super::http_connector::BodyHash;
use super::listing::{is_anything, list_all};
use super::no_result::is_final;
use super::read::{as_stored, head};
use super::request_context::RequestContext;
use super::retry::Retry;
use super::spool::Spool;
use super::url::{Prefix, request_path};
use crate::error::{NameFlaw, Operation, Request};
use crate::scheme::Scheme;
use crate::{Backend, Entry, Error, Lock, StagedBytes, StoredChecksum};

/// Start of names that are written to read the store's clock.
const CLOCK: &str = "tmp/clock-";

/// Largest object in bytes that is read whole if a store does not support ranges: 1 MiB.
const MAX_UNRANGED_BYTES: u64 = 1 << 20;

/// Size in bytes of a piece of a request's body: 64 KiB.
const SENT_PIECE_BYTES: usize = 64 << 10;

/// Names below a prefix of a bucket.
#[derive(Clone, Debug)]
pub(crate) struct BucketStore {
    client: Arc<Client>,
    prefix: Prefix,
}

impl BucketStore {
    pub(crate) fn new(client: Arc<Client>, prefix: Prefix) -> Self {
        Self { client, prefix }
    }

    fn path(&self, name: &str) -> Result<Path, Error> {
        let flaw = NameFlaw::NotAKey;
        request_path(&self.prefix.key(name))
            .ok_or_else(|| Error::BadName { name: name.escape_debug().to_string(), flaw })
    }

    fn error(
        &self,
        request: Request,
        name: &str,
        failure: Option<&Failure>,
        error: &(dyn std::error::Error + 'static),
    ) -> Error {
        let key = self.prefix.key(name);
        RequestContext { doing: Operation::Store, request, bucket: &self.client.bucket, key: &key }
            .error(failure, error)
    }

    async fn put(&self, name: &str, bytes: Bytes, mode: PutMode) -> Result<(), Error> {
        let path = self.path(name)?;
        let hash = BodyHash(Sha256::digest(&bytes).into());
        let mut retry = Retry::new(self.client.patience);
        loop {
            let permit = self.client.permit().await;
            let witness = Witness::default();
            let mut extensions = witness.extensions();
            extensions.insert(hash);
            let options = PutOptions { mode: mode.clone(), extensions, ..PutOptions::default() };
            let Err(error) = self.client.store.put_opts(&path, in_pieces(&bytes), options).await else {
                return Ok(());
            };
            drop(permit);
            let failure = witness.seen();
            let object_store::Error::AlreadyExists { source, .. } = &error else {
                // No answer: the name may have been written or not. A retry does no harm, as the name exists then.
                if failure.is_none() && !is_final(&error) && retry.once_more().await {
                    continue;
                }
                return Err(self.error(Request::Put, name, failure.as_ref(), &error));
            };
            // "The condition does not hold" says that the name exists. "Conflict" may also say that several writers tried at
            // once and none won.
            let exists = Error::AlreadyExists { location: self.location(name) };
            if matches!(source.downcast_ref(), Some(object_store::Error::Precondition { .. })) {
                return Err(exists);
            }
            match head(&self.client, &path).await {
                Ok(Some(_)) => return Err(exists),
                Ok(None) if retry.once_more().await => {}
                Ok(None) => return Err(self.error(Request::Put, name, failure.as_ref(), &error)),
                Err((failure, error)) => return Err(self.error(Request::Get, name, failure.as_ref(), &error)),
            }
        }
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name)?;
        let _permit = self.client.permit().await;
        if let Some(direct) = self.client.lister.direct() {
            return match direct.delete(path.as_ref()).await {
                Ok(()) => Ok(()),
                Err((Some(failure), _)) if failure.is_missing_key() => Ok(()),
                Err((failure, error)) => Err(self.error(Request::Delete, name, failure.as_ref(), error.as_ref())),
            };
        }
        let error = match self.client.store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => return Ok(()),
            Err(error) => error,
        };
        let is_denied = matches!(error, object_store::Error::PermissionDenied { .. });
        Err(self.error(Request::Delete, name, is_denied.then(Failure::denied).as_ref(), &error))
    }

    async fn checksum(&self, name: &str) -> Result<Option<StoredChecksum>, Error> {
        let Some(direct) = self.client.lister.direct() else { return Ok(None) };
        let path = self.path(name)?;
        let _permit = self.client.permit().await;
        match direct.checksum(path.as_ref()).await {
            Ok(found) => Ok(found),
            Err((Some(failure), _)) if failure.is_missing_key() => {
                Err(Error::NotFound { doing: Operation::Store, location: self.location(name) })
            }
            // The store may not know the header. The caller reads the bytes, and has the error if that fails as well.
            Err((Some(_), _)) => Ok(None),
            Err((None, error)) => Err(self.error(Request::Get, name, None, error.as_ref())),
        }
    }

    /// Returns the bytes of a name, or of a part of it.
    async fn read(&self, name: &str, range: Option<GetRange>) -> Result<Vec<u8>, Error> {
        let path = self.path(name)?;
        // The requested range, and the part of the answer that is wanted.
        let (mut asked, mut part) = (range.clone(), None);
        let mut retry = Retry::new(self.client.patience);
        loop {
            let permit = self.client.permit().await;
            let witness = Witness::default();
            let options = GetOptions { range: asked.clone(), extensions: as_stored(&witness), ..GetOptions::default() };
            let error = match self.client.store.get_opts(&path, options).await {
                Ok(result) => match result.bytes().await {
                    Ok(bytes) => return Ok(part.map_or_else(|| bytes.to_vec(), |part| cut(&bytes, part))),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            drop(permit);
            let failure = witness.seen();
            if matches!(error, object_store::Error::NotFound { .. })
                && failure.as_ref().is_none_or(Failure::is_missing_key)
            {
                return Err(Error::NotFound { doing: Operation::Store, location: self.location(name) });
            }
            // Stores may refuse a range that begins at the end, and answer any range with the whole object.
            if let Some(range) = &asked
                && !failure.as_ref().is_some_and(Failure::is_denied)
                && let Ok(Some(found)) = head(&self.client, &path).await
            {
                let bounds = bounds(range, found.size_bytes);
                if bounds.is_empty() {
                    return Ok(Vec::new());
                }
                if failure.is_none() && found.size_bytes <= MAX_UNRANGED_BYTES {
                    (asked, part) = (None, Some(bounds));
                    continue;
                }
            }
            if failure.is_some() || is_final(&error) || !retry.once_more().await {
                return Err(self.error(Request::Get, name, failure.as_ref(), &error));
            }
        }
    }
}

/// Returns a body that is sent piece by piece, so that its progress can be observed.
fn in_pieces(bytes: &Bytes) -> PutPayload {
    let starts = (0..bytes.len()).step_by(SENT_PIECE_BYTES);
    starts.map(|start| bytes.slice(start..bytes.len().min(start + SENT_PIECE_BYTES))).collect()
}

/// Returns the bytes that a range means.
fn bounds(range: &GetRange, size_bytes: u64) -> Range<u64> {
    match range {
        GetRange::Bounded(range) => range.start..range.end.min(size_bytes),
        GetRange::Offset(start) => *start..size_bytes,
        GetRange::Suffix(bytes) => size_bytes.saturating_sub(*bytes)..size_bytes,
    }
}

fn cut(bytes: &[u8], part: Range<u64>) -> Vec<u8> {
    let at = |offset: u64| usize::try_from(offset.min(bytes.len() as u64)).expect("no more than the length of a slice");
    bytes[at(part.start)..at(part.end)].to_vec()
}

impl Backend for BucketStore {
    fn stage(&self) -> Result<Box<dyn StagedBytes>, Error> {
        Ok(Box::new(BucketStaged { store: self.clone(), spool: Spool::new(self.client.spools.clone()) }))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.client.wait(self.put(name, Bytes::copy_from_slice(bytes), PutMode::Overwrite))
    }

    fn get(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let range = match (range.start, range.end) {
            (0, u64::MAX) => None,
            (start, u64::MAX) => Some(GetRange::Offset(start)),
            (start, end) if start >= end => return Ok(Vec::new()),
            _ => Some(GetRange::Bounded(range)),
        };
        self.client.wait(self.read(name, range))
    }

    fn get_tail(&self, name: &str, bytes: u64) -> Result<Vec<u8>, Error> {
        self.client.wait(async {
            if self.client.bucket.scheme != Scheme::Azure {
                return self.read(name, Some(GetRange::Suffix(bytes))).await;
            }
            // Azure has no ranges that are counted from the end.
            let found = head(&self.client, &self.path(name)?).await;
            let found = found.map_err(|(failure, error)| self.error(Request::Get, name, failure.as_ref(), &error))?;
            let found =
                found.ok_or_else(|| Error::NotFound { doing: Operation::Store, location: self.location(name) })?;
            self.read(name, Some(GetRange::Offset(found.size_bytes.saturating_sub(bytes)))).await
        })
    }

    fn checksum(&self, name: &str) -> Result<Option<StoredChecksum>, Error> {
        self.client.wait(self.checksum(name))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        let folder = self.prefix.folder();
        let found =
            list_all(&self.client, Operation::Store, &self.prefix.key(prefix))?.into_iter().filter_map(|found| {
                let name = found.key.strip_prefix(&folder)?;
                let is_name = !name.is_empty() && !name.ends_with('/') && !name.starts_with(CLOCK);
                is_name.then(|| Entry {
                    name: name.into(),
                    size_bytes: found.size_bytes,
                    modified_ms: found.modified_ms,
                })
            });
        Ok(found.collect())
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        self.client.wait(self.delete(name))
    }

    fn clock_ms(&self) -> Result<i64, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let token = tempfile_token();
        let name = format!("{CLOCK}{}-{token:016x}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = self.path(&name)?;
        self.client.wait(async {
            self.put(&name, Bytes::new(), PutMode::Overwrite).await?;
            let found = head(&self.client, &path).await;
            // Ignore: lists of names leave it out.
            let _ = self.delete(&name).await;
            match found {
                Ok(Some(found)) => Ok(found.modified_ms),
                Ok(None) => Err(Error::NotFound { doing: Operation::Store, location: self.location(&name) }),
                Err((failure, error)) => Err(self.error(Request::Get, &name, failure.as_ref(), &error)),
            }
        })
    }

    /// Returns `None`, as a bucket has no locks.
    fn lock(&self) -> Result<Option<Lock>, Error> {
        Ok(None)
    }

    fn root_exists(&self) -> Result<bool, Error> {
        is_anything(&self.client, &self.prefix.folder())
    }

    fn is_empty(&self) -> Result<bool, Error> {
        Ok(!is_anything(&self.client, &self.prefix.folder())?)
    }

    fn location(&self, name: &str) -> String {
        if name.is_empty() { self.prefix.to_string() } else { self.prefix.bucket.location(&self.prefix.key(name)) }
    }

    /// Removes nothing: temporary files are on this machine, and have no name.
    fn sweep(&self) -> Result<u64, Error> {
        Ok(0)
    }
}

/// Returns a number that most likely no other process has: the keys of a hash map are random.
fn tempfile_token() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// A name's bytes before they are written.
#[derive(Debug)]
struct BucketStaged {
    store: BucketStore,
    spool: Spool,
}

impl StagedBytes for BucketStaged {
    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.spool.append(bytes)
    }

    fn len_bytes(&self) -> u64 {
        self.spool.len_bytes()
    }

    fn put_if_absent(&self, name: &str) -> Result<(), Error> {
        let client = &self.store.client;
        let _room = client.wait(client.room_for(self.spool.len_bytes()));
        client.wait(self.store.put(name, self.spool.bytes()?, PutMode::Create))
    }
}
