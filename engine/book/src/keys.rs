//! From a venue's instrument key to the dense index that books are kept under.
//!
//! Small keys are their own index. Others go through a table that only grows: the writer enters keys, readers look them up
//! without a lock.

use alloc::boxed::Box;

use crate::{
    sync::{AtomicU64, Ordering},
    zeroed::{Zeroable, zeroed},
};

// SAFETY: an atomic of zero bytes is the atomic 0.
unsafe impl Zeroable for AtomicU64 {}

#[derive(Debug)]
pub(crate) enum InstrumentKeys {
    /// Keys below the limit are indexes.
    Direct { limit: u32 },
    /// Any key; each entry is the key in the high half and the index plus one in the low half, 0 where empty.
    Hashed { entries: Box<[AtomicU64]>, capacity: u32 },
}

impl InstrumentKeys {
    pub fn new(limit: u32, capacity: u32) -> Self {
        if limit != 0 {
            return Self::Direct { limit };
        }
        Self::Hashed { entries: zeroed((capacity as usize * 2).next_power_of_two().max(16)), capacity }
    }

    /// Instruments there can be.
    pub fn capacity(&self) -> u32 {
        match self {
            Self::Direct { limit } => *limit,
            Self::Hashed { capacity, .. } => *capacity,
        }
    }

    /// Index of a key; `None` for one never seen or out of range.
    #[inline]
    pub fn get(&self, key: u32) -> Option<u32> {
        match self {
            Self::Direct { limit } => (key < *limit).then_some(key),
            Self::Hashed { entries, .. } => find(entries, key).ok(),
        }
    }

    /// Index of a key, a new one where it was never seen; `None` when there is no room. Only the writer calls it.
    #[inline]
    pub fn get_or_insert(&self, key: u32, next: u32) -> Option<u32> {
        match self {
            Self::Direct { limit } => (key < *limit).then_some(key),
            Self::Hashed { entries, capacity } => match find(entries, key) {
                Ok(index) => Some(index),
                Err(slot) if next < *capacity => {
                    // Pairs with the Acquire load in `find`: whoever sees the index may read its slot.
                    entries[slot].store(u64::from(key) << 32 | u64::from(next + 1), Ordering::Release);
                    Some(next)
                }
                Err(_) => None,
            },
        }
    }
}

/// Index of `key`, or the empty slot where it would go. Half the slots stay empty, so there is one.
fn find(entries: &[AtomicU64], key: u32) -> Result<u32, usize> {
    let mask = entries.len() - 1;
    let mut at = (key.wrapping_mul(0x9e37_79b9) >> 7) as usize & mask;
    loop {
        // Pairs with the Release store in `get_or_insert`.
        let entry = entries[at].load(Ordering::Acquire);
        if entry == 0 {
            return Err(at);
        }
        if (entry >> 32) as u32 == key {
            return Ok(entry as u32 - 1);
        }
        at = (at + 1) & mask;
    }
}
