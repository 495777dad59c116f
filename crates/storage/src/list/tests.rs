//! What a listing finds, in which order, under which names, and what it reports.

use super::*;
use crate::{Everything, ListFailure, ListFlaw};
use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
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

/// Results of a listing.
#[derive(Debug)]
struct Listing {
    /// Sorted by source and key. Nothing is dropped: a key that was listed twice is here twice.
    objects: Vec<Object>,
    failures: Vec<ListFailure>,
    special: Vec<String>,
    folders: Vec<String>,
}

fn gathered(sources: &[Source]) -> Listing {
    let mut objects = Vec::new();
    let super::Listing { failures, special, folders } =
        list(sources, &Connections::default(), &Everything, &mut |object| objects.push(object), &mut |_| {}, &|| false)
            .unwrap();
    objects.sort();
    Listing { objects, failures, special, folders }
}

fn listed(root: &Path, sources: &[&str]) -> Listing {
    gathered(&sources.iter().map(|source| source_at(root, source)).collect::<Vec<_>>())
}

fn source_at(root: &Path, place: &str) -> Source {
    Source::parse(root.join(place).to_str().unwrap()).unwrap()
}

/// A listing of (place, id), where an empty id is none, in both orders of the sources: they do not matter.
fn listed_with_ids(root: &Path, sources: &[(&str, &str)]) -> Listing {
    let mut sources: Vec<_> = sources
        .iter()
        .map(|(place, id)| {
            let source = source_at(root, place);
            if id.is_empty() { source } else { source.with_id(id).unwrap() }
        })
        .collect();
    let listing = gathered(&sources);
    sources.reverse();
    let reversed = gathered(&sources);
    assert_eq!(identities(root, &listing), identities(root, &reversed));
    assert_eq!(listing.failures, reversed.failures);
    listing
}

/// (source, key, path below `root`) of every object.
fn identities(root: &Path, listing: &Listing) -> Vec<(String, String, String)> {
    let below_root = |text: &str| text.replacen(&format!("{}/", root.display()), "", 1);
    let identity = |object: &Object| (object.source().to_owned(), below_root(object.key()), below_root(object.path()));
    listing.objects.iter().map(identity).collect()
}

fn identity(source: &str, key: &str, path: &str) -> (String, String, String) {
    (source.into(), key.into(), path.into())
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
fn a_source_that_is_a_link_is_its_target() {
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
    let listing = listed(&root, &["logs"]);
    assert_eq!(pairs(&root, &listing), [pair("logs/good.gz", "good.gz")]);
    let failures: Vec<_> = listing
        .failures
        .iter()
        .map(|failure| (failure.location.rsplit('/').next().unwrap(), failure.name.as_str(), failure.flaw.clone()))
        .collect();
    assert_eq!(
        failures,
        [
            ("circle", "circle", ListFlaw::LinkCircle),
            ("dangling", "dangling", ListFlaw::DanglingLink),
            ("odd%FF.gz", "odd\u{fffd}.gz", ListFlaw::NameNotUtf8),
        ]
    );
}

#[test]
fn special_files_are_not_failures_and_are_named_once() {
    let (_place, root) = place(&["logs/deep/good.gz"]);
    let logs = root.join("logs");
    symlink("/dev/null", logs.join("null")).unwrap();
    let _socket = UnixListener::bind(logs.join("deep/socket")).unwrap();
    let _odd = UnixListener::bind(logs.join(OsStr::from_bytes(b"odd\xff"))).unwrap();
    symlink("deep/socket", logs.join("a link to it")).unwrap();
    symlink("deep", logs.join("z")).unwrap();
    let listing = listed(&root, &["logs"]);
    assert_eq!(pairs(&root, &listing), [pair("logs/deep/good.gz", "deep/good.gz")]);
    assert_eq!(listing.failures, []);
    let mut special = listing.special;
    special.sort();
    assert_eq!(special, ["deep/socket", "null", "odd\u{fffd}"]);
}

#[test]
fn empty_folders_are_named_too() {
    let (_place, root) = place(&["logs/a/b/good.gz"]);
    fs::create_dir(root.join("logs/lost+found")).unwrap();
    let mut folders = listed(&root, &["logs"]).folders;
    folders.sort();
    assert_eq!(folders, ["a", "a/b", "lost+found"]);
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
    let ListFailure { name, may_hold_objects, flaw, .. } = &listing.failures[0];
    assert!(
        flaw.to_string().starts_with("cannot be read: ") && name.starts_with("long/0123456789/"),
        "{:?}",
        listing.failures
    );
    assert!(*may_hold_objects && !name.ends_with('/'));
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
        assert_eq!(Source::parse(&object.location()).unwrap().local().unwrap().path, object.key());
    }
}

