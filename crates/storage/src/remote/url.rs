//! URLs such as `s3://bucket/prefix`: a typed text becomes a bucket and a prefix.
//!
//! Nothing is percent-decoded, as in the AWS CLI: the key is the text after the bucket, byte for byte.

use std::fmt;
use std::sync::Arc;

use object_store::path::Path;

use super::arn;
use super::bucket::Bucket;
use crate::Error;
use crate::error::{LocationFlaw, Operation};
use crate::scheme::Scheme;

/// Length in bytes of the longest key that is requested. Stores allow 1,024 bytes, and a URL with up to 64 KiB can be sent; a
/// byte of a key may be three in a URL.
const MAX_KEY_BYTES: usize = 4096;

/// A prefix of a bucket, with everything below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) bucket: Arc<Bucket>,
    /// Without a slash at either end; empty for the whole bucket.
    path: String,
    /// True if a slash followed it or it is the whole bucket: then it is not a single object.
    pub(crate) is_folder: bool,
}

impl Prefix {
    /// Returns whether a text is the URL of a bucket; an ARN counts as such.
    pub(crate) fn is_url(text: &str) -> bool {
        arn::is_arn(text) || text.split_once("://").is_some_and(|(scheme, _)| Scheme::of(scheme).is_some())
    }

    /// Returns the prefix that a URL names.
    pub(crate) fn parse(doing: Operation, text: &str) -> Result<Self, Error> {
        // The location is not shown if the bucket is not valid: people paste keys with secrets into it.
        let odd = |flaw| Error::BadLocation { doing, location: "the URL".into(), flaw };
        if arn::is_arn(text) {
            return Err(arn::refused(doing, text));
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        if Scheme::of(scheme) == Some(Scheme::S3) && arn::is_arn(rest) {
            return Err(arn::refused(doing, rest));
        }
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        let bucket = Bucket::parse(&format!("{scheme}://{bucket}")).ok_or_else(|| odd(LocationFlaw::NotABucketUrl))?;
        if let Some(error) = (bucket.scheme == Scheme::S3).then(|| arn::reserved(doing, &bucket.name)).flatten() {
            return Err(error);
        }
        let is_folder = path.is_empty() || path.ends_with('/');
        let path = path.strip_suffix('/').unwrap_or(path);
        if !path.is_empty() && !is_representable(path) {
            let flaw = LocationFlaw::BadPrefix;
            return Err(Error::BadLocation { doing, location: bucket.location(path), flaw });
        }
        Ok(Self { bucket: Arc::new(bucket), path: path.into(), is_folder })
    }

    /// Returns the key of a name below it.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.folder())
    }

    /// Returns the start of all keys below it: it ends in a slash, or is empty.
    pub(crate) fn folder(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!("{}/", self.path) }
    }

    /// Returns the prefix itself, which may be an object's key.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Returns the last part of the path; `None` for the whole bucket.
    pub(crate) fn name(&self) -> Option<&str> {
        self.path.rsplit('/').next().filter(|name| !name.is_empty())
    }

    /// Returns whether a key is below it, or is the prefix itself.
    pub(crate) fn holds(&self, bucket: &Bucket, key: &str) -> bool {
        *self.bucket == *bucket && self.holds_key(key)
    }

    /// Returns whether a key of the same bucket is below it, or is the prefix itself.
    fn holds_key(&self, key: &str) -> bool {
        key == self.path || key.starts_with(&self.folder())
    }

    /// Returns whether the other prefix is the same, or below it.
    pub(crate) fn holds_prefix(&self, other: &Self) -> bool {
        self.holds(&other.bucket, &other.path)
    }

    /// Returns whether one of two prefixes is in the other, or they are the same.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.holds_prefix(other) || other.holds_prefix(self)
    }

    /// Returns whether one of two prefixes may be in the other. A container whose account is not named may be any account's.
    pub(crate) fn may_overlap(&self, other: &Self) -> bool {
        let (one, two) = (&self.bucket, &other.bucket);
        let is_same_account = one.account.is_none() || two.account.is_none() || one.account == two.account;
        one.scheme == two.scheme
            && one.name == two.name
            && is_same_account
            && (self.holds_key(&other.path) || other.holds_key(&self.path))
    }

    /// Returns the prefix with an ending after its name; `None` for a whole bucket.
    pub(crate) fn sibling(&self, ending: &str) -> Option<Self> {
        (!self.path.is_empty()).then(|| Self { path: format!("{}{ending}", self.path), ..self.clone() })
    }

    /// Returns the prefixes above it, the nearest first and the bucket itself last.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = Self> {
        let slashes = self.path.rmatch_indices('/').map(|(at, _)| at).chain((!self.path.is_empty()).then_some(0));
        slashes.filter_map(|at| self.path.get(..at)).map(|path| Self { path: path.into(), ..self.clone() })
    }
}

