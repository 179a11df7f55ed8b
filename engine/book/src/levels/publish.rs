//! Level books in the slots that readers see.

use crate::{
    levels::{
        entries::{Entries, Entry, LISTED, Run},
        view::{count_of, levels_of, quantity_of},
    },
    side::NEAR,
    sync::{AtomicU64, Ordering},
    top::{BEST_FIRST, LEVEL_WORDS, TOP_LEVELS, TopHead, TopSlot},
    writer::SIGN,
};

/// One side to publish.
pub(crate) struct GivenSide<'a> {
    /// Best last.
    entries: &'a [Entry],
    is_list: bool,
    /// Levels that readers get, and the entries that these are.
    len: usize,
    shown: usize,
    sign: i64,
    /// Ranks to write, one bit each.
    changed: u32,
}

impl<'a> GivenSide<'a> {
    pub fn new(entries: &'a Entries, run: &Run, side: usize, changed: u32) -> Self {
        let (entries, is_list) = (entries.of(run), run.has(LISTED));
        let (len, shown) = if is_list {
            levels_of(entries).take(TOP_LEVELS).fold((0, 0), |(len, shown), level| (len + 1, shown + level.len()))
        } else {
            (entries.len().min(TOP_LEVELS), entries.len().min(TOP_LEVELS))
        };
        Self { entries, is_list, len, shown, sign: SIGN[side], changed }
    }

    /// Entries that readers get to see.
    pub fn shown(&self) -> u32 {
        self.shown as u32
    }

    fn store_level(&self, words: &[AtomicU64; LEVEL_WORDS], level: &[Entry]) {
        let [price, quantity, count] = words;
        price.store(level[0].key.wrapping_mul(self.sign) as u64, Ordering::Relaxed);
        quantity.store(quantity_of(level), Ordering::Relaxed);
        count.store(u64::from(count_of(level)), Ordering::Relaxed);
    }

    /// Writes the changed ranks, best first; of a list all, for a rank there is not a place in the list.
    fn store(&self, levels: &[[AtomicU64; LEVEL_WORDS]]) {
        if self.is_list {
            for (words, level) in levels.iter().zip(levels_of(self.entries)).take(TOP_LEVELS) {
                self.store_level(words, level);
            }
            return;
        }
        // Ranks past the last may be set: they hold nothing now, and are noted again when they do.
        let mut changed = self.changed & ((1 << self.len) - 1);
        while changed != 0 {
            let rank = changed.trailing_zeros() as usize;
            changed &= changed - 1;
            let entry = &self.entries[self.entries.len() - 1 - rank];
            self.store_level(&levels[rank], core::slice::from_ref(entry));
        }
    }
}

impl TopSlot {
    /// Publishes a level book. Only the writer calls it, with the count of its publications to this slot so far.
    pub fn publish_given(&self, publications: u64, head: &TopHead, sides: &[GivenSide<'_>; 2]) {
        self.0.publish(publications, |words, body| {
            head.store(words, body, [sides[0].len, sides[1].len], BEST_FIRST);
            let (levels, _) = body.as_chunks::<LEVEL_WORDS>();
            sides[0].store(&levels[..NEAR]);
            sides[1].store(&levels[NEAR..2 * NEAR]);
        });
    }
}
