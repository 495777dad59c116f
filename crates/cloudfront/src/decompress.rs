//! Stage 4. Compressed bytes in, text bytes out.
//!
//! **Invariants**
//! - Gzip is recognised by its magic bytes, never by the object's name; anything else is text already.
//! - Objects packed in another way, or twice, are refused with the name of the format (`packed`).
//! - All members are read, and the CRC and length of each are checked. A member border is not a line border.
//! - A member's header (`member`) is not kept in memory: its name, comment and extra field may have any length.
//! - After the last member only zero bytes may follow (padding).
//! - Memory does not depend on the limits: text comes out as the caller asks for it.
//!
//! Objects of one member that are held whole are inflated faster, with the same result (`whole`).
//!
//! **Errors** are verdicts on the object, except [`Error::Read`].

use std::io::{self, BufRead, Chain, Cursor, Read};

use flate2::bufread::GzDecoder;

pub(crate) use self::packed::{HEAD_BYTES, is_parquet};
use self::{
    member::{Header, skip_header},
    packed::refuse_packed,
};
use crate::Error;

mod member;
mod packed;
pub(crate) mod whole;

/// Default of [`TextLimits::text_bytes`]: 64 GiB.
pub const DEFAULT_MAX_TEXT_BYTES: u64 = 64 << 30;
/// Default of [`TextLimits::ratio`].
pub const DEFAULT_MAX_RATIO: u64 = 200;
/// Bytes of text up to which the ratio does not matter: 64 MiB.
pub const RATIO_FREE_BYTES: u64 = 64 << 20;

const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Limits of an object's text.
#[derive(Clone, Copy, Debug)]
pub struct TextLimits {
    /// Bytes of text in all. Default [`DEFAULT_MAX_TEXT_BYTES`].
    pub text_bytes: u64,
    /// Bytes of text for each byte of the object, if there are more than [`RATIO_FREE_BYTES`]. Default
    /// [`DEFAULT_MAX_RATIO`].
    pub ratio: u64,
}

impl Default for TextLimits {
    fn default() -> Self {
        Self { text_bytes: DEFAULT_MAX_TEXT_BYTES, ratio: DEFAULT_MAX_RATIO }
    }
}

impl TextLimits {
    /// Checks the text so far of an object, by the sizes of both in bytes.
    ///
    /// # Errors
    /// [`Error::TooMuchText`], [`Error::TooCompressed`].
    pub(crate) fn check(self, text_bytes: u64, object_bytes: u64) -> Result<(), Error> {
        let Self { text_bytes: limit_bytes, ratio } = self;
        if text_bytes > limit_bytes {
            return Err(Error::TooMuchText { limit_bytes });
        }
        if text_bytes > RATIO_FREE_BYTES && text_bytes > ratio.saturating_mul(object_bytes) {
            return Err(Error::TooCompressed { limit: ratio, object_bytes });
        }
        Ok(())
    }
}

/// Reads an object's text.
///
/// ```
/// use lakefront_cloudfront::{TextLimits, TextReader};
/// let object = b"#Version: 1.0\n";
/// let mut reader = TextReader::try_new(&object[..], object.len() as u64, TextLimits::default())?;
/// let mut text = [0; 64];
/// assert_eq!(reader.read(&mut text)?, object.len());
/// assert_eq!(reader.read(&mut text)?, 0);
/// # Ok::<(), lakefront_cloudfront::Error>(())
/// ```
#[derive(Debug)]
pub struct TextReader<R> {
    // `None` only while a member border is crossed, or after an error.
    state: Option<State<R>>,
    object_bytes: u64,
    limits: TextLimits,
    text_bytes: u64,
    // The first bytes of the text, until they are examined.
    head: Option<Vec<u8>>,
    is_gzip: bool,
}

type Compressed<R> = CountingReader<Chain<Cursor<Vec<u8>>, R>>;

#[derive(Debug)]
enum State<R> {
    Plain(Compressed<R>),
    /// Before the header of a member.
    Header(Compressed<R>),
    Gzip(Box<GzDecoder<Chain<Header, Compressed<R>>>>),
    End,
}

