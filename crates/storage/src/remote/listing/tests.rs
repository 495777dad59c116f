//! Listings of made-up keys, in pages of any length.

use super::*;

/// Wants keys whose second letter is not `x`, and cuts after each first letter.
struct Letters;

impl KeyGuide for Letters {
    fn look(&self, key: &str) -> Look {
        if key.get(1..2) == Some("x") { Look::NotUpTo(format!("{}x~", &key[..1])) } else { Look::Wanted }
    }

    fn cuts(&self, [_, key]: [&str; 2], pages: u32) -> Vec<String> {
        if pages == 1 { vec![format!("{}~", &key[..1])] } else { Vec::new() }
    }
}

/// Lists these keys in pages of this size, and returns the listed keys and the number of pages.
fn listed(keys: &[&str], page_keys: usize, guide: &dyn KeyGuide) -> (Vec<String>, usize) {
    let mut waiting = vec![Part { after: String::new(), until: None, next: None, pages: 0 }];
    let (mut given, mut pages) = (Vec::new(), 0);
    while let Some(part) = waiting.pop() {
        // A store shows no keys but those that begin as it is asked.
        let begin = || Next { token: part.after.clone(), prefix: part.prefix(""), last: String::new() };
        let Next { token: after, prefix, .. } = part.next.clone().unwrap_or_else(begin);
        let mut behind = keys.iter().filter(|key| ***key > *after && key.starts_with(&prefix));
        let found: Vec<Found> = behind
            .by_ref()
            .take(page_keys)
            .map(|key| Found {
                key: (*key).into(),
                size_bytes: 1,
                etag: String::new(),
                modified_ms: 0,
                is_archived: false,
            })
            .collect();
        let next = found.last().map(|found| found.key.clone()).filter(|_| behind.next().is_some());
        pages += 1;
        let part = Part { next: next.map(|token| Next { last: token.clone(), token, prefix }), ..part };
        go_through(part, Page { found, next: None }, guide, &mut waiting, &mut |listed| {
            given.push(match listed {
                ListedKey::Object(found) => found.key,
                ListedKey::Unnameable(key) => format!("odd {key}"),
            });
            Ok(())
        })
        .unwrap();
    }
    given.sort();
    (given, pages)
}

const KEYS: [&str; 12] = ["a1", "a2", "a3", "ax1", "ax2", "ax3", "ax4", "ax5", "az", "b//1", "c1", "c2"];

#[test]
fn every_wanted_key_is_listed_once_regardless_of_the_page_size() {
    for page_keys in 1..14 {
        let (given, _) = listed(&KEYS, page_keys, &Letters);
        assert_eq!(given, ["a1", "a2", "a3", "az", "c1", "c2", "odd b//1"], "{page_keys}");
    }
}

#[test]
fn unwanted_keys_are_skipped_without_listing_them() {
    let many: Vec<String> = (0..1000).map(|number| format!("ax{number:03}")).chain(["b1".into()]).collect();
    let keys: Vec<&str> = many.iter().map(String::as_str).collect();
    let (given, pages) = listed(&keys, 10, &Letters);
    assert_eq!(given, ["b1"]);
    assert!(pages <= 4, "{pages}");
}

#[test]
fn folder_markers_are_not_objects() {
    let mut given = 0;
    let marker = |key: &str, size_bytes| Found {
        key: key.into(),
        size_bytes,
        etag: String::new(),
        modified_ms: 0,
        is_archived: false,
    };
    give_one(marker("logs/", 0), &mut |_| {
        given += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(given, 0);
    give_one(marker("logs/", 5), &mut |listed| {
        given += 1;
        assert!(matches!(listed, ListedKey::Unnameable(_)));
        Ok(())
    })
    .unwrap();
    assert_eq!(given, 1);
}
