//! A word that is read as it was written.
//!
//! A load that spans several recent stores, or is wider than one, cannot take its bytes from the store buffer: it waits until
//! they reach the cache, behind every earlier store that misses it. The books change the same few words again and again, so
//! where a compiler would join neighbouring words into one wide access, they are kept in this type, which it never joins.

use core::sync::atomic::{AtomicU64, Ordering};

/// A `u64` that is loaded and stored alone.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Word(AtomicU64);

impl Word {
    #[inline(always)]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub fn set(&mut self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}
