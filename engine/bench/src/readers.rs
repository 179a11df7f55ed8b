//! What readers cost the writer.

use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use wirebook_book::BookReader;

use crate::machine::Pinned;

/// What readers did beside a piece of work.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reads {
    /// Tops taken.
    pub tops: u64,
    /// Times that a reader was told to ask again.
    pub busy: u64,
}

/// Runs `work` on this thread while one reader on each of `cores` takes tops of all `instruments` in turn, at full speed.
pub(crate) fn beside<R>(
    reader: &BookReader,
    cores: &[usize],
    instruments: u32,
    work: impl FnOnce() -> R,
) -> (R, Reads) {
    let (stop, started) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let readers: Vec<_> = cores
            .iter()
            .map(|core| {
                let (stop, started) = (&stop, &started);
                scope.spawn(move || {
                    // A reader that cannot be bound reads all the same.
                    let _pinned = Pinned::to(*core);
                    started.fetch_add(1, Ordering::Relaxed);
                    read(reader, instruments, stop)
                })
            })
            .collect();
        while started.load(Ordering::Relaxed) < cores.len() as u64 {
            thread::yield_now();
        }
        let result = work();
        stop.store(true, Ordering::Relaxed);
        let reads = readers.into_iter().map(|reader| reader.join().expect("a reader does not panic"));
        let reads =
            reads.fold(Reads::default(), |sum, each| Reads { tops: sum.tops + each.tops, busy: sum.busy + each.busy });
        (result, reads)
    })
}

fn read(reader: &BookReader, instruments: u32, stop: &AtomicBool) -> Reads {
    let mut reads = Reads::default();
    while !stop.load(Ordering::Relaxed) {
        for instrument in 1..=instruments {
            match black_box(reader.top(instrument)) {
                Ok(_) => reads.tops += 1,
                Err(_) => reads.busy += 1,
            }
        }
    }
    reads
}
