//! Published tops: the best levels of an instrument, for readers on other threads.
//!
//! Each instrument has a slot, a [`DoubleBuffer`] of its best levels: the writer never waits, and a reader gets one state at
//! one sequence.

use crate::{
    double_buffer::DoubleBuffer,
    side::{NEAR, SideHead, SideLevels},
    sync::{AtomicU64, Ordering},
    validity::{BookState, Reason, Validity},
    word::Word,
};

/// Levels a side that are published.
pub const TOP_LEVELS: usize = 10;

/// Words of a published level: price, quantity, order count.
pub(crate) const LEVEL_WORDS: usize = 3;
/// A side's near levels, at the positions where the book has them: best last. A level book's are best first.
const SIDE_WORDS: usize = NEAR * LEVEL_WORDS;
/// Sequence, venue time, state.
const HEAD_WORDS: usize = 3;
/// Both sides, then the sequence since which the state holds.
const BODY_WORDS: usize = 2 * SIDE_WORDS + 1;
const SINCE: usize = 2 * SIDE_WORDS;

/// Bit of the state's word: the body has the best level first, as of level books, not the near levels best last.
pub(crate) const BEST_FIRST: u64 = 1 << 32;

/// Times a reader begins again before it gives up.
const READ_ATTEMPTS: usize = 1_000;

/// One price level as readers see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopLevel {
    /// Fixed-point price in the protocol's scale.
    pub price: i64,
    /// Sum of the orders' quantities.
    pub quantity: u64,
    /// Orders at this price; 0 where the feed gives levels and not this.
    pub order_count: u32,
}

/// The best levels of one instrument at one sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Top {
    /// Sequence of the message after which the book stood so.
    pub sequence: u64,
    /// The venue's time of that message, nanoseconds, by the protocol's clock.
    pub ts_event_ns: u64,
    /// Whether the book may be believed.
    pub validity: Validity,
    bid_count: u8,
    ask_count: u8,
    bids: [TopLevel; TOP_LEVELS],
    asks: [TopLevel; TOP_LEVELS],
}

impl Top {
    /// Bids, best first.
    pub fn bids(&self) -> &[TopLevel] {
        &self.bids[..usize::from(self.bid_count).min(TOP_LEVELS)]
    }

    /// Asks, best first.
    pub fn asks(&self) -> &[TopLevel] {
        &self.asks[..usize::from(self.ask_count).min(TOP_LEVELS)]
    }
}

/// An instrument's published top. All zero bytes are a slot that publishes an empty, valid book at sequence 0.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct TopSlot(pub DoubleBuffer<HEAD_WORDS, BODY_WORDS>);

/// Near positions that each of the two buffers lacks of each side, of level books ranks: four times sixteen bits.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Changed(Word);

const _: () = assert!(NEAR <= 16);

/// Shift of a side's positions; a buffer's two sides lie together.
const SIDE_BITS: usize = 16;
const BUFFER_BITS: usize = 32;

impl Changed {
    #[inline]
    fn add(&mut self, side: usize, positions: u64) {
        let both = positions | positions << BUFFER_BITS;
        self.0.set(self.0.get() | both << (side * SIDE_BITS));
    }

    /// Notes one position.
    #[inline]
    pub fn one(&mut self, side: usize, position: usize) {
        self.add(side, 1 << position);
    }

    /// Notes the position and all behind it: of near levels the better ones, of ranks the worse ones.
    #[inline]
    pub fn from(&mut self, side: usize, position: usize) {
        self.add(side, 0xffff << position & 0xffff);
    }

    /// What a buffer lacks of each side, which it is about to get.
    #[inline]
    pub fn take(&mut self, buffer: usize) -> [u32; 2] {
        let changed = self.0.get();
        self.0.set(changed & !(0xffff_ffff << (buffer * BUFFER_BITS)));
        let of_buffer = (changed >> (buffer * BUFFER_BITS)) as u32;
        [of_buffer & 0xffff, of_buffer >> SIDE_BITS]
    }
}

/// What a publication carries besides levels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TopHead {
    pub sequence: u64,
    pub ts_event_ns: u64,
    pub state: (BookState, Reason),
    /// Given where this buffer does not have it yet.
    pub since_sequence: Option<u64>,
}

/// A side to publish: its near levels and the sign that turns a key into a price.
pub(crate) struct TopSide<'a> {
    pub levels: &'a SideLevels,
    pub head: &'a SideHead,
    pub sign: i64,
    /// Positions to write, one bit each.
    pub changed: u32,
}

