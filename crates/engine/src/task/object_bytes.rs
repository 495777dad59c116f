//! An object's compressed bytes: fetched, or read as they are needed.

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

/// Who reads an object's text from its bytes has this; the [`ObjectBytes`] stays with who asks how it went.
pub(super) type Reader = Box<dyn BufRead + Send>;

/// Where the bytes come from.
#[derive(Clone, Debug)]
pub(super) enum ObjectBytes {
    /// From memory: they were checked when they were fetched.
    Memory,
    /// From an open object.
    Open(Arc<OpenObject>),
}

#[derive(Debug)]
pub(super) struct OpenObject {
    /// None once it is finished.
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

    /// How many bytes of an open object were read.
    pub(super) fn read_bytes(&self) -> u64 {
        match self {
            Self::Memory => 0,
            Self::Open(object) => object.read_bytes.load(Ordering::Relaxed),
        }
    }

    /// Checks that what was read is what was listed: what comes of bytes of two versions is worth nothing.
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
