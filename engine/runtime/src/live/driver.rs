//! One core's loop: its sources, its channels, nothing shared.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use wirebook_channel::ChannelState;
use wirebook_io::{
    Burst, FlowId, Packet, Polled, SourceError,
    live::{Join, LiveSource, Waiter},
};

use super::{
    channel::LiveChannel,
    report::ChannelReport,
    routes::{Place, Route, Routes},
    stages::Stage,
};
use crate::pipeline::NoSink;

/// A clock that never goes back, the same for all loops and for recovery.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// Counts from now on.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since its start.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// What a loop does when there is no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Asks again at once: least latency, and a core of its own.
    Spin,
    /// Asks so many times in a row, then sleeps in between.
    BackOff {
        /// Empty polls in a row before it sleeps.
        polls: u32,
        /// How long it sleeps.
        sleep: Duration,
    },
    /// Lets the kernel wake it.
    Block,
}

/// How long a loop that blocks waits at most, so that it is stopped in good time.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// The same while a channel waits for something else than packets.
const SHORT_WAIT: Duration = Duration::from_micros(500);

/// Time between two notes of what channels are, nanoseconds.
const NOTE_NS: u64 = 10_000_000;

/// Notes between two looks at what sources count, which may ask the kernel.
const NOTES_A_LOOK: u64 = 100;

/// A channel in its loop.
#[derive(Debug)]
pub struct Seat {
    /// What it is called.
    pub name: String,
    /// The channel.
    pub channel: LiveChannel,
    /// Where each of its lines comes from.
    pub lines: Vec<Join>,
    /// What others read of it.
    pub report: Arc<ChannelReport>,
}

impl Seat {
    /// A channel with its lines, the first being line 0.
    pub fn new(name: impl Into<String>, channel: LiveChannel, lines: Vec<Join>) -> Self {
        let report = ChannelReport::new(lines.len());
        Self { name: name.into(), channel, lines, report }
    }
}

/// What a loop says of itself to other threads.
#[derive(Debug, Default)]
pub struct LoopReport {
    /// Bursts that had packets.
    pub bursts: AtomicU64,
    /// Packets of those.
    pub packets: AtomicU64,
    /// Packets that no configured line is of.
    pub unrouted_packets: AtomicU64,
    /// Packets that kernel, driver or card dropped, as far as they say so.
    pub drops: AtomicU64,
    /// Sources that cannot go on.
    pub failed_sources: AtomicU64,
}

impl LoopReport {
    /// Only the loop's own thread writes: no addition needs to be atomic as a whole.
    fn add(to: &AtomicU64, count: u64) {
        to.store(to.load(Ordering::Relaxed) + count, Ordering::Relaxed);
    }
}

struct Receiver {
    source: Box<dyn LiveSource>,
    routes: Routes,
    failed: bool,
}

/// A packet of a flow that was not known when it came.
struct Stranger {
    flow: FlowId,
    ts_recv_ns: u64,
    offset: u64,
    bytes: Vec<u8>,
}

/// A loop of its own thread.
pub struct LiveLoop {
    receivers: Vec<Receiver>,
    burst: Burst,
    seats: Vec<Seat>,
    idle: Idle,
    clock: Clock,
    empty_polls: u32,
    /// Bursts from one that is timed to the next.
    timed_every: u32,
    until_timed: u32,
    noted_ns: u64,
    notes: u64,
    strangers: Vec<Stranger>,
    report: Arc<LoopReport>,
    errors: Vec<String>,
}

/// When the first packet of a burst that is timed had what behind it.
struct Timed {
    channel: usize,
    received_ns: u64,
}

impl LiveLoop {
    /// A loop over sources, and the channels whose packets they bring. Every `timed_every`th burst is timed; 0: none.
    ///
    /// # Panics
    ///
    /// With more than 65,535 channels.
    pub fn new(
        sources: Vec<Box<dyn LiveSource>>,
        seats: Vec<Seat>,
        idle: Idle,
        timed_every: u32,
        clock: Clock,
    ) -> Self {
        assert!(seats.len() <= usize::from(u16::MAX), "channels are numbered by 16 bits");
        let lines = || {
            let of_seat = |(channel, seat): (usize, &Seat)| {
                let place = move |line: usize| Place { channel: channel as u16, line: line as u8 };
                seat.lines.iter().cloned().enumerate().map(move |(line, join)| (join, place(line))).collect::<Vec<_>>()
            };
            seats.iter().enumerate().flat_map(of_seat).collect()
        };
        let receivers = sources
            .into_iter()
            .map(|source| Receiver { source, routes: Routes::new(lines()), failed: false })
            .collect();
        Self {
            receivers,
            burst: Burst::default(),
            seats,
            idle,
            clock,
            empty_polls: 0,
            timed_every,
            until_timed: timed_every,
            noted_ns: 0,
            notes: 0,
            strangers: Vec::new(),
            report: Arc::default(),
            errors: Vec::new(),
        }
    }

    /// What it says of itself.
    pub fn report(&self) -> Arc<LoopReport> {
        Arc::clone(&self.report)
    }

