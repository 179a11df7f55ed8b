//! The chaos matrix over sockets: an exchange in a box, real lines, real services, the loop and the recovery thread.

use std::{
    net::{Ipv4Addr, SocketAddr},
    ops::ControlFlow,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use wirebook_channel::ChannelState;
use wirebook_exchange::{
    Exchange, Pace as Speed, Plan, PublishLine, Tape,
    chaos::{Chaos, Loss, ServiceChaos},
};
use wirebook_io::live::{self, Join, LiveConfig, SourceKind};
use wirebook_recovery::{Glimpse, GlimpseConfig, MoldConfig, MoldRequests, Pace, RecoveryThread, Services, desk};
use wirebook_runtime::{
    ImageDetail,
    live::{ChannelConfig, Clock, Idle, LiveChannel, LiveEngine, LiveLoop, LoopPlan, RecoveryConfig, Seat, Snapshots},
};
use wirebook_simulator::{DayConfig, Format, WriteOptions, write_day};

use crate::{
    chaos::{config, packet},
    driver::joins,
    truth::Truth,
    venue::{FRAMING, table},
};

const PATIENCE: Duration = Duration::from_secs(60);
const MESSAGES: u64 = 3_000;

fn tape(seed: u64) -> Arc<Tape> {
    let config = DayConfig { seed, symbols: 12, messages: MESSAGES, end_of_messages: false, ..DayConfig::default() };
    let options = WriteOptions { heartbeat_seconds: 0, ..WriteOptions::new(Format::Pcap) };
    let mut bytes = Vec::new();
    write_day(config, table(), &options, &mut bytes, |_| ControlFlow::Continue(())).unwrap();
    Arc::new(Tape::from_memory(bytes, table()).unwrap())
}

/// The tape's packets that carry messages, or say which comes next.
fn packets(tape: &Tape) -> impl Iterator<Item = &[u8]> {
    tape.channels()[0].packets.iter().map(|number| tape.bytes(*number))
}

fn true_digest(tape: &Tape) -> String {
    let mut channel = LiveChannel::new(table(), &config(64, RecoveryConfig::default()), None, 0).unwrap();
    for bytes in packets(tape) {
        channel.packet(0, &packet(bytes, 0), 0, &mut wirebook_runtime::NoSink);
    }
    channel.flush(&mut wirebook_runtime::NoSink);
    channel.pipeline().image(ImageDetail::Orders).digest().to_string()
}

fn destination(line: &Join) -> PublishLine {
    PublishLine { destinations: vec![std::net::SocketAddrV4::new(line.address, line.port)], interface: None }
}

/// Publishes a day with this chaos, and takes it in; nothing may be lost, and no reader told what is not.
fn comes_right(seed: u64, chaos: Chaos, messages_limit: u64) {
    let tape = tape(seed);
    let truth = Truth::of(table(), FRAMING, packets(&tape));
    let (lines, clock) = (joins(2), Clock::start());
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let plan = Plan {
        lines: lines.iter().map(destination).collect(),
        pace: Speed::Rate(2_000.0),
        lead: Duration::from_millis(200),
        linger: PATIENCE,
        chaos,
        moldudp64: vec![here],
        glimpse: vec![here],
        ..Plan::default()
    };
    let exchange = Exchange::start(tape.clone(), &plan).unwrap();
    let pace = Pace { timeout_ns: 20_000_000, refill_ns: 1_000_000, ..Pace::default() };
    let mold = MoldConfig { servers: vec![exchange.address("moldudp64", 0).unwrap()], most_messages: 50, pace };
    let glimpse = GlimpseConfig {
        pace,
        silence_ns: 500_000_000,
        ..GlimpseConfig::new(vec![exchange.address("glimpse", 0).unwrap()], "wire", "book")
    };
    let recovery = RecoveryConfig {
        messages_limit,
        snapshots: Snapshots::Whole,
        retry_ns: 50_000_000,
        ..RecoveryConfig::default()
    };
    let (client, server) = desk(1_024);
    let conversations: Vec<Box<dyn wirebook_recovery::Conversation>> =
        vec![Box::new(MoldRequests::new(mold).unwrap()), Box::new(Glimpse::new(glimpse))];
    let thread = RecoveryThread::start(vec![Services { server, conversations }]).unwrap();
    let config = ChannelConfig { silence_ns: 0, ..config(8_192, recovery) };
    let channel = LiveChannel::new(table(), &config, Some(client), clock.now_ns()).unwrap();
    let source = live::open(&LiveConfig { joins: lines.clone(), ..LiveConfig::new(SourceKind::Socket) }).unwrap();
    let driver = LiveLoop::new(vec![source], vec![Seat::new("all", channel, lines)], Idle::Block, 1, clock);
    let engine = LiveEngine::start(vec![LoopPlan { name: "loop".into(), core: None, driver }], clock).unwrap();
    let reader = engine.channels()[0].reader.clone();
    let until = Instant::now() + PATIENCE;
    let mut believed = 0;
    loop {
        // A reader on another thread than the writer's.
        believed += truth.check(&reader);
        let status = &engine.statuses()[0];
        let doubtful = status.figures.books_stale + status.figures.books_building + status.figures.books_recovering;
        if status.figures.next_sequence == truth.last_sequence + 1
            && status.standing.state == ChannelState::Live
            && doubtful == 0
        {
            break;
        }
        assert!(Instant::now() < until, "{status:?} {:?} {:?}", thread.reports(), exchange.status());
        thread::sleep(Duration::from_millis(2));
    }
    let left = engine.stop();
    exchange.stop();
    let channel = &left[0].seats[0].channel;
    assert_eq!(channel.pipeline().image(ImageDetail::Orders).digest().to_string(), true_digest(&tape));
    let counters = channel.arbiter().counters();
    let all = counters.taken + counters.recovered + counters.covered + counters.lost;
    assert_eq!(all, truth.last_sequence, "{counters:?}");
    assert!(believed > 0);
}

#[test]
fn loss_on_both_lines_over_sockets_is_sent_again() {
    let chaos = Chaos { seed: 1, every_line: Loss::bursts(0.1, 4.0), ..Chaos::default() };
    comes_right(31, chaos, 10_000);
}

#[test]
fn loss_over_sockets_is_made_good_by_snapshots() {
    let chaos = Chaos { seed: 2, every_line: Loss::bursts(0.03, 6.0), ..Chaos::default() };
    comes_right(32, chaos, 0);
}

#[test]
fn services_over_sockets_that_fail_at_first_are_asked_again() {
    let services = ServiceChaos { first_fail: 4, ..ServiceChaos::default() };
    let chaos = Chaos { seed: 3, every_line: Loss::bursts(0.02, 4.0), services, ..Chaos::default() };
    comes_right(33, chaos, 10);
}
