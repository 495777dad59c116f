//! Escapes the characters of a text that a terminal interprets, hides or reorders. All output, and all JSON for people,
//! goes through [`escaped`].
//!
//! | | U+009B is written as | reading it back |
//! |---|---|---|
//! | [`Escapes::Text`] | `\u{9b}` | not supported |
//! | [`Escapes::Json`], also for SQL | `\u009b` | returns the same value |
//! | [`Escapes::Toml`] | `\u009B` | returns the same value |

use std::{borrow::Cow, fmt::Write as _};

use lakefront_storage::{escaped_symbol, is_visible};
use serde::Serialize;

/// Notation of an escaped character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// In text for people.
    Text,
    /// As in strings of JSON. Athena, Hive and Spark read it in SQL literals as well.
    Json,
    /// As in basic strings of TOML.
    Toml,
}

/// Returns a text with every invisible character except line ends escaped: control characters (DEL and C1 included),
/// and characters that have no width, change the direction of writing, or are unassigned.
///
/// A text in JSON, SQL or TOML keeps its meaning, as such characters occur only in its strings.
pub fn escaped(text: &str, how: Escapes) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for symbol in text.chars() {
        if symbol == '\n' || is_visible(symbol) {
            out.push(symbol);
        } else {
            push_escaped(&mut out, symbol, how);
        }
    }
    Cow::Owned(out)
}

fn push_escaped(out: &mut String, symbol: char, how: Escapes) {
    let written = match how {
        Escapes::Text => write!(out, "{}", escaped_symbol(symbol)),
        Escapes::Json => {
            let mut units = [0; 2];
            symbol.encode_utf16(&mut units).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))
        }
        Escapes::Toml => match u32::from(symbol) {
            number @ ..=0xffff => write!(out, "\\u{number:04X}"),
            number => write!(out, "\\U{number:08X}"),
        },
    };
    written.expect("writing to a String cannot fail");
}

const HAS_JSON_FORM: &str = "this program only serializes structs of texts and numbers, which have a JSON form";

/// Returns a value as escaped JSON, indented.
pub fn json_text(value: &impl Serialize) -> String {
    let json = serde_json::to_string_pretty(value).expect(HAS_JSON_FORM);
    escaped(&json, Escapes::Json).into_owned()
}

/// Returns a value as escaped JSON, in one line.
pub fn json_line(value: &impl Serialize) -> Vec<u8> {
    let json = serde_json::to_string(value).expect(HAS_JSON_FORM);
    escaped(&json, Escapes::Json).into_owned().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ESC, DEL, NEL, CSI, right-to-left override, zero width space, byte order mark, a tag outside of the basic plane.
    const HOSTILE: &str = "a\u{1b}[31m\u{7f}\u{85}\u{9b}1m\u{202e}\u{200b}\u{feff}\u{e0041}z";

    #[test]
    fn only_control_and_invisible_characters_are_escaped() {
        assert_eq!(
            escaped(HOSTILE, Escapes::Text),
            r"a\u{1b}[31m\u{7f}\u{85}\u{9b}1m\u{202e}\u{200b}\u{feff}\u{e0041}z"
        );
        assert_eq!(escaped("\u{115f}\u{3164}", Escapes::Text), r"\u{115f}\u{3164}", "fillers are drawn as nothing");
        for plain in ["", "two\nlines", "it's \"fine\" \\", "日本語 é 🎉"] {
            assert_eq!(escaped(plain, Escapes::Text), plain);
            assert_eq!(escaped(plain, Escapes::Json), plain);
        }
        assert_eq!(escaped("a\tb\rc", Escapes::Text), r"a\tb\rc");
    }

    #[test]
    fn escaped_json_and_toml_are_the_same_values() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE, "日本語\ttab\nend"] });
        let json = json_text(&value);
        assert!(json.chars().all(|symbol| symbol == '\n' || is_visible(symbol)), "{json:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
        assert_eq!(escaped("x = \"\u{7f}\u{e0041}\"\n", Escapes::Toml), "x = \"\\u007F\\U000E0041\"\n");
    }
}
