//! The folders and files that a listing starts at: each source, under the name and id that the outermost source around it
//! gives.

use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;

use crate::Source;
use crate::listing::ListFailure;
use crate::object::Place;
use crate::source::{LocalSource, SourceKind};

/// The sources to list. Each list is sorted so that the first of equal paths gives the name.
pub(super) struct Roots<'a> {
    pub(super) folders: Vec<Root<'a>>,
    pub(super) files: Vec<Root<'a>>,
    pub(super) failures: Vec<ListFailure>,
}

/// A source, seen from the outermost source that holds it. The order of the fields is the order of precedence of files.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Root<'a> {
    pub(super) by_link: bool,
    pub(super) name: &'a str,
    pub(super) path: &'a str,
    pub(super) id: Option<Arc<Place>>,
}

/// Returns the sources to list, and those that are not listed because another place has their id.
pub(super) fn roots(sources: &[Source]) -> Roots<'_> {
    let local = |source| Source::local(source).map(|local| (source, local));
    let mut sorted: Vec<(&Source, &LocalSource)> = sources.iter().filter_map(local).collect();
    sorted.sort_by_key(|(source, local)| (&local.path, source.id()));
    let mut folders: BTreeMap<&str, &Source> = BTreeMap::new();
    for (source, local) in sorted.iter().filter(|(_, local)| local.kind == SourceKind::Folder) {
        folders.entry(&local.path).or_insert(source);
    }
    let mut roots = Roots { folders: Vec::new(), files: Vec::new(), failures: Vec::new() };
    let mut places: BTreeMap<&str, &Source> = BTreeMap::new();
    for (source, LocalSource { path, kind }) in sorted {
        let path = path.as_str();
        let outermost = outermost(&folders, path);
        let owner = outermost.map_or(source, |(owner, _)| owner);
        if let Some(id) = owner.id() {
            match places.entry(id) {
                Entry::Vacant(free) => {
                    free.insert(owner);
                }
                Entry::Occupied(taken) if taken.get().local() == owner.local() => {}
                Entry::Occupied(taken) => {
                    roots.failures.push(ListFailure::same_id(source, id, taken.get()));
                    continue;
                }
            }
        }
        let id = Place::of(owner.id(), None);
        match (kind, outermost) {
            (SourceKind::Folder, below) => {
                let name = below.map_or("", |(_, name)| name);
                roots.folders.push(Root { by_link: false, name, path, id });
            }
            (SourceKind::File { .. }, Some((_, name))) => {
                roots.files.push(Root { by_link: false, name, path, id });
            }
            (SourceKind::File { name }, None) => {
                let by_link = path.rsplit('/').next() != Some(name);
                roots.files.push(Root { by_link, name, path, id });
            }
        }
    }
    roots.files.sort_unstable();
    roots
}

/// Returns the outermost of `folders` that holds a canonical path or is it, and the path below that folder.
fn outermost<'a>(folders: &BTreeMap<&str, &'a Source>, path: &'a str) -> Option<(&'a Source, &'a str)> {
    let mut ends = path.match_indices('/').map(|(slash, _)| slash).chain([path.len()]);
    ends.find_map(|end| {
        // The first slash is the root folder, each other slash ends a folder.
        let owner = folders.get(path.get(..end.max(1))?)?;
        Some((*owner, path.get(end..)?.trim_start_matches('/')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_folder_is_outermost_too() {
        let sources = ["/", "/usr", "/etc/passwd"].map(|place| Source::parse(place).unwrap());
        let sources = sources
            .map(|source| if source.local().unwrap().path == "/" { source.with_id("all").unwrap() } else { source });
        let Roots { folders, files, .. } = roots(&sources);
        let names = |roots: &[Root<'_>]| roots.iter().map(|root| root.name.to_owned()).collect::<Vec<_>>();
        assert_eq!((names(&folders), names(&files)), (vec![String::new(), "usr".into()], vec!["etc/passwd".into()]));
        assert!(folders.iter().chain(&files).all(|root| root.id == Place::of(Some("all"), None)));
    }
}
