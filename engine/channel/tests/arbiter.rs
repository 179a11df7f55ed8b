//! An arbiter held against what a list of sequences says.

use std::collections::BTreeSet;

use proptest::prelude::*;
use wirebook_abi::{Frame, FrameKind};
use wirebook_channel::{Action, Arbiter, ArbiterConfig, Gap, HeldPacket, Origin};

const SMALL: ArbiterConfig = ArbiterConfig {
    lines: 2,
    window_packets: 4,
    window_ns: 1_000,
    held_packets: 8,
    packet_bytes: 64,
    waits_at_start: false,
};

/// Drives an arbiter and writes down the sequences that it delivers.
struct Driver {
    arbiter: Arbiter,
    delivered: Vec<u64>,
    now_ns: u64,
    began: usize,
}

impl Driver {
    fn new(config: ArbiterConfig) -> Self {
        Self { arbiter: Arbiter::new(config).unwrap(), delivered: Vec::new(), now_ns: 0, began: 0 }
    }

    fn frame(&mut self, origin: Origin, frame: &Frame) -> Action {
        // The bytes say which sequences they are, so that a copy that was kept proves itself.
        let mut bytes = frame.first_sequence.to_le_bytes().to_vec();
        bytes.extend(frame.message_count.to_le_bytes());
        let packet = HeldPacket { bytes: &bytes, ts_recv_ns: self.now_ns, offset: 0, is_recovered: false };
        let next = self.arbiter.next_sequence();
        let ruling = self.arbiter.offer(origin, frame, &packet, self.now_ns);
        self.began += usize::from(ruling.begins);
        if ruling.action == Action::Deliver {
            self.take(&bytes, if ruling.begins { 0 } else { next });
        }
        self.drain();
        ruling.action
    }

    fn data(&mut self, origin: Origin, first_sequence: u64, message_count: u32) -> Action {
        self.frame(origin, &Frame { first_sequence, message_count, ..Frame::default() })
    }

    fn drain(&mut self) {
        loop {
            let next = self.arbiter.next_sequence();
            let Some(packet) = self.arbiter.take_ready() else { return };
            let bytes = packet.bytes.to_vec();
            self.take(&bytes, next);
        }
    }

    fn take(&mut self, bytes: &[u8], next: u64) {
        let first = u64::from_le_bytes(bytes[..8].try_into().unwrap());
        let count = u32::from_le_bytes(bytes[8..12].try_into().unwrap());
        self.delivered.extend((first..first + u64::from(count)).filter(|sequence| *sequence >= next));
    }

    fn give_up(&mut self) -> Option<Gap> {
        let gap = self.arbiter.give_up();
        self.drain();
        gap
    }

    fn line(&self, at: usize) -> wirebook_channel::LineCounters {
        *self.arbiter.lines().nth(at).unwrap()
    }
}

const A: Origin = Origin::Line(0);
const B: Origin = Origin::Line(1);

#[test]
fn packets_out_of_order_wait_for_the_one_before() {
    let mut driver = Driver::new(SMALL);
    driver.data(A, 1, 2);
    assert_eq!(driver.data(A, 5, 2), Action::Held);
    assert_eq!(driver.arbiter.missing(), Some(Gap { first: 3, last: 4 }));
    assert!(!driver.arbiter.is_expired(driver.now_ns));
    assert_eq!(driver.data(B, 3, 2), Action::Deliver);
    assert_eq!(driver.delivered, [1, 2, 3, 4, 5, 6]);
    assert_eq!((driver.arbiter.counters().gaps, driver.arbiter.counters().lost), (1, 0));
    assert!(!driver.arbiter.is_expired(u64::MAX));
}

#[test]
fn a_hole_expires_by_time_and_by_packets() {
    let mut driver = Driver::new(SMALL);
    driver.data(A, 1, 1);
    driver.now_ns = 500;
    driver.data(A, 3, 1);
    assert!(!driver.arbiter.is_expired(1_499) && driver.arbiter.is_expired(1_500));
    for sequence in 4..6 {
        driver.data(A, sequence, 1);
        assert!(!driver.arbiter.is_expired(500));
    }
    driver.data(A, 6, 1);
    assert!(driver.arbiter.is_expired(500));
}

