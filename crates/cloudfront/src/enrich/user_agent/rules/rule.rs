//! One rule: whether it matches a user agent, and the family that it gives.

use std::{
    borrow::Cow,
    sync::{LazyLock, OnceLock},
};

use regex::{Captures, Regex, RegexBuilder};

/// The part of an answer that a rule gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Browser,
    Os,
    Device,
}

/// A rule of uap-core. Its regular expression is compiled when it is first needed, once for all threads.
pub(super) struct Rule {
    pub(super) section: Section,
    pattern: &'static str,
    pub(super) ignores_case: bool,
    family: Family,
    regex: OnceLock<Regex>,
}

/// The family that a rule gives.
enum Family {
    Fixed(&'static str),
    /// A text with `$1` for the first group, and so on.
    Template(&'static str),
    FirstGroup,
}

impl Rule {
    /// Returns a rule that is not compiled yet; `replacement` is its family, by default the first group.
    pub(super) fn new(
        section: Section,
        pattern: &'static str,
        ignores_case: bool,
        replacement: Option<&'static str>,
    ) -> Self {
        let family = match replacement {
            None => Family::FirstGroup,
            Some(text) if text.contains('$') => Family::Template(text),
            Some(text) => Family::Fixed(text),
        };
        Self { section, pattern, ignores_case, family, regex: OnceLock::new() }
    }

    /// Returns whether the rule matches this user agent.
    pub(super) fn is_match(&self, user_agent: &str) -> bool {
        self.regex().is_match(user_agent)
    }

    /// Returns the family of a user agent that the rule matches. It is empty if its group is empty.
    pub(super) fn family(&self, user_agent: &str) -> Cow<'static, str> {
        match self.family {
            Family::Fixed(text) => text.into(),
            Family::Template(text) => self.expand(text, user_agent).into(),
            Family::FirstGroup => first_group(&self.captures(user_agent)).to_owned().into(),
        }
    }

    #[cfg(test)]
    pub(super) fn is_compiled(&self) -> bool {
        self.regex.get().is_some()
    }

    fn expand(&self, template: &str, user_agent: &str) -> String {
        let captures = self.captures(user_agent);
        // uap-core's specification: only the first group can be part of a browser's family.
        if self.section == Section::Browser {
            return template.replace("$1", first_group(&captures));
        }
        let mut family = String::new();
        captures.expand(template, &mut family);
        family.trim().to_owned()
    }

    fn captures<'u>(&self, user_agent: &'u str) -> Captures<'u> {
        self.regex().captures(user_agent).expect("a rule's family is asked for after the rule matched")
    }

    fn regex(&self) -> &Regex {
        self.regex.get_or_init(|| {
            let regex = RegexBuilder::new(&self.rewritten()).case_insensitive(self.ignores_case).build();
            regex.expect("the rules are part of the program, and a test compiles them")
        })
    }

    /// Returns the regular expression as the crate `ua-parser` rewrites it: `\d` and `\w` are ASCII, and a repetition
    /// of up to 100 or more has no upper limit. Otherwise the compiled rules would be several times as large.
    pub(super) fn rewritten(&self) -> Cow<'static, str> {
        // An escape is matched as a whole, so `\\d` is a backslash and a letter, and `\{` does not begin a repetition.
        static REWRITTEN: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\\.|\{[01],[0-9]{3,}\}").expect("a valid regular expression"));
        REWRITTEN.replace_all(self.pattern, |found: &Captures<'_>| {
            let replaced = match &found[0] {
                r"\d" => "[0-9]",
                r"\D" => "[^0-9]",
                r"\w" => "[A-Za-z0-9_]",
                r"\W" => "[^A-Za-z0-9_]",
                repetition if repetition.starts_with("{0") => "*",
                repetition if repetition.starts_with("{1") => "+",
                other_escape => other_escape,
            };
            replaced.to_owned()
        })
    }
}

fn first_group<'u>(captures: &Captures<'u>) -> &'u str {
    captures.get(1).map_or("", |group| group.as_str())
}
