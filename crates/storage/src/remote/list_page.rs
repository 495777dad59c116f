//! A prefix in, a page of keys out.
//!
//! S3 is requested directly: `object_store` fails a whole page for one key that it cannot name, such as `a//b`. Lists of other
//! stores come through `object_store`.

use std::fmt;
use std::sync::Arc;

use object_store::list::{PaginatedListOptions, PaginatedListStore};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::bucket::Bucket;
use super::failure::Witness;
use super::found::{Found, bare};
use super::no_result::is_final;
use super::request_context::RequestContext;
use super::retry::{Patience, Retry};
use super::s3_requests::S3Requests;
use crate::Error;
use crate::error::{Operation, Request, RequestFlaw};

/// Request for a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    /// Start of all keys.
    pub(super) prefix: &'a str,
    /// Only keys after this one; `""` for all.
    pub(super) after: &'a str,
    /// Continuation token of the previous page.
    pub(super) token: Option<&'a str>,
    /// Largest number of keys; the store may give fewer.
    pub(super) keys: usize,
}

/// Some keys, in byte order.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) found: Vec<Found>,
    /// Continuation token, if there are more keys.
    pub(super) next: Option<String>,
}

/// Lists one bucket.
#[derive(Debug)]
pub(super) enum Lister {
    S3(S3Requests),
    Paginated(Paginated),
    /// Any store of `object_store`, by going through all of it.
    #[cfg(feature = "testing")]
    Any(Arc<dyn object_store::ObjectStore>),
}

impl Lister {
    /// Returns whether etags have quotes in a condition, as in HTTP.
    pub(super) fn quotes_etags(&self) -> bool {
        match self {
            Self::S3(_) | Self::Paginated(_) => true,
            #[cfg(feature = "testing")]
            Self::Any(_) => false,
        }
    }

    /// Returns the direct requests to S3; `None` for other stores.
    pub(super) fn direct(&self) -> Option<&S3Requests> {
        match self {
            Self::S3(direct) => Some(direct),
            Self::Paginated(_) => None,
            #[cfg(feature = "testing")]
            Self::Any(_) => None,
        }
    }

    /// Returns the next page.
    pub(super) async fn page(&self, doing: Operation, bucket: &Bucket, ask: Ask<'_>) -> Result<Page, Error> {
        let place = RequestContext { doing, request: Request::List, bucket, key: ask.prefix };
        let page = match self {
            Self::S3(direct) => s3_page(direct, place, ask).await,
            Self::Paginated(pages) => pages.page(place, ask).await,
            #[cfg(feature = "testing")]
            Self::Any(store) => any(store.as_ref(), place, ask).await,
        }?;
        if ask.token.is_some() && page.next.as_deref() == ask.token {
            return Err(place.failed(RequestFlaw::EndlessList));
        }
        Ok(page)
    }
}

/// The answer to `ListObjectsV2`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAnswer {
    #[serde(default)]
    encoding_type: Option<String>,
    #[serde(default)]
    next_continuation_token: Option<String>,
    #[serde(default)]
    contents: Vec<Content>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    key: String,
    last_modified: String,
    #[serde(rename = "ETag", default)]
    etag: String,
    size: u64,
    #[serde(default)]
    storage_class: String,
    #[serde(default)]
    restore_status: Option<RestoreStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RestoreStatus {
    is_restore_in_progress: bool,
}

/// Returns a page of a bucket of S3.
async fn s3_page(direct: &S3Requests, place: RequestContext<'_>, ask: Ask<'_>) -> Result<Page, Error> {
    let keys = ask.keys.to_string();
    // With `encoding-type`, keys with characters that XML does not have come through.
    let mut parameters =
        vec![("encoding-type", "url"), ("list-type", "2"), ("max-keys", &keys), ("prefix", ask.prefix)];
    if let Some(token) = ask.token {
        parameters.push(("continuation-token", token));
    } else if !ask.after.is_empty() {
        parameters.push(("start-after", ask.after));
    }
    let body = direct.list(&parameters).await;
    let body = body.map_err(|(failure, error)| place.error(failure.as_ref(), error.as_ref()))?;
    understood(&body).ok_or_else(|| place.failed(RequestFlaw::NotAList))
}

/// Returns the page in an answer; `None` if the answer is not a list.
fn understood(body: &[u8]) -> Option<Page> {
    let listed: ListAnswer = quick_xml::de::from_reader(body).ok()?;
    let is_encoded = listed.encoding_type.as_deref() == Some("url");
    let key_of = |key: String| {
        if !is_encoded {
            return Some(key);
        }
        // A blank may come as `+`.
        let key = key.replace('+', " ");
        percent_decode_str(&key).decode_utf8().ok().map(Into::into)
    };
    let found = listed.contents.into_iter().map(|content| {
        let is_restored = content.restore_status.is_some_and(|status| !status.is_restore_in_progress);
        let modified: jiff::Timestamp = content.last_modified.parse().ok()?;
        Some(Found {
            key: key_of(content.key)?,
            size_bytes: content.size,
            etag: bare(&content.etag).to_owned(),
            modified_ms: modified.as_millisecond(),
            is_archived: ["GLACIER", "DEEP_ARCHIVE"].contains(&content.storage_class.as_str()) && !is_restored,
        })
    });
    Some(Page {
        found: found.collect::<Option<_>>()?,
        next: listed.next_continuation_token.filter(|token| !token.is_empty()),
    })
}

