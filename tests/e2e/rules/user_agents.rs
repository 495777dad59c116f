//! Browser, operating system and bot, from the unescaped user agent.

use serde_json::json;

use crate::harness::{Row, TestFolder, escaped, log};

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/126.0.0.0 Safari/537.36";
const MOBILE_SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 \
    (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
/// A user agent that names its product only after its first 100 characters.
const APPLEBOT: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
    Version/17.4 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)";

/// Returns browser, operating system and bot of each logged user agent, from the table.
fn classified(logged: &[&str]) -> Vec<[String; 3]> {
    let rows: Vec<String> = logged.iter().map(|agent| format!("2024-05-17 10:00:00 {agent}")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let folder = TestFolder::with_log(log("date time cs(User-Agent)", &rows));
    folder.converts(&[]);
    let rows = folder.rows();
    assert_eq!(crate::harness::column(&rows, "useragent"), json!(logged), "the cell stays as logged");
    rows.iter().map(classification).collect()
}

fn classification(row: &Row) -> [String; 3] {
    ["browserfamily", "osfamily", "isbot"].map(|column| row.get(column).as_str().unwrap().to_owned())
}

#[test]
fn user_agents_that_are_escaped_once_are_recognised() {
    let logged = [CHROME, MOBILE_SAFARI, GOOGLEBOT, APPLEBOT].map(escaped);
    let expected = [
        ["Chrome", "Windows", "False"],
        ["Mobile Safari", "iOS", "False"],
        ["Googlebot", "Other", "True"],
        ["Applebot", "Mac OS X", "True"],
    ];
    assert_eq!(classified(&logged.each_ref().map(String::as_str)), expected);
}

#[test]
fn user_agents_of_2013_to_2020_that_are_escaped_twice_are_recognised() {
    let logged = [CHROME, MOBILE_SAFARI, GOOGLEBOT].map(|agent| escaped(agent).replace('%', "%25"));
    let expected = [["Chrome", "Windows", "False"], ["Mobile Safari", "iOS", "False"], ["Googlebot", "Other", "True"]];
    assert_eq!(classified(&logged.each_ref().map(String::as_str)), expected);
}

#[test]
fn no_user_agent_and_an_unknown_one_are_other() {
    let expected = [["Other", "Other", "False"]; 3];
    assert_eq!(classified(&["-", "made-up%20thing", "%ff"]), expected);
}

#[test]
fn a_log_without_the_field_is_other_too() {
    let folder = TestFolder::with_log(log("date time", &["2024-05-17 10:00:00"]));
    folder.converts(&[]);
    let row = folder.rows().remove(0);
    assert_eq!(classification(&row), ["Other", "Other", "False"]);
    assert_eq!(row.get("useragent"), &json!(null));
}

#[test]
fn an_empty_user_agent_is_other() {
    let folder = TestFolder::with_log("#Fields: date time cs(User-Agent) c-ip\n2024-05-17\t10:00:00\t\tx\n");
    folder.converts(&[]);
    assert_eq!(classification(&folder.rows()[0]), ["Other", "Other", "False"]);
}
