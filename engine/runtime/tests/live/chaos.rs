//! The chaos matrix: whatever goes wrong on the lines and at the services, readers are told the truth or that they are not.

use wirebook_abi::Framing;
use wirebook_channel::{ArbiterConfig, ChannelState};
use wirebook_exchange::chaos::{Chaos, Dial, LineChaos, Loss};
use wirebook_io::{FlowId, Packet};
use wirebook_recovery::{Server, desk};
use wirebook_runtime::{
    ImageDetail, NoSink,
    live::{ChannelConfig, LiveChannel, RecoveryConfig, Snapshots},
};
use wirebook_simulator::Packets;

use crate::{
    truth::{Truth, small_books},
    venue::{FRAMING, Manner, Services, day, frame_of, heartbeat, table},
};

/// Time between two packets of the venue.
const BETWEEN_NS: u64 = 20_000;

/// Time after the last packet in which everything must have come right.
const AFTER_NS: u64 = 400_000_000;

/// What goes wrong, and what helps.
#[derive(Clone, Debug)]
pub struct Setting {
    pub chaos: Chaos,
    pub recovery: RecoveryConfig,
    pub messages: Manner,
    pub snapshots: Manner,
    pub held_packets: usize,
    /// Packets that were sent before the channel listens.
    pub missed: usize,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            chaos: Chaos::default(),
            recovery: RecoveryConfig {
                messages_limit: 200,
                snapshots: Snapshots::Whole,
                retry_ns: 20_000_000,
                patience_ns: 50_000_000,
            },
            messages: Manner::Works,
            snapshots: Manner::Works,
            held_packets: 1_024,
            missed: 0,
        }
    }
}

pub fn config(held_packets: usize, recovery: RecoveryConfig) -> ChannelConfig {
    ChannelConfig {
        books: Some(small_books(table())),
        arbiter: ArbiterConfig {
            window_packets: 16,
            window_ns: 200_000,
            held_packets,
            packet_bytes: 2_048,
            ..ArbiterConfig::default()
        },
        recovery,
        ..ChannelConfig::new(FRAMING)
    }
}

pub fn packet(bytes: &[u8], ts_recv_ns: u64) -> Packet<'_> {
    Packet { ts_recv_ns, ..Packet::datagram(bytes, FlowId(0)) }
}

/// A channel, its venue, and what it must agree with.
pub struct Trial {
    pub channel: LiveChannel,
    pub services: Services,
    pub truth: Truth,
    pub now_ns: u64,
    /// Times that a reader was told that a book can be believed.
    pub believed: usize,
}

impl Trial {
    pub fn new(day: &Packets, setting: &Setting) -> Self {
        let (client, server) = desk(64);
        let truth = Truth::of(table(), FRAMING, day.iter());
        let config = config(setting.held_packets, setting.recovery);
        let channel = LiveChannel::new(table(), &config, Some(client), 0).unwrap();
        let services = Services::new(server, day, setting.messages, setting.snapshots);
        Self { channel, services, truth, now_ns: 0, believed: 0 }
    }

    pub fn line(&mut self, line: u8, bytes: &[u8]) {
        let now_ns = self.now_ns;
        self.channel.packet(line, &packet(bytes, 1_000_000 + now_ns), now_ns, &mut NoSink);
        self.end_burst();
    }

    pub fn end_burst(&mut self) {
        self.channel.flush(&mut NoSink);
        self.check();
        self.channel.tick(self.now_ns, &mut NoSink);
        self.channel.flush(&mut NoSink);
        self.services.step(self.now_ns);
        self.check();
    }

    fn check(&mut self) {
        self.believed += self.truth.check(&self.channel.pipeline().books().reader());
    }

    /// Sends the packets of a day through the chaos.
    pub fn send(&mut self, day: &Packets, chaos: &Chaos, missed: usize) {
        let start_ns = self.now_ns;
        let packets: Vec<&[u8]> = day.iter().collect();
        let mut decoder = table().create(FRAMING).unwrap();
        let mut dial = Dial::new(chaos, 0, 2).unwrap();
        for (at, bytes) in packets.iter().enumerate() {
            let ts_ns = start_ns + at as u64 * BETWEEN_NS;
            let frame = frame_of(&mut decoder, bytes);
            self.services.published = frame.first_sequence + u64::from(frame.sequence_count()) - 1;
            dial.offer(ts_ns);
            self.deliver(&mut dial, ts_ns, &packets, missed);
            self.now_ns = self.now_ns.max(ts_ns);
        }
        dial.finish();
        self.deliver(&mut dial, u64::MAX, &packets, missed);
    }

