//! The bytes of a capture: a file mapped into memory, memory itself, or what a second thread decompresses.

use std::{fs::File, io, path::Path, sync::Arc};

use memmap2::{Advice, Mmap};

use super::pump::Pump;
use crate::{Progress, SourceError};

/// Bytes that a fill makes ready, where the input has them. The largest record of any format is shorter.
pub const READY: usize = 512 << 10;

/// A capture in memory, for [`CaptureSource::from_memory`](super::CaptureSource::from_memory). Cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct Memory(Shared);

#[derive(Clone, Debug)]
enum Shared {
    Map(Arc<Mmap>),
    Vec(Arc<Vec<u8>>),
    Slice(Arc<[u8]>),
    Static(&'static [u8]),
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Shared::Map(map) => map,
            Shared::Vec(bytes) => bytes,
            Shared::Slice(bytes) => bytes,
            Shared::Static(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Memory {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Shared::Vec(Arc::new(bytes)))
    }
}

impl From<Arc<Vec<u8>>> for Memory {
    fn from(bytes: Arc<Vec<u8>>) -> Self {
        Self(Shared::Vec(bytes))
    }
}

impl From<Arc<[u8]>> for Memory {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self(Shared::Slice(bytes))
    }
}

impl From<&'static [u8]> for Memory {
    fn from(bytes: &'static [u8]) -> Self {
        Self(Shared::Static(bytes))
    }
}

/// A file as it was opened: mapped where it can be, read otherwise (pipes, devices).
pub enum Opened {
    Memory(Memory),
    Stream(File),
}

/// Opens `path`.
pub fn open(path: &Path) -> Result<Opened, SourceError> {
    let failed = |error| SourceError::Open { path: path.to_owned(), error };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    if !metadata.is_file() {
        return Ok(Opened::Stream(file));
    }
    if metadata.len() == 0 {
        return Err(SourceError::Empty);
    }
    // SAFETY: the map is only ever read. A file that another process shortens meanwhile ends this process with SIGBUS, one
    // that it rewrites changes under the reader, who takes every length for a claim to be checked where it is used; both
    // are as documented in `CaptureSource::open`.
    let map = unsafe { Mmap::map(&file) }.map_err(failed)?;
    // Advice can only make it faster, so that a kernel that refuses it is no error.
    let _ = map.advise(Advice::Sequential);
    let _ = map.advise_range(Advice::WillNeed, 0, map.len().min(16 << 20));
    Ok(Opened::Memory(Memory(Shared::Map(Arc::new(map)))))
}

/// Where the bytes come from.
pub enum Store {
    Whole(Memory),
    Pumped(Pump),
}

impl Store {
    /// The bytes that are there now.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(memory) => memory.as_ref(),
            Self::Pumped(pump) => pump.bytes(),
        }
    }

    /// Whether no byte will follow those that are there.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Pumped(pump) => pump.is_complete(),
        }
    }
}

/// A store and how far it is read.
pub struct Input {
    pub store: Store,
    /// Index into the store's bytes.
    pub position: usize,
    /// Offset of the store's first byte in the (decompressed) capture.
    pub base: u64,
    /// Bytes past the end of the store to leave out.
    pub skip: u64,
}

impl Input {
    pub fn new(store: Store) -> Self {
        Self { store, position: 0, base: 0, skip: 0 }
    }

    /// Makes [`READY`] bytes ready from the position on, or all there are. Moves the bytes of a pumped store.
    pub fn fill(&mut self) {
        let Store::Pumped(pump) = &mut self.store else { return };
        loop {
            if pump.bytes().len() - self.position >= READY || pump.is_complete() {
                return;
            }
            self.base += self.position as u64;
            pump.refill(self.position, READY);
            let skipped = self.skip.min(pump.bytes().len() as u64);
            self.skip -= skipped;
            self.position = skipped as usize;
        }
    }

    /// The bytes from the position on.
    pub fn rest(&self) -> &[u8] {
        &self.store.bytes()[self.position..]
    }

    /// Offset of the position in the (decompressed) capture.
    pub fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    /// The error that ended a pumped store before its end.
    pub fn take_error(&mut self) -> Option<SourceError> {
        let offset = self.base + self.store.bytes().len() as u64;
        match &mut self.store {
            Store::Whole(_) => None,
            Store::Pumped(pump) => pump.take_error(offset),
        }
    }

    /// How far the file is read.
    pub fn progress(&self) -> Progress {
        match &self.store {
            Store::Whole(memory) => {
                Progress { bytes_done: self.offset(), bytes_total: Some(memory.as_ref().len() as u64) }
            }
            Store::Pumped(pump) => pump.progress(),
        }
    }
}
