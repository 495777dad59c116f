//! Objects in, their bytes out in the same order, fetched before they are wanted.
//!
//! A request to a bucket takes a hundredth of a second or more, however small the object is. As many are in flight at
//! once, and as many bytes wait, as the limits allow. Files on the local disk are read when they are wanted.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use crate::log_source::Fetching;
use crate::{Connections, Error, Object, log_sources};
use bytes::Bytes;

/// Objects that are fetched ahead for one task, and the bytes of those of all tasks: 64 MiB.
const MAX_OBJECTS: usize = 256;
const MAX_BYTES: u64 = 64 << 20;

/// Fetches objects in order, and ahead if that takes long.
#[derive(Debug)]
pub struct FetchAhead {
    connections: Connections,
    waiting: VecDeque<Object>,
    under_way: VecDeque<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    object: Object,
    /// `None`: the object is read when its turn comes.
    fetching: Option<Box<dyn Fetching>>,
}

impl FetchAhead {
    /// Creates one for the objects that will be wanted, in their order.
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

    /// Returns the bytes of an object, which must be one of those that are left: those before it are dropped.
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
                Some(mut fetching) => fetching.wait(),
                None => crate::fetch(&self.connections, object),
            };
        }
    }

    /// Starts as many as the limits allow; one is always in flight.
    fn start_more(&mut self) -> Result<(), Error> {
        while let Some(object) = self.waiting.front() {
            let bytes = self.connections.ahead_bytes();
            let fits =
                self.under_way.len() < MAX_OBJECTS && bytes.load(Ordering::Relaxed) + object.size_bytes() <= MAX_BYTES;
            if !fits && !self.under_way.is_empty() {
                break;
            }
            let fetching = log_sources::of(object, &self.connections).start_fetch(object)?;
            bytes.fetch_add(object.size_bytes(), Ordering::Relaxed);
            self.under_way.extend(self.waiting.pop_front().map(|object| UnderWay { object, fetching }));
        }
        Ok(())
    }
}

/// Ends what is being fetched.
impl Drop for FetchAhead {
    fn drop(&mut self) {
        for UnderWay { object, .. } in &self.under_way {
            self.connections.ahead_bytes().fetch_sub(object.size_bytes(), Ordering::Relaxed);
        }
    }
}
