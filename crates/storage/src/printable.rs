//! Text that a terminal can show: names and paths with control characters and invisible characters escaped.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Returns a name as it is shown: control characters and all else that a terminal obeys are escaped.
pub fn printable_name(name: &str) -> String {
    printable(Path::new(name))
}

/// Returns a path as a person types it, with control characters, invisible characters and bytes that are not UTF-8 escaped.
pub(crate) fn printable(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for symbol in chunk.valid().chars() {
            if is_visible(symbol) {
                text.push(symbol);
            } else {
                text.push_str(&escaped_symbol(symbol));
            }
        }
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("writing to a string cannot fail");
        }
    }
    text
}

/// Returns whether a terminal draws the character as itself. It does not draw control, format, bidirectional and
/// unassigned characters.
pub fn is_visible(symbol: char) -> bool {
    // Letters to Unicode, but fillers that are drawn as nothing.
    const FILLERS: &str = "\u{115f}\u{1160}\u{3164}\u{ffa0}";
    "\"'\\".contains(symbol) || (symbol.escape_debug().len() == 1 && !FILLERS.contains(symbol))
}

/// Returns an invisible character as text: `\u{202e}`, or `\t` and the like.
pub fn escaped_symbol(symbol: char) -> String {
    let short = symbol.escape_debug();
    // The standard library takes fillers for letters.
    if short.len() == 1 { symbol.escape_unicode().to_string() } else { short.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_with_its_blanks_and_quotes_and_without_what_a_terminal_obeys() {
        let shown = printable(Path::new("/a\u{1b}[2J\n\u{202e}\u{9b}\u{200b}\u{feff}é日"));
        assert!(shown.ends_with("é日"), "{shown}");
        assert!(shown.chars().all(|symbol| symbol.is_ascii_graphic() || "é日".contains(symbol)), "{shown}");
        assert_eq!(printable(Path::new("/my logs/it's")), "/my logs/it's");
    }
}
