//! Randomness that is the same on every platform and in every version of this crate.

use crate::tables::Quantiles;

/// The xoshiro256++ generator, seeded through splitmix64 as its authors advise.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: [u64; 4],
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut at = seed;
        let mut split = || {
            at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = at;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        Self { state: [split(), split(), split(), split()] }
    }

    pub(crate) fn next(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// Below `limit`; 0 where the limit is 0. The bias of the multiplication is under 2^-32 for every limit used here.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    /// From `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True `parts` times in 1,000.
    pub(crate) fn per_mille(&mut self, parts: u64) -> bool {
        self.below(1000) < parts
    }

    /// Normal to the eye: mean 0, standard deviation 4 (64 coins less their mean).
    pub(crate) fn normal_quarters(&mut self) -> i64 {
        i64::from(self.next().count_ones()) - 32
    }

    /// A draw from a distribution's table, times `scale`.
    pub(crate) fn draw(&mut self, quantiles: &Quantiles, scale: u64) -> u64 {
        quantiles.value(self.next(), scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_values_never_change() {
        // From the authors' C code with the state that splitmix64 gives for seed 0.
        let mut random = Random::new(0);
        assert_eq!(random.state[0], 0xe220_a839_7b1d_cdaf);
        assert_eq!(random.next(), 0x5317_5d61_490b_23df);
    }

    #[test]
    fn draws_stay_within_their_limits() {
        let mut random = Random::new(7);
        assert_eq!(random.below(0), 0);
        assert!((0..10_000).all(|_| random.below(3) < 3 && (5..=9).contains(&random.between(5, 9))));
    }
}
