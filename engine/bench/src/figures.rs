//! Figures with their spread.

use hdrhistogram::Histogram;
use serde::Serialize;

/// A measure that was taken several times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The middle one; the mean of the middle two where the number is even.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Figure {
    /// Of at least one value.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "every measure is taken once at least");
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median =
            if values.len().is_multiple_of(2) { (values[middle - 1] + values[middle]) / 2.0 } else { values[middle] };
        Self { median, min: values[0], max: values[values.len() - 1] }
    }

    /// Of the ratio of each value to the one taken beside it.
    pub(crate) fn ratio(values: &[f64], to: &[f64]) -> Self {
        Self::of(values.iter().zip(to).map(|(value, to)| value / to).collect())
    }
}

/// Times of packets, nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half of the packets took no longer.
    pub p50_ns: u64,
    /// 99 % of the packets took no longer.
    pub p99_ns: u64,
    /// 99.9 % of the packets took no longer.
    pub p999_ns: u64,
    /// The slowest.
    pub max_ns: u64,
}

impl Percentiles {
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            p50_ns: histogram.value_at_quantile(0.5),
            p99_ns: histogram.value_at_quantile(0.99),
            p999_ns: histogram.value_at_quantile(0.999),
            max_ns: histogram.max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_of_odd_and_even_numbers() {
        assert_eq!(Figure::of(vec![3.0, 1.0, 2.0]), Figure { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Figure::of(vec![4.0, 1.0, 2.0, 3.0]).median, 2.5);
    }

    #[test]
    fn ratios_are_taken_pair_by_pair() {
        // Both halved at once, as by a neighbour on the machine: the ratio does not move.
        assert_eq!(Figure::ratio(&[10.0, 20.0, 10.0], &[20.0, 40.0, 20.0]), Figure { median: 0.5, min: 0.5, max: 0.5 });
    }
}
