//! Results of a listing: objects go to the caller one by one, all else is collected.

use std::io;

use crate::printable::printable_name;
use crate::{Error, Object, Source};

/// Number of entries between two calls of `stop` and `on_progress`.
const ENTRIES_PER_LOOK: u32 = 512;

/// Something below a source that could not be listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListFailure {
    /// Printable URL.
    pub location: String,
    /// Its name, as the name of an object there would be; empty for a source. It is not printable.
    pub name: String,
    /// True for a folder or what may lead to one: then objects may be below it.
    pub may_hold_objects: bool,
    /// Why.
    pub flaw: ListFlaw,
}

/// Why something below a source could not be listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ListFlaw {
    /// Another place has the source's id.
    #[error("has the source id `{id}`, which is that of {other}: not listed")]
    SameId {
        /// The id, printable.
        id: String,
        /// The other source.
        other: String,
    },
    /// The operating system refuses to read it.
    #[error("cannot be read: {said}")]
    Unreadable {
        /// The kind of the error.
        kind: io::ErrorKind,
        /// The operating system's words.
        said: String,
    },
    /// It is in a folder that cannot be read, and a link leads to it.
    #[error("leads into a folder that cannot be read")]
    HiddenTarget,
    /// Its name is not UTF-8.
    #[error("the name is not UTF-8")]
    NameNotUtf8,
    /// A link leads to a path that is not UTF-8.
    #[error("the symbolic link leads to a path that is not UTF-8")]
    TargetNotUtf8,
    /// A link leads nowhere.
    #[error("the symbolic link leads nowhere")]
    DanglingLink,
    /// A link leads to itself.
    #[error("the symbolic link leads in a circle")]
    LinkCircle,
    /// A link cannot be followed.
    #[error("the symbolic link cannot be followed: {said}")]
    Link {
        /// The kind of the error.
        kind: io::ErrorKind,
        /// The operating system's words.
        said: String,
    },
    /// A key that no request can name.
    #[error(
        "the key has a part that is empty, `.` or `..`, a control character, or too many bytes: it cannot be requested"
    )]
    UnnameableKey,
    /// An object that has to be restored from an archive before it can be read.
    #[error("is archived (Glacier), and cannot be read")]
    Archived,
}

impl ListFlaw {
    pub(crate) fn unreadable(error: &io::Error) -> Self {
        Self::Unreadable { kind: error.kind(), said: error.to_string() }
    }
}

impl ListFailure {
    /// Returns the failure of a whole source whose id is that of another place.
    pub(crate) fn same_id(source: &Source, id: &str, other: &Source) -> Self {
        let flaw = ListFlaw::SameId { id: printable_name(id), other: other.to_string() };
        Self { location: source.to_string(), name: String::new(), may_hold_objects: true, flaw }
    }
}

/// Everything that a listing found besides objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Failures, sorted by location.
    pub failures: Vec<ListFailure>,
    /// Names of the special files, which are never logs: named pipes, sockets, devices. Each file once.
    pub special: Vec<String>,
    /// Names of the folders of the local disk, whether they hold objects or not.
    pub folders: Vec<String>,
}

/// Receives what is listed, reports progress, and ends a listing when the caller asks to stop.
pub(crate) struct ListOutput<'a> {
    listing: Listing,
    found: u64,
    entries: u32,
    on_object: &'a mut dyn FnMut(Object),
    on_progress: &'a mut dyn FnMut(u64),
    stop: &'a dyn Fn() -> bool,
}

impl<'a> ListOutput<'a> {
    pub(crate) fn new(
        on_object: &'a mut dyn FnMut(Object),
        on_progress: &'a mut dyn FnMut(u64),
        stop: &'a dyn Fn() -> bool,
    ) -> Self {
        Self { listing: Listing::default(), found: 0, entries: 0, on_object, on_progress, stop }
    }

    pub(crate) fn object(&mut self, object: Object) {
        self.found += 1;
        (self.on_object)(object);
    }

    pub(crate) fn failure(&mut self, failure: ListFailure) {
        self.listing.failures.push(failure);
    }

    pub(crate) fn failures(&mut self, failures: Vec<ListFailure>) {
        self.listing.failures.extend(failures);
    }

    pub(crate) fn folder(&mut self, name: &str) {
        self.listing.folders.push(name.to_owned());
    }

    pub(crate) fn special_files(&mut self, names: impl IntoIterator<Item = String>) {
        self.listing.special.extend(names);
    }

    /// Counts an entry. After every 512 entries, or `now`, reports progress and asks whether to stop.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`].
    pub(crate) fn look(&mut self, now: bool) -> Result<(), Error> {
        self.entries += 1;
        let is_due = self.entries >= ENTRIES_PER_LOOK;
        if is_due {
            self.entries = 0;
            (self.on_progress)(self.found);
        }
        if (now || is_due) && (self.stop)() { Err(Error::Stopped) } else { Ok(()) }
    }

    /// Reports the last progress and returns what was collected.
    pub(crate) fn finish(self) -> Listing {
        (self.on_progress)(self.found);
        let mut listing = self.listing;
        listing.failures.sort();
        listing.failures.dedup();
        listing
    }
}
