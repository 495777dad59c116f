//! Folders that stores are opened in, on the local disk or in a bucket.

use std::fmt;
use std::sync::Arc;

pub use self::local::LocalFolder;
use crate::error::Operation;
use crate::local_path::overlap;
use crate::remote::{BucketStore, Prefix, first_key, first_keys};
use crate::{Connections, Error, Object, Store};

// Looks at the local disk without listing it.
mod glance;

mod local;

/// A folder; it need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folder {
    /// On the local disk.
    Local(LocalFolder),
    /// In a bucket.
    Remote(RemoteFolder),
}

/// A prefix of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFolder(Prefix);

impl RemoteFolder {
    pub(crate) fn prefix(&self) -> &Prefix {
        &self.0
    }
}

impl Folder {
    /// Returns the folder that a path, a `file://` URL or a bucket's URL names. Creates nothing, and asks no store. Errors
    /// begin with `named`, the caller's word for the folder.
    ///
    /// # Errors
    ///
    /// As [`LocalFolder::parse`], or an invalid URL of a bucket.
    pub fn parse(text: &str, named: &'static str) -> Result<Self, Error> {
        if Prefix::is_url(text) {
            Prefix::parse(Operation::Locate(named), text).map(Self::of_prefix)
        } else {
            LocalFolder::parse(text, named).map(Self::Local)
        }
    }

    pub(crate) fn of_prefix(prefix: Prefix) -> Self {
        Self::Remote(RemoteFolder(prefix))
    }

    /// Returns the folder as a URL.
    pub fn url(&self) -> String {
        match self {
            Self::Local(folder) => folder.url(),
            Self::Remote(RemoteFolder(prefix)) => prefix.to_string(),
        }
    }

    /// Returns the folder next to this one whose name has `ending` after it; `None` for a whole bucket or the root of the
    /// local disk. Errors begin with `named`, the caller's word for it.
    ///
    /// # Errors
    ///
    /// There is something else in its place, or it cannot be looked at.
    pub fn sibling(&self, ending: &str, named: &'static str) -> Result<Option<Self>, Error> {
        match self {
            Self::Local(folder) => Ok(folder.sibling(ending, named)?.map(Self::Local)),
            Self::Remote(RemoteFolder(prefix)) => Ok(prefix.sibling(ending).map(Self::of_prefix)),
        }
    }

    /// Returns whether one of two folders is in the other, or they are the same.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Local(one), Self::Local(other)) => overlap(one.path(), other.path()),
            (Self::Remote(RemoteFolder(one)), Self::Remote(RemoteFolder(other))) => one.overlaps(other),
            _ => false,
        }
    }

    /// Opens the stores of two folders that are in one bucket, or both on the local disk; there both put their temporary
    /// files in the folder `tmp` of the second. `None` if they are not in one place.
    ///
    /// # Errors
    ///
    /// As [`Store::open_local`], or the bucket cannot be reached.
    pub fn open_pair(one: &Self, other: &Self, connections: &Connections) -> Result<Option<[Store; 2]>, Error> {
        match (one, other) {
            (Self::Local(one), Self::Local(other)) => {
                let temp = other.path().join("tmp");
                Ok(Some([one.open(&temp)?, other.open(&temp)?]))
            }
            (Self::Remote(RemoteFolder(one)), Self::Remote(RemoteFolder(other))) if one.bucket == other.bucket => {
                Ok(Some([remote_store(connections, one)?, remote_store(connections, other)?]))
            }
            _ => Ok(None),
        }
    }

    /// Returns the last part of the path; `None` for a whole bucket or the root of the local disk.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Local(folder) => folder.name(),
            Self::Remote(RemoteFolder(prefix)) => prefix.name().map(str::to_owned),
        }
    }

    /// Returns the folders above this one, the nearest first. A whole bucket is a folder; the root of the local disk is
    /// not.
    pub fn ancestors(&self) -> Vec<Self> {
        match self {
            Self::Local(folder) => folder.ancestors().map(Self::Local).collect(),
            Self::Remote(RemoteFolder(prefix)) => prefix.ancestors().map(Self::of_prefix).collect(),
        }
    }

    /// Reads the first 64 KiB of a file in this folder; `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn read_small(&self, name: &str, connections: &Connections) -> Result<Option<Vec<u8>>, Error> {
        let read = match self {
            Self::Local(folder) => glance::read_small(&folder.path().join(name)),
            Self::Remote(RemoteFolder(prefix)) => {
                // Asked for only if it exists: a request for a key that does not exist may be refused.
                let key = prefix.key(name);
                if first_key(&*connections.client(&prefix.bucket)?, &key)? != Some(key) {
                    return Ok(None);
                }
                remote_store(connections, prefix)?.read_range(name, 0..glance::SMALL_BYTES)
            }
        };
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the name of a file below this folder that begins with `start` and for which `is_wanted` holds, if a few
    /// lookups find one. Does not list everything.
    ///
    /// # Errors
    ///
    /// A lookup failed.
    pub fn any_file(
        &self,
        start: &str,
        is_wanted: &dyn Fn(&str) -> bool,
        connections: &Connections,
    ) -> Result<Option<String>, Error> {
        match self {
            Self::Local(folder) => glance::any_file(folder.path(), start, is_wanted),
            Self::Remote(RemoteFolder(prefix)) => {
                let client = connections.client(&prefix.bucket)?;
                let folder = prefix.folder();
                let names = first_keys(&client, &prefix.key(start))?;
                let mut names = names.iter().filter_map(|key| key.strip_prefix(&folder));
                Ok(names.find(|name| is_wanted(name)).map(str::to_owned))
            }
        }
    }

    /// Returns whether `object` is in this folder. A link may have led to it.
    pub fn holds(&self, object: &Object) -> bool {
        match self {
            Self::Local(folder) => folder.holds(object),
            Self::Remote(RemoteFolder(prefix)) => {
                object.bucket().is_some_and(|bucket| prefix.holds(bucket, object.path()))
            }
        }
    }
}

fn remote_store(connections: &Connections, prefix: &Prefix) -> Result<Store, Error> {
    let client = connections.client(&prefix.bucket)?;
    Ok(Store::new(Arc::new(BucketStore::new(client, prefix.clone()))))
}

/// The printable path or URL.
impl fmt::Display for Folder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(folder) => write!(out, "{folder}"),
            Self::Remote(RemoteFolder(prefix)) => write!(out, "{prefix}"),
        }
    }
}
