//! Stage 1. Prefix in, objects out.
//!
//! **Errors.** What cannot be listed on the local disk becomes a [`ListFailure`](crate::ListFailure) and the rest goes on. A named
//! pipe, a socket or a device is not a failure, as it is never a log. A refusal of a store ends the listing, and so does a
//! request to stop.
//!
//! **Not here:** how files are found is in `local_logs.rs`, how keys are found in `remote/listing.rs`. Which of the objects
//! are wanted, by pattern or by hour, is decided by the planner.

use crate::key_guide::KeyGuide;
use crate::listing::{ListOutput, Listing};
use crate::{Connections, Error, Object, Source, log_sources};

/// Passes every object below `sources` to `on_object`, in no promised order, and returns everything else that it found:
/// above all what could not be listed.
///
/// `on_progress` is called with the number of objects found so far, `stop` is called regularly. Links to files and folders are
/// followed; an object is listed once by its canonical path, regardless of how it is reached. On some filesystems a folder whose
/// entries are replaced while it is read shows one of them twice: a caller that collects objects drops equal ones.
///
/// Of nested sources the outermost gives name and id to what lies below it. Of sources that are the same place the one
/// without an id does, then the one whose id sorts first. Of two places with the same id only the one whose path sorts
/// first is listed: the other is a failure, since their objects could not be told apart.
///
/// In buckets `guide` says which keys can be passed over. A refusal of a store ends the listing, as the keys that it would
/// have shown are not known.
///
/// # Errors
///
/// [`Error::Stopped`] as soon as `stop` returns true, or the error of a store: the objects until then are not all.
pub fn list(
    sources: &[Source],
    connections: &Connections,
    guide: &dyn KeyGuide,
    on_object: &mut dyn FnMut(Object),
    on_progress: &mut dyn FnMut(u64),
    stop: &dyn Fn() -> bool,
) -> Result<Listing, Error> {
    let mut output = ListOutput::new(on_object, on_progress, stop);
    for logs in log_sources::all(connections) {
        logs.list(sources, guide, &mut output)?;
    }
    Ok(output.finish())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test's own files")]
mod tests;
