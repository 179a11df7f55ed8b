//! The levels of one side of one instrument.
//!
//! The best ones, up to sixteen, stand near: in the instrument's own memory, with quantity and count beside the price, so that
//! most messages touch a line there and publishing reads nothing else. The rest are far: a sorted run in an arena. Both have
//! the best at the end, where most levels come and go, so that little moves; between the two a few levels go at a time.
//!
//! Prices are held as keys that ascend from best to worst on both sides: an ask's price, a bid's price negated. Nothing
//! after that asks which side it is on.

use alloc::vec::Vec;
use core::mem::offset_of;

use crate::{
    level::{LevelRef, LevelSlab},
    word::Word,
};

/// Levels a side that stand near.
pub(crate) const NEAR: usize = 16;

/// With fewer near levels than this, far ones move up: the published depth.
const REFILL_BELOW: usize = 10;

/// Near levels after some moved to or from the far ones.
const AFTER_MOVE: usize = 13;

/// Sums of a level that stands near. 16 bytes.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct NearSums {
    quantity: Word,
    /// Order count below, level above.
    count_and_level: Word,
}

impl NearSums {
    #[inline(always)]
    pub fn quantity(&self) -> u64 {
        self.quantity.get()
    }

    #[inline(always)]
    pub fn count(&self) -> u32 {
        self.count_and_level.get() as u32
    }

    #[inline(always)]
    pub fn level(&self) -> LevelRef {
        (self.count_and_level.get() >> 32) as u32
    }

    /// Takes an order in.
    #[inline(always)]
    pub fn add(&mut self, quantity: u64) {
        self.quantity.set(self.quantity.get() + quantity);
        self.count_and_level.set(self.count_and_level.get() + 1);
    }

    /// Takes quantity off, which may be what wraps to more, and with it `orders` orders.
    #[inline(always)]
    pub fn take(&mut self, quantity: u64, orders: u64) {
        self.quantity.set(self.quantity.get().wrapping_sub(quantity));
        self.count_and_level.set(self.count_and_level.get() - orders);
    }

    #[inline(always)]
    fn set(&mut self, quantity: u64, count: u32, level: LevelRef) {
        self.quantity.set(quantity);
        self.count_and_level.set(u64::from(count) | u64::from(level) << 32);
    }
}

/// The near levels of one side, best last. Positions past the last hold anything.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct SideLevels {
    keys: [Word; NEAR],
    sums: [NearSums; NEAR],
}

/// Where a price is, or belongs, on a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At this position of the near levels.
    Near(usize),
    /// At this index of the far run.
    Far(usize),
}

/// What an instrument's header keeps of a side.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct SideHead {
    far_offset: u32,
    far_len: u32,
    near_len: u8,
    far_class: u8,
    unused: u16,
}

impl SideHead {
    #[inline]
    pub fn near_len(&self) -> usize {
        usize::from(self.near_len)
    }
}

impl SideLevels {
    #[inline(always)]
    pub fn key(&self, position: usize) -> i64 {
        self.keys[position].get() as i64
    }

    /// Position from which on near levels are better than `key`, and whether the one before it is `key` itself.
    ///
    /// The best eight are all compared, without a branch on the outcome: where among them a price falls cannot be foretold.
    #[inline]
    fn search(&self, key: i64, len: usize) -> (usize, bool) {
        const AT_ONCE: usize = 8;
        let mut at = len;
        if let Some(best) = self.keys[..len].last_chunk::<AT_ONCE>() {
            let better: usize = best.iter().map(|each| usize::from((each.get() as i64) < key)).sum();
            at -= better;
            if better < AT_ONCE {
                return (at, self.key(at - 1) == key);
            }
        }
        while at > 0 && self.key(at - 1) < key {
            at -= 1;
        }
        (at, at > 0 && self.key(at - 1) == key)
    }

    /// Where `key` stands, or `Err` with where it belongs.
    #[inline]
    pub fn find(&self, key: i64, head: &SideHead, arena: &FarArena) -> Result<Place, Place> {
        let len = head.near_len();
        match self.search(key, len) {
            (at, true) => Ok(Place::Near(at - 1)),
            (0, false) if head.far_len != 0 || len == NEAR => arena.find(key, head),
            (at, false) => Err(Place::Near(at)),
        }
    }

    /// The level at a place that [`find`](Self::find) found.
    #[inline]
    pub fn level(&self, place: Place, head: &SideHead, arena: &FarArena) -> LevelRef {
        match place {
            Place::Near(at) => self.sums[at].level(),
            Place::Far(at) => arena.levels(head)[at],
        }
    }

    /// Position of a level known to be on this side, if it stands near.
    #[inline]
    pub fn near_position(&self, key: i64, head: &SideHead) -> Option<usize> {
        let (at, found) = self.search(key, head.near_len());
        found.then(|| at - 1)
    }

