//! Lower limit of time for `make bench-peers`: inflates every `.gz` file of a folder with the crate that lakefront uses, and
//! does nothing with the text.
//!
//! `gunzip FOLDER THREADS` prints one line: seconds, objects, compressed bytes, bytes of text. Threads claim objects one by
//! one, the largest first, and allocate their buffers once. CRC and length of each member are checked, as in lakefront.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a separate program, for measuring")]

use std::{
    cmp::Reverse,
    env,
    error::Error,
    fs::{self, File},
    io::{BufRead, BufReader, Read, Result},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use flate2::bufread::MultiGzDecoder;

/// Size up to which an object is read at once, in compressed bytes, as in lakefront: 16 MiB.
const READ_BYTES: usize = 16 << 20;
/// Text that is inflated at a time, in bytes: 1 MiB. Less is slower, as the window is saved each time; more leaves the cache.
const TEXT_BYTES: usize = 1 << 20;

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(folder), Some(threads)) = (arguments.next(), arguments.next()) else {
        return Err("usage: gunzip FOLDER THREADS".into());
    };
    let objects = objects(Path::new(&folder))?;
    let threads: usize = threads.parse()?;
    let (next, started) = (AtomicUsize::new(0), Instant::now());
    let totals: Vec<Result<Total>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| inflate_claimed(&objects, &next))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a thread that inflates does not panic")).collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    let mut total = Total::default();
    for thread_total in totals {
        let thread_total = thread_total?;
        total.gzip_bytes += thread_total.gzip_bytes;
        total.text_bytes += thread_total.text_bytes;
    }
    let Total { gzip_bytes, text_bytes } = total;
    println!("seconds={seconds:.3} objects={} gzip_bytes={gzip_bytes} text_bytes={text_bytes}", objects.len());
    Ok(())
}

/// Returns the objects in a folder, the largest first.
fn objects(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut sized = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "gz") {
            sized.push((Reverse(fs::metadata(&path)?.len()), path));
        }
    }
    sized.sort();
    Ok(sized.into_iter().map(|(_, path)| path).collect())
}

#[derive(Default)]
struct Total {
    gzip_bytes: u64,
    text_bytes: u64,
}

/// Inflates objects until no object is left to claim.
fn inflate_claimed(objects: &[PathBuf], next: &AtomicUsize) -> Result<Total> {
    let (mut gzip, mut text, mut total) = (Vec::new(), vec![0; TEXT_BYTES], Total::default());
    while let Some(path) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
        let mut object = File::open(path)?;
        let bytes = object.metadata()?.len();
        total.gzip_bytes += bytes;
        total.text_bytes += if bytes <= READ_BYTES as u64 {
            gzip.clear();
            object.read_to_end(&mut gzip)?;
            inflate(gzip.as_slice(), &mut text)?
        } else {
            inflate(BufReader::with_capacity(1 << 18, object), &mut text)?
        };
    }
    Ok(total)
}

fn inflate(gzip: impl BufRead, text: &mut [u8]) -> Result<u64> {
    let (mut decoder, mut text_bytes) = (MultiGzDecoder::new(gzip), 0);
    loop {
        match decoder.read(text)? {
            0 => return Ok(text_bytes),
            count => text_bytes += count as u64,
        }
    }
}
