//! An object of a bucket in, its bytes out, pinned to the version that was listed.
//!
//! **Invariants**
//! - Every request names the listed etag, and every answer's etag and size are compared: a store that ignores the condition
//!   is noticed.
//! - A refusal that concerns one object is retried once, and is then an error of that object alone.
//! - A large object is read in pieces; while one is consumed the next [`PIECES_AHEAD`] are fetched.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use http::{Extensions, StatusCode};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, ObjectMeta};
use tokio::task::JoinHandle;

use super::concern::Concern;
use super::connections::Client;
use super::failure::{Failure, Witness};
use super::found::{Found, bare};
use super::http_connector::AsStored;
use super::no_result::is_final;
use super::request_context::RequestContext;
use super::retry::Retry;
use super::url::request_path;
use crate::error::{Operation, Request, RequestFlaw};
use crate::object::Version;
use crate::{Error, Object};

/// Size in bytes of a piece of a large object, 4 MiB; and number of pieces in flight.
const PIECE_BYTES: u64 = 4 << 20;
const PIECES_AHEAD: usize = 3;

/// Fetches a whole object.
///
/// # Errors
///
/// [`Error::Gone`], [`Error::Changed`], [`Error::Unreadable`], or an error that concerns this process.
pub(super) async fn fetch(client: &Client, object: &Object) -> Result<Bytes, Error> {
    read(client, object, None).await
}

/// Returns the condition that an object still has its etag; `None` if no request can have it: a list may hold any text, and
/// what is read is compared with the etag as well.
fn condition(etag: &str) -> Option<String> {
    let quoted = format!("\"{etag}\"");
    (!etag.is_empty() && http::HeaderValue::from_str(&quoted).is_ok()).then_some(quoted)
}

/// Fetches some bytes of an object, or all of them.
async fn read(client: &Client, object: &Object, range: Option<Range<u64>>) -> Result<Bytes, Error> {
    let _permit = client.permit().await;
    let path = path_of(client, object)?;
    let mut retry = Retry::new(client.patience);
    let mut was_refused = false;
    loop {
        let witness = Witness::default();
        let etag = object.etag();
        let options = GetOptions {
            if_match: condition(etag).filter(|_| client.lister.quotes_etags()),
            range: range.clone().map(GetRange::Bounded),
            extensions: as_stored(&witness),
            ..GetOptions::default()
        };
        let error = match client.store.get_opts(&path, options).await {
            Ok(result) => match whole(object, result, range.as_ref()).await {
                Err(error) => error,
                Ok(bytes) => return bytes,
            },
            Err(error) => error,
        };
        let failure = witness.seen();
        let is_absent =
            failure.as_ref().map_or(matches!(error, object_store::Error::NotFound { .. }), Failure::is_missing_key);
        if is_absent {
            return Err(object.gone());
        }
        if matches!(error, object_store::Error::Precondition { .. }) {
            return Err(object.changed("another version".into()));
        }
        // The store checks ranges and ignores conditions: the object is smaller now.
        if failure.as_ref().is_some_and(|failure| failure.status == StatusCode::RANGE_NOT_SATISFIABLE) {
            return Err(object.changed("fewer bytes".into()));
        }
        // Overload was retried in `http_connector`; an answer that broke off was not.
        let may_pass = match &failure {
            None => !is_final(&error),
            Some(failure) => failure.concern() == Concern::Object && !was_refused,
        };
        was_refused = failure.is_some();
        if !(may_pass && retry.once_more().await) {
            return Err(place(client, object).error_of_object(failure.as_ref(), &error));
        }
    }
}

/// Returns the bytes of an answer, if they are of the listed version. The outer error may pass, the inner one will not.
async fn whole(
    object: &Object,
    result: GetResult,
    range: Option<&Range<u64>>,
) -> Result<Result<Bytes, Error>, object_store::Error> {
    let expected = range.map_or(object.size_bytes(), |range| range.end - range.start);
    if !object.is_version_of(&result.meta.clone().into()) {
        return Ok(Err(object.changed(describe(&result.meta))));
    }
    let bytes = result.bytes().await?;
    if bytes.len() as u64 == expected {
        Ok(Ok(bytes))
    } else {
        Ok(Err(object.changed(format!("{} bytes of {expected}", bytes.len()))))
    }
}

