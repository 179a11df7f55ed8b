//! Loops on threads, over sockets of the loopback interface.

use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

use wirebook_io::live::{self, Join, LiveConfig, SourceKind};
use wirebook_runtime::{
    ImageDetail,
    live::{
        ChannelConfig, ChannelStatus, Clock, Finished, Idle, LiveChannel, LiveEngine, LiveLoop, LoopPlan,
        RecoveryConfig, Seat, Stage,
    },
};
use wirebook_simulator::Packets;

use crate::{
    chaos::{config, session_of, true_digest},
    venue::{day, table},
};

const DEADLINE: Duration = Duration::from_secs(60);

/// Ports of this machine that nobody has now.
pub fn joins(count: usize) -> Vec<Join> {
    let sockets: Vec<UdpSocket> = (0..count).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    sockets.iter().map(|socket| socket.local_addr().unwrap().to_string().parse().unwrap()).collect()
}

fn seat(name: &str, session: Option<[u8; 16]>, lines: &[Join], clock: Clock) -> Seat {
    let config = ChannelConfig { name: session, ..config(64, RecoveryConfig::default()) };
    Seat::new(name, LiveChannel::new(table(), &config, None, clock.now_ns()).unwrap(), lines.to_vec())
}

fn engine(seats: Vec<Seat>, listened: &[Join], idle: Idle, clock: Clock) -> LiveEngine {
    let config = LiveConfig { joins: listened.to_vec(), ..LiveConfig::new(SourceKind::Socket) };
    let source = live::open(&config).unwrap();
    let driver = LiveLoop::new(vec![source], seats, idle, 1, clock);
    LiveEngine::start(vec![LoopPlan { name: "loop".into(), core: None, driver }], clock).unwrap()
}

/// Sends each day on every line, a few packets at a time so that the kernel keeps them all.
fn send(days: &[&Packets], lines: &[Join]) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let most = days.iter().map(|day| day.spans.len()).max().unwrap();
    for at in 0..most {
        for day in days {
            let Some(packet) = day.iter().nth(at) else { continue };
            for line in lines {
                socket.send_to(packet, (line.address, line.port)).unwrap();
            }
        }
        if at % 16 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn wait_for(engine: &LiveEngine, done: impl Fn(&ChannelStatus) -> bool) {
    let until = Instant::now() + DEADLINE;
    while !engine.statuses().iter().all(&done) {
        assert!(Instant::now() < until, "{:?}", engine.statuses());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn digests(left: &[Finished]) -> Vec<String> {
    let seats = left.iter().flat_map(|left| &left.seats);
    seats.map(|seat| seat.channel.pipeline().image(ImageDetail::Orders).digest().to_string()).collect()
}

#[test]
fn channels_that_share_their_lines_are_told_apart_by_name() {
    let days = [day(21, "SIMULATED1"), day(22, "SIMULATED2")];
    let (lines, clock) = (joins(2), Clock::start());
    let seats =
        days.iter().enumerate().map(|(at, day)| seat(&format!("channel-{at}"), Some(session_of(day)), &lines, clock));
    let engine = engine(seats.collect(), &lines, Idle::Block, clock);
    send(&days.each_ref(), &lines);
    wait_for(&engine, |status| status.figures.next_sequence == 4_001);
    let views = engine.channels().to_vec();
    let left = engine.stop();
    assert_eq!(digests(&left), days.each_ref().map(true_digest));
    for view in views {
        let status = view.report.status();
        assert_eq!((status.figures.taken, status.figures.lost, status.figures.foreign_packets), (4_000, 0, 0));
        assert!(status.lines.iter().all(|line| line.packets == 800));
        assert!(!view.report.times().read(Stage::Published).is_empty());
    }
    assert!(left.iter().all(|left| left.errors.is_empty()));
}

#[test]
fn packets_of_no_line_are_counted_and_every_way_to_rest_works() {
    let day = day(23, "SIMULATED1");
    let back_off = Idle::BackOff { polls: 10, sleep: Duration::from_micros(50) };
    for idle in [Idle::Spin, back_off, Idle::Block] {
        let (listened, clock) = (joins(2), Clock::start());
        let engine = engine(vec![seat("one", None, &listened[..1], clock)], &listened, idle, clock);
        send(&[&day], &listened);
        wait_for(&engine, |status| status.figures.next_sequence == 4_001);
        let (views, loops) = (engine.channels().to_vec(), engine.loops().to_vec());
        assert_eq!(digests(&engine.stop()), [true_digest(&day)]);
        let unrouted = loops[0].report.unrouted_packets.load(std::sync::atomic::Ordering::Relaxed);
        assert!(unrouted > 0, "{idle:?}");
        let count = |stage| views[0].report.times().read(stage).len();
        let counts = Stage::ALL.map(count);
        assert!(
            counts[1] >= counts[2] && counts[2] > 0 && counts[3] > 0 && counts[3] == counts[4],
            "{idle:?} {counts:?}"
        );
    }
}

#[test]
fn a_core_that_is_not_there_is_a_note_and_the_loop_works() {
    let (lines, clock) = (joins(1), Clock::start());
    let day = day(24, "SIMULATED1");
    let config = LiveConfig { joins: lines.clone(), ..LiveConfig::new(SourceKind::Socket) };
    let driver = LiveLoop::new(
        vec![live::open(&config).unwrap()],
        vec![seat("one", None, &lines, clock)],
        Idle::Block,
        0,
        clock,
    );
    let plan = LoopPlan { name: "loop".into(), core: Some(1_000), driver };
    let engine = LiveEngine::start(vec![plan], clock).unwrap();
    assert!(engine.notes()[0].starts_with("loop: not bound to core 1000: "), "{:?}", engine.notes());
    assert_eq!(engine.loops()[0].core, None);
    send(&[&day], &lines);
    wait_for(&engine, |status| status.figures.next_sequence == 4_001);
    assert!(!engine.has_ended(0));
    drop(engine);
}
