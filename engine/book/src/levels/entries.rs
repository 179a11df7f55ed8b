//! Entries of every level book, in runs of a power of two from one reserved vector.
//!
//! A side's entries lie best last, as those of order books do: most come and go at the best end, so that little moves. Prices
//! are keys that ascend from best to worst on both sides.

use alloc::vec::Vec;
use core::ops::Range;

/// A price level as the feed gives it, or one order of a list. 32 bytes, so that two share a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Entry {
    pub key: i64,
    pub quantity: u64,
    /// Of an order of a list; 0 for a level.
    pub order_id: u64,
    /// Orders, 0 where their count is not known.
    pub orders: u32,
    pub unused: u32,
}

const _: () = assert!(size_of::<Entry>() == 32);

impl Entry {
    /// Whether both are orders of one list at one price, and so of one level.
    #[inline]
    pub fn shares_level(&self, other: &Self) -> bool {
        self.key == other.key && self.order_id != 0 && other.order_id != 0
    }

    /// Whether this one may stand before `worse`.
    #[inline]
    pub fn precedes(&self, worse: &Self) -> bool {
        self.key < worse.key || self.shares_level(worse)
    }
}

/// One side of a level book. All zero is an empty one.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Run {
    offset: u32,
    len: u32,
    /// Entries in the newest published top.
    pub shown: u32,
    class: u8,
    /// [`SUSPECT`], [`DISORDERED`] and [`LISTED`].
    pub marks: u8,
    unused: u16,
}

/// Entries may stand out of order: to be looked at when the event group ends.
pub(crate) const SUSPECT: u8 = 1;
/// They did at the end of a group.
pub(crate) const DISORDERED: u8 = 2;
/// Entries are single orders.
pub(crate) const LISTED: u8 = 4;