#[test]
fn a_second_hole_has_the_age_of_its_own_packet() {
    let mut driver = Driver::new(SMALL);
    driver.data(A, 1, 1);
    driver.data(A, 3, 1);
    driver.now_ns = 900;
    driver.data(A, 5, 1);
    driver.now_ns = 950;
    driver.data(B, 2, 1);
    assert_eq!(driver.arbiter.missing(), Some(Gap { first: 4, last: 4 }));
    assert!(!driver.arbiter.is_expired(1_899) && driver.arbiter.is_expired(1_900));
}

#[test]
fn what_is_given_up_is_counted_and_its_copies_are_late() {
    let mut driver = Driver::new(SMALL);
    driver.data(A, 1, 1);
    driver.data(A, 4, 1);
    assert_eq!(driver.give_up(), Some(Gap { first: 2, last: 3 }));
    assert_eq!(driver.delivered, [1, 4]);
    driver.data(B, 3, 1);
    driver.data(B, 4, 1);
    assert_eq!((driver.line(1).late, driver.line(1).duplicates), (1, 1));
    assert_eq!(driver.arbiter.counters().lost, 2);
}

#[test]
fn a_heartbeat_tells_of_what_is_missing() {
    let mut driver = Driver::new(SMALL);
    driver.data(A, 1, 2);
    let heartbeat = Frame { kind: FrameKind::HEARTBEAT, first_sequence: 6, ..Frame::default() };
    assert_eq!(driver.frame(A, &heartbeat), Action::Nothing);
    assert_eq!(driver.arbiter.missing(), Some(Gap { first: 3, last: 5 }));
    assert!(driver.arbiter.is_expired(1_000));
    driver.data(B, 3, 3);
    assert_eq!(driver.arbiter.missing(), None);
    assert_eq!(driver.frame(A, &heartbeat), Action::Deliver);
    assert_eq!(driver.delivered, [1, 2, 3, 4, 5]);
}

#[test]
fn wins_duplicates_and_leads_are_each_line_s() {
    let mut driver = Driver::new(SMALL);
    for sequence in 1..=10 {
        driver.now_ns = sequence * 1_000;
        driver.data(A, sequence, 1);
        driver.now_ns += 300;
        driver.data(B, sequence, 1);
    }
    let (a, b) = (driver.line(0), driver.line(1));
    assert_eq!((a.wins, a.duplicates, a.led, a.lead_ns), (10, 0, 10, 3_000));
    assert_eq!((b.wins, b.duplicates, b.led), (0, 10, 0));
    assert_eq!(a.leads[9], 10);
}

#[test]
fn more_than_there_is_room_for_drops_what_waits_and_says_so() {
    let mut driver = Driver::new(SMALL);
    driver.data(A, 1, 1);
    for sequence in 3..11 {
        assert_eq!(driver.data(A, sequence, 1), Action::Held);
    }
    assert_eq!(driver.data(A, 11, 1), Action::Overflowed);
    assert_eq!(driver.arbiter.missing(), Some(Gap { first: 2, last: 10 }));
    let counters = driver.arbiter.counters();
    assert_eq!((counters.overflows, counters.overflowed_packets), (1, 8));
    for sequence in 2..11 {
        driver.data(Origin::Recovery, sequence, 1);
    }
    assert_eq!(driver.delivered, (1..12).collect::<Vec<_>>());
    assert_eq!(driver.arbiter.counters().recovered, 9);
}

#[test]
fn what_was_dropped_for_want_of_room_is_still_missing() {
    let mut driver = Driver::new(SMALL);
    driver.data(A, 1, 1);
    for sequence in 4..12 {
        driver.data(A, sequence, 1);
    }
    assert_eq!(driver.data(A, 3, 1), Action::Overflowed);
    driver.data(B, 2, 1);
    assert_eq!(
        (driver.delivered.as_slice(), driver.arbiter.missing()),
        (&[1, 2, 3][..], Some(Gap { first: 4, last: 11 }))
    );
}

#[test]
fn a_packet_too_large_to_wait_is_missing() {
    let mut driver = Driver::new(SMALL);
    driver.data(A, 1, 1);
    let frame = Frame { first_sequence: 3, message_count: 1, ..Frame::default() };
    let packet = HeldPacket { bytes: &[0; 65], ts_recv_ns: 0, offset: 0, is_recovered: false };
    assert_eq!(driver.arbiter.offer(A, &frame, &packet, 0).action, Action::Nothing);
    assert_eq!(driver.arbiter.missing(), Some(Gap { first: 2, last: 3 }));
    assert_eq!(driver.arbiter.counters().oversized_packets, 1);
}

