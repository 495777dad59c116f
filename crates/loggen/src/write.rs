//! Options in, log files in a folder out, made on all processors.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    num::NonZeroUsize,
    path::Path,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crate::{
    Error, Options,
    object::{Plan, gzip},
};

/// Counts of what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Number of log files.
    pub files: u64,
    /// Number of rows in all files, without the header lines.
    pub rows: u64,
    /// Number of bytes of text before compression.
    pub text_bytes: u64,
    /// Number of bytes of gzip; 0 for plain text.
    pub gzip_bytes: u64,
}

/// Writes all log files of [`objects`](crate::objects) into `folder`, which is created if it does not exist.
///
/// The bytes do not depend on the number of threads. A file is never overwritten.
///
/// # Errors
///
/// [`Error::Exists`] if one of the files exists already: nothing has been written then. [`Error::Folder`], [`Error::Write`]
/// and [`Error::Gzip`] if the disk or the compressor fails: files that were finished before stay.
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
    job.outcome.into_inner().unwrap_or_else(|_| unreachable!("the scope panics if one of its threads does"))
}

/// Work that threads share.
struct Job<'a> {
    options: &'a Options,
    plan: Plan,
    folder: &'a Path,
    /// Number of the first log file that no thread has taken yet.
    next: AtomicU64,
    outcome: Mutex<Result<Summary, Error>>,
}

impl Job<'_> {
    /// Takes and writes log files until there are no more. The first error ends the work of all threads.
    fn work(&self) {
        let mut text = String::new();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.plan.num_objects() {
                return;
            }
            let written = self.write_one(number, &mut text);
            let mut outcome = self.outcome();
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

    fn outcome(&self) -> MutexGuard<'_, Result<Summary, Error>> {
        self.outcome.lock().expect("no thread panics while it counts")
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

#[expect(clippy::disallowed_methods, reason = "the file is the half-written one of `store`")]
fn remove(path: &Path) {
    // Ignore: the caller returns the error that came first.
    let _ = fs::remove_file(path);
}