/// Lists through `object_store`.
pub(super) struct Paginated {
    store: Arc<dyn PaginatedListStore>,
    patience: Patience,
}

impl Paginated {
    pub(super) fn new(store: Arc<dyn PaginatedListStore>, patience: Patience) -> Self {
        Self { store, patience }
    }

    async fn page(&self, place: RequestContext<'_>, ask: Ask<'_>) -> Result<Page, Error> {
        let mut retry = Retry::new(self.patience);
        loop {
            let witness = Witness::default();
            let options = PaginatedListOptions {
                offset: (ask.token.is_none() && !ask.after.is_empty()).then(|| ask.after.to_owned()),
                delimiter: None,
                max_keys: Some(ask.keys),
                page_token: ask.token.map(str::to_owned),
                extensions: witness.extensions(),
            };
            let prefix = (!ask.prefix.is_empty()).then_some(ask.prefix);
            match self.store.list_paginated(prefix, options).await {
                Ok(page) => {
                    let found = page.result.objects.into_iter().map(Into::into).collect();
                    return Ok(Page { found, next: page.page_token });
                }
                Err(object_store::Error::InvalidPath { source }) => {
                    let said = crate::printable::printable_name(&source.to_string());
                    return Err(place.failed(RequestFlaw::UnnameableLog { said }));
                }
                // A refusal was retried below; an answer that broke off was not.
                Err(error) => {
                    let failure = witness.seen();
                    if failure.is_some() || is_final(&error) || !retry.once_more().await {
                        return Err(place.error(failure.as_ref(), &error));
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Paginated {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Paginated").finish_non_exhaustive()
    }
}

#[cfg(feature = "testing")]
async fn any(store: &dyn object_store::ObjectStore, place: RequestContext<'_>, ask: Ask<'_>) -> Result<Page, Error> {
    use futures_util::TryStreamExt as _;
    let after = ask.token.unwrap_or(ask.after);
    let all: Result<Vec<object_store::ObjectMeta>, _> = store.list(None).try_collect().await;
    let mut metas = all.map_err(|error| place.error(None, &error))?;
    metas.retain(|meta| meta.location.as_ref().starts_with(ask.prefix) && meta.location.as_ref() > after);
    metas.sort_unstable_by(|one, other| one.location.as_ref().cmp(other.location.as_ref()));
    let is_more = metas.len() > ask.keys;
    metas.truncate(ask.keys);
    let found: Vec<Found> = metas.into_iter().map(Into::into).collect();
    let next = found.last().filter(|_| is_more).map(|found| found.key.clone());
    Ok(Page { found, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_s3_is_understood() {
        let body = br#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>logs</Name><Prefix>cf%2F</Prefix>
<NextContinuationToken>token==</NextContinuationToken><KeyCount>3</KeyCount><MaxKeys>3</MaxKeys><EncodingType>url</EncodingType>
<IsTruncated>true</IsTruncated>
<Contents><Key>cf/a%2F%2Fb+c%0A%2B</Key><LastModified>2025-01-02T03:04:05.678Z</LastModified><ETag>&quot;e1&quot;</ETag><Size>12</Size><StorageClass>STANDARD</StorageClass></Contents>
<Contents><Key>cf/old.gz</Key><LastModified>2025-01-02T03:04:05Z</LastModified><ETag>"e2"</ETag><Size>0</Size><StorageClass>GLACIER</StorageClass></Contents>
<Contents><Key>cf/back.gz</Key><LastModified>2025-01-02T03:04:05Z</LastModified><ETag>W/"e3"</ETag><Size>1</Size><StorageClass>DEEP_ARCHIVE</StorageClass><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>2025-02-01T00:00:00Z</RestoreExpiryDate></RestoreStatus></Contents>
</ListBucketResult>"#;
        let page = understood(body).unwrap();
        assert_eq!(page.next.as_deref(), Some("token=="));
        let found = |key: &str, size_bytes, etag: &str, modified_ms, is_archived| Found {
            key: key.into(),
            size_bytes,
            etag: etag.into(),
            modified_ms,
            is_archived,
        };
        assert_eq!(
            page.found,
            [
                found("cf/a//b c\n+", 12, "e1", 1_735_787_045_678, false),
                found("cf/old.gz", 0, "e2", 1_735_787_045_000, true),
                found("cf/back.gz", 1, "e3", 1_735_787_045_000, false),
            ]
        );
    }

    #[test]
    fn an_empty_list_is_a_list_and_other_answers_are_not() {
        let empty =
            understood(b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>");
        assert!(empty.is_some_and(|page| page.found.is_empty() && page.next.is_none()));
        assert!(understood(b"<html>").is_none());
    }
}
