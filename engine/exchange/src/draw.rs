//! Chance without a state: a draw is a function of seed, purpose, line and packet, so that no decision shifts another.

/// What a draw decides. Each purpose has numbers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Purpose {
    LossBegins = 1,
    LossGoesOn,
    Duplicate,
    Reorder,
    ReorderBy,
    Jitter,
    Fault,
    Garbage,
}

/// The line that stands for all of them.
pub(crate) const EVERY_LINE: u64 = u64::MAX;

/// Draws of one channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws {
    seed: u64,
}

impl Draws {
    /// Another channel of the same seed has other draws.
    pub(crate) fn new(seed: u64, channel: u64) -> Self {
        Self { seed: mixed(seed ^ mixed(channel.wrapping_add(0x5851_f42d_4c95_7f2d))) }
    }

    /// 64 random bits.
    pub(crate) fn bits(self, purpose: Purpose, line: u64, number: u64) -> u64 {
        mixed(mixed(mixed(self.seed ^ purpose as u64) ^ line) ^ number)
    }

    /// True `rate` times in one.
    pub(crate) fn happens(self, rate: f64, purpose: Purpose, line: u64, number: u64) -> bool {
        // 53 bits are what a float holds exactly.
        let drawn = (self.bits(purpose, line, number) >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < rate
    }

    /// From 0 to below `limit`; 0 where that is 0.
    pub(crate) fn below(self, limit: u64, purpose: Purpose, line: u64, number: u64) -> u64 {
        ((u128::from(self.bits(purpose, line, number)) * u128::from(limit)) >> 64) as u64
    }
}

/// The finalizer of splitmix64.
fn mixed(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_fair_and_their_own() {
        let draws = Draws::new(7, 0);
        let hits = (0..100_000).filter(|at| draws.happens(0.25, Purpose::Duplicate, 0, *at)).count();
        assert!((24_000..26_000).contains(&hits), "{hits}");
        let agree = (0..10_000)
            .filter(|at| draws.bits(Purpose::Duplicate, 0, *at) & 1 == draws.bits(Purpose::Reorder, 0, *at) & 1);
        assert!((4_700..5_300).contains(&agree.count()));
        assert_ne!(draws.bits(Purpose::Jitter, 0, 1), draws.bits(Purpose::Jitter, 1, 1));
        assert_ne!(draws.bits(Purpose::Jitter, 0, 1), Draws::new(7, 1).bits(Purpose::Jitter, 0, 1));
        assert!((0..1_000).all(|at| draws.below(3, Purpose::Jitter, 0, at) < 3));
        assert_eq!(draws.below(0, Purpose::Jitter, 0, 1), 0);
        assert!(!(0..1_000).any(|at| draws.happens(0.0, Purpose::Jitter, 0, at)));
        assert!((0..1_000).all(|at| draws.happens(1.0, Purpose::Jitter, 0, at)));
    }
}
