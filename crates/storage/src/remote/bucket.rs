//! A bucket: its store, its URL and its valid names.

use std::fmt;

use crate::printable::printable_name;
use crate::scheme::Scheme;

/// A bucket, or a container, as Azure says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Bucket {
    pub(crate) scheme: Scheme,
    pub(crate) name: String,
    /// Azure's storage account, if the URL names it.
    pub(crate) account: Option<String>,
}

impl Bucket {
    /// Returns the bucket of a URL like that of [`Bucket`]'s `Display`.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = Scheme::of(scheme)?;
        let (name, account) = match rest.split_once('@') {
            // `container@account.dfs.core.windows.net`
            Some((name, host)) if scheme == Scheme::Azure => (name, Some(host.split('.').next()?)),
            Some(_) => return None,
            None => (rest, None),
        };
        let account = account.map(str::to_owned);
        (is_bucket_name(name) && account.as_deref().is_none_or(is_bucket_name)).then(|| Self {
            scheme,
            name: name.into(),
            account,
        })
    }

    /// Returns the printable URL of a key.
    pub(crate) fn location(&self, key: &str) -> String {
        format!("{self}/{}", printable_name(key))
    }
}

/// Longest name of a bucket or an account in bytes; stores allow fewer.
const MAX_NAME_BYTES: usize = 255;

/// Returns whether a bucket or an account may have this name.
pub(super) fn is_bucket_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        // In the path of a URL, `.` and `..` would lead out of the bucket.
        && !name.bytes().all(|byte| byte == b'.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_$".contains(&byte))
}

/// Returns whether a bucket's name can be the first part of a host's name: AWS's certificates match one part only, and old
/// buckets have names that no host may have.
pub(super) fn fits_host(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// As a URL, without a slash at its end.
impl fmt::Display for Bucket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.account {
            None => write!(out, "{}://{}", self.scheme.text(), self.name),
            Some(account) => write!(out, "abfss://{}@{account}.dfs.core.windows.net", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_dots_or_of_old_does_not_fit_a_host() {
        assert!(fits_host("logs") && fits_host("logs-2-s3alias"));
        for name in ["my.logs.example", "My-Logs", "my_logs", "-logs", "logs-", "ab", &"a".repeat(64)] {
            assert!(!fits_host(name), "{name}");
        }
    }
}