/// As a URL, without a slash at its end.
impl fmt::Display for Prefix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(out, "{}", self.bucket)
        } else {
            out.write_str(&self.bucket.location(&self.path))
        }
    }
}

/// Returns whether `object_store` can name this key. It cannot if a part between slashes is empty, `.` or `..`, or has control
/// characters; and it panics if the key is too long for a URL.
pub(crate) fn is_representable(key: &str) -> bool {
    request_path(key).is_some_and(|path| path.as_ref() == key)
}

/// Returns the path of a key in requests; `None` if no request can name it.
pub(super) fn request_path(key: &str) -> Option<Path> {
    if key.len() > MAX_KEY_BYTES {
        return None;
    }
    Path::parse(key).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Prefix {
        Prefix::parse(Operation::List, text).unwrap()
    }

    #[test]
    fn a_url_is_a_bucket_and_a_prefix() {
        for (text, shown, folder, is_folder) in [
            ("s3://logs", "s3://logs", "", true),
            ("s3://logs/", "s3://logs", "", true),
            ("S3A://logs/cf/prod/", "s3://logs/cf/prod", "cf/prod/", true),
            ("s3://logs/cf/100%25 #1?", "s3://logs/cf/100%25 #1?", "cf/100%25 #1?/", false),
            ("gs://logs/cf", "gs://logs/cf", "cf/", false),
            ("azure://logs/cf", "az://logs/cf", "cf/", false),
            ("abfs://logs@acct.dfs.core.windows.net/cf", "abfss://logs@acct.dfs.core.windows.net/cf", "cf/", false),
        ] {
            let prefix = parse(text);
            assert_eq!(
                (prefix.to_string(), prefix.folder(), prefix.is_folder),
                (shown.into(), folder.into(), is_folder)
            );
            assert_eq!(parse(&prefix.to_string()).bucket, prefix.bucket);
        }
    }

    #[test]
    fn an_invalid_url_is_refused_and_secrets_are_not_shown() {
        for text in
            ["s3://", "s3:///x", "s3://AKIAX:hunter2@logs/x", "s3://lo gs", "s3://logs:80/x", "az://a@/x", "s3://../x"]
        {
            let message = Prefix::parse(Operation::List, text).unwrap_err().to_string();
            assert!(message.contains("expected `s3://bucket/prefix`") && !message.contains("hunter2"), "{message}");
        }
        for text in ["s3://logs//x", "s3://logs/a//b", "s3://logs/a/../b", "s3://logs/a//", "s3://logs/a\nb"] {
            let message = Prefix::parse(Operation::List, text).unwrap_err().to_string();
            assert!(message.contains("a part between slashes") && !message.contains("a\nb"), "{message}");
        }
    }

    #[test]
    fn a_prefix_holds_what_is_below_it_and_not_what_only_begins_like_it() {
        let (prefix, other) = (parse("s3://lake/cf_logs"), parse("s3://lake/cf_logs.old"));
        assert!(prefix.holds_prefix(&parse("s3://lake/cf_logs/year=2024")) && prefix.holds_prefix(&prefix));
        assert!(!prefix.holds_prefix(&other) && !other.holds_prefix(&prefix));
        assert!(!prefix.holds_prefix(&parse("gs://lake/cf_logs")) && parse("s3://lake").holds_prefix(&prefix));
        assert_eq!(prefix.sibling(".old").unwrap().to_string(), "s3://lake/cf_logs.old");
        assert_eq!((prefix.name(), parse("s3://lake").name()), (Some("cf_logs"), None));
        let above: Vec<String> = parse("s3://b/x/y/z").ancestors().map(|prefix| prefix.to_string()).collect();
        assert_eq!(above, ["s3://b/x/y", "s3://b/x", "s3://b"]);
        assert_eq!(parse("s3://b").ancestors().count(), 0);
    }
}
