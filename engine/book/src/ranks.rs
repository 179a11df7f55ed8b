//! Which of a side's sixteen seats holds the best level, which the next, and so on.

/// Near levels a side: seats.
pub(crate) const NEAR: usize = 16;

/// A four-bit seat number for each rank, the best in the lowest bits. Behind those in use stand the free seats, so that every
/// seat is named once. Levels stay in their seats while others come and go: only this word changes.
///
/// All zero bytes name the seats in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Ranks(u64);

/// Every seat at its own rank.
const IN_ORDER: u64 = 0xfedc_ba98_7654_3210;

/// A one in every seat number.
const ONES: u64 = 0x1111_1111_1111_1111;

/// The bits of the ranks before `rank`, which is below 16.
#[inline(always)]
const fn before(rank: usize) -> u64 {
    (1 << (4 * rank)) - 1
}

/// The bits of the ranks up to `rank`, which is below 16.
#[inline(always)]
const fn up_to(rank: usize) -> u64 {
    ((1_u64 << (4 * rank)) << 4).wrapping_sub(1)
}

impl Ranks {
    /// As published.
    #[inline(always)]
    pub const fn word(self) -> u64 {
        self.0 ^ IN_ORDER
    }

    /// Of a published word.
    #[inline(always)]
    pub const fn of_word(word: u64) -> Self {
        Self(word ^ IN_ORDER)
    }

    /// The seat at a rank below 16.
    #[inline(always)]
    pub const fn seat(self, rank: usize) -> usize {
        (self.word() >> (4 * (rank & 15)) & 15) as usize
    }

    /// The rank of a seat.
    #[inline(always)]
    pub const fn rank(self, seat: usize) -> usize {
        // Zero where the seat stands; the borrow of the subtraction marks the lowest zero, which is the only one.
        let differing = self.word() ^ (seat as u64 * ONES);
        let zero = differing.wrapping_sub(ONES) & !differing & (ONES << 3);
        (zero.trailing_zeros() >> 2) as usize
    }

    /// Puts the first free seat, of `len` in use, to `rank`, at most `len`, and gives it.
    #[inline(always)]
    pub fn take_seat(&mut self, rank: usize, len: usize) -> usize {
        let word = self.word();
        let seat = word >> (4 * len) & 15;
        let behind = (word & before(len) & !before(rank)) << 4;
        let word = word & before(rank) | seat << (4 * rank) | behind | word & !up_to(len);
        *self = Self::of_word(word);
        seat as usize
    }

    /// Makes the seat at `rank`, of `len` in use, the first free one.
    #[inline(always)]
    pub fn leave_seat(&mut self, rank: usize, len: usize) {
        let word = self.word();
        let seat = word >> (4 * rank) & 15;
        let behind = word >> 4 & before(len - 1) & !before(rank);
        let word = word & before(rank) | behind | seat << (4 * (len - 1)) | word & !up_to(len - 1);
        *self = Self::of_word(word);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn seats_are_named_once_and_in_rank(steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..200)) {
            let mut ranks = Ranks::default();
            let mut model: Vec<usize> = Vec::new();
            for (add, which) in steps {
                if (add || model.is_empty()) && model.len() < NEAR {
                    let rank = which.index(model.len() + 1);
                    let seat = ranks.take_seat(rank, model.len());
                    prop_assert!(!model.contains(&seat));
                    model.insert(rank, seat);
                } else {
                    let rank = which.index(model.len());
                    ranks.leave_seat(rank, model.len());
                    model.remove(rank);
                }
                for (rank, seat) in model.iter().enumerate() {
                    prop_assert_eq!(ranks.seat(rank), *seat);
                }
                for seat in 0..NEAR {
                    prop_assert_eq!(ranks.seat(ranks.rank(seat)), seat);
                }
                prop_assert_eq!(Ranks::of_word(ranks.word()), ranks);
            }
        }
    }
}
