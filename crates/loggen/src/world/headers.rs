//! Headers that viewers send: user agents, referers, cookies.

use super::{Stream, WORDS};
use crate::{
    escape::Header,
    random::{Choice, Random},
};

/// The header values of the world.
#[derive(Debug)]
pub(crate) struct Headers {
    /// In order of popularity; the last one is absent, `-`.
    pub(crate) user_agents: Vec<UserAgent>,
    /// In order of popularity.
    pub(crate) referers: Vec<Header>,
    pub(crate) referer_choice: Choice,
    /// Prefixes of cookies: a number follows.
    pub(crate) cookies: Vec<Header>,
    pub(crate) cookie_choice: Choice,
}

/// A user agent and its kind of program.
#[derive(Debug)]
pub(crate) struct UserAgent {
    pub(crate) text: Header,
    /// Whether a person uses it: it sends referers and cookies, and speaks HTTP/2 and HTTP/3.
    pub(crate) is_browser: bool,
}

/// One user agent a line, as on the wire, the most common first.
const USER_AGENTS: &str = include_str!("../../data/user-agents.txt");

const COOKIES: [&str; 6] = [
    "session=",
    "theme=dark; lang=en; session=",
    "lang=de; consent=yes; _visit=1.",
    r#"prefs={"currency":"EUR","rows":50}; session="#,
    "CloudFront-Key-Pair-Id=K1EXAMPLE2ABCD; session=",
    "cart=3%2C17%2C42; seen=",
];

const NUM_REFERERS: u32 = 1000;

impl Headers {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(&[seed, Stream::Headers as u64]);
        let lines = USER_AGENTS.lines().filter(|line| !line.is_empty());
        let user_agents =
            lines.chain(["-"]).map(|wire| UserAgent { text: Header::new(wire), is_browser: is_browser(wire) });
        Self {
            user_agents: user_agents.collect(),
            referers: (0..NUM_REFERERS).map(|_| Header::new(&referer(&mut random))).collect(),
            referer_choice: Choice::zipf(NUM_REFERERS, 2),
            cookies: COOKIES.into_iter().map(Header::new).collect(),
            cookie_choice: Choice::zipf(6, 1),
        }
    }
}

fn is_browser(wire: &str) -> bool {
    let is_robot =
        ["http:", "https:", "compatible", "@", "zgrab", "HeadlessChrome"].iter().any(|sign| wire.contains(sign));
    wire.starts_with("Mozilla/5.0 (") && !is_robot
}

fn referer(random: &mut Random) -> String {
    let top = random.pick(&["com", "com", "org", "net"]);
    let (one, two) = (random.pick(&WORDS), random.pick(&WORDS));
    let number = random.below(5000);
    match random.below(12) {
        0..4 => format!("https://{one}.example.{top}/"),
        4..7 => format!("https://{one}.example.{top}/products/{two}-{number}"),
        7 => format!("https://{one}.example.{top}/blog/{two}/{number}?utm_source=newsletter&utm_campaign={one}"),
        8 => "https://search.example.com/".to_owned(),
        9 => format!("https://search.example.com/results?q={one}%20{two}&page={}", number % 9 + 1),
        10 => format!("android-app://com.example.{one}/"),
        // Some programs do not escape what they should.
        _ => format!("https://www.example.{top}/search?title=\"{one} {two}\"&filter[id]={number}"),
    }
}
