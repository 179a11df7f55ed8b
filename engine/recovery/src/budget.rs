//! How often a service is asked: never more than a bucket of tokens allows, and ever later where nobody answers.

/// How often a service may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Requests that may go out at once.
    pub burst: u32,
    /// Time in which one more may go out, nanoseconds.
    pub refill_ns: u64,
    /// Wait for an answer before the first retry, nanoseconds.
    pub timeout_ns: u64,
    /// Longest wait for an answer, nanoseconds: each retry waits twice as long as the one before.
    pub longest_timeout_ns: u64,
    /// Tries before giving up.
    pub tries: u32,
    /// What jitter is made of.
    pub seed: u64,
}

impl Default for Pace {
    /// Ten requests at once, ten a second after that, 50 ms for an answer, two seconds at most, ten tries.
    fn default() -> Self {
        Self {
            burst: 10,
            refill_ns: 100_000_000,
            timeout_ns: 50_000_000,
            longest_timeout_ns: 2_000_000_000,
            tries: 10,
            seed: 0,
        }
    }
}

/// A bucket of tokens, one a request: the guard against request storms. Whatever goes wrong, no more goes out.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    burst: u64,
    refill_ns: u64,
    /// Time for which tokens have been taken, nanoseconds on the caller's clock.
    taken_until_ns: u64,
}

impl Budget {
    /// A full bucket.
    pub fn new(pace: &Pace) -> Self {
        Self { burst: u64::from(pace.burst.max(1)), refill_ns: pace.refill_ns, taken_until_ns: 0 }
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self, now_ns: u64) -> bool {
        let depth_ns = self.refill_ns.saturating_mul(self.burst - 1);
        if self.taken_until_ns > now_ns.saturating_add(depth_ns) {
            return false;
        }
        self.taken_until_ns = self.taken_until_ns.max(now_ns).saturating_add(self.refill_ns);
        true
    }
}

/// When to try again: each time twice as late, up to a limit, and never at the same moment as everybody else.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pace: Pace,
    tries: u32,
    random: u64,
}

impl Backoff {
    /// No try so far.
    pub fn new(pace: Pace) -> Self {
        Self { pace, tries: 0, random: pace.seed ^ 0x9e37_79b9_7f4a_7c15 }
    }

    /// Counts a try, and gives the time until which an answer is waited for; `None` where there were enough.
    pub fn next(&mut self, now_ns: u64) -> Option<u64> {
        if self.tries >= self.pace.tries.max(1) {
            return None;
        }
        let doubled = self.pace.timeout_ns.saturating_mul(1 << self.tries.min(20));
        self.tries += 1;
        let wait = doubled.min(self.pace.longest_timeout_ns.max(self.pace.timeout_ns));
        // Up to a quarter more, so that channels that lost the same packets do not ask in step.
        let jitter = self.random() % (wait / 4 + 1);
        Some(now_ns.saturating_add(wait).saturating_add(jitter))
    }

    /// When to try again after a try that failed before its answer was due: as much later as tries went before. Counts none.
    pub fn after_failure(&self, now_ns: u64) -> u64 {
        let wait = self.pace.timeout_ns.saturating_mul(1 << self.tries.min(10));
        now_ns.saturating_add(wait.min(self.pace.longest_timeout_ns))
    }

    /// Something came: the next try is the first one again.
    pub fn succeed(&mut self) {
        self.tries = 0;
    }

    /// Tries since something came.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// Splitmix64.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn no_more_goes_out_than_burst_and_refill_allow() {
        let pace = Pace { burst: 3, refill_ns: SECOND, ..Pace::default() };
        let mut budget = Budget::new(&pace);
        let sent = (0..10_000_u64).filter(|at| budget.take(at * SECOND / 1_000)).count();
        assert_eq!(sent, 3 + 9, "three at once, then one a second for ten seconds");
        // A long pause fills the bucket, and no further.
        let sent = (0..100).filter(|_| budget.take(1_000 * SECOND)).count();
        assert_eq!(sent, 3);
    }

    #[test]
    fn waits_double_up_to_the_longest_and_end() {
        let pace = Pace { timeout_ns: 100, longest_timeout_ns: 400, tries: 5, ..Pace::default() };
        let mut backoff = Backoff::new(pace);
        for wait in [100, 200, 400, 400, 400] {
            let until = backoff.next(1_000).unwrap();
            assert!((1_000 + wait..=1_000 + wait + wait / 4).contains(&until), "{wait}: {until}");
        }
        assert_eq!(backoff.next(0), None);
        backoff.succeed();
        assert!(backoff.next(0).is_some());
    }

    #[test]
    fn channels_with_other_seeds_do_not_ask_in_step() {
        let until = |seed| Backoff::new(Pace { seed, ..Pace::default() }).next(0);
        assert_ne!(until(1), until(2));
        assert_eq!(until(1), until(1));
    }
}
