//! The operations that all kinds of log sources have.

use std::fmt;
use std::io::Read;

use bytes::Bytes;

use crate::key_guide::KeyGuide;
use crate::listing::ListOutput;
use crate::{Error, Object, Source};

/// One kind of place that logs are read from: the local disk, or buckets.
pub(crate) trait LogSource {
    /// Lists the objects below those of the sources that are of this kind.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`], or a store refuses: what was listed until then is not everything. What cannot be listed on the
    /// local disk is a failure in the output.
    fn list(&self, sources: &[Source], guide: &dyn KeyGuide, output: &mut ListOutput<'_>) -> Result<(), Error>;

    /// Opens an object, as it was listed.
    ///
    /// # Errors
    ///
    /// As [`LogSource::fetch`].
    fn open(&self, object: &Object) -> Result<Box<dyn OpenObject>, Error>;

    /// Returns the bytes of a whole object, as it was listed.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`], [`Error::Changed`] and [`Error::Unreadable`] concern this object, all others this process.
    fn fetch(&self, object: &Object) -> Result<Bytes, Error>;

    /// Starts to fetch an object whose bytes take long to arrive; `None` if reading it when it is wanted is as fast.
    ///
    /// # Errors
    ///
    /// The place cannot be reached.
    fn start_fetch(&self, object: &Object) -> Result<Option<Box<dyn Fetching>>, Error>;

    /// Returns the object in its current version; `None` if it is gone or another object is in its place. `known` are the
    /// sources that give files an identity.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] concerns this object, all others this process.
    fn look_again(&self, object: &Object, known: &[Source]) -> Result<Option<Object>, Error>;
}

/// An object that is read in pieces. Errors of `read` hold an [`Error`].
pub(crate) trait OpenObject: Read + fmt::Debug + Send {
    /// Checks after the last read that what was read is what was listed.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`], or the check failed.
    fn finish(&self) -> Result<(), Error>;
}

/// An object that is being fetched. Dropping it ends that.
pub(crate) trait Fetching: fmt::Debug + Send {
    /// Waits for the bytes.
    ///
    /// # Errors
    ///
    /// As [`LogSource::fetch`].
    fn wait(&mut self) -> Result<Bytes, Error>;
}
