//! Flaws of settings: a flag, a variable, a key of a profile, or a file that one of them names.

use std::io;

use super::FileKind;

/// Why the value of a setting cannot be used. Values that may be secrets are not in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingFlaw {
    /// More than one line.
    #[error("has a line break in it")]
    LineBreak,
    /// A control character.
    #[error("has a control character in it")]
    ControlCharacter,
    /// A character that is not ASCII.
    #[error("has a character that is not ASCII")]
    NotAscii,
    /// A blank, where a key or a token has none.
    #[error("has a blank in it")]
    Blank,
    /// Bytes that are not text.
    #[error("is not UTF-8")]
    NotUtf8,
    /// A text that cannot name a region.
    #[error("`{region}` is not a region")]
    NotARegion {
        /// The text, shortened and escaped.
        region: String,
    },
    /// Buckets are to be named in the host, and the endpoint's host is an IP address.
    #[error("a bucket's name cannot stand before an IP address, and the endpoint's host is one")]
    HostIsAddress,
    /// Buckets are to be named in the host, and this bucket's name cannot be part of one.
    #[error("a bucket of this name cannot be part of a host's name")]
    BucketNotInHost,
    /// A text that is not an endpoint.
    #[error("expected `https://host[:port]`")]
    NotAnEndpoint,
    /// An endpoint with an invalid host or port.
    #[error("{0}: expected `https://host[:port]`")]
    BadHost(HostFlaw),
    /// An endpoint with credentials in it.
    #[error("holds credentials")]
    HoldsCredentials,
    /// An endpoint of another protocol.
    #[error("expected `https://`")]
    NotHttps,
    /// A text that is not the URL of a service.
    #[error("is not a URL")]
    NotAUrl,
    /// A text that is not the URL of a proxy.
    #[error("is not the URL of a proxy")]
    NotAProxy,
    /// A text that cannot name an Azure account or tenant.
    #[error("has a character that no name of an account or a tenant has")]
    NotAnAccount,
}

/// Flaw of the host or the port of a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostFlaw {
    /// An IPv6 address without its end.
    #[error("a `]` is missing after the address")]
    NoBracket,
    /// A port that is too large.
    #[error("the port {port} is above 65535")]
    PortTooLarge {
        /// The port's digits, shortened.
        port: String,
    },
    /// A port that is not a number.
    #[error("the port is not a number")]
    PortNotANumber,
    /// Anything else.
    #[error("the host is neither a name nor an address, or something in it has to be percent-encoded")]
    NotAHost,
}

/// Why a whole file is not read.
#[derive(Debug, thiserror::Error)]
pub enum FileFlaw {
    /// It is larger than it may be.
    #[error("larger than {max_mib} MiB")]
    TooLarge {
        /// Largest size in MiB.
        max_mib: u64,
    },
    /// It is not a regular file.
    #[error("{0}")]
    NotRegular(FileKind),
    /// The operating system refuses.
    #[error("{0}")]
    Io(io::Error),
}

/// Why a file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleFlaw {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(FileFlaw),
    /// There is something else in it.
    #[error("holds something that is not a certificate")]
    NotACertificate,
    /// There is nothing in it.
    #[error("holds no certificate")]
    Empty,
}
