//! Errors of requests without a usable answer. `object_store` wraps them in its own errors.

use std::error::Error as StdError;
use std::fmt;

use object_store::client::HttpError;

use crate::error::CredentialsFlaw;

/// Longest answer that is read: 16 MiB. A page of a list with a thousand of the longest keys is shorter.
pub(super) const MAX_ANSWER_BYTES: usize = 16 << 20;

/// A request could not be signed.
#[derive(Clone, Debug)]
pub(super) struct NoSignature(pub(super) CredentialsFlaw);

impl fmt::Display for NoSignature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

impl StdError for NoSignature {}

/// No answer came from this place.
#[derive(Debug)]
pub(super) struct NoAnswer {
    /// Host and port, as in the URL. It has no credentials: no endpoint has any.
    pub(super) host: String,
    /// True if the request is not retried.
    pub(super) is_final: bool,
    pub(super) source: HttpError,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "no answer from {}", self.host)
    }
}

impl StdError for NoAnswer {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}

/// Returns an error and its causes, the innermost last.
pub(super) fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Returns whether a retry would fail in the same way.
pub(super) fn is_final(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        cause.is::<NoSignature>()
            || cause.is::<TooLong>()
            || cause.downcast_ref::<NoAnswer>().is_some_and(|no_answer| no_answer.is_final)
    })
}

/// An answer that is longer than any valid one. It is not retried: the store would send it again.
#[derive(Debug)]
pub(super) struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the answer has more than {} MiB, which no page of a list has", MAX_ANSWER_BYTES >> 20)
    }
}

impl StdError for TooLong {}
