//! Venue time: a busy open and close, quiet hours around them, and messages in clusters.

use crate::{plan::Plan, random::Random, tables::Quantiles};

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;

pub(crate) const START_OF_MESSAGES: u64 = 3 * 60 * MINUTE;
pub(crate) const START_OF_SYSTEM_HOURS: u64 = 4 * 60 * MINUTE;
pub(crate) const START_OF_MARKET_HOURS: u64 = (9 * 60 + 30) * MINUTE;
pub(crate) const END_OF_MARKET_HOURS: u64 = 16 * 60 * MINUTE;
pub(crate) const END_OF_SYSTEM_HOURS: u64 = 20 * 60 * MINUTE;
pub(crate) const END_OF_MESSAGES: u64 = (20 * 60 + 5) * MINUTE;

/// Thousandths of a phase's messages that are through, and seconds since midnight by then.
type Profile = &'static [(u64, u64)];

const DIRECTORY: Profile = &[(0, 10_800), (1_000, 11_400)];
const PRE_OPEN: Profile = &[(0, 14_400), (80, 25_200), (200, 28_800), (450, 32_400), (700, 33_900), (1_000, 34_200)];
const MARKET: Profile = &[
    (0, 34_200),
    (60, 34_500),
    (190, 36_000),
    (360, 39_600),
    (490, 43_200),
    (680, 50_400),
    (800, 54_000),
    (870, 55_800),
    (950, 57_300),
    (1_000, 57_600),
];
const POST_CLOSE: Profile = &[(0, 57_600), (400, 57_630), (700, 57_900), (850, 59_400), (1_000, 72_000)];

/// How a message follows the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// In the same burst.
    Burst,
    /// After a pause that keeps to the day's profile.
    Pause,
    /// After a pause in which the whole market moves: a fiftieth of the profile's.
    Rush,
}

#[derive(Debug)]
pub(crate) struct Clock {
    now_ns: u64,
    /// Message number and time, both rising.
    knots: Vec<(u64, u64)>,
    at: usize,
    exponential: Quantiles,
}

impl Clock {
    pub(crate) fn new(plan: &Plan) -> Self {
        let phases = [
            (0, plan.start, DIRECTORY),
            (plan.start, plan.open, PRE_OPEN),
            (plan.open, plan.close, MARKET),
            (plan.close, plan.end, POST_CLOSE),
        ];
        let mut knots = Vec::new();
        for (first, end, profile) in phases {
            knots.extend(
                profile.iter().map(|(through, seconds)| (first + (end - first) * through / 1_000, seconds * SECOND)),
            );
        }
        knots.push((plan.messages, END_OF_MESSAGES));
        Self { now_ns: START_OF_MESSAGES, knots, at: 0, exponential: Quantiles::exponential() }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// A turn of the day, at its hour.
    pub(crate) fn turn(&mut self, time_ns: u64) {
        self.now_ns = self.now_ns.max(time_ns);
    }

    /// Moves on to message `number`.
    pub(crate) fn advance(&mut self, number: u64, pace: Pace, random: &mut Random) {
        let (profile, limit) = self.profile(number);
        let step = match pace {
            // Most messages of a burst come from one machine's burst of orders, some from those who react to it.
            Pace::Burst if random.per_mille(780) => random.between(40, 900),
            Pace::Burst => random.between(3_000, 60_000),
            Pace::Pause => self.pause(profile, 1, random),
            Pace::Rush => self.pause(profile, 50, random),
        };
        // A phase's messages come before the hour that ends it, however dense they get.
        self.now_ns = (self.now_ns + step).min(limit - 1);
    }

    fn pause(&self, profile: u64, hurry: u64, random: &mut Random) -> u64 {
        let behind = profile.saturating_sub(self.now_ns) / hurry;
        random.draw(&self.exponential, behind.max(1_000)) + 200
    }

    /// Time of message `number` by the day's profile, and the next hour, past now, at which the day turns.
    fn profile(&mut self, number: u64) -> (u64, u64) {
        while self.at + 2 < self.knots.len() && self.knots[self.at + 1].0 <= number {
            self.at += 1;
        }
        let ((first, from), (end, to)) = (self.knots[self.at], self.knots[self.at + 1]);
        let through = number.saturating_sub(first).min(end - first);
        let profile = from + (u128::from(to - from) * u128::from(through) / u128::from((end - first).max(1))) as u64;
        let turns =
            [START_OF_SYSTEM_HOURS, START_OF_MARKET_HOURS, END_OF_MARKET_HOURS, END_OF_SYSTEM_HOURS, END_OF_MESSAGES];
        let limit = turns.into_iter().find(|turn| *turn > self.now_ns).unwrap_or(u64::MAX);
        (profile, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DayConfig;

    #[test]
    fn time_keeps_to_the_profile_and_never_goes_back() {
        let plan = Plan::new(&DayConfig { symbols: 10, messages: 100_000, ..DayConfig::default() });
        let (mut clock, mut random) = (Clock::new(&plan), Random::new(5));
        clock.turn(START_OF_SYSTEM_HOURS);
        let mut last = 0;
        for number in plan.start + 1..plan.open {
            let pace = if number % 5 == 0 { Pace::Pause } else { Pace::Burst };
            clock.advance(number, pace, &mut random);
            assert!(clock.now_ns() >= last && clock.now_ns() < START_OF_MARKET_HOURS);
            last = clock.now_ns();
        }
        assert!(last > START_OF_MARKET_HOURS - 10 * SECOND, "{last}");
    }
}
