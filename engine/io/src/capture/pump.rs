//! A second thread that reads or decompresses ahead, a bounded number of chunks at most.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use crate::{Progress, SourceError};

/// Bytes of a chunk: large enough that handing it over costs nothing beside filling it.
const CHUNK: usize = 1 << 20;
/// Bytes of the first chunk, from which they double: a small file is not worth a large one.
const FIRST_CHUNK: usize = 64 << 10;
/// Chunks that wait for the reader at most.
const AHEAD: usize = 4;

/// Counts the bytes that pass, for the progress of a compressed file.
pub struct Counted<R> {
    reader: R,
    count: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    /// Counts into the returned counter.
    pub fn new(reader: R) -> (Self, Arc<AtomicU64>) {
        let count = Arc::new(AtomicU64::new(0));
        (Self { reader, count: count.clone() }, count)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.reader.read(buffer)?;
        self.count.fetch_add(size as u64, Ordering::Relaxed);
        Ok(size)
    }
}

type Chunk = Result<Vec<u8>, io::Error>;

/// The reader's side: a buffer with what has arrived.
pub struct Pump {
    buffer: Vec<u8>,
    chunks: Option<Receiver<Chunk>>,
    empties: SyncSender<Vec<u8>>,
    error: Option<io::Error>,
    compressed: bool,
    count: Arc<AtomicU64>,
    bytes_total: Option<u64>,
    thread: Option<JoinHandle<()>>,
}

impl Pump {
    /// Starts to read ahead from `reader`. `compressed` says of what kind its errors are; `count` is what it took in of
    /// `bytes_total`.
    pub fn new(
        reader: impl Read + Send + 'static,
        compressed: bool,
        count: Arc<AtomicU64>,
        bytes_total: Option<u64>,
    ) -> Self {
        let (chunk_sender, chunks) = sync_channel(AHEAD);
        let (empties, empty_receiver) = sync_channel(AHEAD + 2);
        let thread = thread::Builder::new().name("capture-pump".into());
        let (thread, error) = match thread.spawn(move || pump(reader, &chunk_sender, &empty_receiver)) {
            Ok(thread) => (Some(thread), None),
            Err(error) => (None, Some(error)),
        };
        let chunks = thread.is_some().then_some(chunks);
        Self { buffer: Vec::new(), chunks, empties, error, compressed, count, bytes_total, thread }
    }

    /// What has arrived and was not dropped.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Whether nothing more will arrive.
    pub fn is_complete(&self) -> bool {
        self.chunks.is_none()
    }

    /// Drops the first `used` bytes and waits until `ready` are there, or all there are.
    pub fn refill(&mut self, used: usize, ready: usize) {
        self.buffer.drain(..used);
        while self.buffer.len() < ready {
            match self.chunks.as_ref().map(Receiver::recv) {
                Some(Ok(Ok(chunk))) => {
                    self.buffer.extend_from_slice(&chunk);
                    // The other side may be gone, or have enough: the chunk is freed then.
                    let _ = self.empties.try_send(chunk);
                }
                Some(Ok(Err(error))) => {
                    self.error = Some(error);
                    self.chunks = None;
                }
                Some(Err(_)) => self.close(),
                None => return,
            }
        }
    }

    /// The sender is gone: the reader came to its end, or its thread panicked.
    fn close(&mut self) {
        self.chunks = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            self.error = Some(io::Error::other("the reading thread panicked"));
        }
    }

    /// The error that ended it, once; it belongs to the byte at `offset`.
    pub fn take_error(&mut self, offset: u64) -> Option<SourceError> {
        let error = self.error.take()?;
        Some(match self.compressed {
            true => SourceError::Decompress { compressed_offset: self.count.load(Ordering::Relaxed), offset, error },
            false => SourceError::Read { offset, error },
        })
    }

    /// How far the other thread has come.
    pub fn progress(&self) -> Progress {
        Progress { bytes_done: self.count.load(Ordering::Relaxed), bytes_total: self.bytes_total }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        // Without a receiver the thread's next send fails, and it ends.
        self.chunks = None;
        // What has a known size is memory and never waits. A pipe may keep the thread for ever: that one is left to itself.
        if self.bytes_total.is_some()
            && let Some(thread) = self.thread.take()
        {
            // A panic of a reader that nobody listens to any more changes nothing.
            let _ = thread.join();
        }
    }
}

/// Fills chunks from `reader` until its end, an error, or until nobody wants them any more.
fn pump(mut reader: impl Read, chunks: &SyncSender<Chunk>, empties: &Receiver<Vec<u8>>) {
    let mut wanted = FIRST_CHUNK;
    loop {
        let mut chunk = empties.try_recv().unwrap_or_default();
        chunk.resize(wanted, 0);
        let (size, error) = fill(&mut reader, &mut chunk);
        chunk.truncate(size);
        if size > 0 && chunks.send(Ok(chunk)).is_err() {
            return;
        }
        match error {
            Some(error) => return drop(chunks.send(Err(error))),
            None if size < wanted => return,
            None => wanted = (wanted * 2).min(CHUNK),
        }
    }
}

/// Reads until `chunk` is full, the reader ends, or an error. What was read before an error counts.
fn fill(reader: &mut impl Read, chunk: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut size = 0;
    while size < chunk.len() {
        match reader.read(&mut chunk[size..]) {
            Ok(0) => break,
            Ok(count) => size += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (size, Some(error)),
        }
    }
    (size, None)
}