impl<R: BufRead> TextReader<R> {
    /// Begins to read `object`, whose size is `object_bytes`.
    ///
    /// # Errors
    /// [`Error::Read`] if `object` cannot be read.
    pub fn try_new(mut object: R, object_bytes: u64, limits: TextLimits) -> Result<Self, Error> {
        let mut head = Vec::with_capacity(MAGIC.len());
        object.by_ref().take(MAGIC.len() as u64).read_to_end(&mut head).map_err(Error::Read)?;
        let is_gzip = head == MAGIC;
        let source = CountingReader { inner: Cursor::new(head).chain(object), bytes: 0, failure: None };
        let state = if is_gzip { State::Header(source) } else { State::Plain(source) };
        Ok(Self { state: Some(state), object_bytes, limits, text_bytes: 0, head: Some(Vec::new()), is_gzip })
    }

    /// Returns whether the object is compressed.
    pub fn is_gzip(&self) -> bool {
        self.is_gzip
    }

    /// Fills `text` from its start and returns the number of bytes: fewer than `text` has only at the end.
    ///
    /// # Errors
    /// The verdict on the object; after an error the reader is at its end.
    pub fn read(&mut self, text: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < text.len() {
            let rest = &mut text[filled..];
            let count = self.read_some(rest)?;
            if self.head.is_some() {
                self.examine_head(&rest[..count])?;
            }
            if count == 0 {
                break;
            }
            filled += count;
            self.check_limits(count)?;
        }
        Ok(filled)
    }

    /// Takes the next bytes of the text, none at its end. Once its head is complete, refuses what is not text.
    fn examine_head(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(mut head) = self.head.take() else { return Ok(()) };
        head.extend(bytes.iter().take(HEAD_BYTES - head.len()));
        if head.len() < HEAD_BYTES && !bytes.is_empty() {
            self.head = Some(head);
            return Ok(());
        }
        refuse_packed(&head, self.is_gzip).inspect_err(|_verdict| self.state = Some(State::End))
    }

    fn check_limits(&mut self, count: usize) -> Result<(), Error> {
        self.text_bytes += count as u64;
        let checked = self.limits.check(self.text_bytes, self.object_bytes);
        checked.inspect_err(|_verdict| self.state = Some(State::End))
    }

    fn read_some(&mut self, text: &mut [u8]) -> Result<usize, Error> {
        loop {
            match self.state.take().unwrap_or(State::End) {
                State::End => {
                    self.state = Some(State::End);
                    return Ok(0);
                }
                State::Plain(mut source) => {
                    let count = source.read(text).map_err(|error| source.read_error(error))?;
                    self.state = Some(if count == 0 { State::End } else { State::Plain(source) });
                    return Ok(count);
                }
                State::Header(mut source) => match skip_header(&mut source) {
                    Ok(header) => self.state = Some(State::Gzip(Box::new(GzDecoder::new(header.chain(source))))),
                    Err(error) => return Err(Self::verdict(source, &error)),
                },
                State::Gzip(mut member) => match member.read(text) {
                    Ok(0) => self.state = Some(Self::next_member(member.into_inner().into_inner().1)?),
                    Ok(count) => {
                        self.state = Some(State::Gzip(member));
                        return Ok(count);
                    }
                    Err(error) => return Err(Self::verdict(member.into_inner().into_inner().1, &error)),
                },
            }
        }
    }

    /// Reads what follows a member: another one, padding to the end, or damage.
    fn next_member(mut source: Compressed<R>) -> Result<State<R>, Error> {
        let after_member = source.bytes;
        let next_byte = source.fill_buf().map(|bytes| bytes.first().copied());
        if next_byte.map_err(|error| source.read_error(error))? == Some(MAGIC[0]) {
            return Ok(State::Header(source));
        }
        loop {
            let padding = source.fill_buf().map(|bytes| (bytes.len(), bytes.iter().all(|&byte| byte == 0)));
            let (count, is_zero) = padding.map_err(|error| source.read_error(error))?;
            if count == 0 {
                return Ok(State::End);
            }
            if !is_zero {
                let why = "neither a gzip member nor zero padding after the last member".to_owned();
                return Err(Error::GzipCorrupt { byte: after_member, why });
            }
            source.consume(count);
        }
    }

    fn verdict(mut source: Compressed<R>, error: &io::Error) -> Error {
        if let Some(failure) = source.failure.take() {
            return Error::Read(failure);
        }
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Error::GzipTruncated { object_bytes: source.bytes };
        }
        Error::GzipCorrupt { byte: source.bytes, why: error.to_string() }
    }
}

/// Counts the bytes that are read, and keeps errors of the reader apart from those of the gzip decoder, which uses it.
#[derive(Debug)]
struct CountingReader<R> {
    inner: R,
    bytes: u64,
    failure: Option<io::Error>,
}

