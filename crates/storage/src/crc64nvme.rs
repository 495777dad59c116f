//! CRC-64/NVME: the checksum that S3 keeps of whole objects, and that a store can compare without reading their bytes.
//!
//! It detects accidents, not attackers: anyone can make other bytes with the same checksum.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use crc_fast::{CrcAlgorithm, Digest};

/// A CRC-64/NVME. Its text is that of S3: the 8 bytes, the highest first, in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crc64Nvme(u64);

impl Crc64Nvme {
    /// Returns the checksum of all of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(crc_fast::crc64_nvme(bytes))
    }

    /// Returns the checksum that a text names; `None` if the text is not one of a checksum.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text).ok()?;
        Some(Self(u64::from_be_bytes(bytes.try_into().ok()?)))
    }
}

impl fmt::Display for Crc64Nvme {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&BASE64_STANDARD.encode(self.0.to_be_bytes()))
    }
}

/// The CRC-64/NVME of bytes that come in pieces.
#[derive(Clone, Debug)]
pub struct Crc64NvmeDigest(Digest);

impl Default for Crc64NvmeDigest {
    fn default() -> Self {
        Self(Digest::new(CrcAlgorithm::Crc64Nvme))
    }
}

impl Crc64NvmeDigest {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the checksum of all bytes so far.
    pub fn finish(&self) -> Crc64Nvme {
        Crc64Nvme(self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the catalogue of CRCs, <https://reveng.sourceforge.io/crc-catalogue/all.htm>.
    const CHECK: u64 = 0xAE8B_1486_0A79_9888;

    #[test]
    fn the_checksum_has_the_published_check_value() {
        assert_eq!(Crc64Nvme::of(b"123456789"), Crc64Nvme(CHECK));
        assert_eq!(Crc64Nvme(CHECK).to_string(), "rosUhgp5mIg=");
        assert_eq!(Crc64Nvme::of(b"").to_string(), "AAAAAAAAAAA=");
    }

    /// Long pieces are computed with other instructions than short ones.
    #[test]
    fn the_checksum_does_not_depend_on_the_pieces() {
        let bytes: Vec<u8> = (0..100_003_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let bit_by_bit = bytes.iter().fold(u64::MAX, |crc, byte| {
            (0..8).fold(crc ^ u64::from(*byte), |crc, _| {
                (crc >> 1) ^ (if crc & 1 == 1 { 0x9A6C_9329_AC4B_C9B5 } else { 0 })
            })
        });
        assert_eq!(Crc64Nvme::of(&bytes), Crc64Nvme(!bit_by_bit));
        for piece in [1, 7, 64, 255, 4096, 100_003] {
            let mut digest = Crc64NvmeDigest::default();
            bytes.chunks(piece).for_each(|bytes| digest.update(bytes));
            assert_eq!(digest.finish(), Crc64Nvme::of(&bytes), "pieces of {piece} bytes");
        }
    }

    #[test]
    fn only_the_text_of_a_checksum_is_parsed() {
        assert_eq!(Crc64Nvme::parse("rosUhgp5mIg="), Some(Crc64Nvme(CHECK)));
        // Too short, too long, no base64, another text of the same bits, of several parts, in hexadecimal digits.
        for text in
            ["", "rosUhgp5mA==", "rosUhgp5mIgA", "rosUhgp5mIg", "rosUhgp5mIh=", "rosUhgp5mIg=-2", "ae8b14860a799888"]
        {
            assert_eq!(Crc64Nvme::parse(text), None, "{text}");
        }
    }
}
