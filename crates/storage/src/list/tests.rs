//! What a listing finds, in which order, under which names, and what it reports.

use super::*;
use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with these files in it, and its canonical path.
fn place(files: &[&str]) -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().canonicalize().unwrap();
    for file in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    (place, root)
}

fn listed(root: &Path, sources: &[&str]) -> Listing {
    let sources: Vec<_> =
        sources.iter().map(|source| Source::parse(root.join(source).to_str().unwrap()).unwrap()).collect();
    list(&sources, &mut |_| {}, &|| false).unwrap()
}

/// (key below `root`, name) of every object.
fn pairs(root: &Path, listing: &Listing) -> Vec<(String, String)> {
    let root = format!("{}/", root.display());
    listing.objects.iter().map(|object| (object.key().replacen(&root, "", 1), object.name().to_owned())).collect()
}

fn pair(key: &str, name: &str) -> (String, String) {
    (key.into(), name.into())
}

#[test]
fn objects_come_in_byte_order_of_the_whole_key() {
    let (_place, root) = place(&["logs/a/b", "logs/a.b", "logs/a/c/d", "logs/a-b", "logs/B"]);
    let listing = listed(&root, &["logs"]);
    let names: Vec<_> = listing.objects.iter().map(Object::name).collect();
    assert_eq!(names, ["B", "a-b", "a.b", "a/b", "a/c/d"]);
    assert_eq!(listing.objects[3].size_bytes(), "logs/a/b".len() as u64);
    assert_eq!(listing.failures, []);
}

#[test]
fn a_single_file_is_a_source_and_has_its_file_name() {
    let (_place, root) = place(&["logs/x/one.gz", "logs/x/two.gz"]);
    assert_eq!(pairs(&root, &listed(&root, &["logs/x/one.gz"])), [pair("logs/x/one.gz", "one.gz")]);
}

#[test]
fn nested_sources_coincide_and_the_outermost_gives_the_name() {
    let (_place, root) = place(&["logs/x/one.gz", "logs/two.gz"]);
    let expected = [pair("logs/two.gz", "two.gz"), pair("logs/x/one.gz", "x/one.gz")];
    for sources in [["logs", "logs/x", "logs/x/one.gz"], ["logs/x/one.gz", "logs/x", "logs"]] {
        assert_eq!(pairs(&root, &listed(&root, &sources)), expected);
    }
}

#[test]
fn a_file_that_links_lead_to_as_well_is_one_object_under_its_plain_name() {
    let (_place, root) = place(&["logs/z/one.gz"]);
    symlink("z/one.gz", root.join("logs/a.gz")).unwrap();
    symlink("z", root.join("logs/a")).unwrap();
    symlink("..", root.join("logs/z/up")).unwrap();
    let listing = listed(&root, &["logs"]);
    assert_eq!(pairs(&root, &listing), [pair("logs/z/one.gz", "z/one.gz")]);
    assert_eq!(listing.failures, []);
}

#[test]
fn what_only_links_lead_to_is_listed_under_the_name_that_sorts_first() {
    let (_place, root) = place(&["logs/x", "far/one.gz", "far/deep/two.gz"]);
    symlink("../far", root.join("logs/m")).unwrap();
    symlink("../far/deep", root.join("logs/k")).unwrap();
    symlink("../far/one.gz", root.join("logs/z.gz")).unwrap();
    let expected = [pair("far/deep/two.gz", "k/two.gz"), pair("far/one.gz", "m/one.gz"), pair("logs/x", "x")];
    assert_eq!(pairs(&root, &listed(&root, &["logs"])), expected);
}

#[test]
fn a_link_is_as_good_as_its_target_where_it_is_the_source() {
    let (_place, root) = place(&["far/one.gz"]);
    symlink("far", root.join("logs")).unwrap();
    symlink("far/one.gz", root.join("other.gz")).unwrap();
    assert_eq!(pairs(&root, &listed(&root, &["logs"])), [pair("far/one.gz", "one.gz")]);
    assert_eq!(pairs(&root, &listed(&root, &["other.gz"])), [pair("far/one.gz", "other.gz")]);
}

