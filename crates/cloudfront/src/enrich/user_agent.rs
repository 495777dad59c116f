//! A user agent in; its browser, its operating system, and whether it is a bot, out.
//!
//! **Invariants**
//!
//! - The answer depends on the logged string alone: the rules are embedded, and a cache never changes an answer.
//! - The rules see the whole unescaped string, so a bot's name is found anywhere in it.
//!
//! **Not here**: the rules themselves. They are in `data/user-agent-rules.txt`, which `scripts/vendor_user_agent_rules.py`
//! writes.

use std::borrow::Cow;

use percent_encoding::percent_decode;

mod cache;
mod rules;

pub use cache::{Families, UserAgentCache};
pub use rules::UserAgentRules;

/// Name of a family that no rule knows.
const UNKNOWN_FAMILY: &str = "Other";

/// The sender of a user agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserAgent {
    /// The browser's or program's family, such as `Chrome Mobile`; `Other` if no rule knows it.
    pub browserfamily: Box<str>,
    /// The operating system's family, such as `iOS`; `Other` if no rule knows it.
    pub osfamily: Box<str>,
    /// Whether the device is of the family `Spider`.
    pub is_bot: bool,
}

impl UserAgent {
    /// Returns the answer if no user agent was sent or logged: `Other`, `Other`, not a bot.
    pub fn unknown() -> Self {
        Self { browserfamily: UNKNOWN_FAMILY.into(), osfamily: UNKNOWN_FAMILY.into(), is_bot: false }
    }
}

/// Returns the user agent as it was sent, from the percent-escaped form that logs have. Bytes that are not UTF-8 become
/// U+FFFD.
///
/// Logs of 2013-2020 escaped blanks, quotes and backslashes twice (`%2520`). Such a log is recognised after one decoding:
/// there is no blank, but a `%20`. In newer logs `%2520` is a `%20` that the viewer sent, and there are blanks too.
pub fn unescape(logged: &str) -> Cow<'_, str> {
    let once = match Cow::<[u8]>::from(percent_decode(logged.as_bytes())) {
        Cow::Borrowed(_) => Cow::Borrowed(logged),
        Cow::Owned(decoded) => Cow::Owned(String::from_utf8_lossy(&decoded).into_owned()),
    };
    if once.contains(' ') || !once.contains("%20") {
        return once;
    }
    // A replacement is never part of an escape, so the order of the three does not matter.
    Cow::Owned(once.replace("%20", " ").replace("%22", "\"").replace("%5C", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_without_escapes_is_not_copied() {
        assert!(matches!(unescape("curl/8.5.0"), Cow::Borrowed("curl/8.5.0")));
        assert!(matches!(unescape(""), Cow::Borrowed("")));
    }

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(unescape("Mozilla/5.0%20(X11;%20Linux%20x86_64)"), "Mozilla/5.0 (X11; Linux x86_64)");
        assert_eq!(unescape("a%2fb%2Fc"), "a/b/c");
        assert_eq!(unescape("%22quoted%22%09tab"), "\"quoted\"\ttab");
        assert_eq!(unescape("caf%C3%A9"), "café");
    }

    #[test]
    fn a_plus_stays_a_plus() {
        assert_eq!(unescape("bot%20(+http://www.example.com/bot)"), "bot (+http://www.example.com/bot)");
    }

    #[test]
    fn a_doubly_escaped_string_of_an_old_log_is_decoded_twice() {
        assert_eq!(unescape("Mozilla/5.0%2520(X11;%2520Linux)"), "Mozilla/5.0 (X11; Linux)");
        assert_eq!(unescape("%2522a%2522%2520b%255Cc"), "\"a\" b\\c");
    }

    #[test]
    fn the_second_decoding_knows_three_escapes_only() {
        assert_eq!(unescape("a%2520b%252Fc%255cd%2541"), "a b%2Fc%5cd%41");
        assert_eq!(unescape("a%252520b"), "a%2520b", "no log escapes three times");
    }

    #[test]
    fn a_literal_percent_20_beside_blanks_stays() {
        assert_eq!(unescape("My%2520App/1.0%20(iPhone)"), "My%20App/1.0 (iPhone)");
        assert_eq!(unescape("My%2520App/1.0 (iPhone)"), "My%20App/1.0 (iPhone)");
    }

    #[test]
    fn without_a_percent_20_nothing_is_decoded_twice() {
        assert_eq!(unescape("say%2522hi%2522"), "say%22hi%22");
    }

    #[test]
    fn a_broken_escape_stays_as_it_is() {
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(unescape("%2"), "%2");
        assert_eq!(unescape("%zz%4"), "%zz%4");
        assert_eq!(unescape("%%41"), "%A");
        assert_eq!(unescape("%4%41"), "%4A");
        assert_eq!(unescape("%é%41"), "%éA");
    }

    #[test]
    fn bytes_that_are_not_utf8_become_the_replacement_character() {
        assert_eq!(unescape("a%FFb%E9"), "a\u{FFFD}b\u{FFFD}");
        assert_eq!(unescape("%C3é"), "\u{FFFD}é", "an escaped byte does not join unescaped ones");
        assert_eq!(unescape("%00"), "\0");
    }
}
