//! Objects in, their bytes out in the same order, fetched before they are asked for.
//!
//! A request to a bucket takes a hundredth of a second or more, however small the object is. So many are under way at once,
//! and as many bytes wait as the limits allow. Files on the local disk are read when they are asked for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::connections::Client;
use crate::{Connections, Error, Object};

/// Objects that are fetched ahead for one task, and the bytes of those of all tasks: 64 MiB.
const MAX_OBJECTS: usize = 256;
const MAX_BYTES: u64 = 64 << 20;

/// Fetches objects in order, and ahead where that takes long.
#[derive(Debug)]
pub struct FetchAhead {
    connections: Connections,
    waiting: VecDeque<Object>,
    under_way: VecDeque<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    object: Object,
    fetching: Fetching,
}

#[derive(Debug)]
enum Fetching {
    /// On the local disk: read when its turn comes.
    Local,
    Remote(Arc<Client>, JoinHandle<Result<Bytes, Error>>),
}

impl FetchAhead {
    /// The objects that will be wanted, in their order.
    pub fn new(connections: &Connections, objects: VecDeque<Object>) -> Self {
        Self { connections: connections.clone(), waiting: objects, under_way: VecDeque::new() }
    }

    /// Starts to fetch.
    ///
    /// # Errors
    ///
    /// A bucket cannot be reached.
    pub fn start(&mut self) -> Result<(), Error> {
        self.start_more()
    }

    /// The bytes of an object, which must be one of the first of those that are left: those before it are passed over.
    ///
    /// # Errors
    ///
    /// As [`fetch`](crate::fetch()).
    pub fn fetch(&mut self, object: &Object) -> Result<Bytes, Error> {
        loop {
            self.start_more()?;
            let Some(UnderWay { object: next, fetching }) = self.under_way.pop_front() else {
                return crate::fetch(&self.connections, object);
            };
            self.connections.ahead_bytes().fetch_sub(next.size_bytes(), Ordering::Relaxed);
            if next != *object {
                continue;
            }
            return match fetching {
                Fetching::Local => crate::fetch(&self.connections, object),
                Fetching::Remote(client, fetching) => {
                    client.wait(fetching).unwrap_or_else(|_| crate::fetch(&self.connections, object))
                }
            };
        }
    }

    /// Starts as many as the limits allow; one is always under way.
    fn start_more(&mut self) -> Result<(), Error> {
        while let Some(object) = self.waiting.front() {
            let bytes = self.connections.ahead_bytes();
            let fits =
                self.under_way.len() < MAX_OBJECTS && bytes.load(Ordering::Relaxed) + object.size_bytes() <= MAX_BYTES;
            if !fits && !self.under_way.is_empty() {
                break;
            }
            let fetching = match object.bucket() {
                None => Fetching::Local,
                Some(bucket) => {
                    let client = self.connections.client(bucket)?;
                    let (of_task, wanted) = (Arc::clone(&client), object.clone());
                    let fetching = client.runtime.spawn(async move { super::read::fetch(&of_task, &wanted).await });
                    Fetching::Remote(client, fetching)
                }
            };
            bytes.fetch_add(object.size_bytes(), Ordering::Relaxed);
            self.under_way.extend(self.waiting.pop_front().map(|object| UnderWay { object, fetching }));
        }
        Ok(())
    }
}

/// What is under way is not waited for.
impl Drop for FetchAhead {
    fn drop(&mut self) {
        for UnderWay { object, fetching } in &self.under_way {
            self.connections.ahead_bytes().fetch_sub(object.size_bytes(), Ordering::Relaxed);
            if let Fetching::Remote(_, fetching) = fetching {
                [fetching].into_iter().for_each(JoinHandle::abort);
            }
        }
    }
}