    fn deliver(&mut self, dial: &mut Dial, until_ns: u64, packets: &[&[u8]], missed: usize) {
        while let Some(sending) = dial.next_due(until_ns) {
            self.now_ns = self.now_ns.max(sending.at_ns);
            if sending.packet as usize >= missed {
                self.line(sending.line as u8, packets[sending.packet as usize]);
            }
        }
    }

    /// The venue is quiet and sends heartbeats until nothing is missing, or for as long as it may take.
    pub fn settle(&mut self, session: [u8; 16]) {
        let heartbeat = heartbeat(session, self.truth.last_sequence + 1);
        let until_ns = self.now_ns + AFTER_NS;
        while self.now_ns < until_ns {
            self.now_ns += 100_000;
            self.line(0, &heartbeat);
            self.line(1, &heartbeat);
            if self.is_whole() {
                return;
            }
        }
    }

    pub fn is_whole(&self) -> bool {
        let all = self.truth.instruments().all(|key| {
            let validity = self.channel.pipeline().books().validity(key).unwrap_or_default();
            !matches!(
                validity.state,
                wirebook_book::BookState::Building
                    | wirebook_book::BookState::Recovering
                    | wirebook_book::BookState::Stale
            )
        });
        all && self.channel.standing().state == ChannelState::Live
            && self.channel.arbiter().next_sequence() == self.truth.last_sequence + 1
    }

    /// Every message is accounted for: applied, fetched, covered by a snapshot, or said to be lost.
    pub fn account(&self, sessions_before: u64) {
        let counters = self.channel.arbiter().counters();
        let all = counters.taken + counters.recovered + counters.covered + counters.lost;
        assert_eq!(all, sessions_before + self.truth.last_sequence, "{counters:?}");
        let pipeline = self.channel.pipeline();
        assert_eq!(pipeline.sequencer().next_sequence(), self.truth.last_sequence + 1);
    }
}

fn digest(channel: &LiveChannel) -> String {
    channel.pipeline().image(ImageDetail::Orders).digest().to_string()
}

/// The books of the day by a pipeline that had every packet once, in order.
pub fn true_digest(day: &Packets) -> String {
    let mut channel = LiveChannel::new(table(), &config(64, RecoveryConfig::default()), None, 0).unwrap();
    for bytes in day.iter() {
        channel.packet(0, &packet(bytes, 0), 0, &mut NoSink);
    }
    channel.flush(&mut NoSink);
    digest(&channel)
}

pub fn session_of(day: &Packets) -> [u8; 16] {
    frame_of(&mut table().create(FRAMING).unwrap(), day.iter().next().unwrap()).session
}

/// Runs a day through chaos; the books must come right.
fn comes_right(seed: u64, setting: &Setting) -> Trial {
    let day = day(seed, "SIMULATED1");
    let mut trial = Trial::new(&day, setting);
    trial.send(&day, &setting.chaos, setting.missed);
    trial.settle(session_of(&day));
    assert!(trial.is_whole(), "{setting:?}: {:?} {:?}", trial.channel.standing(), trial.channel.arbiter().counters());
    assert_eq!(digest(&trial.channel), true_digest(&day), "{setting:?}");
    trial.account(0);
    assert!(trial.believed > 0);
    trial
}

fn both(loss: Loss, seed: u64) -> Chaos {
    Chaos { seed, every_line: loss, ..Chaos::default() }
}

fn one(line: LineChaos, seed: u64) -> Chaos {
    Chaos { seed, lines: vec![LineChaos::default(), line], ..Chaos::default() }
}

#[test]
fn loss_on_one_line_needs_nobody() {
    for (seed, rate) in [(1, 0.001), (2, 0.01), (3, 0.1)] {
        let loss = LineChaos { loss: Loss::bursts(rate, 4.0), ..LineChaos::default() };
        let trial = comes_right(seed, &Setting { chaos: one(loss, seed), ..Setting::default() });
        let counters = trial.channel.arbiter().counters();
        assert_eq!((counters.recovered, counters.covered, counters.lost), (0, 0, 0));
        assert_eq!(trial.channel.counters().wants_messages, 0);
    }
}

