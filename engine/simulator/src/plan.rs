//! The day laid out in message numbers: which message opens the market, how many each phase has, and what they are.

use crate::{config::DayConfig, random::Random};

/// Part of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// From the start of system hours to the open.
    PreOpen,
    /// Market hours.
    Market,
    /// After the close.
    PostClose,
}

/// What a message of ordinary traffic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// A delete where one is due, else an add.
    Churn,
    Replace,
    Execute,
    ExecutePriced,
    Reduce,
    Trade,
    TradeBreak,
    Imbalance,
    Halt,
}

const KINDS: [Traffic; 8] = [
    Traffic::Replace,
    Traffic::Execute,
    Traffic::ExecutePriced,
    Traffic::Reduce,
    Traffic::Trade,
    Traffic::TradeBreak,
    Traffic::Imbalance,
    Traffic::Halt,
];

/// Messages of an aggressive order, on average, as executions come in runs.
pub(crate) const MEAN_SWEEP: f64 = 1.6;

/// Cumulative chances of [`KINDS`] in 2^32; the rest is churn.
type Chances = [u64; KINDS.len()];

/// Message numbers, from 0, at which the day turns, and chances of each kind of traffic by phase.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) symbols: u64,
    pub(crate) messages: u64,
    /// Start of system hours.
    pub(crate) start: u64,
    /// First message from which imbalances of the opening cross are sent.
    pub(crate) open_imbalances: u64,
    /// Start of market hours.
    pub(crate) open: u64,
    /// First message from which imbalances of the closing cross are sent.
    pub(crate) close_imbalances: u64,
    /// End of market hours.
    pub(crate) close: u64,
    /// End of system hours.
    pub(crate) end: u64,
    /// The most active symbols, this many of them, have crosses.
    pub(crate) crosses: u64,
    /// Orders open at a time in market hours.
    pub(crate) target: u64,
    chances: [Chances; 5],
}

/// Of the orders that live until the close, those that stay in the book for good, per mille.
pub(crate) const KEPT_PER_MILLE: u64 = 250;

impl Plan {
    /// `config` has been validated.
    pub(crate) fn new(config: &DayConfig) -> Self {
        let (symbols, messages) = (u64::from(config.symbols), config.messages);
        let start = 1 + 2 * symbols;
        let end = messages - 1 - u64::from(config.end_of_messages);
        let body = end - start - 1;
        // Building the books takes an add an order, and traffic goes on meanwhile; so for cancelling what is left.
        let target = config.target_open_orders().min(body / 4);
        let pre = (target * 31 / 20 + body / 100).min(body / 2);
        let post = (target * 9 / 10 + body / 100).min(body / 3);
        let (open, close) = (start + 1 + pre, end.saturating_sub(post + 1).max(start + 2 + pre));
        let mut plan = Self {
            symbols,
            messages,
            start,
            open_imbalances: open - pre / 4,
            open,
            close_imbalances: close - (close - open) / 20,
            close: close.min(end - 1),
            end,
            crosses: symbols.min(messages / 1_200),
            target,
            chances: [[0; KINDS.len()]; 5],
        };
        plan.set_chances(config);
        plan
    }

    /// The phase of message `number`, which is past the start.
    pub(crate) fn phase(&self, number: u64) -> Phase {
        if number < self.open {
            Phase::PreOpen
        } else if number < self.close {
            Phase::Market
        } else {
            Phase::PostClose
        }
    }

    /// Draws what message `number` is.
    pub(crate) fn traffic(&self, number: u64, random: &mut Random) -> Traffic {
        let chances = &self.chances[match self.phase(number) {
            Phase::PreOpen => usize::from(number >= self.open_imbalances),
            Phase::Market => 2 + usize::from(number >= self.close_imbalances),
            Phase::PostClose => 4,
        }];
        let drawn = random.next() >> 32;
        chances.iter().position(|limit| drawn < *limit).map_or(Traffic::Churn, |at| KINDS[at])
    }

    /// Orders that should be open at message `number`.
    pub(crate) fn open_orders(&self, number: u64) -> u64 {
        match self.phase(number) {
            Phase::PreOpen => self.target * (number - self.start) / (self.open - self.start),
            Phase::Market => self.target,
            Phase::PostClose => 0,
        }
    }

    /// Spreads each kind's share of the day over the parts in which it happens, a little of it outside market hours.
    fn set_chances(&mut self, config: &DayConfig) {
        let lengths = [
            self.open_imbalances - self.start,
            self.open - self.open_imbalances,
            self.close_imbalances - self.open,
            self.close - self.close_imbalances,
            self.end - self.close,
        ];
        let mix = &config.mix;
        let everywhere = [0.5, 0.5, 1.0, 1.0, 0.3];
        let market = [0.0, 0.0, 1.0, 1.0, 0.0];
        let mostly_market = [0.05, 0.05, 1.0, 1.0, 0.1];
        let shares = [
            (f64::from(mix.replace), everywhere),
            (f64::from(mix.execute) / MEAN_SWEEP, mostly_market),
            (f64::from(mix.execute_priced), market),
            (f64::from(mix.reduce), everywhere),
            (f64::from(mix.trade), mostly_market),
            (f64::from(mix.trade_break), market),
            (f64::from(mix.imbalance), [0.0, 1.0, 0.0, 1.0, 0.0]),
            (f64::from(mix.halt), market),
        ];
        for (kind, (share, weights)) in shares.into_iter().enumerate() {
            let weighted: f64 = lengths.iter().zip(weights).map(|(length, weight)| *length as f64 * weight).sum();
            let wanted = share / 100_000.0 * self.messages as f64;
            for (part, weight) in weights.into_iter().enumerate() {
                let chance = if weighted > 0.0 { (wanted * weight / weighted).min(0.9) } else { 0.0 };
                let before = if kind == 0 { 0 } else { self.chances[part][kind - 1] };
                self.chances[part][kind] = (before + (chance * 4_294_967_296.0) as u64).min(0xf333_3333);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_of_the_day_come_in_order_for_every_size() {
        for symbols in [1, 2, 100, 8_500] {
            for end_of_messages in [false, true] {
                for extra in [0, 1, 2, 3, 4, 10, 100, 1_000, 1_000_000] {
                    let mut config = DayConfig { symbols, end_of_messages, ..DayConfig::default() };
                    config.messages = config.least_messages() + extra;
                    let plan = Plan::new(&config);
                    let turns = [plan.start, plan.open, plan.close, plan.end];
                    assert!(turns.is_sorted_by(|a, b| a < b), "{config:?} {plan:?}");
                    assert!(plan.start < plan.open_imbalances && plan.open_imbalances <= plan.open);
                    assert!(plan.open < plan.close_imbalances && plan.close_imbalances <= plan.close);
                }
            }
        }
    }
}
