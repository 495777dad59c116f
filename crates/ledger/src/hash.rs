//! Hashes of objects.
//!
//! Records and plans have a SHA-256. Data files have a CRC-64/NVME, which object stores compute and keep as well: so a
//! file in a bucket can be compared without reading it. In epochs of earlier versions they have a SHA-256, as
//! quarantines still do.

use std::fmt;

use lakefront_storage::{Crc64Nvme, Crc64NvmeDigest};
use sha2::{Digest as _, Sha256};

/// Hash of the bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileHash {
    /// The SHA-256, in hexadecimal digits.
    Sha256(String),
    /// The CRC-64/NVME.
    Crc64Nvme(Crc64Nvme),
}

impl FileHash {
    /// Returns a hasher of the same kind.
    pub fn hasher(&self) -> FileHasher {
        match self {
            Self::Sha256(_) => FileHasher::sha256(),
            Self::Crc64Nvme(_) => FileHasher::crc64nvme(),
        }
    }

    /// Returns the name of the hash.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA-256",
            Self::Crc64Nvme(_) => "CRC-64/NVME",
        }
    }
}

/// As in a record: digits for a SHA-256, base64 for a CRC-64/NVME.
impl fmt::Display for FileHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digits) => out.write_str(digits),
            Self::Crc64Nvme(crc) => crc.fmt(out),
        }
    }
}

/// Computes the hash of bytes that come in pieces.
#[derive(Clone, Debug)]
pub enum FileHasher {
    /// Computes a SHA-256.
    Sha256(Sha256),
    /// Computes a CRC-64/NVME.
    Crc64Nvme(Crc64NvmeDigest),
}

impl FileHasher {
    /// Returns a hasher that computes a SHA-256.
    pub fn sha256() -> Self {
        Self::Sha256(Sha256::new())
    }

    /// Returns a hasher that computes a CRC-64/NVME.
    pub fn crc64nvme() -> Self {
        Self::Crc64Nvme(Crc64NvmeDigest::default())
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Crc64Nvme(crc) => crc.update(bytes),
        }
    }

    /// Returns the hash of all bytes.
    pub fn finish(self) -> FileHash {
        match self {
            Self::Sha256(hash) => FileHash::Sha256(hex(&hash.finalize())),
            Self::Crc64Nvme(crc) => FileHash::Crc64Nvme(crc.finish()),
        }
    }
}

/// Returns the SHA-256 of bytes, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("writing to a String cannot fail");
        digits
    })
}