impl Run {
    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub fn has(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    #[inline]
    fn range(&self) -> Range<usize> {
        let offset = self.offset as usize;
        offset..offset + self.len as usize
    }
}

const SMALLEST_RUN: usize = 4;

/// Classes of runs; the last is of four million entries, which is what a side may have.
const CLASSES: usize = 22;

/// Entries looked at one by one, from the best, before searching by halves.
const LINEAR: usize = 16;

const fn capacity_of(class: u8) -> usize {
    if class == 0 { 0 } else { SMALLEST_RUN << (class - 1) }
}

#[derive(Debug)]
pub(crate) struct Entries {
    entries: Vec<Entry>,
    /// Offsets of runs given back, by class.
    free: [Vec<u32>; CLASSES],
    /// Entries of all runs.
    pub open: usize,
    pub growths: u64,
}

impl Entries {
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: Vec::with_capacity(capacity),
            // As many runs of a class as there could be.
            free: core::array::from_fn(|class| Vec::with_capacity(capacity / capacity_of(class.max(1) as u8))),
            open: 0,
            growths: 0,
        }
    }

    /// A side's entries, best last.
    #[inline]
    pub fn of(&self, run: &Run) -> &[Entry] {
        &self.entries[run.range()]
    }

    /// One entry, to be changed.
    #[inline]
    pub fn get_mut(&mut self, run: &Run, at: usize) -> &mut Entry {
        &mut self.entries[run.range()][at]
    }

    /// Where `key` stands, or `Err` with where it belongs.
    pub fn find(&self, run: &Run, key: i64) -> Result<usize, usize> {
        let entries = self.of(run);
        let mut at = entries.len();
        let linear_end = at.saturating_sub(LINEAR);
        while at > linear_end && entries[at - 1].key < key {
            at -= 1;
        }
        if at == linear_end {
            at = entries[..at].partition_point(|each| each.key >= key);
        }
        if at > 0 && entries[at - 1].key == key { Ok(at - 1) } else { Err(at) }
    }

    /// Puts an entry in so that those from `at` on stay better than it. Where there are `depth` already (0: no limit), which is
    /// the most there may be, the worst makes room for it. Gives its index; `None` where it would itself be past the depth, or
    /// past what a side may have.
    pub fn insert(&mut self, run: &mut Run, at: usize, entry: Entry, depth: usize) -> Option<usize> {
        let len = run.len();
        if len == depth && depth != 0 {
            let at = at.checked_sub(1)?;
            let entries = &mut self.entries[run.range()];
            entries.copy_within(1..=at, 0);
            entries[at] = entry;
            return Some(at);
        }
        if len == capacity_of(run.class) && !self.enlarge(run) {
            return None;
        }
        run.len += 1;
        self.open += 1;
        let entries = &mut self.entries[run.range()];
        entries.copy_within(at..len, at + 1);
        entries[at] = entry;
        Some(at)
    }

    /// Takes a range of entries out.
    pub fn remove(&mut self, run: &mut Run, range: Range<usize>) {
        let len = run.len();
        self.entries[run.range()].copy_within(range.end..len, range.start);
        run.len -= range.len() as u32;
        self.open -= range.len();
    }

    /// Drops the worst entries past `depth`.
    pub fn truncate(&mut self, run: &mut Run, depth: usize) {
        self.remove(run, 0..run.len().saturating_sub(depth));
    }

    /// Moves a full run to one of twice its size; false where it has the largest.
    #[cold]
    fn enlarge(&mut self, run: &mut Run) -> bool {
        let class = usize::from(run.class) + 1;
        if class == CLASSES {
            return false;
        }
        let offset = self.free[class].pop().unwrap_or_else(|| self.carve(class as u8));
        self.entries.copy_within(run.range(), offset as usize);
        self.release(run);
        run.class = class as u8;
        run.offset = offset;
        true
    }

    fn carve(&mut self, class: u8) -> u32 {
        let offset = self.entries.len();
        let end = offset + capacity_of(class);
        self.growths += u64::from(end > self.entries.capacity());
        self.entries.resize(end, Entry::default());
        offset as u32
    }

    fn release(&mut self, run: &Run) {
        if run.class != 0 {
            let free = &mut self.free[usize::from(run.class)];
            self.growths += u64::from(free.len() == free.capacity());
            free.push(run.offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use proptest::prelude::*;

    use super::*;

    fn entry(key: i64) -> Entry {
        Entry { key, quantity: 1, ..Entry::default() }
    }

    #[test]
    fn a_side_may_not_grow_past_the_largest_run() {
        let (mut entries, mut run) = (Entries::new(4), Run::default());
        let most = capacity_of(CLASSES as u8 - 1);
        for key in 0..most as i64 {
            let at = run.len();
            assert_eq!(entries.insert(&mut run, at, entry(-key), 0), Some(at));
        }
        assert_eq!(entries.insert(&mut run, 0, entry(1), 0), None);
        assert_eq!((run.len(), entries.open), (most, most));
    }

    proptest! {
        #[test]
        fn runs_agree_with_vectors(
            steps in prop::collection::vec((0..3_usize, any::<bool>(), any::<prop::sample::Index>(), 0..9_usize), 1..300),
        ) {
            let mut entries = Entries::new(8);
            let mut runs = [Run::default(); 3];
            let mut models: [Vec<Entry>; 3] = Default::default();
            for (step, (which, add, place, depth)) in (0..).zip(steps) {
                let (run, model) = (&mut runs[which], &mut models[which]);
                if add {
                    if depth != 0 {
                        entries.truncate(run, depth);
                        model.drain(..model.len().saturating_sub(depth));
                    }
                    let at = place.index(model.len() + 1);
                    model.insert(at, entry(step));
                    let excess = if depth == 0 { 0 } else { model.len().saturating_sub(depth) };
                    model.drain(..excess);
                    prop_assert_eq!(entries.insert(run, at, entry(step), depth), at.checked_sub(excess));
                } else if !model.is_empty() {
                    let at = place.index(model.len());
                    let end = (at + depth).min(model.len());
                    model.drain(at..end);
                    entries.remove(run, at..end);
                }
                for (run, model) in runs.iter().zip(&models) {
                    prop_assert_eq!(entries.of(run), model.as_slice());
                }
                prop_assert_eq!(entries.open, models.iter().map(Vec::len).sum::<usize>());
            }
        }
    }
}
