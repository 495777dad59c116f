//! A check that the threads which move bytes can be started.

use std::{
    io,
    thread::{self, JoinHandle},
};

/// Checks that this number of threads can run at once: libraries panic if one cannot be started.
///
/// # Errors
/// The operating system's.
pub(super) fn can_start_threads(count: usize) -> io::Result<()> {
    let start = |_| thread::Builder::new().spawn(thread::park);
    let started: Vec<io::Result<JoinHandle<()>>> = (0..count).map(start).collect();
    started.iter().flatten().for_each(|thread| thread.thread().unpark());
    started.into_iter().try_for_each(|thread| {
        thread?.join().expect("a thread that only parks does not panic");
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_threads_can_be_started() {
        can_start_threads(3).unwrap();
    }
}
