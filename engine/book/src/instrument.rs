//! What the writer keeps of one instrument.

use core::mem::offset_of;

use wirebook_abi::Event;

use crate::{
    side::{NEAR, SideHead, SideLevels},
    top::{Changed, TOP_LEVELS},
    validity::Conditions,
    zeroed::Zeroable,
};

/// One instrument: a line of state, then the near levels of both sides. All zero bytes are an empty, valid book.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Instrument {
    pub heads: [SideHead; 2],
    /// Best keys, where the side is not empty: to see a crossed book without reading the other side.
    pub best: [i64; 2],
    /// Publications of its slot so far.
    pub publications: u64,
    /// Near positions that each of the slot's buffers lacks, by buffer and side.
    pub changed: Changed,
    pub conditions: Conditions,
    /// Buffers, as bits, that lack the sequence since which the state holds.
    pub since_lacking: u8,
    /// [`PENDING`], [`KNOWN`] and [`LEVELS`].
    pub flags: u8,
    /// Open orders.
    pub order_count: u32,
    pub sides: [SideLevels; 2],
}

/// Something readers see has changed in this event group.
pub(crate) const PENDING: u8 = 1;
/// A message named the instrument before.
pub(crate) const KNOWN: u8 = 2;
/// The feed gives its levels outright: readers see the level book.
pub(crate) const LEVELS: u8 = 4;

const _: () = assert!(offset_of!(Instrument, sides) == 64);

// SAFETY: integers and arrays of them, in structures without invariants on their bytes.
unsafe impl Zeroable for Instrument {}

impl Instrument {
    /// Asks for the lines at the best end of the side with this code; where it is none, for a line that is there already.
    /// Which it is, no branch foretells: so none is taken.
    #[inline]
    pub fn prefetch(&self, side: u8) {
        const OFFSETS: [usize; 4] =
            [0, offset_of!(Instrument, sides), offset_of!(Instrument, sides) + size_of::<SideLevels>(), 0];
        let lens = [0, self.heads[0].near_len(), self.heads[1].near_len(), 0];
        let code = usize::from(side & 3);
        let [key, sums] = SideLevels::offsets(lens[code].saturating_sub(2));
        let this = core::slice::from_ref(self);
        crate::prefetch::line(this, OFFSETS[code] + key);
        crate::prefetch::line(this, OFFSETS[code] + sums);
    }

    /// Notes that a level came or went: all from its position on moved.
    #[inline]
    pub fn shift(&mut self, side: usize, from: usize) {
        if let Some(best) = self.sides[side].best(&self.heads[side]) {
            self.best[side] = best;
        }
        self.changed.from(side, from.min(NEAR));
    }

    /// Whether readers see the near level at `position`.
    #[inline]
    pub fn is_published(&self, side: usize, position: usize) -> bool {
        position + TOP_LEVELS >= self.heads[side].near_len()
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
        let len = self.heads[side].near_len();
        match len.checked_sub(1)? {
            behind if self.best[side] == Event::NO_PRICE => Some(self.sides[side].key(behind.checked_sub(1)?)),
            _ => Some(self.best[side]),
        }
    }
}