#[test]
fn a_late_join_that_waits_lacks_everything_before() {
    let mut driver = Driver::new(ArbiterConfig { waits_at_start: true, ..SMALL });
    assert_eq!(driver.data(A, 100, 2), Action::Held);
    assert_eq!(driver.arbiter.missing(), Some(Gap { first: 1, last: 99 }));
    driver.arbiter.pause();
    driver.data(A, 102, 1);
    assert!(!driver.arbiter.join(0));
    assert!(driver.arbiter.join(101));
    driver.drain();
    assert_eq!(driver.delivered, [101, 102]);
    assert_eq!(driver.arbiter.counters().covered, 100);
}

#[test]
fn a_paused_channel_keeps_what_comes_and_refuses_an_older_snapshot() {
    let mut driver = Driver::new(SMALL);
    driver.data(A, 1, 4);
    driver.arbiter.pause();
    assert_eq!(driver.data(A, 5, 1), Action::Held);
    assert_eq!(driver.data(B, 5, 1), Action::Nothing);
    assert!(!driver.arbiter.join(4));
    assert!(driver.arbiter.is_paused());
    assert!(driver.arbiter.join(5));
    driver.drain();
    assert_eq!(driver.delivered, [1, 2, 3, 4, 5]);
}

fn named(first_sequence: u64, session: u8) -> Frame {
    let mut frame = Frame { first_sequence, message_count: 1, ..Frame::default() };
    frame.session[0] = session;
    frame
}

#[test]
fn a_session_is_believed_at_its_first_sequence_or_when_named_twice() {
    let mut driver = Driver::new(SMALL);
    driver.frame(A, &named(1, b'1'));
    driver.frame(A, &named(2, b'1'));
    assert_eq!(driver.frame(A, &named(7, b'2')), Action::Nothing);
    assert_eq!((driver.began, driver.arbiter.counters().doubted_packets), (0, 1));
    driver.frame(A, &named(8, b'2'));
    assert_eq!((driver.began, driver.arbiter.session()[0], driver.arbiter.next_sequence()), (1, b'2', 9));
    driver.frame(A, &named(1, b'3'));
    assert_eq!((driver.began, driver.arbiter.next_sequence()), (2, 2));
    driver.frame(B, &named(9, b'2'));
    assert_eq!((driver.began, driver.line(1).late), (2, 1));
}

#[test]
fn what_a_session_lacked_at_its_end_is_lost() {
    let mut driver = Driver::new(SMALL);
    driver.frame(A, &named(1, b'1'));
    driver.frame(A, &named(5, b'1'));
    driver.frame(A, &named(1, b'2'));
    assert_eq!(driver.arbiter.counters().lost, 4);
    assert_eq!(driver.arbiter.missing(), None);
}

#[test]
fn numbers_that_begin_afresh_under_the_same_name_are_another_session() {
    let mut driver = Driver::new(SMALL);
    for sequence in 1..=2_000 {
        driver.data(A, sequence, 1);
        driver.data(B, sequence, 1);
    }
    // Line B is behind and sends old numbers on; they are no gap of the new ones.
    driver.data(A, 1, 1);
    assert_eq!((driver.began, driver.arbiter.next_sequence()), (1, 2));
    driver.data(B, 2_001, 1);
    driver.data(A, 2, 1);
    assert_eq!((driver.arbiter.missing(), driver.line(1).late), (None, 1));
    driver.data(B, 1, 1);
    driver.data(B, 2, 1);
    driver.data(B, 3, 1);
    assert_eq!((driver.began, driver.arbiter.next_sequence()), (1, 4));
}

#[test]
fn a_copy_of_the_first_packet_begins_nothing() {
    let mut driver = Driver::new(SMALL);
    for sequence in 1..=20 {
        driver.data(A, sequence, 1);
    }
    driver.data(A, 1, 1);
    assert_eq!((driver.began, driver.arbiter.next_sequence(), driver.line(0).duplicates), (0, 21, 1));
}

