//! A folder that a table or its state lives in, on the local disk or in a bucket.

use std::fmt;

use crate::remote::{Prefix, RemoteStore, first_key, first_keys};
use crate::{Connections, Error, LocalFolder, Object, Store};

// Looks at the local disk without listing it.
mod glance;

/// Where a table or its state lives; it may not exist yet.
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

/// How the name of a state ends.
const STATE_ENDING: &str = ".lakefront";

impl Folder {
    /// The folder that a path, a `file://` URL or a bucket's URL names. Creates nothing, and asks no store.
    ///
    /// # Errors
    ///
    /// As [`LocalFolder::parse`], or a URL that is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if Prefix::is_url(text) { Self::remote("table", text) } else { LocalFolder::parse(text).map(Self::Local) }
    }

    /// The folder of a state, named in the same ways. Its errors speak of the state.
    ///
    /// # Errors
    ///
    /// As [`Folder::parse`].
    pub fn parse_state(text: &str) -> Result<Self, Error> {
        if Prefix::is_url(text) { Self::remote("state", text) } else { LocalFolder::parse_state(text).map(Self::Local) }
    }

    pub(crate) fn of_prefix(prefix: Prefix) -> Self {
        Self::Remote(RemoteFolder(prefix))
    }

    fn remote(doing: &'static str, text: &str) -> Result<Self, Error> {
        Prefix::parse(doing, text).map(|prefix| Self::Remote(RemoteFolder(prefix)))
    }

    /// The folder as a URL.
    pub fn url(&self) -> String {
        match self {
            Self::Local(folder) => folder.url(),
            Self::Remote(RemoteFolder(prefix)) => prefix.to_string(),
        }
    }

    /// The folder of the state that belongs to this table: its sibling `<table>.lakefront`.
    ///
    /// # Errors
    ///
    /// Something that is not a folder stands in its place, or the table is a whole bucket.
    pub fn state(&self) -> Result<Self, Error> {
        match self {
            Self::Local(folder) => folder.state().map(Self::Local),
            Self::Remote(RemoteFolder(prefix)) => {
                let state = prefix.sibling(STATE_ENDING).map(|state| Self::Remote(RemoteFolder(state)));
                state.ok_or_else(|| Error::TableIsBucket { bucket: prefix.to_string() })
            }
        }
    }

    /// Whether one of two folders lies in the other, or they are the same.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Local(one), Self::Local(other)) => {
                one.path().starts_with(other.path()) || other.path().starts_with(one.path())
            }
            (Self::Remote(RemoteFolder(one)), Self::Remote(RemoteFolder(other))) => {
                one.holds_prefix(other) || other.holds_prefix(one)
            }
            _ => false,
        }
    }

    /// Opens the stores of a table and its state.
    ///
    /// # Errors
    ///
    /// As [`Store::open_local`]; or they are not in one bucket, which cannot be reached, or not both on the local disk.
    pub fn open(table: &Self, state: &Self, connections: &Connections) -> Result<[Store; 2], Error> {
        match (table, state) {
            (Self::Local(table), Self::Local(state)) => {
                let temp = state.path().join("tmp");
                Ok([table.open_store(&temp)?, state.open_store(&temp)?])
            }
            (Self::Remote(RemoteFolder(one)), Self::Remote(RemoteFolder(other))) if one.bucket == other.bucket => {
                Ok([remote_store(connections, one)?, remote_store(connections, other)?])
            }
            _ => Err(Error::BadLocation {
                doing: "state",
                location: state.to_string(),
                reason: "is not in the table's bucket, or not on the local disk as the table is\nhint: keep the state beside the table",
            }),
        }
    }

    /// The last part of its path; empty for a whole bucket.
    pub fn name(&self) -> String {
        match self {
            Self::Local(folder) => folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Remote(RemoteFolder(prefix)) => prefix.path().rsplit('/').next().unwrap_or_default().to_owned(),
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

    /// Reads a small file in this folder; none if it is not there.
    ///
    /// # Errors
    ///
    /// It cannot be told.
    pub fn read_small(&self, name: &str, connections: &Connections) -> Result<Option<Vec<u8>>, Error> {
        let read = match self {
            Self::Local(folder) => glance::read_small(&folder.path().join(name)),
            Self::Remote(RemoteFolder(prefix)) => {
                // Asked for only where it is: a request for a key that is not there may be refused.
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
    /// It cannot be told.
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

    /// Whether `object` lies in this folder, where a link may have led to it.
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
    Ok(Store::new(std::sync::Arc::new(RemoteStore::new(client, prefix.clone()))))
}

/// For people.
impl fmt::Display for Folder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(folder) => write!(out, "{folder}"),
            Self::Remote(RemoteFolder(prefix)) => write!(out, "{prefix}"),
        }
    }
}
