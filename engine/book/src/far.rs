//! The levels of a side that are not among its best: far ones, sorted runs in an arena, best last.
//!
//! A far level whose last order goes stays in its run as a hollow one: most prices come again, and finding its place costs
//! more than keeping it. Hollow levels go when they would move near, and when their run is full.

use alloc::vec::Vec;
use core::ops::Range;

use crate::level::{LevelRef, LevelSlab};

/// A side's far levels: where its run begins, how long it is, and of what class. All zero bytes are an empty one.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct FarRun {
    offset: u32,
    /// The class above, the length below.
    class_and_len: u32,
}

/// Bits of the length.
const LEN_BITS: u32 = 27;

impl FarRun {
    /// Levels in it, hollow ones among them.
    #[inline]
    pub fn len(self) -> usize {
        (self.class_and_len & ((1 << LEN_BITS) - 1)) as usize
    }

    #[inline]
    fn set_len(&mut self, len: usize) {
        self.class_and_len = self.class_and_len >> LEN_BITS << LEN_BITS | len as u32;
    }

    fn class(self) -> usize {
        (self.class_and_len >> LEN_BITS) as usize
    }

    #[inline]
    fn range(self) -> Range<usize> {
        self.offset as usize..self.offset as usize + self.len()
    }
}

/// Far levels of every side, in runs of a power of two from two reserved vectors.
#[derive(Debug)]
pub(crate) struct FarArena {
    keys: Vec<i64>,
    levels: Vec<LevelRef>,
    /// Offsets of runs given back, by class.
    free: [Vec<u32>; CLASSES],
    pub growths: u64,
}

const CLASSES: usize = 24;
const SMALLEST_RUN: usize = 16;

const _: () = assert!(SMALLEST_RUN << (CLASSES - 2) < 1 << LEN_BITS && CLASSES <= 1 << (32 - LEN_BITS));

/// Far levels looked at one by one, from the best, before searching by halves.
const LINEAR: usize = 16;

const fn capacity_of(class: usize) -> usize {
    if class == 0 { 0 } else { SMALLEST_RUN << (class - 1) }
}

impl FarArena {
    pub fn new(capacity: usize) -> Self {
        Self {
            keys: Vec::with_capacity(capacity),
            levels: Vec::with_capacity(capacity),
            // As many runs of a class as the arena could hold.
            free: core::array::from_fn(|class| Vec::with_capacity(capacity / capacity_of(class.max(1)))),
            growths: 0,
        }
    }

    /// The run's levels, worst first, hollow ones among them.
    #[inline]
    pub fn levels(&self, run: FarRun) -> &[LevelRef] {
        &self.levels[run.range()]
    }

    /// Asks for the lines at the run's best end, where most keys stand or belong.
    #[inline]
    pub fn prefetch(&self, run: FarRun) {
        let end = run.range().end;
        for line in 1..=4 {
            crate::prefetch::read(&self.keys, end.saturating_sub(8 * line));
        }
        for line in 1..=2 {
            crate::prefetch::read(&self.levels, end.saturating_sub(16 * line));
        }
    }

    /// Index of `key` in the run, or `Err` with where it belongs.
    pub fn find(&self, key: i64, run: FarRun) -> Result<usize, usize> {
        let keys = &self.keys[run.range()];
        let mut at = keys.len();
        let linear_end = at.saturating_sub(LINEAR);
        while at > linear_end && keys[at - 1] < key {
            at -= 1;
        }
        if at == linear_end {
            at = keys[..at].partition_point(|each| *each >= key);
        }
        if at > 0 && keys[at - 1] == key { Ok(at - 1) } else { Err(at) }
    }

    /// Puts a level of a key that is not in the run where [`find`](Self::find) says it belongs.
    pub fn insert(&mut self, run: &mut FarRun, at: usize, key: i64, level: LevelRef, levels: &mut LevelSlab) {
        let mut at = at;
        if run.len() == capacity_of(run.class()) {
            self.make_room(run, levels);
            at = self.find(key, *run).unwrap_or_else(|at| at);
        }
        let Range { start, end } = run.range();
        self.keys.copy_within(start + at..end, start + at + 1);
        self.levels.copy_within(start + at..end, start + at + 1);
        self.keys[start + at] = key;
        self.levels[start + at] = level;
        run.set_len(run.len() + 1);
    }

    /// Takes the best level out, which may be a hollow one.
    pub fn pop(&mut self, run: &mut FarRun) -> Option<(i64, LevelRef)> {
        let at = run.range().next_back()?;
        run.set_len(run.len() - 1);
        Some((self.keys[at], self.levels[at]))
    }

    /// Drops the hollow levels of a full run; where more than three quarters are left, moves it to one of twice its size.
    #[cold]
    fn make_room(&mut self, run: &mut FarRun, levels: &mut LevelSlab) {
        let start = run.range().start;
        let mut kept = 0;
        for at in run.range() {
            let level = self.levels[at];
            if levels.get(level).order_count() == 0 {
                levels.remove_hollow(level);
                continue;
            }
            self.keys[start + kept] = self.keys[at];
            self.levels[start + kept] = level;
            kept += 1;
        }
        run.set_len(kept);
        if kept * 4 >= capacity_of(run.class()) * 3 {
            self.enlarge(run);
        }
    }

    fn enlarge(&mut self, run: &mut FarRun) {
        let class = run.class() + 1;
        assert!(class < CLASSES, "a side cannot hold more than 2^26 far levels");
        let offset = self.free[class].pop().unwrap_or_else(|| self.carve(class));
        self.keys.copy_within(run.range(), offset as usize);
        self.levels.copy_within(run.range(), offset as usize);
        self.release(*run);
        *run = FarRun { offset, class_and_len: (class as u32) << LEN_BITS | run.len() as u32 };
    }

    fn carve(&mut self, class: usize) -> u32 {
        let offset = self.keys.len();
        let end = offset + capacity_of(class);
        if end > self.keys.capacity() {
            self.growths += 1;
        }
        self.keys.resize(end, 0);
        self.levels.resize(end, 0);
        offset as u32
    }

    fn release(&mut self, run: FarRun) {
        if run.class() != 0 {
            let free = &mut self.free[run.class()];
            if free.len() == free.capacity() {
                self.growths += 1;
            }
            free.push(run.offset);
        }
    }

    pub fn regions(&self) -> [(usize, usize); 2] {
        [crate::prefetch::region(&self.keys), crate::prefetch::region(&self.levels)]
    }
}
