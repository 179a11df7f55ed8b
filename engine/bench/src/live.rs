//! Time from a burst received to its tops published, in a live channel at a steady rate and in tenfold bursts.

use std::time::Instant;

use hdrhistogram::Histogram;
use serde::Serialize;
use wirebook_abi::{CheckedTable, Framing};
use wirebook_channel::ArbiterConfig;
use wirebook_io::{FlowId, Packet};
use wirebook_runtime::{
    NoSink,
    live::{ChannelConfig, LiveChannel},
};
use wirebook_simulator::{DayConfig, Packing};

use crate::{
    BenchError, CountingAllocator, DayInMemory, Percentiles, advise_huge_pages,
    machine::{Machine, Pinned, allowed_cores},
    prefault,
};

/// Packets that are taken at a time, both lines' together: what a loop asks its source for.
const BURST: usize = 16;

/// Messages at the steady rate between two bursts, and messages of a burst.
const STEADY_MESSAGES: u64 = 50_000;
const BURST_MESSAGES: u64 = 5_000;

/// What to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveBenchConfig {
    /// Messages of the day; the first half of it warms up.
    pub messages: u64,
    /// Instruments.
    pub symbols: u32,
    /// Seed of the day.
    pub seed: u64,
    /// Messages a second.
    pub rate: u64,
    /// Core to run on; `None`: the last one usable.
    pub core: Option<usize>,
}

impl Default for LiveBenchConfig {
    /// A million messages a second for some seconds, of a venue's 8,500 symbols.
    fn default() -> Self {
        Self { messages: 4_000_000, symbols: 8_500, seed: 1, rate: 1_000_000, core: None }
    }
}

/// Times of one shape of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LiveTimes {
    /// From the moment the loop has a burst to the moment its last top is published, a value a burst.
    pub received: Percentiles,
    /// From the moment a packet is due on the wire, so that waiting for the loop counts, a value a packet.
    pub due: Percentiles,
    /// Bursts measured.
    pub bursts: u64,
    /// Packets measured, both lines' together.
    pub packets: u64,
    /// Calls for memory meanwhile; none where the program does not count them.
    pub allocations: Option<u64>,
    /// Messages that were sent and not applied.
    pub lost: u64,
}

/// What was measured, and how.
#[derive(Clone, Debug, Serialize)]
pub struct LiveBenchReport {
    /// The method, in sentences.
    pub method: Vec<String>,
    /// The machine.
    pub machine: Machine,
    /// Messages a second.
    pub rate: u64,
    /// At that rate.
    pub steady: LiveTimes,
    /// With bursts of ten times the rate.
    pub tenfold: LiveTimes,
}

/// Measures a live channel of two lines on one core.
///
/// # Errors
///
/// [`BenchError`] where the day cannot be made, or the core cannot be had.
pub fn run_live(config: &LiveBenchConfig, table: CheckedTable) -> Result<LiveBenchReport, BenchError> {
    let core = match config.core {
        Some(core) => core,
        None => allowed_cores().last().copied().unwrap_or(0),
    };
    let _pinned = Pinned::to(core)?;
    let day = DayInMemory::new(
        table,
        DayConfig { seed: config.seed, symbols: config.symbols, messages: config.messages, ..DayConfig::default() },
        Packing::Natural,
    )?;
    let steady = measure(table, &day, config.rate, false)?;
    let tenfold = measure(table, &day, config.rate, true)?;
    let method = vec![
        format!(
            "A live channel of two lines on core {core}, its packets in memory: {} messages of {} symbols, the first half to warm up. Each packet comes on both lines, \
             one behind the other; the loop takes what is due, {BURST} packets at most, arbitrates, decodes, applies, publishes.",
            config.messages, config.symbols
        ),
        format!(
            "Tenfold: after every {STEADY_MESSAGES} messages at {} a second {BURST_MESSAGES} come at ten times that.",
            config.rate
        ),
        "Received: from the loop having a burst to its last top published, a value a burst. Due: from a packet's time on the wire, waiting included.".into(),
    ];
    Ok(LiveBenchReport { method, machine: Machine::look(), rate: config.rate, steady, tenfold })
}

