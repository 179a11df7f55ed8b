//! The readers' end.

use alloc::sync::Arc;
use core::fmt;

use crate::{
    keys::InstrumentKeys,
    top::{Top, TopSlot},
    zeroed::{Lines, Zeroable},
};

// SAFETY: atomics only.
unsafe impl Zeroable for TopSlot {}

/// What writer and readers share.
#[derive(Debug)]
pub(crate) struct Published {
    pub keys: InstrumentKeys,
    pub slots: Lines<TopSlot>,
    /// Implied books; touched only where there are any.
    pub implied: Lines<TopSlot>,
}

impl Published {
    pub fn new(keys: InstrumentKeys) -> Self {
        let capacity = keys.capacity() as usize;
        Self { keys, slots: Lines::zeroed(capacity), implied: Lines::zeroed(capacity) }
    }
}

/// Takes published tops, from any thread, while the writer goes on.
///
/// Cloning is cheap; each clone reads on its own.
#[derive(Clone, Debug)]
pub struct BookReader(pub(crate) Arc<Published>);

/// Why there is no top to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// No such instrument: its key is out of range or was never seen.
    UnknownInstrument,
    /// The writer published into every one of a thousand copies. Ask again.
    Busy,
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::UnknownInstrument => "no message has named an instrument with this key",
            Self::Busy => "the book changed during each of 1000 copies: ask again",
        })
    }
}

impl core::error::Error for ReadError {}

impl BookReader {
    /// The newest published top of the instrument under the venue's `key`: one state at one sequence.
    ///
    /// # Errors
    ///
    /// [`ReadError::UnknownInstrument`], and [`ReadError::Busy`] after a bounded number of attempts.
    #[inline]
    pub fn top(&self, key: u32) -> Result<Top, ReadError> {
        let index = self.0.keys.get(key).ok_or(ReadError::UnknownInstrument)?;
        self.0.slots[index as usize].read().ok_or(ReadError::Busy)
    }
    /// The newest published top of the instrument's implied book, which some feeds of levels give beside the direct one; empty
    /// where there is none. Its sequence and the direct top's may differ: a cut has both at one.
    ///
    /// # Errors
    ///
    /// As [`top`](Self::top).
    #[inline]
    pub fn implied_top(&self, key: u32) -> Result<Top, ReadError> {
        let index = self.0.keys.get(key).ok_or(ReadError::UnknownInstrument)?;
        self.0.implied[index as usize].read().ok_or(ReadError::Busy)
    }
}
