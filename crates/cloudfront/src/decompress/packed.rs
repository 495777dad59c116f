//! Recognises objects that are not text by their first bytes: archives, and files of other programs.
//!
//! **Invariant.** A text is never taken for either: if the first bytes could be those of a text, it takes bytes that no text
//! has, or a checksum, to recognise a format.

use crate::Error;

/// Number of bytes that are examined, of an object or of what gzip unpacks: a header of tar.
pub(crate) const HEAD_BYTES: usize = 512;

const PARQUET: &str = "Parquet";

/// Kind of an object, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packed {
    /// Packed by another program than gzip, or packed twice.
    Archive(&'static str),
    /// Data in a format other than text.
    Data(&'static str),
}

/// First bytes of files that include a byte which no text has, so that they need no second look.
const MAGICS: &[(&[u8], Packed)] = &[
    (b"PK\x03\x04", Packed::Archive("zip")),
    (b"PK\x05\x06", Packed::Archive("zip")),
    (b"PK\x07\x08", Packed::Archive("zip")),
    (b"7z\xbc\xaf\x27\x1c", Packed::Archive("7z")),
    (b"Rar!\x1a\x07", Packed::Archive("rar")),
    (b"\xfd7zXZ\0", Packed::Archive("xz")),
    (b"\x5d\0\0", Packed::Archive("lzma")),
    (b"LZIP\x01", Packed::Archive("lzip")),
    (b"\x89LZO\0\r\n\x1a\n", Packed::Archive("lzop")),
    (b"\x28\xb5\x2f\xfd", Packed::Archive("zstd")),
    (b"\x27\xb5\x2f\xfd", Packed::Archive("zstd")),
    (b"\x26\xb5\x2f\xfd", Packed::Archive("zstd")),
    (b"\x25\xb5\x2f\xfd", Packed::Archive("zstd")),
    (b"\x37\xa4\x30\xec", Packed::Archive("zstd dictionary")),
    (b"\xff\x06\0\0sNaPpY", Packed::Archive("snappy")),
    (b"\x82SNAPPY\0", Packed::Archive("snappy")),
    (b"\x04\x22\x4d\x18", Packed::Archive("lz4")),
    (b"\x02\x21\x4c\x18", Packed::Archive("lz4")),
    (b"\x1f\x8b", Packed::Archive("gzip")),
    (b"\x1f\x9d", Packed::Archive("compress (.Z)")),
    (b"\x1f\xa0", Packed::Archive("compress (.Z)")),
    (b"\x1f\x1e", Packed::Archive("pack (.z)")),
    (b"!<arch>\n", Packed::Archive("ar")),
    (b"MSCF\0\0\0\0", Packed::Archive("cab")),
    (b"Obj\x01", Packed::Data("Avro")),
    (b"SQLite format 3\0", Packed::Data("SQLite")),
    (b"ARROW1\0\0", Packed::Data("Arrow")),
    (b"\x89HDF\r\n\x1a\n", Packed::Data("HDF5")),
    (b"\x89PNG\r\n\x1a\n", Packed::Data("PNG")),
    (b"\x7fELF", Packed::Data("ELF")),
];

/// Refuses an object that is packed in another way than gzip, or is not text at all. `head` has its first [`HEAD_BYTES`], or
/// all of it; of a gzip object those of the text in it.
///
/// # Errors
/// [`Error::Archive`] and [`Error::OtherData`].
pub(super) fn refuse_packed(head: &[u8], is_in_gzip: bool) -> Result<(), Error> {
    match look_at(head) {
        None => Ok(()),
        Some(Packed::Archive(format)) => Err(Error::Archive { format, is_in_gzip }),
        // Not compressed as a whole, it would be read.
        Some(Packed::Data(format)) if format == PARQUET => Err(Error::Archive { format, is_in_gzip }),
        Some(Packed::Data(format)) => Err(Error::OtherData { format }),
    }
}

/// Returns whether an object is a Parquet file; `head` has its first [`HEAD_BYTES`], or all of it.
pub(crate) fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(b"PAR1") && by_second_look(head) == Some(Packed::Data(PARQUET))
}

fn look_at(head: &[u8]) -> Option<Packed> {
    let found = MAGICS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, packed)| *packed);
    found.or_else(|| by_second_look(head))
}

/// Recognises formats whose first bytes could also be those of a text.
fn by_second_look(head: &[u8]) -> Option<Packed> {
    let is_binary = head.iter().any(|&byte| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'));
    let packed = match head {
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packed::Archive("zstd or lz4"),
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] if is_bzip2_block(rest) => Packed::Archive("bzip2"),
        [b'0', b'7', b'0', b'7', b'0', b'1' | b'2', rest @ ..] if is_digits(rest, 104, 16) => Packed::Archive("cpio"),
        [b'0', b'7', b'0', b'7', b'0', b'7', rest @ ..] if is_digits(rest, 70, 8) => Packed::Archive("cpio"),
        [b'P', b'A', b'R', b'1' | b'E', ..] if is_binary => Packed::Data(PARQUET),
        [b'O', b'R', b'C', ..] if is_binary => Packed::Data("ORC"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] if head.contains(&0) => Packed::Data("UTF-16"),
        _ if is_tar(head) => Packed::Archive("tar"),
        _ => return None,
    };
    Some(packed)
}