#[test]
fn loss_on_both_lines_is_sent_again() {
    for (seed, rate) in [(1, 0.001), (2, 0.01), (3, 0.1)] {
        let setting = Setting { chaos: both(Loss::bursts(rate, 5.0), seed), ..Setting::default() };
        let trial = comes_right(seed, &setting);
        let counters = trial.channel.arbiter().counters();
        assert_eq!(counters.lost, 0);
        assert_eq!(counters.recovered > 0, counters.gaps > 0);
        assert!(rate < 0.1 || counters.recovered > 0, "the dial lost something");
    }
}

#[test]
fn a_large_loss_is_made_good_by_a_snapshot() {
    for seed in 1..4 {
        let recovery = RecoveryConfig { messages_limit: 10, ..Setting::default().recovery };
        let setting = Setting { chaos: both(Loss::bursts(0.05, 8.0), seed), recovery, ..Setting::default() };
        let trial = comes_right(seed, &setting);
        let counters = trial.channel.arbiter().counters();
        assert!(counters.covered > 0 && counters.lost == 0, "{counters:?}");
        assert!(trial.channel.counters().snapshots > 0);
    }
}

#[test]
fn reordered_and_doubled_packets_change_nothing() {
    let line = |delay_us| LineChaos {
        duplicates: 0.1,
        reorders: 0.2,
        reorder_packets: 6,
        delay_us,
        jitter_us: 30,
        ..LineChaos::default()
    };
    for seed in 1..4 {
        let chaos = Chaos { seed, lines: vec![line(0), line(40)], ..Chaos::default() };
        let trial = comes_right(seed, &Setting { chaos, ..Setting::default() });
        let counters = trial.channel.arbiter().counters();
        assert_eq!((counters.recovered, counters.covered, counters.lost), (0, 0, 0));
        let duplicates: u64 = trial.channel.arbiter().lines().map(|line| line.duplicates).sum();
        assert!(duplicates > 800, "every packet came at least twice: {duplicates}");
    }
}

#[test]
fn a_dead_line_leaves_the_other() {
    for dead in [0..800, 100..400] {
        let loss = LineChaos { dead: vec![dead], ..LineChaos::default() };
        let trial = comes_right(5, &Setting { chaos: one(loss, 5), ..Setting::default() });
        assert_eq!(trial.channel.counters().wants_messages, 0);
    }
    // Both dead for a while: what was sent meanwhile is asked for.
    let dead = LineChaos { dead: std::iter::once(200..260).collect(), ..LineChaos::default() };
    let chaos = Chaos { seed: 6, lines: vec![dead.clone(), dead], ..Chaos::default() };
    let trial = comes_right(6, &Setting { chaos, ..Setting::default() });
    assert!(trial.channel.arbiter().counters().covered > 0, "300 messages are more than are asked for again");
}

#[test]
fn a_late_join_at_any_time_ends_in_the_same_books() {
    for missed in [1, 100, 400, 795] {
        let trial = comes_right(7, &Setting { missed, ..Setting::default() });
        let counters = trial.channel.arbiter().counters();
        assert!(counters.covered + counters.recovered >= missed as u64 * 5, "{counters:?}");
        let chaos = both(Loss::bursts(0.05, 5.0), 8);
        comes_right(7, &Setting { missed, chaos, ..Setting::default() });
    }
}

#[test]
fn services_that_refuse_hang_or_talk_nonsense_cost_a_snapshot() {
    for messages in [Manner::Refuses, Manner::Hangs, Manner::Garbage, Manner::Sometimes(3)] {
        for seed in 1..3 {
            let setting = Setting { messages, chaos: both(Loss::bursts(0.02, 4.0), seed), ..Setting::default() };
            let trial = comes_right(seed, &setting);
            let counters = trial.channel.arbiter().counters();
            assert!(counters.covered + counters.recovered > 0 && counters.lost == 0, "{messages:?} {counters:?}");
        }
    }
}

#[test]
fn a_snapshot_that_comes_at_last_mends_what_was_given_up() {
    for snapshots in [Manner::Sometimes(2), Manner::Sometimes(5)] {
        let recovery = RecoveryConfig { messages_limit: 0, retry_ns: 1_000_000, ..Setting::default().recovery };
        let setting = Setting { snapshots, recovery, chaos: both(Loss::bursts(0.05, 4.0), 9), ..Setting::default() };
        let trial = comes_right(9, &setting);
        assert!(trial.channel.arbiter().counters().lost > 0, "something was given up before");
        assert!(trial.channel.counters().refusals > 0);
    }
}