impl<R> CountingReader<R> {
    /// Keeps an error, and returns another one of its kind in its place.
    fn fail(&mut self, failure: io::Error) -> io::Error {
        let stand_in = failure.kind().into();
        self.failure = Some(failure);
        stand_in
    }

    fn read_error(&mut self, stand_in: io::Error) -> Error {
        Error::Read(self.failure.take().unwrap_or(stand_in))
    }
}

impl<R: BufRead> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fail(error)),
                Ok(count) => {
                    self.bytes += count as u64;
                    return Ok(count);
                }
            }
        }
    }
}

impl<R: BufRead> BufRead for CountingReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.inner.fill_buf() {
                Ok([]) => return Ok(&[]),
                // Asked again, it returns what is buffered: the borrow checker accepts no other way.
                Ok(_) => return self.inner.fill_buf(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    fn consume(&mut self, count: usize) {
        self.bytes += count as u64;
        self.inner.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read_all(object: &[u8]) -> Result<Vec<u8>, Error> {
        read_within(object, TextLimits::default())
    }

    fn read_within(object: &[u8], limits: TextLimits) -> Result<Vec<u8>, Error> {
        let mut reader = TextReader::try_new(object, object.len() as u64, limits)?;
        let (mut text, mut block) = (Vec::new(), vec![0; 1000]);
        loop {
            let count = reader.read(&mut block)?;
            text.extend_from_slice(&block[..count]);
            if count < block.len() {
                return Ok(text);
            }
        }
    }

    fn reason(object: &[u8]) -> &'static str {
        read_all(object).unwrap_err().reason().unwrap()
    }

    #[test]
    fn text_passes_as_it_is() {
        for text in [&b""[..], b"\x1f", b"a", b"line\n", &[b'x'; 5000]] {
            assert_eq!(read_all(text).unwrap(), text);
        }
    }

    #[test]
    fn all_members_are_read_and_padding_is_ignored() {
        let object = [gzip(b"one li"), gzip(b""), gzip(&[b'z'; 3000]), vec![0; 700]].concat();
        assert_eq!(read_all(&object).unwrap(), [&b"one li"[..], &[b'z'; 3000]].concat());
    }

    #[test]
    fn names_comments_and_extra_fields_of_any_length_are_skipped() {
        let long = vec![b'n'; 3 << 20];
        for (name, comment, extra) in
            [(0, 0, 65_535), (65_535, 0, 0), (65_536, 65_536, 100), (3 << 20, 3 << 20, 65_535)]
        {
            let mut builder = flate2::GzBuilder::new().filename(&long[..name]).comment(&long[..comment]);
            if extra > 0 {
                builder = builder.extra(&long[..extra]);
            }
            let mut encoder = builder.write(Vec::new(), Compression::fast());
            encoder.write_all(b"some text").unwrap();
            let object = encoder.finish().unwrap();
            assert!(object.len() > name + comment + extra);
            assert_eq!(read_all(&object).unwrap(), b"some text", "{name} {comment} {extra}");
            let twice = [gzip(b"first, "), object.clone()].concat();
            assert_eq!(read_all(&twice).unwrap(), b"first, some text", "{name} {comment} {extra}");
            for cut in [11, 13, object.len() / 2, object.len() - 20] {
                assert_eq!(reason(&object[..cut]), "gzip-truncated", "{name} {comment} {extra}, cut at {cut}");
            }
        }
    }

    #[test]
    fn every_cut_of_a_member_is_truncated() {
        let object = gzip(b"some text that is long enough to be compressed, compressed, compressed");
        for length in 2..object.len() {
            assert_eq!(reason(&object[..length]), "gzip-truncated", "cut at {length}");
        }
    }

    #[test]
    fn a_second_member_that_is_cut_is_truncated_and_not_padding() {
        let object = [gzip(b"first"), gzip(b"second")].concat();
        let first = gzip(b"first").len();
        for length in first + 1..object.len() {
            assert_eq!(reason(&object[..length]), "gzip-truncated", "cut at {length}");
        }
    }

    #[test]
    fn a_wrong_crc_or_length_and_bytes_after_the_last_member_are_damage() {
        let whole = gzip(b"some text");
        for from_end in [8, 5, 4, 1] {
            let mut object = whole.clone();
            let at = object.len() - from_end;
            object[at] ^= 0x55;
            assert_eq!(reason(&object), "gzip-corrupt", "byte {from_end} from the end");
        }
        assert_eq!(reason(&[&whole[..], b"\0\0x"].concat()), "gzip-corrupt");
        assert_eq!(reason(&[&whole[..], b"plain text"].concat()), "gzip-corrupt");
    }

    #[test]
    fn text_past_a_limit_fails_the_object() {
        let object = gzip(&[b'a'; 4000]);
        let limits = TextLimits { text_bytes: 3999, ..TextLimits::default() };
        assert!(matches!(read_within(&object, limits), Err(Error::TooMuchText { limit_bytes: 3999 })));
        let limits = TextLimits { text_bytes: 4000, ..TextLimits::default() };
        assert_eq!(read_within(&object, limits).unwrap().len(), 4000);
    }

    #[test]
    fn the_ratio_counts_only_past_64_mib_of_text() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let block = vec![b'a'; 1 << 20];
        for _ in 0..64 {
            encoder.write_all(&block).unwrap();
        }
        let free = encoder.finish().unwrap();
        let limits = TextLimits { ratio: 20, ..TextLimits::default() };
        assert_eq!(read_within(&free, limits).unwrap().len(), 64 << 20);
        let over = [free, gzip(b"a")].concat();
        assert!(matches!(read_within(&over, limits), Err(Error::TooCompressed { limit: 20, .. })));
        assert_eq!(read_all(&over).unwrap().len(), (64 << 20) + 1, "the default is 200");
    }

