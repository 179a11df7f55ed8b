//! What goes wrong when a reader asks.

use super::{ChaosError, config::share};
use crate::draw::{Draws, EVERY_LINE, Purpose};

/// How a service fails a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Turns the asker away: closes the connection, rejects the login or the request.
    Refuses,
    /// Takes the request and says nothing more.
    Hangs,
    /// Answers with bytes that mean nothing.
    Garbage,
    /// Begins as it should, and breaks off in the middle.
    BreaksOff,
}

/// What goes wrong when a reader asks. A conversation is a connection, or a request where there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServiceChaos {
    /// Share of conversations that are refused.
    pub refusals: f64,
    /// Share of conversations that hang.
    pub hangs: f64,
    /// Share of conversations that are answered with garbage.
    pub garbage: f64,
    /// Share of conversations that break off.
    pub breaks: f64,
    /// The first so many conversations of each service fail, one way after another, and the shares hold only after them.
    pub first_fail: u32,
}

impl ServiceChaos {
    pub(super) fn validate(&self, path: &str) -> Result<(), ChaosError> {
        let shares =
            [("refusals", self.refusals), ("hangs", self.hangs), ("garbage", self.garbage), ("breaks", self.breaks)];
        shares.into_iter().try_for_each(|(name, value)| share(&format!("{path}.{name}"), value))?;
        share(&format!("{path} in all"), shares.into_iter().map(|(_, value)| value).sum())
    }

    /// What goes wrong with conversation `number`, from 0, of the service of this number.
    pub fn fault(&self, seed: u64, service: u64, number: u64) -> Option<Fault> {
        const WAYS: [Fault; 4] = [Fault::Refuses, Fault::Hangs, Fault::Garbage, Fault::BreaksOff];
        if number < u64::from(self.first_fail) {
            return Some(WAYS[(number % 4) as usize]);
        }
        let drawn = Draws::new(seed, service).bits(Purpose::Fault, EVERY_LINE, number);
        let drawn = (drawn >> 11) as f64 / (1_u64 << 53) as f64;
        let mut until = 0.0;
        WAYS.into_iter().zip([self.refusals, self.hangs, self.garbage, self.breaks]).find_map(|(fault, share)| {
            until += share;
            (drawn < until).then_some(fault)
        })
    }

    /// Bytes that mean nothing, the same for the same conversation.
    pub fn garbage(seed: u64, service: u64, number: u64, size: usize) -> Vec<u8> {
        let draws = Draws::new(seed, service);
        let word = |at: u64| draws.bits(Purpose::Garbage, number, at).to_le_bytes();
        (0..).flat_map(word).take(size).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_conversations_fail_each_in_its_way_and_the_rest_by_share() {
        let chaos = ServiceChaos { first_fail: 5, garbage: 0.5, ..ServiceChaos::default() };
        let faults: Vec<_> = (0..5).map(|number| chaos.fault(1, 0, number).unwrap()).collect();
        let ways = [Fault::Refuses, Fault::Hangs, Fault::Garbage, Fault::BreaksOff, Fault::Refuses];
        assert_eq!(faults, ways);
        let later: Vec<_> = (5..1_005).map(|number| chaos.fault(1, 0, number)).collect();
        assert!(later.iter().all(|fault| matches!(fault, None | Some(Fault::Garbage))));
        assert!((400..600).contains(&later.iter().flatten().count()));
        assert_eq!(ServiceChaos::default().fault(1, 0, 0), None);
    }

    #[test]
    fn garbage_is_the_same_for_the_same_conversation() {
        let garbage = |number| ServiceChaos::garbage(1, 2, number, 37);
        assert_eq!((garbage(3).len(), garbage(3)), (37, garbage(3)));
        assert_ne!(garbage(3), garbage(4));
    }
}