    /// Levels of the near ones, best last.
    pub fn near_levels<'a>(&'a self, head: &SideHead) -> impl DoubleEndedIterator<Item = LevelRef> + use<'a> {
        self.sums[..head.near_len()].iter().map(NearSums::level)
    }

    /// Key of the best level.
    #[inline]
    pub fn best(&self, head: &SideHead) -> Option<i64> {
        head.near_len().checked_sub(1).map(|position| self.key(position))
    }

    #[inline]
    pub fn sums(&self, position: usize) -> &NearSums {
        &self.sums[position]
    }

    #[inline]
    pub fn sums_mut(&mut self, position: usize) -> &mut NearSums {
        &mut self.sums[position]
    }

    #[inline(always)]
    fn set(&mut self, position: usize, key: i64, quantity: u64, count: u32, level: LevelRef) {
        self.keys[position].set(key as u64);
        self.sums[position].set(quantity, count, level);
    }

    #[inline(always)]
    fn copy(&mut self, from: usize, to: usize) {
        let (key, sums) = (self.key(from), &self.sums[from]);
        let (quantity, count, level) = (sums.quantity(), sums.count(), sums.level());
        self.set(to, key, quantity, count, level);
    }

    /// Puts an empty level where it belongs, and says where that is: levels may move between near and far for it.
    #[inline]
    pub fn insert(
        &mut self,
        place: Place,
        key: i64,
        level: LevelRef,
        head: &mut SideHead,
        arena: &mut FarArena,
        levels: &mut LevelSlab,
    ) -> Inserted {
        let len = head.near_len();
        match place {
            Place::Near(at) if len < NEAR => {
                self.move_up(at, len, 1);
                self.set(at, key, 0, 0, level);
                head.near_len += 1;
                Inserted { place, moved_from: at }
            }
            Place::Near(_) => {
                self.move_to_far(head, arena, levels);
                let place = match self.find(key, head, arena) {
                    Ok(place) | Err(place) => place,
                };
                Inserted { moved_from: 0, ..self.insert(place, key, level, head, arena, levels) }
            }
            Place::Far(at) => {
                arena.insert(head, at, key, level, levels);
                Inserted { place, moved_from: NEAR }
            }
        }
    }

    /// Moves the levels from `from` up to `to` by `by` positions towards the best end.
    #[inline]
    fn move_up(&mut self, from: usize, to: usize, by: usize) {
        for at in (from..to).rev() {
            self.copy(at, at + by);
        }
    }

    /// Moves the levels from `from` up to `to` by `by` positions towards the worst end.
    #[inline]
    fn move_down(&mut self, from: usize, to: usize, by: usize) {
        for at in from..to {
            self.copy(at, at - by);
        }
    }

    #[cold]
    fn move_to_far(&mut self, head: &mut SideHead, arena: &mut FarArena, levels: &mut LevelSlab) {
        let moving = NEAR - AFTER_MOVE;
        for at in 0..moving {
            arena.insert(head, head.far_len as usize, self.key(at), self.sums[at].level(), levels);
        }
        self.move_down(moving, NEAR, moving);
        head.near_len = AFTER_MOVE as u8;
    }

    /// Takes a near level out, and says from which position on the near levels changed.
    #[inline]
    pub fn remove_near(
        &mut self,
        at: usize,
        head: &mut SideHead,
        arena: &mut FarArena,
        levels: &mut LevelSlab,
    ) -> usize {
        self.move_down(at + 1, head.near_len(), 1);
        head.near_len -= 1;
        if head.near_len() < REFILL_BELOW && head.far_len != 0 {
            self.move_to_near(head, arena, levels);
            return 0;
        }
        at
    }

    #[cold]
    fn move_to_near(&mut self, head: &mut SideHead, arena: &mut FarArena, levels: &mut LevelSlab) {
        let len = head.near_len();
        let mut moved = [(0, 0); AFTER_MOVE];
        let mut count = 0;
        while len + count < AFTER_MOVE {
            let Some((key, at)) = arena.pop(head) else { break };
            if levels.get(at).order_count() == 0 {
                levels.remove_hollow(at);
            } else {
                moved[count] = (key, at);
                count += 1;
            }
        }
        self.move_up(0, len, count);
        for (position, (key, at)) in moved[..count].iter().rev().enumerate() {
            let level = levels.get(*at);
            self.set(position, *key, level.quantity, level.order_count(), *at);
        }
        head.near_len += count as u8;
    }

    /// Where the key and the sums of a near position lie, bytes from the side's start.
    #[inline]
    pub const fn offsets(position: usize) -> [usize; 2] {
        [position * size_of::<Word>(), offset_of!(SideLevels, sums) + position * size_of::<NearSums>()]
    }
}

/// Where a level was put.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inserted {
    pub place: Place,
    /// Near position from which on levels changed.
    pub moved_from: usize,
}

