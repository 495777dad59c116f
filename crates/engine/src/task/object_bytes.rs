//! An object's compressed bytes: fetched whole, or streamed.

use std::{
    io::{self, BufRead, BufReader, Cursor, Read},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use lakefront_storage::{Connections, Object, ObjectReader, open};

/// Largest object in bytes that is fetched whole; larger ones are streamed: 16 MiB.
const FETCH_WHOLE_BYTES: u64 = 16 << 20;

/// Returns whether an object is too large to be fetched whole.
pub(super) fn is_streamed(object: &Object) -> bool {
    object.size_bytes() > FETCH_WHOLE_BYTES
}

/// Reader of an object's compressed bytes, for the decoder. The [`ObjectBytes`] remains to check the result.
pub(super) type Reader = Box<dyn BufRead + Send>;

/// Source of an object's bytes.
#[derive(Clone, Debug)]
pub(super) enum ObjectBytes {
    /// Memory: the bytes were checked when they were fetched.
    Memory,
    /// An open object.
    Open(Arc<OpenObject>),
}

#[derive(Debug)]
pub(super) struct OpenObject {
    /// `None` after [`ObjectBytes::finish`].
    reader: Mutex<Option<ObjectReader>>,
    read_bytes: AtomicU64,
}

impl ObjectBytes {
    pub(super) fn of_memory(content: Bytes) -> (Self, Reader) {
        (Self::Memory, Box::new(Cursor::new(content)))
    }

    pub(super) fn open(connections: &Connections, object: &Object) -> Result<(Self, Reader), lakefront_storage::Error> {
        const BUFFER_BYTES: usize = 256 * 1024;
        let reader = Mutex::new(Some(open(connections, object)?));
        let opened = Arc::new(OpenObject { reader, read_bytes: AtomicU64::new(0) });
        let reader = SharedReader(Arc::clone(&opened));
        Ok((Self::Open(opened), Box::new(BufReader::with_capacity(BUFFER_BYTES, reader))))
    }

    /// Returns the number of bytes of an open object that were read; 0 for bytes in memory.
    pub(super) fn read_bytes(&self) -> u64 {
        match self {
            Self::Memory => 0,
            Self::Open(object) => object.read_bytes.load(Ordering::Relaxed),
        }
    }

    /// Checks that the version that was read is the listed one: a mix of bytes of two versions must not be used.
    pub(super) fn finish(&self) -> Result<(), lakefront_storage::Error> {
        let Self::Open(object) = self else { return Ok(()) };
        let reader = object.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        reader.map_or(Ok(()), ObjectReader::finish)
    }
}

struct SharedReader(Arc<OpenObject>);

impl Read for SharedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut reader = self.0.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let count = reader.as_mut().map_or(Ok(0), |reader| reader.read(buffer))?;
        self.0.read_bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