    #[test]
    fn other_packed_formats_are_named_however_they_are_read() {
        let message = |object: &[u8]| {
            let mut reader = TextReader::try_new(object, object.len() as u64, TextLimits::default()).unwrap();
            let mut byte = [0];
            let by_byte = loop {
                match reader.read(&mut byte) {
                    Ok(count) => assert_eq!(count, 1, "no verdict on {object:?}"),
                    Err(error) => break error.to_string(),
                }
            };
            assert_eq!(reader.read(&mut byte).unwrap(), 0, "it is at its end");
            let error = read_all(object).unwrap_err();
            assert_eq!((error.to_string(), error.reason()), (by_byte.clone(), Some("archive")));
            by_byte
        };
        let long = [&b"\x28\xb5\x2f\xfd"[..], &[7; 5000]].concat();
        assert_eq!(message(&long), "decompress: zstd archive: unpack it first");
        assert_eq!(message(&long[..4]), "decompress: zstd archive: unpack it first");
        assert_eq!(message(&gzip(b"PK\x03\x04")), "decompress: zip archive in gzip: unpack it first");
        assert_eq!(message(&gzip(&gzip(b"text"))), "decompress: gzip archive in gzip: unpack it first");
    }

    #[test]
    fn an_error_of_the_source_is_no_verdict() {
        let member = gzip(&[b'q'; 100]);
        for whole in [[&member[..], &member, &[0; 9]].concat(), b"plain text".to_vec()] {
            for length in 0..=whole.len() {
                let error =
                    read_all_of(Stuttering { rest: &whole[..length], is_interrupted: false, fails: true }).unwrap_err();
                assert!(error.reason().is_none(), "after {length} bytes: {error:?}");
                let Error::Read(failure) = error else { panic!("{error:?}") };
                assert_eq!(failure.to_string(), "cable pulled");
            }
        }
    }

    #[test]
    fn an_interrupted_source_is_asked_again() {
        let object = [gzip(&[b'q'; 100]), gzip(b"r"), vec![0; 9]].concat();
        let text = read_all_of(Stuttering { rest: &object, is_interrupted: false, fails: false }).unwrap();
        assert_eq!(text, [&[b'q'; 100][..], b"r"].concat());
    }

    /// Returns one byte at a time, after an interruption each, and at last fails or ends.
    struct Stuttering<'a> {
        rest: &'a [u8],
        is_interrupted: bool,
        fails: bool,
    }

    impl Read for Stuttering<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.is_interrupted = !self.is_interrupted;
            if self.is_interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let Some((byte, rest)) = self.rest.split_first() else {
                return if self.fails { Err(io::Error::other("cable pulled")) } else { Ok(0) };
            };
            self.rest = rest;
            buffer[0] = *byte;
            Ok(1)
        }
    }

    fn read_all_of(source: Stuttering<'_>) -> Result<Vec<u8>, Error> {
        let mut reader = TextReader::try_new(io::BufReader::new(source), 1000, TextLimits::default())?;
        let mut text = vec![0; 1000];
        let count = reader.read(&mut text)?;
        text.truncate(count);
        Ok(text)
    }
}
