//! The kinds of log sources, and the one that an object was found in.

use crate::local_logs::LocalLogs;
use crate::log_source::LogSource;
use crate::remote::BucketLogs;
use crate::{Connections, Error, Object, Source};

/// Returns the log sources of all kinds, in the order in which they are listed.
pub(crate) fn all(connections: &Connections) -> [Box<dyn LogSource + '_>; 2] {
    [Box::new(LocalLogs::new(connections)), Box::new(BucketLogs::new(connections))]
}

/// Returns the log source that an object was found in.
pub(crate) fn of<'c>(object: &Object, connections: &'c Connections) -> Box<dyn LogSource + 'c> {
    match object.bucket() {
        None => Box::new(LocalLogs::new(connections)),
        Some(_) => Box::new(BucketLogs::new(connections)),
    }
}

impl Object {
    /// Returns the object in its current version; `None` if it is gone, if it is no longer a regular file, or if its
    /// path now leads to another object through a link. `known` are sources that were listed before: if they now give
    /// the file another identity, it is another object as well.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] concerns this object alone, any other this process. It is then not known whether the object
    /// exists.
    pub fn look_again(&self, connections: &Connections, known: &[Source]) -> Result<Option<Self>, Error> {
        of(self, connections).look_again(self, known)
    }
}