#[test]
fn progress_grows_to_the_number_of_objects_and_a_request_to_stop_ends_the_listing() {
    let (_place, root) = place(&[]);
    for number in 0..1_500 {
        File::create(root.join(format!("{number:04}"))).unwrap();
    }
    let source = [source_at(&root, "")];
    let mut heard = Vec::new();
    list(&source, &Connections::default(), &Everything, &mut |_| {}, &mut |objects| heard.push(objects), &|| false)
        .unwrap();
    assert!(heard.len() > 2 && heard.is_sorted(), "{heard:?}");
    assert_eq!(heard.last(), Some(&1_500));

    let asked = Cell::new(0);
    let stop = || asked.replace(asked.get() + 1) > 0;
    assert!(
        list(&source, &Connections::default(), &Everything, &mut |_| {}, &mut |_| {}, &stop).unwrap_err().is_stopped()
    );
}

#[test]
fn no_source_and_an_empty_folder_give_an_empty_listing() {
    let (_place, root) = place(&[]);
    assert!(gathered(&[]).objects.is_empty());
    assert!(listed(&root, &["."]).objects.is_empty());
}

#[test]
fn below_a_source_with_an_id_the_name_is_the_key() {
    let (_place, root) = place(&["logs/a/one.gz", "logs/two.gz", "other/a/one.gz", "single.gz"]);
    let listing = listed_with_ids(&root, &[("logs", "archive"), ("other", ""), ("single.gz", "alone")]);
    assert_eq!(
        identities(&root, &listing),
        [
            identity("alone", "single.gz", "single.gz"),
            identity("archive", "a/one.gz", "logs/a/one.gz"),
            identity("archive", "two.gz", "logs/two.gz"),
            identity("file://", "other/a/one.gz", "other/a/one.gz"),
        ]
    );
    assert_eq!(listing.failures, []);
}

#[test]
fn a_moved_source_with_an_id_gives_the_same_objects() {
    let (_place, root) = place(&["logs/a/one.gz", "logs/two.gz"]);
    symlink("a/one.gz", root.join("logs/link.gz")).unwrap();
    let before = listed_with_ids(&root, &[("logs", "archive")]);
    fs::rename(root.join("logs"), root.join("moved")).unwrap();
    let after = listed_with_ids(&root, &[("moved", "archive")]);
    assert_eq!(before.objects, after.objects);
    let version = |object: &Object| object.version();
    let versions = |listing: &Listing| listing.objects.iter().map(version).collect::<Vec<_>>();
    assert_eq!(versions(&before), versions(&after));
}

#[test]
fn of_nested_sources_with_different_ids_the_outermost_gives_the_id() {
    let (_place, root) = place(&["logs/x/deep/one.gz", "logs/two.gz"]);
    let outer = [identity("outer", "two.gz", "logs/two.gz"), identity("outer", "x/deep/one.gz", "logs/x/deep/one.gz")];
    for inner in ["logs/x", "logs/x/deep", "logs/x/deep/one.gz"] {
        for id in ["inner", "a", "outer", ""] {
            assert_eq!(identities(&root, &listed_with_ids(&root, &[("logs", "outer"), (inner, id)])), outer);
        }
    }
    let without = listed_with_ids(&root, &[("logs", ""), ("logs/x", "inner")]);
    assert!(without.objects.iter().all(|object| object.source() == "file://"), "{without:?}");
    // A folder whose name only begins like another's is not in it.
    fs::rename(root.join("logs/x"), root.join("logs.old")).unwrap();
    let beside = listed_with_ids(&root, &[("logs", "outer"), ("logs.old", "inner")]);
    assert_eq!(
        identities(&root, &beside),
        [identity("inner", "deep/one.gz", "logs.old/deep/one.gz"), identity("outer", "two.gz", "logs/two.gz")]
    );
}

#[test]
fn a_nested_source_has_the_outer_ones_id_even_where_that_cannot_be_read() {
    // Only a person other than root is kept out; the expectation is the same for root.
    let (_place, root) = place(&["logs/x/one.gz", "logs/x/deep/two.gz"]);
    symlink("x/one.gz", root.join("logs/a.gz")).unwrap();
    let set_modes = |mode: u32| {
        for folder in ["logs", "logs/x"] {
            fs::set_permissions(root.join(folder), Permissions::from_mode(mode)).unwrap();
        }
    };
    set_modes(0o311);
    let sources = [("logs", "outer"), ("logs/x/deep", "deep"), ("logs/x/one.gz", "single")];
    let listing = listed_with_ids(&root, &sources);
    set_modes(0o755);
    let expected =
        [identity("outer", "x/deep/two.gz", "logs/x/deep/two.gz"), identity("outer", "x/one.gz", "logs/x/one.gz")];
    assert_eq!(identities(&root, &listing), expected);
}

#[test]
fn of_one_place_given_twice_no_id_goes_first_and_then_the_id_that_sorts_first() {
    let (_place, root) = place(&["logs/one.gz"]);
    for (place, key) in [("logs", "one.gz"), ("logs/one.gz", "one.gz")] {
        let twice = listed_with_ids(&root, &[(place, "b"), (place, "a"), (place, "c")]);
        assert_eq!(identities(&root, &twice), [identity("a", key, "logs/one.gz")]);
        let thrice = listed_with_ids(&root, &[(place, "b"), (place, ""), (place, "a")]);
        assert_eq!(identities(&root, &thrice), [identity("file://", "logs/one.gz", "logs/one.gz")]);
        assert_eq!(twice.failures, []);
    }
}

