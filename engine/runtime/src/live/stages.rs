//! How long packets take from stage to stage, measured where it happens.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use hdrhistogram::Histogram;

/// What a packet has behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Stage {
    /// The loop has it: since its receive stamp, where the source has one of the system's clock.
    Received = 0,
    /// It is known what it says of itself: since the loop has it, as all that follow.
    Framed = 1,
    /// Its messages are events.
    Decoded = 2,
    /// Its events are in the books.
    Applied = 3,
    /// Readers see them.
    Published = 4,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 5] = [Self::Received, Self::Framed, Self::Decoded, Self::Applied, Self::Published];

    /// The stage in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Framed => "framed",
            Self::Decoded => "decoded",
            Self::Applied => "applied",
            Self::Published => "published",
        }
    }
}

/// Buckets of a power of two: the width of one is a 32nd of its values, 3 %.
const SPLIT: u32 = 5;

/// Values past this are counted as this: eighteen minutes.
const MOST_NS: u64 = (1 << 40) - 1;

const BUCKETS: usize = bucket_of(MOST_NS) + 1;

const fn bucket_of(value: u64) -> usize {
    if value < 2 << SPLIT {
        return value as usize;
    }
    let shift = 63 - value.leading_zeros() - SPLIT;
    ((shift as usize) << SPLIT) + (value >> shift) as usize
}

/// The middle of a bucket's values.
const fn value_of(bucket: usize) -> u64 {
    if bucket < 2 << SPLIT {
        return bucket as u64;
    }
    let shift = (bucket >> SPLIT) - 1;
    let low = (bucket - (shift << SPLIT)) as u64;
    (low << shift) + (1 << shift) / 2
}

/// Times by stage. One thread writes, others read while it does.
///
/// A histogram of HDR shape whose counts are atomics: `hdrhistogram` has none that is written without a lock while it is read,
/// and a copy handed over would cost the hot core more than the counting. [`read`](Self::read) gives one of its histograms.
#[derive(Debug)]
pub struct StageTimes(Box<[[AtomicU64; BUCKETS]]>);

impl StageTimes {
    /// Nothing measured yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Stage::ALL.iter().map(|_| [const { AtomicU64::new(0) }; BUCKETS]).collect()))
    }

    /// Notes a time. Only one thread may call it.
    #[inline]
    pub fn note(&self, stage: Stage, ns: u64) {
        let count = &self.0[stage as usize][bucket_of(ns.min(MOST_NS))];
        // One writer: an addition that is atomic as a whole would cost a locked instruction.
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The times of a stage so far, for percentiles; three digits of values that are right to 3 %.
    pub fn read(&self, stage: Stage) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_max(MOST_NS + 1, 3).expect("three digits up to eighteen minutes");
        for (bucket, count) in self.0[stage as usize].iter().enumerate() {
            let count = count.load(Ordering::Relaxed);
            // A value that is noted no time would still be the largest.
            if count != 0 {
                histogram.saturating_record_n(value_of(bucket), count);
            }
        }
        histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_bucket_that_stands_for_it() {
        for value in (0..1_000).chain((0..40).map(|bits| 1 << bits)).chain((7..40).map(|bits| (1 << bits) - 1)) {
            let stands_for = value_of(bucket_of(value));
            assert!(stands_for.abs_diff(value) * 32 <= value, "{value} became {stands_for}");
        }
        assert!(bucket_of(MOST_NS) < BUCKETS);
    }

    #[test]
    fn buckets_rise_with_their_values() {
        assert!((1..BUCKETS).all(|bucket| value_of(bucket) > value_of(bucket - 1)));
        assert!((0..BUCKETS).all(|bucket| bucket_of(value_of(bucket)) == bucket));
    }

    #[test]
    fn percentiles_come_out_as_they_went_in() {
        let times = StageTimes::new();
        for ns in 1..=1_000 {
            times.note(Stage::Published, ns * 10);
        }
        assert!(times.read(Stage::Published).max().abs_diff(10_000) < 350);
        times.note(Stage::Published, u64::MAX);
        let read = times.read(Stage::Published);
        assert_eq!(read.len(), 1_001);
        assert!(read.value_at_quantile(0.5).abs_diff(5_000) < 200);
        assert!(read.value_at_quantile(0.99).abs_diff(9_900) < 350);
        assert!(times.read(Stage::Framed).is_empty());
    }
}
