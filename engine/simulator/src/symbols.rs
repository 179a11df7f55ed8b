//! What is traded: names, prices, spreads, and how lively each symbol is.

use crate::{
    config::DayConfig,
    random::Random,
    tables::{Alias, Quantiles, zipf_weights},
};

/// Units of a price to one dollar.
pub const PRICE_SCALE: u64 = 10_000;

const PENNY: i64 = 100;
const DOLLAR: i64 = PRICE_SCALE as i64;

/// A symbol's fair value carries this many times finer units than its prices.
pub(crate) const FINE: i64 = 256;

/// The venue's tick at a price: a cent, below a dollar a hundredth of one.
pub(crate) fn tick(price: i64) -> i64 {
    if price >= DOLLAR { PENNY } else { 1 }
}

/// One symbol and its market at the moment.
#[derive(Clone, Debug)]
pub(crate) struct Symbol {
    pub(crate) name: [u8; 8],
    /// What the market thinks it is worth, in `1 / FINE` price units.
    pub(crate) fair: i64,
    /// How far a careful quote stands from the fair value.
    pub(crate) half_spread: i64,
    /// Unit in which orders are spread over prices.
    pub(crate) grid: i64,
    /// A quarter of the standard deviation of one move of the fair value, in `1 / FINE` price units.
    pub(crate) move_quarter: i64,
    /// The market's level when this symbol last followed it.
    pub(crate) market_seen: i64,
    /// Neither halted nor paused.
    pub(crate) trading: bool,
    /// Price of the first fair value of the day.
    pub(crate) reference: i64,
    /// Shares executed in the cross under way.
    pub(crate) cross_quantity: u64,
}

/// All symbols, and the ways to draw one.
#[derive(Debug)]
pub(crate) struct Universe {
    pub(crate) symbols: Vec<Symbol>,
    /// Index of each symbol by rank, the most active first.
    pub(crate) by_rank: Vec<u32>,
    activity: Alias,
    depth: Alias,
}

impl Universe {
    pub(crate) fn new(config: &DayConfig, random: &mut Random) -> Self {
        let count = config.symbols as usize;
        let by_rank = shuffled(count, random);
        // The shift keeps the first few from taking a tenth of the day each, as they do not at a real venue.
        let weights = zipf_weights(count, config.zipf_exponent, 12.0);
        // Resting orders are spread more evenly than activity.
        let depths = zipf_weights(count, config.zipf_exponent * 0.75, 12.0);
        let total: f64 = weights.iter().sum();
        let prices = Quantiles::lognormal(1.15);
        let mut symbols: Vec<Option<Symbol>> = vec![None; count];
        for (rank, index) in by_rank.iter().enumerate() {
            let expected = (config.messages as f64 * weights[rank] / total).max(1.0);
            let price = (random.draw(&prices, 32 * PRICE_SCALE) as i64).clamp(DOLLAR / 4, 2_000 * DOLLAR);
            symbols[*index as usize] = Some(Symbol::new(*index, price, rank, count, expected));
        }
        Self {
            symbols: symbols.into_iter().map(|symbol| symbol.expect("every rank has its own index")).collect(),
            activity: Alias::new(&by_index(&weights, &by_rank)),
            depth: Alias::new(&by_index(&depths, &by_rank)),
            by_rank,
        }
    }

    /// A symbol by how often it has messages.
    pub(crate) fn draw_active(&self, random: &mut Random) -> usize {
        self.activity.draw(random)
    }

    /// A symbol by how many orders rest in its book.
    pub(crate) fn draw_deep(&self, random: &mut Random) -> usize {
        self.depth.draw(random)
    }
}

impl Symbol {
    fn new(index: u32, price: i64, rank: usize, count: usize, expected_messages: f64) -> Self {
        let reference = price / tick(price) * tick(price);
        let tick = tick(reference);
        // One basis point for the most active, forty more for the least.
        let basis_points_e2 = 100 + (4_000 * rank / count) as i64;
        let half_spread = (reference * basis_points_e2 / 1_000_000).max(tick / 2).max(1);
        // Two per cent a day, in as many steps as the symbol has messages, none wider than the spread.
        let step = 0.02 * reference as f64 / libm::sqrt(expected_messages);
        let step = step.min(half_spread as f64).max(0.02 * tick as f64);
        Self {
            name: name(index),
            fair: reference * FINE,
            half_spread,
            grid: (half_spread / 2 / tick * tick).max(tick),
            move_quarter: ((step * FINE as f64 / 4.0) as i64).max(1),
            market_seen: 0,
            trading: true,
            reference,
            cross_quantity: 0,
        }
    }

    /// Fair value in price units.
    pub(crate) fn fair_price(&self) -> i64 {
        self.fair / FINE
    }
}

/// Letters by index as spreadsheets name columns: A to Z, AA to ZZ and on.
fn name(index: u32) -> [u8; 8] {
    let mut letters = [0; 8];
    let mut count = 0;
    let mut rest = index + 1;
    while rest > 0 {
        letters[count] = b'A' + ((rest - 1) % 26) as u8;
        rest = (rest - 1) / 26;
        count += 1;
    }
    letters[..count].reverse();
    letters
}

fn by_index(by_rank: &[f64], order: &[u32]) -> Vec<f64> {
    let mut weights = vec![0.0; by_rank.len()];
    order.iter().zip(by_rank).for_each(|(index, weight)| weights[*index as usize] = *weight);
    weights
}

/// Fisher and Yates.
fn shuffled(count: usize, random: &mut Random) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    for at in (1..count).rev() {
        order.swap(at, random.below(at as u64 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_and_never_the_same() {
        let text = |index| String::from_utf8(name(index).into_iter().filter(|byte| *byte != 0).collect()).unwrap();
        assert_eq!([text(0), text(25), text(26), text(701), text(702)], ["A", "Z", "AA", "ZZ", "AAA"]);
        let names: std::collections::BTreeSet<_> = (0..100_000).map(name).collect();
        assert_eq!(names.len(), 100_000);
    }

    #[test]
    fn prices_are_on_their_tick() {
        let universe = Universe::new(&DayConfig::default(), &mut Random::new(1));
        assert!(universe.symbols.iter().all(|symbol| symbol.reference % tick(symbol.reference) == 0));
        assert!(universe.symbols.iter().any(|symbol| symbol.reference < DOLLAR));
        let mut prices: Vec<i64> = universe.symbols.iter().map(|symbol| symbol.reference).collect();
        prices.sort_unstable();
        assert!((20 * DOLLAR..45 * DOLLAR).contains(&prices[prices.len() / 2]));
    }
}
