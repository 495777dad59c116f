//! Reads the header of a gzip member.
//!
//! ```text
//! 1f 8b | method | flags | time (4) | level | system | [length (2), extra] [name, 0] [comment, 0] [CRC-16 of it all]
//! ```
//!
//! RFC 1952 does not limit name and comment, so they are skipped. The gzip decoder would keep them, and refuse long
//! ones, so it gets a [`Header`] without them.

use std::io::{self, BufRead, Cursor};

use flate2::Crc;

/// A header without name, comment and extra field.
pub(super) type Header = Cursor<&'static [u8]>;

const SHORTEST: &[u8] = &[0x1f, 0x8b, DEFLATE, 0, 0, 0, 0, 0, 0, 0xff];
const DEFLATE: u8 = 8;

const HAS_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// Reads a member's header to its end, and returns an equivalent one without name, comment and extra field.
///
/// # Errors
/// [`io::ErrorKind::UnexpectedEof`] if the header is truncated; [`io::ErrorKind::InvalidData`] if it is invalid; any
/// error of the source.
pub(super) fn skip_header(source: &mut impl BufRead) -> io::Result<Header> {
    let mut header = Checked { source, crc: Crc::new() };
    let [magic_0, magic_1, method, flags, ..] = header.take::<10>()?;
    if [magic_0, magic_1, method] != [0x1f, 0x8b, DEFLATE] || flags & RESERVED != 0 {
        return Err(corrupt("invalid gzip header"));
    }
    if flags & HAS_EXTRA != 0 {
        let length = u16::from_le_bytes(header.take()?);
        header.skip(usize::from(length))?;
    }
    for has_text in [HAS_NAME, HAS_COMMENT] {
        if flags & has_text != 0 {
            header.skip_text()?;
        }
    }
    if flags & HAS_CRC != 0 {
        let [expected_0, expected_1, ..] = header.crc.sum().to_le_bytes();
        if header.take::<2>()? != [expected_0, expected_1] {
            return Err(corrupt("the gzip header does not have its checksum"));
        }
    }
    Ok(Cursor::new(SHORTEST))
}

/// A header being read, and the CRC of the bytes read so far.
struct Checked<'s, S> {
    source: &'s mut S,
    crc: Crc,
}

impl<S: BufRead> Checked<'_, S> {
    fn take<const COUNT: usize>(&mut self) -> io::Result<[u8; COUNT]> {
        let mut bytes = [0; COUNT];
        self.source.read_exact(&mut bytes)?;
        self.crc.update(&bytes);
        Ok(bytes)
    }

    fn skip(&mut self, mut count: usize) -> io::Result<()> {
        while count > 0 {
            let bytes = some_of(self.source)?;
            let bytes = bytes.get(..count).unwrap_or(bytes);
            self.crc.update(bytes);
            let skipped = bytes.len();
            self.source.consume(skipped);
            count -= skipped;
        }
        Ok(())
    }

    /// Skips a text and the zero byte after it.
    fn skip_text(&mut self) -> io::Result<()> {
        loop {
            let bytes = some_of(self.source)?;
            let end = memchr::memchr(0, bytes);
            let count = end.map_or(bytes.len(), |at| at + 1);
            self.skip(count)?;
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

/// Returns the buffered bytes, at least one.
fn some_of(source: &mut impl BufRead) -> io::Result<&[u8]> {
    match source.fill_buf()? {
        [] => Err(io::ErrorKind::UnexpectedEof.into()),
        bytes => Ok(bytes),
    }
}

fn corrupt(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(flags: u8, rest: &[u8]) -> Vec<u8> {
        [&[0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 0, 3], rest].concat()
    }

    #[test]
    fn all_fields_are_read_to_their_ends() {
        for (flags, rest, left) in [
            (0, &b"data"[..], &b"data"[..]),
            (HAS_EXTRA, b"\x03\0abcdata", b"data"),
            (HAS_NAME, b"name\0data", b"data"),
            (HAS_NAME | HAS_COMMENT | 1, b"name\0comment\0data", b"data"),
            (HAS_EXTRA | HAS_COMMENT, b"\0\0\0data", b"data"),
        ] {
            let bytes = member(flags, rest);
            let mut source = bytes.as_slice();
            assert!(skip_header(&mut source).is_ok(), "{flags}");
            assert_eq!(source, left, "{flags}");
        }
    }

    #[test]
    fn a_checksum_of_the_header_is_checked() {
        let without = member(HAS_CRC | HAS_NAME, b"name\0");
        let mut crc = Crc::new();
        crc.update(&without);
        let [low, high, ..] = crc.sum().to_le_bytes();
        let mut good = [&without[..], &[low, high]].concat();
        assert!(skip_header(&mut good.as_slice()).is_ok());
        for at in [4, 11, good.len() - 1] {
            good[at] ^= 1;
            let error = skip_header(&mut good.as_slice()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{at}");
            good[at] ^= 1;
        }
    }

    #[test]
    fn an_invalid_header_and_a_truncated_one_are_told_apart() {
        for flags in [1 << 5, 1 << 6, 1 << 7] {
            let bytes = member(flags, b"data");
            assert_eq!(skip_header(&mut bytes.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        let mut other_method = member(0, b"data");
        other_method[2] = 7;
        assert_eq!(skip_header(&mut other_method.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let whole = member(HAS_EXTRA | HAS_NAME | HAS_COMMENT | HAS_CRC, b"\x01\0xn\0c\0\0\0");
        for length in 0..whole.len() {
            let error = skip_header(&mut whole.get(..length).unwrap()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{length}");
        }
    }
}