fn channel(table: CheckedTable) -> Result<LiveChannel, BenchError> {
    let config = ChannelConfig { arbiter: ArbiterConfig::default(), ..ChannelConfig::new(Framing::MOLDUDP64) };
    let channel = LiveChannel::new(table, &config, None, 0)?;
    let regions = channel.pipeline().books().memory_regions();
    advise_huge_pages(&regions);
    prefault(&regions);
    Ok(channel)
}

/// When packets are due, nanoseconds from the start.
struct Schedule {
    message_ns: u64,
    has_bursts: bool,
    messages: u64,
    due_ns: u64,
}

impl Schedule {
    /// The time at which a packet with so many messages is complete, if it is the next one.
    fn advance(&mut self, messages: u32) -> u64 {
        let is_burst = self.has_bursts && self.messages % (STEADY_MESSAGES + BURST_MESSAGES) >= STEADY_MESSAGES;
        let message_ns = if is_burst { self.message_ns / 10 } else { self.message_ns };
        self.messages += u64::from(messages);
        self.due_ns += message_ns * u64::from(messages);
        self.due_ns
    }
}

fn measure(table: CheckedTable, day: &DayInMemory, rate: u64, has_bursts: bool) -> Result<LiveTimes, BenchError> {
    let mut channel = channel(table)?;
    // Up to a minute at three digits: a recorded value never makes the histogram grow.
    let histogram = || Histogram::<u64>::new_with_max(60_000_000_000, 3).expect("three digits up to a minute");
    let (mut received, mut due_times) = (histogram(), histogram());
    let spans = day.spans();
    let mut schedule = Schedule { message_ns: 1_000_000_000 / rate.max(1), has_bursts, messages: 0, due_ns: 0 };
    let dues: Vec<u64> = spans.iter().map(|span| schedule.advance(span.messages)).collect();
    let warm = spans.len() / 2;
    let (mut bursts, mut packets, mut allocated) = (0, 0, None);
    let start = Instant::now();
    let now = || start.elapsed().as_nanos() as u64;
    let mut at = 0;
    while at < spans.len() {
        if at >= warm && bursts == 0 {
            allocated = CountingAllocator::allocations();
        }
        while now() < dues[at] {
            std::hint::spin_loop();
        }
        let received_ns = now();
        let first = at;
        while at < spans.len() && at - first < BURST / 2 && dues[at] <= received_ns {
            let packet = packet(day.packet(&spans[at]), dues[at]);
            channel.packet(0, &packet, received_ns, &mut NoSink);
            channel.packet(1, &packet, received_ns, &mut NoSink);
            at += 1;
        }
        channel.flush(&mut NoSink);
        let published_ns = now();
        channel.tick(received_ns, &mut NoSink);
        if first >= warm {
            received.saturating_record(published_ns - received_ns);
            dues[first..at].iter().for_each(|due| due_times.saturating_record(published_ns - due));
            bursts += 1;
            packets += 2 * (at - first) as u64;
        }
    }
    let allocations = CountingAllocator::allocations().zip(allocated).map(|(all, before)| all - before);
    let lost = day.messages() - channel.arbiter().counters().taken;
    Ok(LiveTimes {
        received: Percentiles::of(&received),
        due: Percentiles::of(&due_times),
        bursts,
        packets,
        allocations,
        lost,
    })
}

fn packet(payload: &[u8], ts_recv_ns: u64) -> Packet<'_> {
    Packet { ts_recv_ns, ..Packet::datagram(payload, FlowId(0)) }
}

impl LiveBenchReport {
    /// The figures in words, a row each.
    pub fn rows(&self) -> Vec<(String, String)> {
        let of = |name: &str, times: &LiveTimes| {
            let percentiles = |each: &Percentiles| format!("{} / {} / {}", each.p50_ns, each.p99_ns, each.p999_ns);
            vec![
                (format!("{name}: received to published, P50 / P99 / P99.9, ns"), percentiles(&times.received)),
                (format!("{name}: due to published, P50 / P99 / P99.9, ns"), percentiles(&times.due)),
                (format!("{name}: packets, both lines"), times.packets.to_string()),
                (
                    format!("{name}: allocations"),
                    times.allocations.map_or("not counted".into(), |count| count.to_string()),
                ),
                (format!("{name}: messages lost"), times.lost.to_string()),
            ]
        };
        let steady = format!("{} messages a second", self.rate);
        [of(&steady, &self.steady), of("tenfold bursts", &self.tenfold)].concat()
    }
}
