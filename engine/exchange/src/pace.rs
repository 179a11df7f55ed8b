//! How fast a day is published.

use crate::ExchangeError;

/// How fast a day is published. Times count from the first packet, so that a late one makes no other late.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// So many packets a second.
    Rate(f64),
    /// As recorded, so many times as fast.
    Recorded(f64),
    /// As fast as the machine sends.
    Fastest,
}

impl Pace {
    /// Checks that it moves at all.
    pub(crate) fn validate(self) -> Result<(), ExchangeError> {
        let (path, value) = match self {
            Self::Rate(rate) => ("rate", rate),
            Self::Recorded(speed) => ("speed", speed),
            Self::Fastest => return Ok(()),
        };
        if value.is_finite() && value > 0.0 {
            return Ok(());
        }
        Err(ExchangeError::Value { path, value: value.to_string(), wanted: "a number above 0" })
    }

    /// When packet `number` is due, ns after the first, which was recorded `recorded_ns` before it.
    pub(crate) fn due_ns(self, number: usize, recorded_ns: u64) -> u64 {
        match self {
            Self::Rate(rate) => (number as f64 * 1e9 / rate) as u64,
            Self::Recorded(speed) => (recorded_ns as f64 / speed) as u64,
            Self::Fastest => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_from_the_first_packet() {
        assert_eq!(Pace::Rate(1_000.0).due_ns(3_000, 7), 3_000_000_000);
        assert_eq!(Pace::Recorded(4.0).due_ns(9, 2_000_000_000), 500_000_000);
        assert_eq!(Pace::Fastest.due_ns(9, 2_000), 0);
        for pace in [Pace::Rate(0.0), Pace::Recorded(-1.0), Pace::Rate(f64::NAN), Pace::Recorded(f64::INFINITY)] {
            assert!(pace.validate().unwrap_err().to_string().ends_with("is not a number above 0"));
        }
    }
}
