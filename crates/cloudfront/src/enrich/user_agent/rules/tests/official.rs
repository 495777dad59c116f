//! Compares our answers with those of `ua-parser`, the official implementation, for strings made from the rules.

use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind},
};
use ua_parser::{device, os, user_agent};

use super::*;

const STRINGS_PER_RULE: usize = 6;

struct Official {
    browser: user_agent::Extractor<'static>,
    os: os::Extractor<'static>,
    device: device::Extractor<'static>,
}

impl Official {
    fn new() -> Self {
        let browser = section("browser").map(|mut cells| user_agent::Parser {
            regex: cells.next().flatten().unwrap().into(),
            family_replacement: cells.next().flatten().map(Cow::from),
            ..Default::default()
        });
        let os = section("os").map(|mut cells| os::Parser {
            regex: cells.next().flatten().unwrap().into(),
            os_replacement: cells.next().flatten().map(Cow::from),
            ..Default::default()
        });
        let device = section("device").map(|mut cells| device::Parser {
            regex: cells.next().flatten().unwrap().into(),
            regex_flag: cells.next().flatten().map(|_| device::Flag::IgnoreCase),
            device_replacement: cells.next().flatten().map(Cow::from),
            ..Default::default()
        });
        Self {
            browser: user_agent::Builder::new().push_all(browser).unwrap().build().unwrap(),
            os: os::Builder::new().push_all(os).unwrap().build().unwrap(),
            device: device::Builder::new().push_all(device).unwrap().build().unwrap(),
        }
    }

    fn classify(&self, user_agent: &str) -> UserAgent {
        let family = |family: Option<Cow<'_, str>>| match family {
            Some(family) if !family.is_empty() => family.into(),
            _ => "Other".into(),
        };
        UserAgent {
            browserfamily: family(self.browser.extract(user_agent).map(|found| found.family)),
            osfamily: family(self.os.extract(user_agent).map(|found| found.os)),
            is_bot: self.device.extract(user_agent).is_some_and(|found| found.device == "Spider"),
        }
    }
}

/// Returns the numbers of the generator `SplitMix64`; always the same ones.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Appends a string that an expression matches, if its assertions, such as `^` and `\b`, hold too.
fn append_match(expression: &Hir, random: &mut Random, text: &mut String) {
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).unwrap()),
        HirKind::Class(Class::Unicode(class)) => {
            let range = class.ranges()[random.below(class.ranges().len())];
            let (start, end) = (range.start() as u32, range.end() as u32);
            let offset = random.below((end - start).min(90) as usize + 1);
            text.extend(char::from_u32(start + u32::try_from(offset).unwrap()));
        }
        HirKind::Class(Class::Bytes(_)) => unreachable!("the rules match text"),
        HirKind::Repetition(repetition) => {
            let more = random.pick(&[0, 0, 1, 2, 12]);
            let times = repetition.max.unwrap_or(u32::MAX).min(repetition.min + more);
            (0..times).for_each(|_| append_match(&repetition.sub, random, text));
        }
        HirKind::Capture(capture) => append_match(&capture.sub, random, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| append_match(part, random, text)),
        HirKind::Alternation(parts) => append_match(&parts[random.below(parts.len())], random, text),
    }
}

/// Changes a string a little: it may still match, match another rule, or none.
fn mutate(text: &str, other: &str, random: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let place = random.below(chars.len().max(1));
    match random.below(10) {
        0 => return format!("Mozilla/5.0 (Linux; Android 14; {text}) AppleWebKit/537.36 (KHTML, like Gecko) {other}"),
        1 => return format!("{text} {other}"),
        2 => return format!("{other}{text}"),
        3 => return text.to_ascii_uppercase(),
        4 => return text.to_ascii_lowercase(),
        _ if chars.is_empty() => {}
        5 => _ = chars.remove(place),
        // A repetition of more than the rules' limits.
        6 => chars.splice(place..place, std::iter::repeat_n(chars[place], 250)).for_each(drop),
        7 => chars[place] = random.pick(&['٣', 'é', 'ſ', '\u{212a}', '\n', '_', '.', '-', ' ', '/', '7']),
        // Digits and letters that are none in ASCII.
        8 => chars.iter_mut().filter(|char| char.is_ascii_digit()).for_each(|char| *char = '٣'),
        _ => chars.truncate(place),
    }
    chars.into_iter().collect()
}

#[test]
fn answers_are_those_of_the_official_implementation() {
    let (official, ours) = (Official::new(), UserAgentRules::embedded());
    let mut random = Random(1);
    let mut other = "Safari/537.36".to_owned();
    let mut num_found = 0;
    for rule in vendored() {
        let pattern = rule.rewritten();
        let expression = ParserBuilder::new().case_insensitive(rule.ignores_case).build().parse(&pattern).unwrap();
        for _ in 0..STRINGS_PER_RULE {
            let mut text = String::new();
            append_match(&expression, &mut random, &mut text);
            num_found += usize::from(rule.is_match(&text));
            let mutated = mutate(&text, &other, &mut random);
            for text in [&text, &mutated] {
                // A percent sign would be an escape.
                let logged = text.replace('%', "%25");
                assert_eq!(ours.classify(&logged), official.classify(&unescape(&logged)), "{text}, from {pattern}");
            }
            other = text;
        }
    }
    let num_strings = vendored().count() * STRINGS_PER_RULE;
    assert!(num_found * 10 > num_strings * 8, "only {num_found} of {num_strings} strings match their rule");
}

#[test]
fn answers_for_the_user_agents_of_loggen_are_those_of_the_official_implementation() {
    let (official, ours) = (Official::new(), UserAgentRules::embedded());
    for logged in include_str!("../../../../../../loggen/data/user-agents.txt").lines().filter(|line| !line.is_empty())
    {
        assert_eq!(ours.classify(logged), official.classify(&unescape(logged)), "{logged}");
    }
}

#[test]
fn no_rule_has_a_long_repetition_in_a_class() {
    // The official implementation would leave it there.
    let repetition = regex::Regex::new(r"\[[^\]]*\{[01],[0-9]{3,}\}[^\[]*\]").unwrap();
    for name in ["browser", "os", "device"] {
        for pattern in section(name).filter_map(|mut cells| cells.next().flatten()) {
            let in_class = repetition.find(pattern).map(|found| found.as_str());
            assert!(in_class.is_none_or(|found| found[1..].contains("]{") || !found.contains('{')), "{pattern}");
        }
    }
}