impl TopHead {
    /// Writes it, with how many levels of each side the body has and in what order.
    #[inline]
    pub fn store(&self, words: &[AtomicU64; HEAD_WORDS], body: &[AtomicU64; BODY_WORDS], lens: [usize; 2], order: u64) {
        words[0].store(self.sequence, Ordering::Relaxed);
        words[1].store(self.ts_event_ns, Ordering::Relaxed);
        let lens = (lens[0] | lens[1] << 8) as u64;
        let state = self.state.0 as u64 | (self.state.1 as u64) << 8 | lens << 16 | order;
        words[2].store(state, Ordering::Relaxed);
        if let Some(since_sequence) = self.since_sequence {
            body[SINCE].store(since_sequence, Ordering::Relaxed);
        }
    }
}

impl TopSlot {
    /// Index of the buffer that the next publication writes.
    #[inline]
    pub fn idle(publications: u64) -> usize {
        DoubleBuffer::<HEAD_WORDS, BODY_WORDS>::idle(publications)
    }

    /// Publishes. Only the writer calls it, with the count of its publications to this slot so far.
    #[inline]
    pub fn publish(&self, publications: u64, head: &TopHead, sides: &[TopSide<'_>; 2]) {
        self.0.publish(publications, |words, body| {
            head.store(words, body, [sides[0].head.near_len(), sides[1].head.near_len()], 0);
            let (levels, _) = body.as_chunks::<LEVEL_WORDS>();
            sides[0].store(&levels[..NEAR]);
            sides[1].store(&levels[NEAR..2 * NEAR]);
        });
    }

    /// Copies the active buffer; `None` when publications got into every one of a thousand copies.
    #[inline]
    pub fn read(&self) -> Option<Top> {
        (0..READ_ATTEMPTS).find_map(|_| self.0.try_read(copy))
    }

    /// Asks for the lines that the next publication writes, where a side changed from this near position on.
    #[inline]
    pub fn prefetch(&self, publications: u64, side: usize, position: usize) {
        self.0.prefetch(publications, side * SIDE_WORDS + position * LEVEL_WORDS);
    }
}

impl TopSide<'_> {
    /// Writes the changed positions.
    #[inline]
    fn store(&self, levels: &[[AtomicU64; LEVEL_WORDS]]) {
        // Positions past the last may be set: they hold nothing now, and are noted again when they do.
        let mut changed = self.changed & ((1 << self.head.near_len()) - 1);
        while changed != 0 {
            let position = changed.trailing_zeros() as usize;
            changed &= changed - 1;
            let Some([price, quantity, count]) = levels.get(position) else { break };
            let sums = self.levels.sums(position);
            price.store(self.levels.key(position).wrapping_mul(self.sign) as u64, Ordering::Relaxed);
            quantity.store(sums.quantity(), Ordering::Relaxed);
            count.store(u64::from(sums.count()), Ordering::Relaxed);
        }
    }
}

#[inline]
fn copy(head: &[AtomicU64; HEAD_WORDS], body: &[AtomicU64; BODY_WORDS]) -> Top {
    let state = head[2].load(Ordering::Relaxed);
    // A copy that is torn, and dropped after this, may have any length here.
    let lens = [state >> 16, state >> 24].map(|len| usize::from(len as u8).min(NEAR));
    let mut top = Top {
        sequence: head[0].load(Ordering::Relaxed),
        ts_event_ns: head[1].load(Ordering::Relaxed),
        validity: Validity {
            state: BookState::from_u8(state as u8),
            reason: Reason::from_u8((state >> 8) as u8),
            since_sequence: body[SINCE].load(Ordering::Relaxed),
        },
        bid_count: lens[0].min(TOP_LEVELS) as u8,
        ask_count: lens[1].min(TOP_LEVELS) as u8,
        ..Top::default()
    };
    for (side, levels) in [&mut top.bids, &mut top.asks].into_iter().enumerate() {
        let (words, _) = body[side * SIDE_WORDS..][..lens[side] * LEVEL_WORDS].as_chunks();
        if state & BEST_FIRST == 0 {
            copy_levels(levels, words.iter().rev());
        } else {
            copy_levels(levels, words.iter());
        }
    }
    top
}

#[inline]
fn copy_levels<'a>(levels: &mut [TopLevel; TOP_LEVELS], words: impl Iterator<Item = &'a [AtomicU64; LEVEL_WORDS]>) {
    for (level, [price, quantity, count]) in levels.iter_mut().zip(words) {
        level.price = price.load(Ordering::Relaxed) as i64;
        level.quantity = quantity.load(Ordering::Relaxed);
        level.order_count = count.load(Ordering::Relaxed) as u32;
    }
}