/// Returns the current version of an object; `None` if its key is gone.
///
/// # Errors
///
/// [`Error::Unreadable`], or an error that concerns this process.
pub(super) fn look_again(client: &Client, object: &Object) -> Result<Option<Object>, Error> {
    let found = client.wait(async {
        let path = path_of(client, object)?;
        head(client, &path).await.map_err(|(failure, error)| {
            RequestContext { doing: Operation::List, ..place(client, object) }.error_of_object(failure.as_ref(), &error)
        })
    })?;
    Ok(found.map(|found| object.in_version(Version::found(&found))))
}

/// Returns what a list would say of one key; `None` if it does not exist.
pub(super) async fn head(
    client: &Client,
    path: &Path,
) -> Result<Option<Found>, (Option<Failure>, object_store::Error)> {
    let _permit = client.permit().await;
    let witness = Witness::default();
    let options = GetOptions { head: true, extensions: as_stored(&witness), ..GetOptions::default() };
    match client.store.get_opts(path, options).await {
        Ok(result) => Ok(Some(result.meta.into())),
        Err(object_store::Error::NotFound { .. }) if witness.seen().as_ref().is_none_or(Failure::is_missing_key) => {
            Ok(None)
        }
        Err(error) => Err((witness.seen(), error)),
    }
}

/// Returns the extensions of a request for an object's bytes.
pub(super) fn as_stored(witness: &Witness) -> Extensions {
    let mut extensions = witness.extensions();
    extensions.insert(AsStored);
    extensions
}

fn path_of(client: &Client, object: &Object) -> Result<Path, Error> {
    request_path(object.path()).ok_or_else(|| place(client, object).failed(RequestFlaw::UnnameableKey))
}

fn place<'p>(client: &'p Client, object: &'p Object) -> RequestContext<'p> {
    RequestContext { doing: Operation::Fetch, request: Request::Get, bucket: &client.bucket, key: object.path() }
}

fn describe(meta: &ObjectMeta) -> String {
    let etag = crate::printable::printable_name(bare(meta.e_tag.as_deref().unwrap_or("no etag")));
    format!("{etag} of {} bytes", meta.size)
}

/// Reads one object in pieces.
#[derive(Debug)]
pub(crate) struct BucketReader {
    client: Arc<Client>,
    object: Object,
    /// The rest of the current piece.
    piece: Bytes,
    /// Pieces in flight, in order.
    next: VecDeque<JoinHandle<Result<Bytes, Error>>>,
    /// Number of bytes that were requested.
    asked_bytes: u64,
}

impl BucketReader {
    pub(crate) fn new(client: Arc<Client>, object: Object) -> Self {
        let mut reader = Self { client, object, piece: Bytes::new(), next: VecDeque::new(), asked_bytes: 0 };
        (0..PIECES_AHEAD).for_each(|_| reader.ask());
        reader
    }

    /// Requests the next piece, if there is one.
    fn ask(&mut self) {
        let (from, size) = (self.asked_bytes, self.object.size_bytes());
        if from >= size {
            return;
        }
        let range = from..size.min(from + PIECE_BYTES);
        self.asked_bytes = range.end;
        // Some stores answer a range of all bytes without a range.
        let range = Some(range).filter(|range| range.end - range.start < size);
        let (client, object) = (Arc::clone(&self.client), self.object.clone());
        self.next.push_back(self.client.runtime.spawn(async move { read(&client, &object, range).await }));
    }
}

impl Read for BucketReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty()
            && let Some(next) = self.next.pop_front()
        {
            self.piece = self.client.wait(next).map_err(io::Error::other)?.map_err(io::Error::other)?;
            self.ask();
        }
        let count = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

/// Ends the requests in flight.
impl Drop for BucketReader {
    fn drop(&mut self) {
        self.next.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests {
    use super::condition;

    #[test]
    fn only_an_etag_that_a_header_can_hold_is_a_condition() {
        assert_eq!(condition("9b2cf535f27731c974343645a3985328-2").unwrap(), "\"9b2cf535f27731c974343645a3985328-2\"");
        for etag in ["", "a\nb", "a\u{0}", "a\u{7f}"] {
            assert_eq!(condition(etag), None, "{etag:?}");
        }
    }
}
