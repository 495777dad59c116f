//! Refusals of stores: the answer to a request, and its meaning.

use std::fmt;

use http::StatusCode;

use crate::scheme::Scheme;

/// A kind of request to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Asks for a bucket's region.
    Find,
    /// Lists keys.
    List,
    /// Reads an object.
    Get,
    /// Writes an object.
    Put,
    /// Deletes an object.
    Delete,
}

/// In an error: "cannot ...".
impl fmt::Display for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Find => "find its region",
            Self::List => "list it",
            Self::Get => "read it",
            Self::Put => "write it",
            Self::Delete => "delete it",
        })
    }
}

/// The permission that a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The request.
    pub request: Request,
    /// The kind of store.
    pub store: Scheme,
    /// The bucket's name.
    pub bucket: String,
    /// The object's key, printable.
    pub key: String,
}

/// The store's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub(crate) status: StatusCode,
    /// Such as `AccessDenied`; empty if there is none.
    pub(crate) code: String,
    /// Printable; empty if there is none.
    pub(crate) message: String,
}

/// Shows nothing of the request.
impl fmt::Display for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.as_str(), self.message.as_str()) {
            ("", "") => write!(out, "the store answers {}", self.status),
            (code, "") => write!(out, "the store answers {} {code}", self.status.as_u16()),
            (code, message) => write!(out, "the store answers {} {code}: {message}", self.status.as_u16()),
        }
    }
}

/// A refusal: the store's answer, and what it means.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The credentials have expired.
    #[error("{0}")]
    Expired(Answer),
    /// The store does not know the credentials.
    #[error("{0}")]
    UnknownCredentials(Answer),
    /// This machine's clock is wrong.
    #[error("{0}")]
    ClockSkewed(Answer),
    /// The bucket is in another region, which the store names.
    #[error("the bucket `{bucket}` is in region `{region}`")]
    OtherRegion {
        /// The bucket's name.
        bucket: String,
        /// Its region.
        region: String,
    },
    /// The store sends requests to another host.
    #[error(
        "{answer}: a redirect to `{host}`, which is another host and is not followed, so that no credentials go there"
    )]
    Redirect {
        /// The answer.
        answer: Answer,
        /// The other host.
        host: String,
    },
    /// The bucket is in another region, which the store does not name.
    #[error("{answer}")]
    UnknownRegion {
        /// The answer.
        answer: Answer,
        /// The bucket's name.
        bucket: String,
    },
    /// The store is overloaded.
    #[error("{0}, again and again")]
    Overloaded(Answer),
    /// A permission is missing.
    #[error("access denied: {answer}")]
    Denied {
        /// The answer.
        answer: Answer,
        /// The permission.
        permission: Permission,
    },
    /// The key that the object is encrypted with cannot be used.
    #[error("its encryption key cannot be used: {answer}")]
    Key {
        /// The answer.
        answer: Answer,
        /// The kind of store.
        store: Scheme,
    },
    /// The object is encrypted with a key that is sent with each request.
    #[error("it is encrypted with a key that the store does not keep: {0}")]
    OwnKey(Answer),
    /// The object has to be restored from an archive before it can be read.
    #[error("{answer}")]
    Archived {
        /// The answer.
        answer: Answer,
        /// The kind of store.
        store: Scheme,
    },
    /// Anything else.
    #[error("{0}")]
    Other(Answer),
}
