//! Loss in bursts: a chain of two states that each packet moves on.

use super::Loss;
use crate::draw::{Draws, Purpose};

/// Where a line stands between sound and lossy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    /// Chance that a burst begins with a packet.
    begins: f64,
    /// Chance that it takes the next packet too.
    goes_on: f64,
    is_on: bool,
}

impl Burst {
    /// Chances that lose `loss.rate` of all packets in bursts of `loss.mean_burst`.
    pub(super) fn new(loss: Loss) -> Self {
        let length = loss.mean_burst.max(1.0);
        let goes_on = 1.0 - 1.0 / length;
        // In the long run `begins * (1 - rate)` bursts begin for each that ends, `rate / length`.
        let begins = if loss.rate < 1.0 { (loss.rate / (length * (1.0 - loss.rate))).min(1.0) } else { 1.0 };
        Self { begins, goes_on: if loss.rate < 1.0 { goes_on } else { 1.0 }, is_on: false }
    }

    /// Whether the packet is lost.
    pub(super) fn takes(&mut self, draws: Draws, line: u64, number: u64) -> bool {
        self.is_on = self.is_on && draws.happens(self.goes_on, Purpose::LossGoesOn, line, number)
            || !self.is_on && draws.happens(self.begins, Purpose::LossBegins, line, number);
        self.is_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Share lost of 400,000 packets, and packets a burst.
    fn measured(loss: Loss) -> (f64, f64) {
        let (mut burst, draws) = (Burst::new(loss), Draws::new(3, 0));
        let lost: Vec<bool> = (0..400_000).map(|at| burst.takes(draws, 0, at)).collect();
        let count = lost.iter().filter(|lost| **lost).count() as f64;
        let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count() + usize::from(lost[0]);
        (count / 400_000.0, count / bursts.max(1) as f64)
    }

    #[test]
    fn as_much_is_lost_as_asked_and_as_clustered() {
        for (rate, length) in [(0.001, 1.0), (0.01, 10.0), (0.1, 20.0), (0.5, 4.0)] {
            let (lost, burst) = measured(Loss::bursts(rate, length));
            assert!((lost / rate - 1.0).abs() < 0.2, "{lost} for {rate}");
            assert!(length == 1.0 || (burst / length - 1.0).abs() < 0.2, "{burst} for {length}");
        }
        assert_eq!(measured(Loss::default()).0, 0.0);
        assert_eq!(measured(Loss::independent(1.0)).0, 1.0);
        assert_eq!(measured(Loss::bursts(1.0, 8.0)).0, 1.0);
    }
}