    /// The channels.
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Works until `stop` is set, or until no source can go on.
    pub fn run(&mut self, stop: &AtomicBool) {
        let mut waiter = (self.idle == Idle::Block && self.receivers.len() > 1)
            .then(|| Waiter::new(&self.receivers.iter().map(|each| &*each.source).collect::<Vec<_>>()));
        while !stop.load(Ordering::Relaxed) && self.receivers.iter().any(|receiver| !receiver.failed) {
            if !self.turn() {
                self.rest(waiter.as_mut());
            }
        }
        let now_ns = self.clock.now_ns();
        self.note(now_ns);
    }

    /// Takes what each source has, and does what is due; false where no packet was there.
    #[inline]
    pub fn turn(&mut self) -> bool {
        let mut packets = 0;
        for at in 0..self.receivers.len() {
            packets += self.receive(at);
        }
        self.seats.iter_mut().for_each(|seat| seat.channel.flush(&mut NoSink));
        let now_ns = self.clock.now_ns();
        for seat in &mut self.seats {
            seat.channel.tick(now_ns, &mut NoSink);
            seat.channel.flush(&mut NoSink);
        }
        if packets != 0 {
            LoopReport::add(&self.report.bursts, 1);
            LoopReport::add(&self.report.packets, packets as u64);
            self.empty_polls = 0;
        }
        if now_ns.saturating_sub(self.noted_ns) >= NOTE_NS {
            self.note(now_ns);
        }
        packets != 0
    }

    /// Takes one burst of one source through the channels, and says how many packets it had.
    #[inline]
    fn receive(&mut self, at: usize) -> usize {
        let Self { receivers, burst, seats, clock, strangers, report, .. } = self;
        let receiver = &mut receivers[at];
        if receiver.failed {
            return 0;
        }
        let packets = match receiver.source.burst(burst) {
            Ok(Polled::Packets(packets)) => packets,
            Ok(Polled::End) => return self.fail(at, None),
            Err(error) => return self.fail(at, Some(error)),
        };
        if packets.is_empty() {
            return 0;
        }
        let now_ns = clock.now_ns();
        let is_timed = self.timed_every != 0 && {
            self.until_timed -= 1;
            self.until_timed == 0
        };
        let mut timed = None;
        if is_timed {
            // A burst without a packet of ours leaves it to the next.
            self.until_timed = 1;
        }
        for packet in packets {
            if is_timed
                && timed.is_none()
                && let Some(place) = place_of(seats, &receiver.routes, packet)
            {
                self.until_timed = self.timed_every;
                timed = Some(time_packet(&mut seats[usize::from(place.channel)], place, packet, *clock, now_ns));
                continue;
            }
            match receiver.routes.of(packet.flow) {
                Route::One(place) => {
                    seats[usize::from(place.channel)].channel.packet(place.line, packet, now_ns, &mut NoSink);
                }
                Route::Several(list) => to_named(seats, receiver.routes.several(list), packet, now_ns),
                Route::Foreign => LoopReport::add(&report.unrouted_packets, 1),
                Route::Unknown => strangers.push(Stranger {
                    flow: packet.flow,
                    ts_recv_ns: packet.ts_recv_ns,
                    offset: packet.offset,
                    bytes: packet.payload.to_vec(),
                }),
            }
        }
        let count = packets.len();
        if let Some(Timed { channel, received_ns }) = timed {
            self.time_flush(channel, received_ns);
        }
        if !self.strangers.is_empty() {
            self.meet(at, now_ns);
        }
        count
    }

    /// Flows that were not known are looked up, and their packets go where they belong.
    #[cold]
    fn meet(&mut self, at: usize, now_ns: u64) {
        let receiver = &mut self.receivers[at];
        receiver.routes.learn(receiver.source.flows());
        for stranger in std::mem::take(&mut self.strangers) {
            let packet = Packet {
                ts_recv_ns: stranger.ts_recv_ns,
                offset: stranger.offset,
                ..Packet::datagram(&stranger.bytes, stranger.flow)
            };
            match receiver.routes.of(packet.flow) {
                Route::One(place) => {
                    self.seats[usize::from(place.channel)].channel.packet(place.line, &packet, now_ns, &mut NoSink);
                }
                Route::Several(list) => to_named(&mut self.seats, receiver.routes.several(list), &packet, now_ns),
                Route::Foreign | Route::Unknown => LoopReport::add(&self.report.unrouted_packets, 1),
            }
        }
    }

    /// Publishes what a burst that is timed brought, and notes when.
    fn time_flush(&mut self, channel: usize, received_ns: u64) {
        let Seat { channel, report, .. } = &mut self.seats[channel];
        let clock = self.clock;
        let times = report.times();
        let mut has_applied = false;
        channel.flush_with(&mut NoSink, || {
            has_applied = true;
            times.note(Stage::Applied, clock.now_ns() - received_ns);
        });
        // Copies of what the other line brought have nothing to publish.
        if has_applied {
            times.note(Stage::Published, clock.now_ns() - received_ns);
        }
    }