#[test]
fn what_cannot_be_listed_is_reported_and_the_rest_is_listed() {
    let (_place, root) = place(&["logs/good.gz"]);
    let logs = root.join("logs");
    fs::write(logs.join(OsStr::from_bytes(b"odd\xff.gz")), "x").unwrap();
    symlink("nowhere", logs.join("dangling")).unwrap();
    symlink("circle", logs.join("circle")).unwrap();
    symlink("/dev/null", logs.join("null")).unwrap();
    let _socket = UnixListener::bind(logs.join("socket")).unwrap();
    let listing = listed(&root, &["logs"]);
    assert_eq!(pairs(&root, &listing), [pair("logs/good.gz", "good.gz")]);
    let failures: Vec<_> = listing
        .failures
        .iter()
        .map(|failure| (failure.location.rsplit('/').next().unwrap(), failure.reason.as_str()))
        .collect();
    assert_eq!(
        failures,
        [
            ("circle", "the symbolic link leads in a circle"),
            ("dangling", "the symbolic link leads nowhere"),
            ("null", "is a device, not a regular file"),
            ("odd%FF.gz", "the name is not UTF-8"),
            ("socket", "is a socket, not a regular file"),
        ]
    );
}

#[test]
fn a_folder_that_cannot_be_read_is_reported_and_the_rest_is_listed() {
    let (_place, root) = place(&["logs/good.gz"]);
    // A path that is too long to open, made by moving one long branch to the end of another, stops any user.
    let branch = |top: &str| root.join(top).join(["0123456789"; 200].join("/"));
    fs::create_dir_all(branch("logs/long")).unwrap();
    fs::create_dir_all(branch("other")).unwrap();
    fs::rename(root.join("other"), branch("logs/long").join("end")).unwrap();
    let listing = listed(&root, &["logs"]);
    assert_eq!(pairs(&root, &listing), [pair("logs/good.gz", "good.gz")]);
    assert_eq!(listing.failures.len(), 1);
    assert!(listing.failures[0].reason.starts_with("cannot be read: "), "{:?}", listing.failures);
}

#[test]
fn odd_names_are_listed_and_their_locations_are_escaped() {
    let (_place, root) = place(&["logs/x#1", "logs/a\u{1b}[31m\n", "logs/with space%41"]);
    let listing = listed(&root, &["logs"]);
    let shown: Vec<_> = listing
        .objects
        .iter()
        .map(|object| (object.name().to_owned(), object.location().rsplit('/').next().unwrap().to_owned()))
        .collect();
    assert_eq!(
        shown,
        [pair("a\u{1b}[31m\n", "a%1B%5B31m%0A"), pair("with space%41", "with%20space%2541"), pair("x#1", "x%231")]
    );
    for object in &listing.objects {
        assert_eq!(Source::parse(&object.location()).unwrap().path(), object.key());
    }
}

#[test]
fn progress_grows_to_the_number_of_objects_and_a_wish_to_stop_is_heard() {
    let (_place, root) = place(&[]);
    for number in 0..1_500 {
        File::create(root.join(format!("{number:04}"))).unwrap();
    }
    let source = [Source::parse(root.to_str().unwrap()).unwrap()];
    let mut heard = Vec::new();
    list(&source, &mut |objects| heard.push(objects), &|| false).unwrap();
    assert!(heard.len() > 2 && heard.is_sorted(), "{heard:?}");
    assert_eq!(heard.last(), Some(&1_500));

    let asked = Cell::new(0);
    let stop = || asked.replace(asked.get() + 1) > 0;
    assert!(list(&source, &mut |_| {}, &stop).unwrap_err().is_stopped());
}

#[test]
fn no_source_and_an_empty_folder_give_an_empty_listing() {
    let (_place, root) = place(&[]);
    assert!(list(&[], &mut |_| {}, &|| false).unwrap().objects.is_empty());
    assert!(listed(&root, &["."]).objects.is_empty());
}