/// Returns whether this is the magic of a block, or of the end of an empty file.
fn is_bzip2_block(rest: &[u8]) -> bool {
    rest.starts_with(b"1AY&SY") || rest.starts_with(b"\x17\x72\x45\x38\x50\x90")
}

/// Returns whether the first `count` bytes are digits: a header of cpio has nothing else, and a log has a TAB or a line end
/// there.
fn is_digits(rest: &[u8], count: usize, radix: u32) -> bool {
    rest.get(..count).is_some_and(|digits| digits.iter().all(|&digit| char::from(digit).is_digit(radix)))
}

/// Returns whether this is a header of tar, of any age: NULs fill up the name, and the checksum is right.
fn is_tar(head: &[u8]) -> bool {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    let Some(header) = head.first_chunk::<HEAD_BYTES>().filter(|header| header.contains(&0)) else { return false };
    let digits: String = header[CHECKSUM].iter().map(|&digit| char::from(digit)).collect();
    let Ok(checksum) = i64::from_str_radix(digits.trim_matches([' ', '\0']), 8) else { return false };
    let byte_at = |at: usize, byte: u8| if CHECKSUM.contains(&at) { b' ' } else { byte };
    let bytes = || header.iter().enumerate().map(|(at, &byte)| byte_at(at, byte));
    // Some old programs added bytes as signed numbers.
    let (unsigned, signed) =
        (bytes().map(i64::from).sum::<i64>(), bytes().map(|byte| i64::from(byte.cast_signed())).sum::<i64>());
    checksum == unsigned || checksum == signed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of tar, with the magic of POSIX or without.
    fn tar_header(magic: &[u8]) -> Vec<u8> {
        let mut header = vec![0; HEAD_BYTES];
        header[..28].copy_from_slice(b"E1EXAMPLE.2024-05-17-10.a.gz");
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(b"00000000123");
        header[257..257 + magic.len()].copy_from_slice(magic);
        let sum: u64 = header.iter().map(|&byte| u64::from(byte)).sum::<u64>() + 8 * u64::from(b' ');
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        header
    }

    #[test]
    fn archives_are_known_by_their_first_bytes() {
        for (magic, _) in MAGICS {
            assert!(look_at(magic).is_some(), "{magic:?}");
        }
        let cpio = format!("070701{}", "0123456789abcdef".repeat(7));
        let odc = format!("070707{}", "01234567".repeat(9));
        for (head, format) in [
            (&b"PK\x03\x04rest"[..], "zip"),
            (b"\x28\xb5\x2f\xfd\x04", "zstd"),
            (b"\x50\x2a\x4d\x18\x04", "zstd or lz4"),
            (b"BZh51AY&SY\xff", "bzip2"),
            (b"BZh9\x17\x72\x45\x38\x50\x90", "bzip2"),
            (cpio.as_bytes(), "cpio"),
            (odc.as_bytes(), "cpio"),
            (&tar_header(b"ustar\x0000"), "tar"),
            (&tar_header(b"ustar  \0"), "tar"),
            (&tar_header(b""), "tar"),
        ] {
            assert_eq!(look_at(head), Some(Packed::Archive(format)), "{head:?}");
        }
        for (head, format) in
            [(&b"PAR1\x15\x04"[..], "Parquet"), (b"ORC\x0a\x03", "ORC"), (b"\xff\xfe#\0F\0", "UTF-16")]
        {
            assert_eq!(look_at(head), Some(Packed::Data(format)), "{head:?}");
        }
    }

    #[test]
    fn no_text_is_taken_for_an_archive() {
        let ustar = format!("{}ustar{}", "x".repeat(257), "0".repeat(300));
        let padded = format!("070701\t2024-05-17{}", "0".repeat(200));
        for text in [
            "",
            "#Version: 1.0\n#Fields: date time\n",
            "2024-05-17\t10:00:00\tPAR1-C1\n",
            "PAR1-C1\t2024-05-17\t10:00:00\r\n",
            "ORC52\t2024-05-17\n",
            "BZh9 is no bzip2\n",
            "PK\t1\n",
            "]\t\n",
            "7z\tx\n",
            "Rar! \n",
            "070701\t2024-05-17\n",
            &padded,
            &ustar,
            "\u{feff}#Fields: date\n",
            "{\"date\":\"2024-05-17\"}\n",
        ] {
            assert_eq!(look_at(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(look_at(&[0; HEAD_BYTES]), None, "NULs are not a tar header, as their checksum is wrong");
        let mut wrong_checksum = tar_header(b"");
        wrong_checksum[0] = b'X';
        assert_eq!(look_at(&wrong_checksum), None);
    }
}
