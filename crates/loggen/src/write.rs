//! Log files into a folder, on all processors.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::object::{Plan, gzip};
use crate::{Error, Options};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Log files.
    pub files: u64,
    /// Rows in all files, without the header lines.
    pub rows: u64,
    /// Bytes of text before compression.
    pub text_bytes: u64,
    /// Bytes of gzip; 0 where plain text was written.
    pub gzip_bytes: u64,
}

/// Writes all log files of [`objects`](crate::objects) into `folder`, which is made where it does not exist.
///
/// The bytes do not depend on how many threads write them. A file is never overwritten.
///
/// # Errors
///
/// [`Error::Exists`] where one of the files is there already: nothing has been written then. [`Error::Folder`],
/// [`Error::Write`] and [`Error::Gzip`] where the disk or the compressor fails: files that were finished before stay.
pub fn write(options: &Options, folder: &Path) -> Result<Summary, Error> {
    let plan = Plan::new(options);
    make(folder)?;
    for number in 0..plan.num_objects() {
        let path = folder.join(plan.key(number));
        if path.symlink_metadata().is_ok() {
            return Err(Error::Exists { path });
        }
    }
    let job = Job { options, plan, folder, next: AtomicU64::new(0), outcome: Mutex::new(Ok(Summary::default())) };
    let threads = options.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| job.work());
        }
        job.work();
    });
    job.outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The work that threads share.
struct Job<'a> {
    options: &'a Options,
    plan: Plan,
    folder: &'a Path,
    /// The number of the log file that no thread has taken yet.
    next: AtomicU64,
    outcome: Mutex<Result<Summary, Error>>,
}

impl Job<'_> {
    /// Takes log files until there are no more. The first error ends the work of all threads.
    fn work(&self) {
        let mut text = String::new();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.plan.num_objects() {
                return;
            }
            let written = self.write_one(number, &mut text);
            let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
            match (&mut *outcome, written) {
                (Ok(total), Ok(one)) => total.add(one),
                (Err(_), _) => return,
                (failed @ Ok(_), Err(error)) => {
                    *failed = Err(error);
                    return;
                }
            }
        }
    }

    fn write_one(&self, number: u64, text: &mut String) -> Result<Summary, Error> {
        let key = self.plan.key(number);
        text.clear();
        self.plan.write_text(number, text);
        let mut summary = Summary {
            files: 1,
            rows: u64::from(self.options.rows_per_file),
            text_bytes: text.len() as u64,
            gzip_bytes: 0,
        };
        let path = self.folder.join(&key);
        if self.options.plain {
            store(&path, text.as_bytes())?;
        } else {
            let bytes = gzip(&key, text, self.options.gzip_level)?;
            summary.gzip_bytes = bytes.len() as u64;
            store(&path, &bytes)?;
        }
        Ok(summary)
    }
}

impl Summary {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.rows += other.rows;
        self.text_bytes += other.text_bytes;
        self.gzip_bytes += other.gzip_bytes;
    }
}

#[expect(clippy::disallowed_methods, reason = "loggen writes its own folder, and names it in its error")]
fn make(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|source| Error::Folder { folder: folder.to_owned(), source })
}

/// Writes a new file, whole or not at all.
fn store(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Error::Exists { path: path.to_owned() });
        }
        Err(source) => return Err(Error::Write { path: path.to_owned(), source }),
    };
    file.write_all(bytes).map_err(|source| {
        remove(path);
        Error::Write { path: path.to_owned(), source }
    })
}

#[expect(clippy::disallowed_methods, reason = "the file is the half-written one of the line above")]
fn remove(path: &Path) {
    // The error that led here is the one to tell.
    let _ = fs::remove_file(path);
}
