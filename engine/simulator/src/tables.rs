//! Distributions as tables, computed once with arithmetic that does not depend on the platform.

use crate::random::Random;

const POINTS: usize = 4096;

/// A distribution by its inverse, in 1/65,536, at 4,096 points with straight lines between.
#[derive(Clone, Debug)]
pub(crate) struct Quantiles {
    points: Vec<u64>,
}

impl Quantiles {
    /// Exponential with mean 1.
    pub(crate) fn exponential() -> Self {
        Self::of(|rank| -libm::log(1.0 - rank))
    }

    /// Log-normal with median 1.
    pub(crate) fn lognormal(sigma: f64) -> Self {
        Self::of(|rank| libm::exp(sigma * normal_quantile(rank)))
    }

    fn of(inverse: impl Fn(f64) -> f64) -> Self {
        let last = POINTS as f64;
        let points = (0..=POINTS).map(|at| {
            // Half a step from either end, where the inverse may be infinite.
            let rank = (at as f64).clamp(0.5, last - 0.5) / last;
            (inverse(rank) * 65_536.0) as u64
        });
        Self { points: points.collect() }
    }

    /// The value at `rank` of 2^64, times `scale`.
    pub(crate) fn value(&self, rank: u64, scale: u64) -> u64 {
        let at = (rank >> 52) as usize;
        let within = (rank >> 20) & 0xffff_ffff;
        let (low, high) = (self.points[at], self.points[at + 1]);
        let value = low + ((u128::from(high - low) * u128::from(within)) >> 32) as u64;
        ((u128::from(value) * u128::from(scale)) >> 16) as u64
    }
}

/// Inverse of the standard normal distribution: Abramowitz and Stegun 26.2.23, good to 0.00045.
fn normal_quantile(rank: f64) -> f64 {
    let tail = if rank < 0.5 { rank } else { 1.0 - rank };
    let t = libm::sqrt(-2.0 * libm::log(tail));
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let z = t - above / below;
    if rank < 0.5 { -z } else { z }
}

/// Draws an index by weight in one look (Walker's alias method, Vose's construction).
#[derive(Clone, Debug)]
pub(crate) struct Alias {
    slots: Vec<(u32, u32)>,
}

impl Alias {
    /// `weights` are positive and finite.
    pub(crate) fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let mut scaled: Vec<f64> = weights.iter().map(|weight| weight * weights.len() as f64 / total).collect();
        let mut slots: Vec<(u32, u32)> = (0..weights.len() as u32).map(|at| (u32::MAX, at)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..weights.len()).partition(|at| scaled[*at] < 1.0);
        while let (Some(low), Some(high)) = (small.pop(), large.pop()) {
            slots[low] = ((scaled[low] * f64::from(u32::MAX)) as u32, high as u32);
            scaled[high] -= 1.0 - scaled[low];
            if scaled[high] < 1.0 { small.push(high) } else { large.push(high) }
        }
        Self { slots }
    }

    pub(crate) fn draw(&self, random: &mut Random) -> usize {
        let bits = random.next();
        let at = (((bits >> 32) * self.slots.len() as u64) >> 32) as usize;
        let (keep_below, other) = self.slots[at];
        if (bits as u32) <= keep_below { at } else { other as usize }
    }
}

/// Zipf weights of `count` items by rank, flattened at the top: weight of rank `r` is `(r + shift) ^ -exponent`.
pub(crate) fn zipf_weights(count: usize, exponent: f64, shift: f64) -> Vec<f64> {
    (1..=count).map(|rank| libm::pow(rank as f64 + shift, -exponent)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alias_draws_by_weight() {
        let mut random = Random::new(1);
        let alias = Alias::new(&[6.0, 3.0, 1.0]);
        let mut counts = [0_u32; 3];
        (0..100_000).for_each(|_| counts[alias.draw(&mut random)] += 1);
        for (count, expected) in counts.into_iter().zip([60_000, 30_000, 10_000]) {
            assert!(count.abs_diff(expected) < 1_000, "{counts:?}");
        }
    }

    #[test]
    fn lognormal_has_its_median_and_tail() {
        let quantiles = Quantiles::lognormal(2.0);
        assert!(quantiles.value(1 << 63, 10_000).abs_diff(10_000) < 50);
        // 90 % point: exp(2 * 1.28155) = 12.98.
        assert!(quantiles.value((0.9 * (1_u128 << 64) as f64) as u64, 10_000).abs_diff(129_800) < 700);
    }

    #[test]
    fn exponential_has_its_mean() {
        let (quantiles, mut random) = (Quantiles::exponential(), Random::new(3));
        let total: u64 = (0..100_000).map(|_| random.draw(&quantiles, 1000)).sum();
        assert!((total / 100_000).abs_diff(1000) < 20, "{total}");
    }
}
