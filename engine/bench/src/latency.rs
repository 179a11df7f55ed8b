//! Time from packet to published.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use wirebook_runtime::{NoSink, Pipeline};
use wirebook_simulator::PacketSpan;

use crate::{BURST_PACKETS, DayInMemory, figures::Percentiles};

/// Times of one run.
#[derive(Debug)]
pub(crate) struct Latency {
    /// From the moment the pipeline is given a packet.
    pub handed: Percentiles,
    /// From the moment the packet is due, so that waiting for the pipeline counts.
    pub due: Percentiles,
}

struct Times {
    handed: Histogram<u64>,
    due: Histogram<u64>,
    /// When each packet of the burst under way was due and handed over.
    burst: [(Instant, Instant); BURST_PACKETS],
}

impl Times {
    fn new(now: Instant) -> Self {
        // Up to a minute at three digits: a recorded value never makes the histogram grow.
        let histogram = || Histogram::new_with_max(60_000_000_000, 3).expect("three digits up to a minute");
        Self { handed: histogram(), due: histogram(), burst: [(now, now); BURST_PACKETS] }
    }

    /// Notes that the first `count` packets of the burst are published.
    fn published(&mut self, count: usize) {
        let now = Instant::now();
        for (due, handed) in &self.burst[..count] {
            self.due.saturating_record(now.duration_since(*due).as_nanos() as u64);
            self.handed.saturating_record(now.duration_since(*handed).as_nanos() as u64);
        }
    }

    fn latency(&self) -> Latency {
        Latency { handed: Percentiles::of(&self.handed), due: Percentiles::of(&self.due) }
    }
}

/// Bursts of 32 packets without a pause: a packet waits for all of its burst.
pub(crate) fn saturated(pipeline: &mut Pipeline, day: &DayInMemory) -> Latency {
    let mut times = Times::new(Instant::now());
    for burst in day.spans().chunks(BURST_PACKETS) {
        for (at, span) in burst.iter().enumerate() {
            let now = Instant::now();
            times.burst[at] = (now, now);
            pipeline.packet(day.packet(span), 0, span.offset, &mut NoSink);
        }
        pipeline.flush(&mut NoSink);
        times.published(burst.len());
    }
    times.latency()
}

/// Packets at their due times, evenly by messages; a burst is whatever is due when the one before is done, up to 32.
pub(crate) fn paced(pipeline: &mut Pipeline, day: &DayInMemory, messages_per_second: u64) -> Latency {
    let mut times = Times::new(Instant::now());
    let mut schedule = Schedule { start: Instant::now(), messages: 0, messages_per_second };
    let mut left = day.spans();
    while let Some((first, _)) = left.split_first() {
        let due = schedule.next_due(first);
        while Instant::now() < due {
            std::hint::spin_loop();
        }
        let taken = take_due(pipeline, day, left, &mut schedule, &mut times);
        pipeline.flush(&mut NoSink);
        times.published(taken);
        left = &left[taken..];
    }
    times.latency()
}

/// Gives the pipeline those of `left` that are due; the first is.
fn take_due(
    pipeline: &mut Pipeline,
    day: &DayInMemory,
    left: &[PacketSpan],
    schedule: &mut Schedule,
    times: &mut Times,
) -> usize {
    let mut taken = 0;
    for span in left.iter().take(BURST_PACKETS) {
        let (due, now) = (schedule.next_due(span), Instant::now());
        if due > now {
            break;
        }
        times.burst[taken] = (due, now);
        pipeline.packet(day.packet(span), 0, span.offset, &mut NoSink);
        schedule.messages += u64::from(span.messages);
        taken += 1;
    }
    taken
}

struct Schedule {
    start: Instant,
    /// Messages handed over.
    messages: u64,
    messages_per_second: u64,
}

impl Schedule {
    /// When a packet is complete on the wire, if it is the next one.
    fn next_due(&self, span: &PacketSpan) -> Instant {
        let messages = u128::from(self.messages + u64::from(span.messages));
        self.start + Duration::from_nanos((messages * 1_000_000_000 / u128::from(self.messages_per_second)) as u64)
    }
}
