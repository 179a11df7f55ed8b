//! Published tops: the best levels of an instrument, for readers on other threads.
//!
//! Each instrument has a slot, a [`DoubleBuffer`] of its best levels: the writer never waits, and a reader gets one state at
//! one sequence.

use crate::{
    double_buffer::{DoubleBuffer, Entry, Idle},
    instrument::{SEATS, Seat},
    ranks::{NEAR, Ranks},
    sync::{AtomicU64, Ordering},
    validity::{BookState, Reason, Validity},
};

/// Levels a side that are published.
pub const TOP_LEVELS: usize = 10;

/// Sequence, venue time, state, and the ranks of both sides' seats.
const HEAD_WORDS: usize = 5;
/// Seats of both sides, then the sequence since which the state holds.
const ENTRIES: usize = SEATS + 1;

/// Bit of the sequence since which the state holds, among the seats that changed.
pub(crate) const SINCE: u64 = 1 << SEATS;

/// Bits of the state's word: state, reason, levels of each side, then for each entry which copy of it is the newest.
const REASON_SHIFT: u32 = 8;
const LEN_SHIFTS: [u32; 2] = [16, 21];
const LEN_MASK: u64 = 31;
const COPIES_SHIFT: u32 = 26;

const _: () = assert!(COPIES_SHIFT as usize + ENTRIES <= 64);

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
pub(crate) struct TopSlot(DoubleBuffer<HEAD_WORDS, ENTRIES>);

/// What a publication carries besides levels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TopHead {
    pub sequence: u64,
    pub ts_event_ns: u64,
    pub state: (BookState, Reason),
    pub since_sequence: u64,
    /// Levels of each side, and in which seats.
    pub lens: [usize; 2],
    pub ranks: [Ranks; 2],
}

impl TopSlot {
    /// Publishes the head and the entries whose bits of `changed` are set: [`SINCE`], and seats, whose levels `level` gives.
    /// A changed seat may be a free one, which readers do not look at. Only the writer calls it.
    #[inline]
    pub fn publish(&self, head: &TopHead, changed: u64, level: impl Fn(Seat) -> TopLevel) {
        self.0.publish(|Idle { active, head: words, entries }| {
            let copies = active[2].load(Ordering::Relaxed) >> COPIES_SHIFT ^ changed;
            let mut seats = changed & (SINCE - 1);
            while seats != 0 {
                let seat = seats.trailing_zeros() as usize;
                seats &= seats - 1;
                let [price, quantity, order_count] = &entries[seat].0[(copies >> seat & 1) as usize];
                let level = level(seat);
                price.store(level.price as u64, Ordering::Relaxed);
                quantity.store(level.quantity, Ordering::Relaxed);
                order_count.store(u64::from(level.order_count), Ordering::Relaxed);
            }
            if changed & SINCE != 0 {
                entries[SEATS].0[(copies >> SEATS & 1) as usize][0].store(head.since_sequence, Ordering::Relaxed);
            }
            let lens = (head.lens[0] << LEN_SHIFTS[0] | head.lens[1] << LEN_SHIFTS[1]) as u64;
            let state = head.state.0 as u64 | (head.state.1 as u64) << REASON_SHIFT | lens | copies << COPIES_SHIFT;
            let new = [head.sequence, head.ts_event_ns, state, head.ranks[0].word(), head.ranks[1].word()];
            for (word, new) in words.iter().zip(new) {
                word.store(new, Ordering::Relaxed);
            }
        });
    }

    /// Copies what was published last; `None` when publications got into every one of a thousand copies.
    #[inline]
    pub fn read(&self) -> Option<Top> {
        (0..READ_ATTEMPTS).find_map(|_| self.0.try_read(copy))
    }

    /// Asks for the lines that a publication writes in which this seat changed.
    #[inline]
    pub fn prefetch(&self, seat: Seat) {
        self.0.prefetch(seat);
    }
}

/// What a copy gives that is torn, and dropped after this, is anything; but no index of it is out of range.
#[inline]
fn copy(head: &[AtomicU64; HEAD_WORDS], entries: &[Entry; ENTRIES]) -> Top {
    let [sequence, ts_event_ns, state, bids, asks] = head.each_ref().map(|word| word.load(Ordering::Relaxed));
    let copies = state >> COPIES_SHIFT;
    let entry = |at: usize| &entries[at].0[(copies >> at & 1) as usize];
    let mut top = Top {
        sequence,
        ts_event_ns,
        validity: Validity {
            state: BookState::from_u8(state as u8),
            reason: Reason::from_u8((state >> REASON_SHIFT) as u8),
            since_sequence: entry(SEATS)[0].load(Ordering::Relaxed),
        },
        ..Top::default()
    };
    let lens = LEN_SHIFTS.map(|shift| ((state >> shift & LEN_MASK) as usize).min(TOP_LEVELS));
    for (side, levels) in [&mut top.bids, &mut top.asks].into_iter().enumerate() {
        let ranks = Ranks::of_word([bids, asks][side]);
        for (rank, level) in levels[..lens[side]].iter_mut().enumerate() {
            let [price, quantity, order_count] = entry(side * NEAR + ranks.seat(rank));
            level.price = price.load(Ordering::Relaxed) as i64;
            level.quantity = quantity.load(Ordering::Relaxed);
            level.order_count = order_count.load(Ordering::Relaxed) as u32;
        }
    }
    (top.bid_count, top.ask_count) = (lens[0] as u8, lens[1] as u8);
    top
}