#[test]
fn what_links_lead_to_outside_has_the_id_of_the_source_with_the_link() {
    let (_place, root) = place(&["logs/own.gz", "far/one.gz", "far/deep/two.gz"]);
    symlink("../far", root.join("logs/m")).unwrap();
    symlink("../far/deep", root.join("logs/k")).unwrap();
    symlink("../far/one.gz", root.join("logs/z.gz")).unwrap();
    let archive = |key, path| identity("archive", key, path);
    let listing = listed_with_ids(&root, &[("logs", "archive")]);
    let expected =
        [archive("k/two.gz", "far/deep/two.gz"), archive("m/one.gz", "far/one.gz"), archive("own.gz", "logs/own.gz")];
    assert_eq!(identities(&root, &listing), expected);
    // As a source itself, what the links lead to has a plain path, and its own id.
    let both = listed_with_ids(&root, &[("logs", "archive"), ("far/deep", "far")]);
    let expected = [
        archive("m/one.gz", "far/one.gz"),
        archive("own.gz", "logs/own.gz"),
        identity("far", "two.gz", "far/deep/two.gz"),
    ];
    assert_eq!(identities(&root, &both), expected);
}

#[test]
fn of_two_sources_that_link_to_one_folder_the_link_that_sorts_first_gives_the_id() {
    let (_place, root) = place(&["logs/x", "other/x", "far/one.gz"]);
    symlink("../far", root.join("logs/m")).unwrap();
    symlink("../far/one.gz", root.join("other/a.gz")).unwrap();
    let listing = listed_with_ids(&root, &[("logs", "a"), ("other", "b")]);
    assert_eq!(
        identities(&root, &listing),
        [identity("a", "x", "logs/x"), identity("b", "a.gz", "far/one.gz"), identity("b", "x", "other/x")]
    );
}

#[test]
fn a_source_that_is_a_link_to_a_file_has_the_links_name_as_its_key() {
    let (_place, root) = place(&["far/one.gz"]);
    symlink("far/one.gz", root.join("other.gz")).unwrap();
    let listing = listed_with_ids(&root, &[("other.gz", "archive")]);
    assert_eq!(identities(&root, &listing), [identity("archive", "other.gz", "far/one.gz")]);
    let named_plainly = listed_with_ids(&root, &[("other.gz", "archive"), ("far/one.gz", "plain")]);
    assert_eq!(identities(&root, &named_plainly), [identity("plain", "one.gz", "far/one.gz")]);
}

#[test]
fn a_second_place_with_the_same_id_is_reported_and_not_listed() {
    let (_place, root) = place(&["x/a/one.gz", "y/a/one.gz", "y/b/two.gz", "z/a/three.gz"]);
    let y = format!("file://{}/y", root.display());
    let listing = listed_with_ids(&root, &[("y", "archive"), ("x", "archive"), ("z", "zoo")]);
    assert_eq!(
        identities(&root, &listing),
        [identity("archive", "a/one.gz", "x/a/one.gz"), identity("zoo", "a/three.gz", "z/a/three.gz")]
    );
    let flaw = ListFlaw::SameId { id: "archive".into(), other: format!("file://{}/x", root.display()) };
    let failure = ListFailure { location: y.clone(), name: String::new(), may_hold_objects: true, flaw };
    assert_eq!(listing.failures, [failure]);
    // What lies in that place would have its id as well.
    let nested = listed_with_ids(&root, &[("x", "archive"), ("y", "archive"), ("y/b", "inner")]);
    assert_eq!(identities(&root, &nested), [identity("archive", "a/one.gz", "x/a/one.gz")]);
    let failed: Vec<_> = nested.failures.iter().map(|failure| failure.location.clone()).collect();
    assert_eq!(failed, [y.clone(), format!("{y}/b")]);
}

#[test]
fn many_links_to_the_same_files_and_folders_give_each_file_once() {
    let (_place, root) = place(&["logs/a/1", "logs/a/2", "far/b/3", "far/b/4", "far/c/b/5"]);
    for (number, target) in
        ["../far/b", "../far", "../far/c", "a/1", "../far/b/4", "../far/c/b/5", "."].iter().enumerate()
    {
        for prefix in ["0", "z"] {
            symlink(target, root.join(format!("logs/{prefix}{number}"))).unwrap();
        }
    }
    symlink("../../logs", root.join("far/c/back")).unwrap();
    symlink("../b/3", root.join("far/c/three")).unwrap();
    for sources in [&["logs"][..], &["logs", "far/b/3"], &["logs", "far/b", "logs/z3"], &["far", "logs"]] {
        let mut paths: Vec<_> = listed(&root, sources).objects.iter().map(|object| object.path().to_owned()).collect();
        paths.sort();
        let files = ["far/b/3", "far/b/4", "far/c/b/5", "logs/a/1", "logs/a/2"];
        assert_eq!(paths, files.map(|file| root.join(file).to_str().unwrap().to_owned()), "{sources:?}");
    }
}