/// Far levels of every side, in runs of a power of two from two reserved vectors.
///
/// A far level whose last order goes stays in its run as a hollow one: most prices come again, and finding its place costs
/// more than keeping it. Hollow levels go when they would move near, and when their run is full.
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

/// Far levels looked at one by one, from the best, before searching by halves.
const LINEAR: usize = 16;

const fn capacity_of(class: u8) -> usize {
    if class == 0 { 0 } else { SMALLEST_RUN << (class - 1) }
}

impl FarArena {
    pub fn new(capacity: usize) -> Self {
        Self {
            keys: Vec::with_capacity(capacity),
            levels: Vec::with_capacity(capacity),
            // As many runs of a class as the arena could hold.
            free: core::array::from_fn(|class| Vec::with_capacity(capacity / capacity_of(class.max(1) as u8))),
            growths: 0,
        }
    }

    #[inline]
    fn keys(&self, head: &SideHead) -> &[i64] {
        let offset = head.far_offset as usize;
        &self.keys[offset..offset + head.far_len as usize]
    }

    /// The side's far levels, worst first, hollow ones among them.
    #[inline]
    pub fn levels(&self, head: &SideHead) -> &[LevelRef] {
        let offset = head.far_offset as usize;
        &self.levels[offset..offset + head.far_len as usize]
    }

    /// Where `key` stands in the run, or `Err` with where it belongs.
    fn find(&self, key: i64, head: &SideHead) -> Result<Place, Place> {
        let keys = self.keys(head);
        let mut at = keys.len();
        let linear_end = at.saturating_sub(LINEAR);
        while at > linear_end && keys[at - 1] < key {
            at -= 1;
        }
        if at == linear_end {
            at = keys[..at].partition_point(|each| *each >= key);
        }
        if at > 0 && keys[at - 1] == key { Ok(Place::Far(at - 1)) } else { Err(Place::Far(at)) }
    }

    fn insert(&mut self, head: &mut SideHead, at: usize, key: i64, level: LevelRef, levels: &mut LevelSlab) {
        let mut at = at;
        if head.far_len as usize == capacity_of(head.far_class) {
            self.make_room(head, levels);
            at = match self.find(key, head) {
                Ok(Place::Far(at) | Place::Near(at)) | Err(Place::Far(at) | Place::Near(at)) => at,
            };
        }
        let offset = head.far_offset as usize;
        let len = head.far_len as usize;
        self.keys.copy_within(offset + at..offset + len, offset + at + 1);
        self.levels.copy_within(offset + at..offset + len, offset + at + 1);
        self.keys[offset + at] = key;
        self.levels[offset + at] = level;
        head.far_len += 1;
    }

    fn pop(&mut self, head: &mut SideHead) -> Option<(i64, LevelRef)> {
        head.far_len = head.far_len.checked_sub(1)?;
        let at = (head.far_offset + head.far_len) as usize;
        Some((self.keys[at], self.levels[at]))
    }

    /// Drops the hollow levels of a full run; where more than three quarters are left, moves it to one of twice its size.
    #[cold]
    fn make_room(&mut self, head: &mut SideHead, levels: &mut LevelSlab) {
        let offset = head.far_offset as usize;
        let mut kept = 0;
        for at in 0..head.far_len as usize {
            let level = self.levels[offset + at];
            if levels.get(level).order_count() == 0 {
                levels.remove_hollow(level);
                continue;
            }
            self.keys[offset + kept] = self.keys[offset + at];
            self.levels[offset + kept] = level;
            kept += 1;
        }
        head.far_len = kept as u32;
        if kept * 4 >= capacity_of(head.far_class) * 3 {
            self.enlarge(head);
        }
    }

    fn enlarge(&mut self, head: &mut SideHead) {
        let class = usize::from(head.far_class) + 1;
        assert!(class < CLASSES, "a side cannot hold more than 2^26 far levels");
        let offset = self.free[class].pop().unwrap_or_else(|| self.carve(class as u8));
        let run = head.far_offset as usize..(head.far_offset + head.far_len) as usize;
        self.keys.copy_within(run.clone(), offset as usize);
        self.levels.copy_within(run, offset as usize);
        self.release(head);
        head.far_class = class as u8;
        head.far_offset = offset;
    }

    fn carve(&mut self, class: u8) -> u32 {
        let offset = self.keys.len();
        let end = offset + capacity_of(class);
        if end > self.keys.capacity() {
            self.growths += 1;
        }
        self.keys.resize(end, 0);
        self.levels.resize(end, 0);
        offset as u32
    }

    fn release(&mut self, head: &SideHead) {
        if head.far_class != 0 {
            let free = &mut self.free[usize::from(head.far_class)];
            if free.len() == free.capacity() {
                self.growths += 1;
            }
            free.push(head.far_offset);
        }
    }

    pub fn regions(&self) -> [(usize, usize); 2] {
        [crate::prefetch::region(&self.keys), crate::prefetch::region(&self.levels)]
    }
}
