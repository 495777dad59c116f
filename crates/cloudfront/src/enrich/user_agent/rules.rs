//! Finds the families of an unescaped user agent with the vendored rules.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::{UNKNOWN_FAMILY, UserAgent, unescape};

use self::{
    prefilter::Prefilter,
    rule::{Rule, Section},
};

mod prefilter;
mod rule;

/// The rules: sections that begin with `@name`, then one rule a line, tab-separated: regular expression, for devices its
/// flag, replacement; `-` for none.
const VENDORED: &str = include_str!("../../../data/user-agent-rules.txt");

static EMBEDDED: LazyLock<UserAgentRules> =
    LazyLock::new(|| UserAgentRules { prefilter: Prefilter::embedded(), rules: vendored().collect() });

/// uap-core's rules. Any number of threads may share them.
///
/// A rule is compiled when a user agent first contains the literals that each match of the rule contains. That takes about
/// 0.15 milliseconds.
///
/// Before any rule is compiled, the rules take 1 MiB; with those that a thousand different user agents need about 10 MiB,
/// and with all of them 26 MiB. The automata that grow while they are used take up to 40 MiB more for each thread.
/// The time of a classification grows linearly with the string, at worst by about 4 milliseconds a KiB.
pub struct UserAgentRules {
    prefilter: Prefilter,
    /// In the order in which they are tried, by section.
    rules: Vec<Rule>,
}

impl UserAgentRules {
    /// Returns the rules that are part of this program. The first call takes about 7 milliseconds.
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// Classifies a user agent as logged, that is, percent-escaped; `-` and the empty string are [`UserAgent::unknown`].
    pub fn classify(&self, logged: &str) -> UserAgent {
        if matches!(logged, "" | "-") {
            return UserAgent::unknown();
        }
        let user_agent = unescape(logged);
        let [browser, os, device] = self.first_matches(&user_agent).map(|rule| Some(rule?.family(&user_agent)));
        UserAgent {
            browserfamily: family_or_unknown(browser),
            osfamily: family_or_unknown(os),
            is_bot: device.is_some_and(|device| device == "Spider"),
        }
    }

    /// Returns the first rule of each section that matches.
    fn first_matches(&self, user_agent: &str) -> [Option<&Rule>; 3] {
        let mut first = [None; 3];
        for index in self.prefilter.candidates(user_agent) {
            let rule = &self.rules[usize::from(index)];
            let first = &mut first[rule.section as usize];
            if first.is_none() && rule.is_match(user_agent) {
                *first = Some(rule);
            }
        }
        first
    }
}

/// Returns the family, or `Other`: also for a rule whose group matched nothing, which gives an empty family.
fn family_or_unknown(family: Option<Cow<'static, str>>) -> Box<str> {
    family.filter(|family| !family.is_empty()).map_or_else(|| UNKNOWN_FAMILY.into(), Into::into)
}

/// Returns the vendored rules, in the order of the file.
fn vendored() -> impl Iterator<Item = Rule> {
    let sections = [("browser", Section::Browser), ("os", Section::Os), ("device", Section::Device)];
    sections.into_iter().flat_map(|(name, kind)| {
        section(name).map(move |mut cells| {
            let pattern = cells.next().flatten().expect("every vendored rule has a regular expression");
            let ignores_case = kind == Section::Device && cells.next().flatten().is_some();
            Rule::new(kind, pattern, ignores_case, cells.next().flatten())
        })
    })
}

/// Returns the rules of one section, in the order in which they are tried, as cells; `None` for a cell that is `-`.
fn section(name: &str) -> impl Iterator<Item = impl Iterator<Item = Option<&'static str>>> {
    VENDORED
        .lines()
        .skip_while(move |line| line.strip_prefix('@').and_then(|title| title.split('\t').next()) != Some(name))
        .skip(1)
        .take_while(|line| !line.starts_with('@'))
        .map(|line| line.split('\t').map(|cell| (cell != "-").then_some(cell)))
}

#[cfg(test)]
mod tests;
