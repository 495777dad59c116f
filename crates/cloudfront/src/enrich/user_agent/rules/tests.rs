//! Well-known user agents, and their families.

use super::*;

mod official;

type Expected = (&'static str, &'static str, &'static str);

/// User agent, browser family, operating-system family.
const PEOPLE_AND_PROGRAMS: &[Expected] = &[
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "Chrome",
        "Windows",
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
        "Chrome Mobile",
        "Android",
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
        "Safari",
        "Mac OS X",
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        "Mobile Safari",
        "iOS",
    ),
    (
        "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
        "Chrome Mobile iOS",
        "iOS",
    ),
    ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox", "Ubuntu"),
    ("Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0", "Firefox Mobile", "Android"),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
        "Edge",
        "Windows",
    ),
    ("Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko", "IE", "Windows"),
    ("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)", "IE", "Windows"),
    (
        "Mozilla/5.0 (Linux; Android 13; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
        "Samsung Internet",
        "Android",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 OPR/110.0.0.0",
        "Opera",
        "Windows",
    ),
    (
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "Chrome",
        "Chrome OS",
    ),
    (
        "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/6.0 TV Safari/537.36",
        "Safari",
        "Tizen",
    ),
    ("curl/8.5.0", "curl", "Other"),
    ("Wget/1.21.4", "Wget", "Other"),
    ("python-requests/2.32.3", "Python Requests", "Other"),
    ("Go-http-client/1.1", "Go-http-client", "Other"),
    ("okhttp/4.12.0", "okhttp", "Other"),
    ("Amazon CloudFront", "Other", "Other"),
    ("ELB-HealthChecker/2.0", "Other", "Other"),
    ("made-up thing", "Other", "Other"),
];

/// Bots whose name comes early.
const BOTS: &[Expected] = &[
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot", "Other"),
    (
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.61 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Googlebot",
        "Android",
    ),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot", "Other"),
    ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "AhrefsBot", "Other"),
    ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "FacebookBot", "Other"),
    (
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "GPTBot",
        "Other",
    ),
    ("Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)", "ClaudeBot", "Other"),
];

/// Bots that look like a browser at first. uap-core makes the family `com/bot` of an address.
const LATE_BOTS: &[Expected] = &[
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
        "Applebot",
        "Mac OS X",
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_1) AppleWebKit/600.2.5 (KHTML, like Gecko) Version/8.0.2 Safari/600.2.5 (Amazonbot/0.1; +https://developer.amazon.com/support/amazonbot)",
        "Amazonbot",
        "Mac OS X",
    ),
    (
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
        "com/bot",
        "Other",
    ),
];

fn assert_classified(cases: &[Expected], is_bot: bool) {
    let rules = UserAgentRules::embedded();
    for &(user_agent, browserfamily, osfamily) in cases {
        let expected = UserAgent { browserfamily: browserfamily.into(), osfamily: osfamily.into(), is_bot };
        let escaped_once = user_agent.replace(' ', "%20").replace('"', "%22");
        assert_eq!(rules.classify(user_agent), expected, "{user_agent}");
        assert_eq!(rules.classify(&escaped_once), expected, "{user_agent}, as logged");
        assert_eq!(rules.classify(&escaped_once.replace('%', "%25")), expected, "{user_agent}, as in old logs");
    }
}

#[test]
fn browsers_and_programs_are_known_and_are_not_bots() {
    assert_classified(PEOPLE_AND_PROGRAMS, false);
}

#[test]
fn bots_are_bots() {
    assert_classified(BOTS, true);
}

#[test]
fn a_bot_is_known_even_if_its_name_comes_late() {
    assert_classified(LATE_BOTS, true);
}

#[test]
fn no_user_agent_is_other_and_not_a_bot() {
    for logged in ["", "-"] {
        assert_eq!(UserAgentRules::embedded().classify(logged), UserAgent::unknown());
    }
    assert_eq!(&*UserAgent::unknown().browserfamily, "Other");
    assert_eq!(&*UserAgent::unknown().osfamily, "Other");
    assert!(!UserAgent::unknown().is_bot);
}

#[test]
fn a_rule_that_ignores_case_and_one_that_ends_with_a_blank_are_kept_so() {
    let rules = UserAgentRules::embedded();
    assert!(rules.classify("SOMEBODYS-SPIDER/1.0").is_bot);
    assert_eq!(&*rules.classify("Podcast Addict - nightly").browserfamily, "PodcastAddict");
    assert_eq!(&*rules.classify("Podcast Addict/v5 (Android)").browserfamily, "Podcast Addict");
}

#[test]
fn the_vendored_file_holds_every_rule_and_all_of_them_compile() {
    assert_eq!(["browser", "os", "device"].map(|name| section(name).count()), [433, 204, 633]);
    assert_eq!(["browser", "os"].map(|name| section(name).all(|cells| cells.count() == 2)), [true, true]);
    assert!(section("device").all(|cells| cells.count() == 3));
    for rule in vendored() {
        rule.is_match("curl/8.5.0");
    }
}

#[test]
fn a_rule_is_compiled_when_it_is_first_needed() {
    let rules = UserAgentRules { prefilter: Prefilter::embedded(), rules: vendored().collect() };
    let compiled = || rules.rules.iter().filter(|rule| rule.is_compiled()).count();
    assert_eq!(compiled(), 0);
    rules.classify("-");
    assert_eq!(compiled(), 0);
    rules.classify("curl/8.5.0");
    let for_curl = compiled();
    assert!((1..20).contains(&for_curl), "{for_curl}");
    rules.classify("curl/8.5.0");
    assert_eq!(compiled(), for_curl);
    for &(user_agent, ..) in PEOPLE_AND_PROGRAMS {
        rules.classify(user_agent);
    }
    assert!((for_curl..200).contains(&compiled()), "{}", compiled());
}

#[test]
fn threads_that_need_the_same_rules_at_once_get_the_same_answers() {
    let rules = UserAgentRules { prefilter: Prefilter::embedded(), rules: vendored().collect() };
    let cases = || [PEOPLE_AND_PROGRAMS, BOTS, LATE_BOTS].into_iter().flatten();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for &(user_agent, browserfamily, osfamily) in cases() {
                    let answer = rules.classify(user_agent);
                    assert_eq!((&*answer.browserfamily, &*answer.osfamily), (browserfamily, osfamily), "{user_agent}");
                }
            });
        }
    });
}
