//! What the writer keeps of one instrument: its state in one line, and the best levels of both sides behind it.
//!
//! The best levels of a side, up to sixteen, sit in seats that they keep until they go; which seat has which rank is one word.
//! So nothing moves when a better price comes, and a publication writes the seats that changed and no others. The rest are
//! far: sorted runs in the [`FarArena`].
//!
//! Prices are held as keys that ascend from best to worst on both sides: an ask's price, a bid's price negated. Nothing
//! after that asks which side it is on.

use core::mem::offset_of;

use wirebook_abi::Event;

use crate::{
    compare::Compare,
    far::{FarArena, FarRun},
    level::{LevelRef, LevelSlab},
    ranks::{NEAR, Ranks},
    validity::Conditions,
    word::Word,
    zeroed::Zeroable,
};

/// A near level's place among those of its instrument: the seat, and sixteen more of an ask.
pub(crate) type Seat = usize;

/// Seats of both sides.
pub(crate) const SEATS: usize = 2 * NEAR;

/// With fewer near levels than this, far ones move up: the published depth.
const REFILL_BELOW: usize = 10;

/// Near levels after some moved to or from the far ones.
const AFTER_MOVE: usize = 13;

/// One instrument. All zero bytes are an empty, valid book.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Instrument {
    ranks: [Ranks; 2],
    /// Best keys, where the side is not empty: to see a crossed book without reading more of it.
    best: [i64; 2],
    far: [FarRun; 2],
    /// Seats that changed since the last publication, one bit each, and [`SINCE`](crate::top::SINCE).
    pub changed: u64,
    near_len: [u8; 2],
    pub conditions: Conditions,
    /// [`PENDING`], [`KNOWN`] and [`LEVELS`].
    pub flags: u8,
    /// Keys by seat, as a [`worth`]. Of a free seat 0.
    worths: [[Word; NEAR]; 2],
    levels: [LevelRef; SEATS],
}

/// Something readers see has changed in this event group.
pub(crate) const PENDING: u8 = 1;
/// A message named the instrument before.
pub(crate) const KNOWN: u8 = 2;
/// The feed gives its levels outright: readers see the level book.
pub(crate) const LEVELS: u8 = 4;

const _: () = assert!(offset_of!(Instrument, worths) == 64);

// SAFETY: integers and arrays of them, in structures without invariants on their bytes.
unsafe impl Zeroable for Instrument {}

/// A key as an unsigned number that is larger the better the key; only the worst key there can be is worth nothing.
#[inline(always)]
const fn worth(key: i64) -> u64 {
    i64::MAX.wrapping_sub(key) as u64
}

/// The key that is worth so much.
#[inline(always)]
const fn key_of(worth: u64) -> i64 {
    i64::MAX.wrapping_sub(worth as i64)
}

impl Instrument {
    /// Asks for the lines of the side with this code in which its levels are found; where it is none, for a line that is there
    /// already. Which it is, no branch foretells: so none is taken.
    #[inline(always)]
    pub fn prefetch(items: &[Self], index: u32, side: u8) {
        const WORTHS: usize = offset_of!(Instrument, worths);
        const LEVELS: usize = offset_of!(Instrument, levels);
        const OFFSETS: [[usize; 2]; 4] = [[0; 2], [WORTHS, LEVELS], [WORTHS + 8 * NEAR, LEVELS + 4 * NEAR], [0; 2]];
        let start = index as usize * size_of::<Self>();
        let [worths, levels] = OFFSETS[usize::from(side & 3)];
        crate::prefetch::line(items, start + worths);
        crate::prefetch::line(items, start + worths + 64);
        crate::prefetch::line(items, start + levels);
    }

    #[inline(always)]
    pub fn near_len(&self, side: usize) -> usize {
        usize::from(self.near_len[side])
    }

    #[inline(always)]
    pub fn ranks(&self, side: usize) -> Ranks {
        self.ranks[side]
    }

    #[inline(always)]
    pub fn far(&self, side: usize) -> FarRun {
        self.far[side]
    }

    pub fn far_mut(&mut self, side: usize) -> &mut FarRun {
        &mut self.far[side]
    }

    /// The seat at a rank.
    #[inline(always)]
    fn seat(&self, side: usize, rank: usize) -> Seat {
        side * NEAR + self.ranks[side].seat(rank)
    }

    #[inline(always)]
    pub fn level(&self, seat: Seat) -> LevelRef {
        self.levels[seat % SEATS]
    }

    #[inline(always)]
    fn key(&self, seat: Seat) -> i64 {
        key_of(self.worths[seat / NEAR % 2][seat % NEAR].get())
    }

