//! The dial over whole streams of packets: what it may do to them, and what it must not.

use std::collections::BTreeMap;

use wirebook_exchange::chaos::{Chaos, Dial, LineChaos, LineCounts, Loss, Sending};

const PACKETS: u64 = 20_000;
const APART_NS: u64 = 10_000;

/// All that comes out of `PACKETS` packets 10 us apart, in the order in which it does.
fn run(chaos: &Chaos, channel: u64, lines: usize) -> (Vec<Sending>, Vec<LineCounts>) {
    let mut dial = Dial::new(chaos, channel, lines).unwrap();
    let mut sendings = Vec::new();
    for number in 0..PACKETS {
        assert_eq!(dial.offer(number * APART_NS), number);
        while let Some(sending) = dial.next_due(number * APART_NS) {
            assert!(sending.packet <= number, "nothing comes before it was sent");
            sendings.push(sending);
        }
        assert!(dial.oldest_packet() <= number + 1);
    }
    dial.finish();
    while let Some(sending) = dial.next_due(u64::MAX) {
        sendings.push(sending);
    }
    assert_eq!((dial.oldest_packet(), dial.next_ts_ns()), (PACKETS, None));
    assert!(sendings.iter().map(|sending| sending.at_ns).is_sorted(), "times come in order");
    let counts = (0..lines).map(|line| dial.counts(line)).collect();
    (sendings, counts)
}

fn of_line(sendings: &[Sending], line: usize) -> Vec<u64> {
    sendings.iter().filter(|sending| sending.line == line).map(|sending| sending.packet).collect()
}

fn one(line: LineChaos) -> Chaos {
    Chaos { seed: 11, lines: vec![line], ..Chaos::default() }
}

#[test]
fn without_chaos_every_line_has_every_packet_once_in_order_and_on_time() {
    let (sendings, counts) = run(&Chaos::default(), 0, 2);
    for (line, counts) in counts.iter().enumerate() {
        assert_eq!(of_line(&sendings, line), (0..PACKETS).collect::<Vec<_>>());
        assert_eq!(*counts, LineCounts { sent: PACKETS, ..LineCounts::default() });
    }
    assert!(sendings.iter().all(|sending| sending.at_ns == sending.packet * APART_NS && !sending.is_duplicate));
}

#[test]
fn every_packet_is_accounted_for() {
    let chaos = one(LineChaos {
        loss: Loss::bursts(0.05, 4.0),
        duplicates: 0.1,
        reorders: 0.1,
        reorder_packets: 7,
        jitter_us: 35,
        lag_packets: 3,
        dead: vec![100..300, 19_990..u64::MAX],
        ..LineChaos::default()
    });
    let (sendings, counts) = run(&chaos, 0, 1);
    let counts = counts[0];
    assert_eq!(counts.sent + counts.lost + counts.dead, PACKETS + counts.duplicated);
    assert_eq!((counts.sent, counts.dead), (sendings.len() as u64, 210));
    assert!(counts.lost > 500 && counts.duplicated > 1_000 && counts.reordered > 1_000, "{counts:?}");
    let mut copies = BTreeMap::new();
    for sending in &sendings {
        let seen = copies.entry(sending.packet).or_insert(0_u64);
        assert_eq!(sending.is_duplicate, *seen > 0);
        *seen += 1;
        assert!(*seen <= 2 && !(100..300).contains(&sending.packet));
    }
}

#[test]
fn loss_on_every_line_takes_the_same_packets() {
    let chaos = Chaos { seed: 5, every_line: Loss::bursts(0.01, 3.0), ..Chaos::default() };
    let (sendings, counts) = run(&chaos, 0, 3);
    assert_eq!(of_line(&sendings, 0), of_line(&sendings, 1));
    assert_eq!(of_line(&sendings, 0), of_line(&sendings, 2));
    assert!((100..300).contains(&counts[0].lost), "{counts:?}");
}

#[test]
fn loss_on_one_line_leaves_the_other_alone() {
    let line = LineChaos { loss: Loss::independent(0.1), ..LineChaos::default() };
    let (sendings, counts) = run(&Chaos { lines: vec![LineChaos::default(), line], ..Chaos::default() }, 0, 2);
    assert_eq!(of_line(&sendings, 0).len() as u64, PACKETS);
    assert!((1_800..2_200).contains(&counts[1].lost), "{counts:?}");
}

#[test]
fn two_lines_with_the_same_loss_lose_different_packets() {
    let line = LineChaos { loss: Loss::independent(0.1), ..LineChaos::default() };
    let (sendings, _) = run(&Chaos { lines: vec![line.clone(), line], ..Chaos::default() }, 0, 2);
    let arrived: std::collections::BTreeSet<u64> = sendings.iter().map(|sending| sending.packet).collect();
    let missing = PACKETS - arrived.len() as u64;
    // One in a hundred is missing on both.
    assert!((120..280).contains(&missing), "{missing}");
}

#[test]
fn reordered_packets_fall_back_no_further_than_asked() {
    let chaos = one(LineChaos { reorders: 0.05, reorder_packets: 4, ..LineChaos::default() });
    let packets = of_line(&run(&chaos, 0, 1).0, 0);
    assert_eq!(packets.len() as u64, PACKETS);
    let (mut highest, mut late) = (0, 0);
    for packet in packets {
        assert!(packet + 4 >= highest, "{packet} behind {highest}");
        late += u64::from(packet < highest);
        highest = highest.max(packet);
    }
    assert!((800..1_200).contains(&late), "{late}");
}

#[test]
fn a_delayed_line_comes_later_by_time_and_a_lagging_one_by_packets() {
    let delayed = LineChaos { delay_us: 95, ..LineChaos::default() };
    let lagging = LineChaos { lag_packets: 6, ..LineChaos::default() };
    let chaos = Chaos { lines: vec![LineChaos::default(), delayed, lagging], ..Chaos::default() };
    let (sendings, _) = run(&chaos, 0, 3);
    for line in 0..3 {
        assert_eq!(of_line(&sendings, line), (0..PACKETS).collect::<Vec<_>>());
    }
    for sending in sendings.iter().filter(|sending| sending.packet < PACKETS - 6) {
        let later = [0, 95_000, 6 * APART_NS][sending.line];
        assert_eq!(sending.at_ns, sending.packet * APART_NS + later);
    }
}

#[test]
fn the_seed_and_the_channel_decide_everything() {
    let line = LineChaos { loss: Loss::independent(0.1), reorders: 0.1, jitter_us: 50, ..LineChaos::default() };
    let chaos = |seed| Chaos { seed, ..one(line.clone()) };
    assert_eq!(run(&chaos(1), 0, 1), run(&chaos(1), 0, 1));
    assert_ne!(run(&chaos(1), 0, 1), run(&chaos(2), 0, 1));
    assert_ne!(run(&chaos(1), 0, 1), run(&chaos(1), 1, 1));
}

#[test]
fn more_of_one_fault_shifts_no_other() {
    let quiet = LineChaos { loss: Loss::independent(0.05), ..LineChaos::default() };
    let loud = LineChaos { duplicates: 0.5, reorders: 0.2, jitter_us: 500, ..quiet.clone() };
    let arrived = |line| {
        let mut packets = of_line(&run(&one(line), 0, 1).0, 0);
        packets.sort_unstable();
        packets.dedup();
        packets
    };
    assert_eq!(arrived(quiet), arrived(loud));
}
