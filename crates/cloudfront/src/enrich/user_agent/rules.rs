//! Compiles the vendored rules: an unescaped user agent in, its families out.

use std::borrow::Cow;
use std::sync::LazyLock;

use ua_parser::{Error, device, os, user_agent};

use super::{UNKNOWN_FAMILY, UserAgent, unescape};

/// The rules: sections that begin with `@name`, then one rule a line, tab-separated: regular expression, for devices its
/// flag, replacement; `-` for none.
const VENDORED: &str = include_str!("../../../data/user-agent-rules.txt");

static EMBEDDED: UserAgentRules = UserAgentRules {
    browser: LazyLock::new(|| vendored(compile_browser_rules())),
    os: LazyLock::new(|| vendored(compile_os_rules())),
    device: LazyLock::new(|| vendored(compile_device_rules())),
};

/// uap-core's rules. They are compiled at first use, and any number of threads may share them.
///
/// Compiled, they take about 25 MiB; the automata that grow while they are used take up to 40 MiB more for each thread.
/// The time of a classification grows linearly with the string, at worst by about 2.5 milliseconds a KiB.
pub struct UserAgentRules {
    browser: LazyLock<user_agent::Extractor<'static>>,
    os: LazyLock<os::Extractor<'static>>,
    device: LazyLock<device::Extractor<'static>>,
}

impl UserAgentRules {
    /// Functions that each compile one part of the [`embedded`](Self::embedded) rules, unless that is done already.
    ///
    /// Calling them is optional: a classification compiles what it misses. They can run at the same time as other work, in any number of
    /// threads, the longest first.
    pub const PARTS: [fn(); 3] = [
        || _ = LazyLock::force(&EMBEDDED.device),
        || _ = LazyLock::force(&EMBEDDED.browser),
        || _ = LazyLock::force(&EMBEDDED.os),
    ];

    /// Returns the rules that are part of this program. The first classification also compiles them, in about 0.1 seconds.
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// Classifies a user agent as logged, that is, percent-escaped; `-` and the empty string are [`UserAgent::unknown`].
    pub fn classify(&self, logged: &str) -> UserAgent {
        if matches!(logged, "" | "-") {
            return UserAgent::unknown();
        }
        let user_agent = unescape(logged);
        let browser = self.browser.extract(&user_agent).map(|browser| browser.family);
        let os = self.os.extract(&user_agent).map(|os| os.os);
        let device = self.device.extract(&user_agent).map(|device| device.device);
        UserAgent {
            browserfamily: family_or_unknown(browser),
            osfamily: family_or_unknown(os),
            is_bot: device.is_some_and(|device| device == "Spider"),
        }
    }
}

/// Returns the family, or `Other`: also for a rule whose group matched nothing, which gives an empty family.
fn family_or_unknown(family: Option<Cow<'_, str>>) -> Box<str> {
    family.filter(|family| !family.is_empty()).map_or_else(|| UNKNOWN_FAMILY.into(), Into::into)
}

fn vendored<T>(compiled: Result<T, Error>) -> T {
    compiled.expect("the rules are part of the program, and a test compiles them")
}

/// Returns a rule's regular expression, its first cell.
fn regex(cells: &mut impl Iterator<Item = Option<Cow<'static, str>>>) -> Cow<'static, str> {
    cells.next().flatten().expect("every vendored rule has a regular expression")
}

fn compile_browser_rules() -> Result<user_agent::Extractor<'static>, Error> {
    let rules = section("browser").map(|mut cells| user_agent::Parser {
        regex: regex(&mut cells),
        family_replacement: cells.next().flatten(),
        ..Default::default()
    });
    Ok(user_agent::Builder::new().push_all(rules)?.build()?)
}

fn compile_os_rules() -> Result<os::Extractor<'static>, Error> {
    let rules = section("os").map(|mut cells| os::Parser {
        regex: regex(&mut cells),
        os_replacement: cells.next().flatten(),
        ..Default::default()
    });
    Ok(os::Builder::new().push_all(rules)?.build()?)
}

fn compile_device_rules() -> Result<device::Extractor<'static>, Error> {
    let rules = section("device").map(|mut cells| device::Parser {
        regex: regex(&mut cells),
        regex_flag: cells.next().flatten().map(|_| device::Flag::IgnoreCase),
        device_replacement: cells.next().flatten(),
        ..Default::default()
    });
    Ok(device::Builder::new().push_all(rules)?.build()?)
}

/// Returns the rules of one section, in the order in which they are tried, as cells; `None` for a cell that is `-`.
fn section(name: &str) -> impl Iterator<Item = impl Iterator<Item = Option<Cow<'static, str>>>> {
    VENDORED
        .lines()
        .skip_while(move |line| line.strip_prefix('@').and_then(|title| title.split('\t').next()) != Some(name))
        .skip(1)
        .take_while(|line| !line.starts_with('@'))
        .map(|line| line.split('\t').map(|cell| (cell != "-").then_some(Cow::Borrowed(cell))))
}

#[cfg(test)]
mod tests;