#[test]
fn settings_out_of_range_are_refused() {
    for config in [
        ArbiterConfig { lines: 0, ..SMALL },
        ArbiterConfig { lines: 17, ..SMALL },
        ArbiterConfig { window_packets: 0, ..SMALL },
        ArbiterConfig { held_packets: 3, ..SMALL },
        ArbiterConfig { packet_bytes: 1, ..SMALL },
    ] {
        assert!(Arbiter::new(config).is_err(), "{config:?}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Packet { line: u8, first: u64, count: u32 },
    Heartbeat { next: u64 },
    Recover,
    GiveUp,
    Snapshot { ahead: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0_u8..2, 1_u64..60, 1_u32..6).prop_map(|(line, first, count)| Step::Packet { line, first, count }),
        1 => (1_u64..60).prop_map(|next| Step::Heartbeat { next }),
        1 => Just(Step::Recover),
        1 => Just(Step::GiveUp),
        1 => (0_u64..9).prop_map(|ahead| Step::Snapshot { ahead }),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    /// Whatever comes in whatever order: sequences are delivered once and in order; each up to the next one was delivered,
    /// covered by a snapshot or given up, as it is counted; and nothing that came before it was due is missing unless that was
    /// said.
    #[test]
    fn every_sequence_is_accounted_for(waits_at_start in any::<bool>(), steps in steps()) {
        let mut driver = Driver::new(ArbiterConfig { waits_at_start, held_packets: 80, window_packets: 80, ..SMALL });
        let mut came: BTreeSet<u64> = BTreeSet::new();
        let (mut covered, mut given_up) = (BTreeSet::new(), BTreeSet::new());
        let mut start = 0;
        for step in steps {
            driver.now_ns += 10;
            let next = driver.arbiter.next_sequence();
            match step {
                Step::Packet { line, first, count } => {
                    if start == 0 {
                        start = if waits_at_start { 1 } else { first };
                    }
                    came.extend((first..first + u64::from(count)).filter(|sequence| *sequence >= next));
                    driver.data(Origin::Line(line), first, count);
                }
                Step::Heartbeat { next: sequence } => {
                    if start == 0 {
                        start = if waits_at_start { 1 } else { sequence };
                    }
                    let frame = Frame { kind: FrameKind::HEARTBEAT, first_sequence: sequence, ..Frame::default() };
                    driver.frame(A, &frame);
                }
                Step::Recover => {
                    if let Some(gap) = driver.arbiter.missing() {
                        came.extend(gap.first..=gap.last);
                        driver.data(Origin::Recovery, gap.first, (gap.last + 1 - gap.first) as u32);
                    }
                }
                Step::GiveUp => {
                    if let Some(gap) = driver.give_up() {
                        given_up.extend(gap.first..=gap.last);
                    }
                }
                Step::Snapshot { ahead } => {
                    driver.arbiter.pause();
                    if driver.arbiter.join(next + ahead) {
                        covered.extend(next..next + ahead);
                    } else {
                        driver.arbiter.resume();
                    }
                    driver.drain();
                }
            }
        }
        let counters = driver.arbiter.counters();
        let next = driver.arbiter.next_sequence();
        prop_assert!(driver.delivered.is_sorted_by(|left, right| left < right));
        let delivered: BTreeSet<u64> = driver.delivered.iter().copied().collect();
        for sequence in start.max(1)..next {
            let ways = [&delivered, &covered, &given_up].map(|set| set.contains(&sequence));
            prop_assert_eq!(ways.iter().filter(|is_in| **is_in).count(), 1, "{} {:?}", sequence, ways);
            prop_assert!(!ways[2] || !came.contains(&sequence), "{} came and was given up", sequence);
        }
        prop_assert_eq!(delivered.len() as u64, counters.taken + counters.recovered);
        prop_assert_eq!(covered.len() as u64, counters.covered);
        prop_assert_eq!(given_up.len() as u64, counters.lost);
        // What waits is behind what is missing.
        if let Some(gap) = driver.arbiter.missing() {
            prop_assert_eq!(gap.first, next);
            prop_assert!((gap.first..=gap.last).all(|sequence| !came.contains(&sequence)));
        } else {
            prop_assert_eq!(driver.arbiter.held_packets(), 0);
        }
    }
}
