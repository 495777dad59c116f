//! Logs in buckets.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::connections::{Client, Connections};
use super::listing::{ListedKey, list_prefix};
use super::read::{self, BucketReader};
use super::url::Prefix;
use crate::key_guide::KeyGuide;
use crate::listing::{ListFailure, ListFlaw, ListOutput};
use crate::log_source::{Fetching, LogSource, OpenObject};
use crate::object::Place;
use crate::{Error, Object, Source};

/// All buckets.
pub(crate) struct BucketLogs<'c> {
    connections: &'c Connections,
}

impl<'c> BucketLogs<'c> {
    pub(crate) fn new(connections: &'c Connections) -> Self {
        Self { connections }
    }

    fn client(&self, object: &Object) -> Result<Arc<Client>, Error> {
        self.connections.client(object.bucket().expect("an object of a bucket has one"))
    }
}

impl LogSource for BucketLogs<'_> {
    fn list(&self, sources: &[Source], guide: &dyn KeyGuide, output: &mut ListOutput<'_>) -> Result<(), Error> {
        let RemoteRoots { prefixes, failures } = remote_roots(sources);
        output.failures(failures);
        for RemoteRoot { prefix, place } in prefixes {
            let client = self.connections.client(&prefix.bucket)?;
            list_prefix(&client, prefix, guide, &mut |listed| {
                match listed {
                    ListedKey::Object(found) => output.object(Object::remote(&place, &found)),
                    ListedKey::Unnameable(key) => output.failure(ListFailure {
                        location: prefix.bucket.location(&key),
                        name: key,
                        may_hold_objects: false,
                        flaw: ListFlaw::UnnameableKey,
                    }),
                }
                output.look(false)
            })?;
        }
        Ok(())
    }

    fn open(&self, object: &Object) -> Result<Box<dyn OpenObject>, Error> {
        Ok(Box::new(BucketReader::new(self.client(object)?, object.clone())))
    }

    fn fetch(&self, object: &Object) -> Result<Bytes, Error> {
        let client = self.client(object)?;
        client.wait(read::fetch(&client, object))
    }

    fn start_fetch(&self, object: &Object) -> Result<Option<Box<dyn Fetching>>, Error> {
        let client = self.client(object)?;
        let (of_task, wanted) = (Arc::clone(&client), object.clone());
        let mut task = JoinSet::new();
        task.spawn_on(async move { read::fetch(&of_task, &wanted).await }, client.runtime.handle());
        Ok(Some(Box::new(FetchTask { client, task })))
    }

    fn look_again(&self, object: &Object, _known: &[Source]) -> Result<Option<Object>, Error> {
        read::look_again(&*self.client(object)?, object)
    }
}

/// Each piece is of the listed version, or is an error: nothing is left to check at the end.
impl OpenObject for BucketReader {
    fn finish(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// An object that is being fetched.
#[derive(Debug)]
struct FetchTask {
    client: Arc<Client>,
    /// A single task. It ends when the set is dropped.
    task: JoinSet<Result<Bytes, Error>>,
}

impl Fetching for FetchTask {
    fn wait(&mut self) -> Result<Bytes, Error> {
        let done = self.client.wait(self.task.join_next()).expect("the set has one task, and is waited for once");
        done.expect("a fetch does not panic, and is ended only when nobody waits for it")
    }
}

/// The prefixes to list.
struct RemoteRoots<'a> {
    prefixes: Vec<RemoteRoot<'a>>,
    failures: Vec<ListFailure>,
}

/// A prefix that is not below another one.
struct RemoteRoot<'a> {
    prefix: &'a Prefix,
    place: Arc<Place>,
}

/// Returns the prefixes to list. Of nested sources the outermost gives the id; of equal ones the one without an id, then the
/// one whose id sorts first.
fn remote_roots(sources: &[Source]) -> RemoteRoots<'_> {
    let remote = |source| Source::remote(source).map(|prefix| (source, prefix));
    let mut sorted: Vec<(&Source, &Prefix)> = sources.iter().filter_map(remote).collect();
    sorted.sort_by_key(|(source, prefix)| (&prefix.bucket, prefix.path(), prefix.is_folder, source.id()));
    let mut roots = RemoteRoots { prefixes: Vec::new(), failures: Vec::new() };
    let mut places: BTreeMap<&str, &Source> = BTreeMap::new();
    for (source, prefix) in sorted {
        if roots.prefixes.iter().any(|root| root.prefix.holds_prefix(prefix)) {
            continue;
        }
        if let Some(id) = source.id()
            && let Some(other) = places.insert(id, source)
        {
            places.insert(id, other);
            roots.failures.push(ListFailure::same_id(source, id, other));
            continue;
        }
        let place = Place::of(source.id(), Some(&prefix.bucket));
        roots.prefixes.extend(place.map(|place| RemoteRoot { prefix, place }));
    }
    roots
}