    /// Near levels, best first.
    pub fn near_levels(&self, side: usize) -> impl Iterator<Item = LevelRef> + '_ {
        (0..self.near_len(side)).map(move |rank| self.level(self.seat(side, rank)))
    }

    /// Where `key` stands or belongs among the near levels: how many are better. All seats are compared.
    #[inline(always)]
    pub fn rank(&self, side: usize, key: i64, compare: Compare) -> usize {
        compare.count_above(&self.worths[side], worth(key))
    }

    /// The level of `key`, where it stands near, of which `rank` are better.
    #[inline(always)]
    pub fn near_at(&self, side: usize, rank: usize, key: i64) -> Option<LevelRef> {
        let seat = self.seat(side, rank);
        // A free seat is worth nothing, as the worst key there can be is.
        (rank < self.near_len(side) && self.key(seat) == key).then(|| self.level(seat))
    }

    /// Whether a key is worse than the worst of as many near levels as there can be without far ones being asked.
    #[inline(always)]
    pub fn is_behind(&self, side: usize, key: i64) -> bool {
        let seat = self.ranks[side].seat(self.near_len(side).wrapping_sub(1));
        worth(key) < self.worths[side][seat].get()
    }

    /// Whether a key behind all near levels belongs to the far ones.
    #[inline(always)]
    pub fn is_far(&self, side: usize, rank: usize) -> bool {
        rank == self.near_len(side) && (self.far[side].len() != 0 || rank == NEAR)
    }

    /// Seats a new level of `key` at `rank`. There is a free seat.
    #[inline(always)]
    pub fn seat_level(&mut self, side: usize, rank: usize, key: i64, level: LevelRef, levels: &mut LevelSlab) {
        let len = self.near_len(side);
        let seat = side * NEAR + self.ranks[side].take_seat(rank, len);
        self.near_len[side] = len as u8 + 1;
        self.worths[side][seat % NEAR].set(worth(key));
        self.levels[seat] = level;
        levels.get_mut(level).seat(seat);
        self.note_best(side);
        self.changed |= 1 << seat;
    }

    /// Takes the level out of its seat.
    #[inline(always)]
    pub fn unseat(&mut self, seat: Seat) {
        let side = seat / NEAR % 2;
        let len = self.near_len(side);
        let rank = self.ranks[side].rank(seat % NEAR);
        self.ranks[side].leave_seat(rank, len);
        self.near_len[side] = len as u8 - 1;
        self.worths[side][seat % NEAR].set(0);
        self.note_best(side);
    }

    /// Keeps the best key in the first line, whether it is another one or not: which it is cannot be foretold.
    #[inline(always)]
    fn note_best(&mut self, side: usize) {
        self.best[side] = self.key(self.seat(side, 0));
    }

    /// Whether so few levels are near that far ones are to move up.
    #[inline(always)]
    pub fn wants_refill(&self, side: usize) -> bool {
        self.near_len(side) < REFILL_BELOW && self.far[side].len() != 0
    }

    /// Moves the worst near levels to the far ones.
    #[cold]
    #[inline(never)]
    pub fn move_to_far(&mut self, side: usize, arena: &mut FarArena, levels: &mut LevelSlab) {
        while self.near_len(side) > AFTER_MOVE {
            let seat = self.seat(side, self.near_len(side) - 1);
            let (key, level) = (self.key(seat), self.level(seat));
            self.unseat(seat);
            levels.get_mut(level).leave_seat();
            // The worst near one is better than every far one, and those moved before it were worse.
            let at = arena.find(key, self.far[side]).unwrap_or_else(|at| at);
            arena.insert(&mut self.far[side], at, key, level, levels);
        }
    }

    /// Moves the best far levels near.
    #[cold]
    #[inline(never)]
    pub fn refill(&mut self, side: usize, arena: &mut FarArena, levels: &mut LevelSlab) {
        while self.near_len(side) < AFTER_MOVE {
            let Some((key, level)) = arena.pop(&mut self.far[side]) else { break };
            if levels.get(level).order_count() == 0 {
                levels.remove_hollow(level);
            } else {
                self.seat_level(side, self.near_len(side), key, level, levels);
            }
        }
    }

    /// Whether best bid is at or above best ask. Orders without a price cross nothing.
    #[inline]
    pub fn is_crossed(&self) -> bool {
        match (self.best_priced(0), self.best_priced(1)) {
            // Keys of bids are negated prices: the sum is ask minus bid.
            (Some(bid), Some(ask)) => bid.saturating_add(ask) <= 0,
            _ => false,
        }
    }

    /// Key of the best near level that has a price. The one without stands before all others.
    #[inline]
    fn best_priced(&self, side: usize) -> Option<i64> {
        match self.near_len(side) {
            0 => None,
            1 if self.best[side] == Event::NO_PRICE => None,
            _ if self.best[side] == Event::NO_PRICE => Some(self.key(self.seat(side, 1))),
            _ => Some(self.best[side]),
        }
    }
}