#[test]
fn without_any_help_the_books_say_that_they_are_stale() {
    let dead = [Manner::Refuses, Manner::Hangs, Manner::Garbage, Manner::Gone]
        .map(|manner| (Setting::default().recovery, manner));
    for (recovery, manner) in dead.into_iter().chain([(RecoveryConfig::default(), Manner::Works)]) {
        let chaos = both(Loss::bursts(0.03, 4.0), 10);
        let setting = Setting { messages: manner, snapshots: manner, recovery, chaos, ..Setting::default() };
        let day = day(10, "SIMULATED1");
        let mut trial = Trial::new(&day, &setting);
        trial.send(&day, &setting.chaos, 0);
        trial.now_ns += 10_000_000;
        trial.line(0, &heartbeat(session_of(&day), trial.truth.last_sequence + 1));
        for _ in 0..700 {
            trial.now_ns += 100_000;
            trial.end_burst();
        }
        let counters = trial.channel.arbiter().counters();
        assert!(counters.lost > 0 && counters.recovered == 0, "{manner:?} {counters:?}");
        trial.account(0);
        let books = trial.channel.pipeline().books();
        assert_eq!(books.count_in(wirebook_book::BookState::Valid), 0, "{manner:?}");
    }
}

#[test]
fn more_than_there_is_room_for_starts_recovery_over() {
    let recovery = RecoveryConfig { messages_limit: 0, ..Setting::default().recovery };
    let setting =
        Setting { held_packets: 16, recovery, chaos: both(Loss::bursts(0.02, 6.0), 11), ..Setting::default() };
    comes_right(11, &setting);
    // A join late in the day whose snapshot takes longer than sixteen packets.
    let mut trial = Trial::new(&day(11, "SIMULATED1"), &setting);
    let day = day(11, "SIMULATED1");
    let packets: Vec<&[u8]> = day.iter().collect();
    trial.services.snapshots = Manner::Hangs;
    for (at, bytes) in packets.iter().enumerate().take(360).skip(300) {
        trial.now_ns += 20_000;
        trial.services.published = at as u64 * 5 + 5;
        trial.line(0, bytes);
    }
    assert!(trial.channel.arbiter().counters().overflows > 0);
    trial.services.snapshots = Manner::Works;
    trial.send(&day, &Chaos::default(), 360);
    trial.settle(session_of(&day));
    assert!(trial.is_whole());
    assert_eq!(digest(&trial.channel), true_digest(&day));
    trial.account(0);
}

#[test]
fn the_next_session_begins_with_empty_books_and_what_the_old_one_lacked_is_lost() {
    for missed in [0, 50] {
        let (first, second) = (day(12, "SIMULATED1"), day(13, "SIMULATED2"));
        let setting = Setting { chaos: both(Loss::bursts(0.02, 4.0), 12), ..Setting::default() };
        let mut trial = Trial::new(&first, &setting);
        trial.send(&first, &setting.chaos, 0);
        let heard_of = trial.channel.arbiter().heard_of() - 1;
        // The services are of the new session from here on.
        let (client, server) = desk(64);
        let _ = client;
        let old = std::mem::replace(&mut trial.services, Services::new(server, &second, Manner::Works, Manner::Works));
        let server: Server = old.into_server();
        trial.services = Services::new(server, &second, Manner::Works, Manner::Works);
        trial.truth = Truth::of(table(), FRAMING, second.iter());
        // What readers were told last is of the old session until the first packet of the new one.
        trial.channel.packet(0, &packet(&heartbeat(session_of(&second), 1), 0), trial.now_ns, &mut NoSink);
        trial.send(&second, &setting.chaos, missed);
        trial.settle(session_of(&second));
        assert!(trial.is_whole(), "{:?}", trial.channel.standing());
        assert_eq!(digest(&trial.channel), true_digest(&second));
        assert_eq!(trial.channel.arbiter().counters().sessions, 2);
        trial.account(heard_of);
    }
}

#[test]
fn a_stream_is_no_live_channel() {
    let config = ChannelConfig::new(Framing::SOUPBINTCP);
    let error = LiveChannel::new(table(), &config, None, 0).unwrap_err();
    assert!(error.to_string().contains("soupbintcp"), "{error}");
}
