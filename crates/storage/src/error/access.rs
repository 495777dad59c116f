//! Why an object cannot be read, and why a request to a store had no result.

use std::io;

use super::{Refusal, SettingFlaw};
use crate::scheme::Scheme;

/// Why one listed object cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableCause {
    /// A store refuses it.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The operating system refuses it.
    #[error("permission denied")]
    PermissionDenied,
    /// The disk or the filesystem fails to read it.
    #[error("{0}")]
    Damaged(io::Error),
    /// Anything else that the operating system says of this file alone.
    #[error("{0}")]
    Io(io::Error),
}

/// Why a request to a store had no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFlaw {
    /// The store refused it.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// It could not be signed.
    #[error("{0}")]
    Unsigned(CredentialsFlaw),
    /// No store answered.
    #[error("the network failed: no answer{}: {said}", host.as_ref().map(|host| format!(" from `{host}`")).unwrap_or_default())]
    NoAnswer {
        /// The host and port that were asked, printable, as far as they are known.
        host: Option<String>,
        /// The transport's words, printable.
        said: String,
        /// Their meaning.
        kind: NetworkFlaw,
    },
    /// The store repeats pages of a list.
    #[error("the list does not go on: the store gives pages again that it gave before")]
    EndlessList,
    /// The store answered a list with something else.
    #[error("the answer is not a list of keys")]
    NotAList,
    /// A list of logs has a key that `object_store` cannot name.
    #[error("a key in it cannot be named: {said}")]
    UnnameableLog {
        /// The words of `object_store`, printable.
        said: String,
    },
    /// A list of a store's names has a key that cannot be named.
    #[error("a key that cannot be named")]
    UnnameableName,
    /// The object's key cannot be named.
    #[error("the key cannot be named")]
    UnnameableKey,
}

/// Meaning of a network's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkFlaw {
    /// The certificate is another host's.
    OtherHostsCertificate,
    /// The certificate is of an authority that this machine does not trust.
    UntrustedAuthority(Scheme),
    /// The host's name cannot be resolved.
    UnknownHost,
    /// The host does not answer in time.
    Silent,
    /// The proxy fails.
    Proxy,
    /// Anything else.
    Other,
}

/// Why there are no AWS credentials that a request could be signed with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsFlaw {
    /// No place has any.
    #[error("no AWS credentials were found")]
    NotFound,
    /// The service that gives them cannot be reached.
    #[error("the network failed on the way to the service that gives the AWS credentials: {said}")]
    Network {
        /// The network's words, printable.
        said: String,
    },
    /// The session of `aws login` has ended.
    #[error("the session of `aws login` has ended, or there is none")]
    ConsoleSession {
        /// The profile's name, escaped.
        profile: String,
    },
    /// The session of `aws sso login` has ended.
    #[error("the session of `aws sso login` has ended, there is none, or it does not give the role")]
    SsoSession {
        /// The profile's name, escaped.
        profile: String,
    },
    /// The service that gives them does not answer.
    #[error("the AWS credentials did not come in time")]
    TimedOut,
    /// The configuration is not valid.
    #[error("the AWS configuration is not valid")]
    BadConfiguration,
    /// The service that gives them refuses.
    #[error("the AWS credentials were refused by the service that gives them")]
    Refused,
    /// Anything else.
    #[error("the AWS credentials could not be loaded")]
    NotLoaded,
    /// They cannot be part of a request.
    #[error("the {part} of the AWS credentials {flaw}")]
    Invalid {
        /// Such as `session token`.
        part: &'static str,
        /// The flaw of that part.
        flaw: SettingFlaw,
    },
}
