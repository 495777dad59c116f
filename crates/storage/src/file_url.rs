//! `file://` URLs: the path that a typed path or URL names, and the URL of a path.
//!
//! **Invariants**
//! - [`file_url`] gives a URL that [`local_path`] reads back to the same path.
//! - [`file_url`] lets no control character and no invisible character through.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use percent_encoding::{percent_decode_str, percent_encode_byte};

use crate::Error;
use crate::error::{LocationFlaw, Operation};
use crate::printable::{is_visible, printable};

/// Start of the URLs of all local files, and the source of every object that a source without an id gives.
pub(crate) const FILE_SCHEME: &str = "file://";

/// Returns the path in a typed path or `file://` URL; resolves nothing.
///
/// # Errors
///
/// [`Error::UnsupportedScheme`], or [`Error::BadLocation`] for a URL that is not valid.
pub(crate) fn local_path(doing: Operation, text: &str) -> Result<PathBuf, Error> {
    let bad = |flaw| Error::BadLocation { doing, location: printable(Path::new(text)), flaw };
    if text.is_empty() {
        return Err(bad(LocationFlaw::Empty));
    }
    let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        return Ok(PathBuf::from(text));
    };
    if !scheme.eq_ignore_ascii_case("file") {
        return Err(Error::UnsupportedScheme { doing, scheme: scheme.into() });
    }
    let path = match rest.find('/') {
        Some(slash) if ["", "localhost"].contains(&&rest[..slash]) => &rest[slash..],
        _ => return Err(bad(LocationFlaw::OtherMachine)),
    };
    let bytes = percent_decoded(path).ok_or_else(|| bad(LocationFlaw::BadPercent))?;
    Ok(PathBuf::from(OsString::from_vec(bytes)))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Decodes percent-encoded text; `None` if a `%` is not followed by two hexadecimal digits.
pub(crate) fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let is_valid = |after: &str| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    text.split('%').skip(1).all(is_valid).then(|| percent_decode_str(text).collect())
}

/// Returns the printable URL of an absolute path: what is not plain in a URL or on a terminal is percent-encoded.
pub(crate) fn file_url(path: &[u8]) -> String {
    let mut url = String::with_capacity(path.len() + FILE_SCHEME.len());
    url.push_str(FILE_SCHEME);
    let encoded = |bytes: &[u8]| bytes.iter().copied().map(percent_encode_byte).collect::<String>();
    for chunk in path.utf8_chunks() {
        for symbol in chunk.valid().chars() {
            let is_plain = if symbol.is_ascii() {
                symbol.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@".contains(symbol)
            } else {
                is_visible(symbol)
            };
            if is_plain {
                url.push(symbol);
            } else {
                url.push_str(&encoded(symbol.encode_utf8(&mut [0; 4]).as_bytes()));
            }
        }
        url.push_str(&encoded(chunk.invalid()));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_nothing_that_a_terminal_obeys() {
        let url = file_url("/a\u{1b}[2J\n\u{202e}\u{9b}\u{200b}\u{feff}é日".as_bytes());
        assert!(url.ends_with("é日"), "{url}");
        assert!(url.chars().all(|symbol| symbol.is_ascii_graphic() || "é日".contains(symbol)), "{url}");
        assert_eq!(file_url(b"/x#1 \xff%"), "file:///x%231%20%FF%25");
    }

    #[test]
    fn a_percent_sign_without_two_digits_is_refused() {
        assert_eq!(percent_decoded("/a%20b%fF").unwrap(), b"/a b\xff");
        for text in ["%", "%2", "a%2", "%zz", "%%41", "%2%41", "%+1"] {
            assert_eq!(percent_decoded(text), None, "{text}");
        }
    }
}
