//! Facts about an object of a bucket, from a list or from an answer.

use object_store::ObjectMeta;

/// A key, and a list's facts about its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) key: String,
    pub(crate) size_bytes: u64,
    /// Without quotes and `W/`; empty if there is none.
    pub(crate) etag: String,
    /// Milliseconds since 1970.
    pub(crate) modified_ms: i64,
    /// True if it has to be restored before it can be read.
    pub(crate) is_archived: bool,
}

impl From<ObjectMeta> for Found {
    fn from(meta: ObjectMeta) -> Self {
        Self {
            key: meta.location.into(),
            size_bytes: meta.size,
            etag: bare(meta.e_tag.as_deref().unwrap_or_default()).to_owned(),
            modified_ms: meta.last_modified.timestamp_millis(),
            is_archived: false,
        }
    }
}

/// Returns an etag without quotes and `W/`: stores show the same etag in different ways.
pub(super) fn bare(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
}