    #[cold]
    fn fail(&mut self, at: usize, error: Option<SourceError>) -> usize {
        self.receivers[at].failed = true;
        LoopReport::add(&self.report.failed_sources, 1);
        let name = self.receivers[at].source.name();
        self.errors.push(error.map_or(format!("{name}: it has ended"), |error| format!("{name}: {error}")));
        0
    }

    #[cold]
    fn note(&mut self, now_ns: u64) {
        self.noted_ns = now_ns;
        for seat in &self.seats {
            seat.report.note(&seat.channel, now_ns);
        }
        if self.notes.is_multiple_of(NOTES_A_LOOK) {
            let drops = self.receivers.iter_mut().map(|receiver| receiver.source.live_counters().drops).sum();
            self.report.drops.store(drops, Ordering::Relaxed);
        }
        self.notes += 1;
    }

    /// There was no packet.
    fn rest(&mut self, waiter: Option<&mut Waiter>) {
        self.empty_polls = self.empty_polls.saturating_add(1);
        match self.idle {
            Idle::Spin => std::hint::spin_loop(),
            Idle::BackOff { polls, sleep } if self.empty_polls > polls => thread::sleep(sleep),
            Idle::BackOff { .. } => std::hint::spin_loop(),
            Idle::Block => self.wait(waiter),
        }
    }

    fn wait(&mut self, waiter: Option<&mut Waiter>) {
        let is_calm = self.seats.iter().all(|seat| {
            matches!(seat.channel.standing().state, ChannelState::Live | ChannelState::Failed)
                || seat.channel.arbiter().next_sequence() == 0
        });
        let timeout = if is_calm { LONGEST_WAIT } else { SHORT_WAIT };
        let waited = match (waiter, self.receivers.first_mut()) {
            (Some(waiter), _) => waiter.wait(timeout),
            (None, Some(receiver)) => receiver.source.wait(timeout),
            (None, None) => Ok(()),
        };
        if waited.is_err() {
            // A source that cannot be waited for can still be asked.
            thread::sleep(SHORT_WAIT);
        }
    }

    /// Ends the loop: everything received is applied. Gives the channels, and what went wrong with sources.
    pub fn finish(mut self) -> (Vec<Seat>, Vec<String>) {
        for seat in &mut self.seats {
            seat.channel.flush(&mut NoSink);
        }
        (self.seats, self.errors)
    }
}

impl std::fmt::Debug for LiveLoop {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LiveLoop").field("seats", &self.seats).field("idle", &self.idle).finish_non_exhaustive()
    }
}

/// Takes a packet through framing and decoding, and notes when.
fn time_packet(seat: &mut Seat, place: Place, packet: &Packet<'_>, clock: Clock, received_ns: u64) -> Timed {
    let Seat { channel, report, .. } = seat;
    let times = report.times();
    if packet.ts_recv_ns != 0
        && let Ok(now) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)
        && let Some(ns) = (now.as_nanos() as u64).checked_sub(packet.ts_recv_ns)
    {
        times.note(Stage::Received, ns);
    }
    if let Some(frame) = channel.frame(packet, &mut NoSink) {
        times.note(Stage::Framed, clock.now_ns() - received_ns);
        let before = channel.pipeline().messages();
        channel.framed(place.line, &frame, packet, received_ns, &mut NoSink);
        if channel.pipeline().messages() != before {
            times.note(Stage::Decoded, clock.now_ns() - received_ns);
        }
    }
    Timed { channel: usize::from(place.channel), received_ns }
}

/// The channel and line of a packet, where it is anybody's.
#[cold]
fn place_of(seats: &mut [Seat], routes: &Routes, packet: &Packet<'_>) -> Option<Place> {
    match routes.of(packet.flow) {
        Route::One(place) => Some(place),
        Route::Several(list) => {
            let places = routes.several(list);
            let first = &mut seats[usize::from(places.first()?.channel)].channel;
            let frame = first.frame(packet, &mut NoSink)?;
            let is_named = |place: &&Place| {
                let name = seats[usize::from(place.channel)].channel.name();
                name.is_none_or(|name| name == frame.session)
            };
            places.iter().find(is_named).copied()
        }
        Route::Foreign | Route::Unknown => None,
    }
}

/// Gives a packet to the channel that it names, of those that share its flow.
fn to_named(seats: &mut [Seat], places: &[Place], packet: &Packet<'_>, now_ns: u64) {
    let Some((first, others)) = places.split_first() else { return };
    let channel = &mut seats[usize::from(first.channel)].channel;
    // Whoever is asked first frames for all: they are of one protocol.
    let Some(frame) = channel.frame(packet, &mut NoSink) else { return };
    if others.is_empty() || channel.name().is_none_or(|name| name == frame.session) {
        channel.framed(first.line, &frame, packet, now_ns, &mut NoSink);
        return;
    }
    let named = others.iter().find(|place| seats[usize::from(place.channel)].channel.name() == Some(frame.session));
    if let Some(place) = named {
        seats[usize::from(place.channel)].channel.packet(place.line, packet, now_ns, &mut NoSink);
    }
}
