//! Lost and repeated packets, two lines, sessions that follow each other, and flows of others.

mod support;

use support::*;
use wirebook_book::{BookState, Reason};
use wirebook_runtime::{ImageDetail, Replay, ReplayConfig};
use wirebook_simulator::DayConfig;

fn states(replay: &Replay, channel: usize) -> Vec<(BookState, Reason)> {
    let pipeline = replay.channels()[channel].pipeline();
    let keys = pipeline.books().instruments().iter();
    keys.map(|key| pipeline.books().validity(*key).unwrap()).map(|validity| (validity.state, validity.reason)).collect()
}

fn open(seed: u64) -> DayConfig {
    DayConfig { end_of_messages: false, ..day(seed) }
}

#[test]
fn lost_packet_is_a_gap_and_makes_the_books_stale() {
    let day = packets(open(1));
    let lost = 1_000;
    let kept = day.iter().enumerate().filter(|(at, _)| *at != lost).map(|(_, packet)| (LINES[0], packet));
    let replay = play(pcap(kept));
    let summary = replay.summary();
    assert_eq!((summary.gaps, summary.missing, summary.messages), (1, 7, MESSAGES - 7));
    assert_eq!(summary.errors, 0);
    let gap = replay.channels()[0].pipeline().gaps()[0];
    assert_eq!((gap.first, gap.last), (lost as u64 * 7 + 1, lost as u64 * 7 + 7));
    assert!(states(&replay, 0).iter().all(|state| *state == (BookState::Stale, Reason::Gap)));
}

#[test]
fn loss_on_each_of_two_lines_is_no_gap() {
    let day = packets(open(2));
    let mut capture = Vec::new();
    for (at, packet) in day.iter().enumerate() {
        if at % 3 != 0 {
            capture.push((LINES[0], packet));
        }
        if at % 3 != 1 {
            capture.push((LINES[1], packet));
        }
    }
    let replay = play(pcap(capture));
    let summary = replay.summary();
    assert_eq!((summary.channels, summary.gaps, summary.missing, summary.errors), (1, 0, 0, 0));
    assert_eq!(summary.messages, MESSAGES);
    let twice: u64 = day.spans.iter().skip(2).step_by(3).map(|span| u64::from(span.messages)).sum();
    assert_eq!(summary.duplicates, twice);
    assert_eq!(replay.channels()[0].flows().len(), 2);
    assert_books(&replay.channels()[0].final_books(ImageDetail::Orders), &day.truth.books);
}

#[test]
fn repeated_packets_change_nothing() {
    let day = packets(open(3));
    let replay = play(pcap(day.iter().flat_map(|packet| [(LINES[0], packet); 3])));
    let summary = replay.summary();
    assert_eq!((summary.messages, summary.duplicates, summary.errors), (MESSAGES, 2 * MESSAGES, 0));
    assert_books(&replay.channels()[0].final_books(ImageDetail::Orders), &day.truth.books);
}

#[test]
fn next_session_clears_the_books_and_goes_on() {
    let first = packets(open(4));
    let second = packets(DayConfig { session: "SIMULATED2".into(), ..open(5) });
    let replay = play(pcap(first.iter().chain(second.iter()).map(|packet| (LINES[0], packet))));
    let summary = replay.summary();
    assert_eq!((summary.channels, summary.messages, summary.errors, summary.gaps), (1, 2 * MESSAGES, 0, 0));
    assert_eq!(replay.channels()[0].session(), "SIMULATED2");
    assert_books(&replay.channels()[0].final_books(ImageDetail::Orders), &second.truth.books);
}

#[test]
fn line_that_is_behind_does_not_bring_the_old_session_back() {
    let first = packets(open(4));
    let second = packets(DayConfig { session: "SIMULATED2".into(), ..open(5) });
    let mut capture: Vec<_> = first.iter().map(|packet| (LINES[0], packet)).collect();
    // Line B still sends the last packets of the old session when line A is well into the new one.
    let behind = 50;
    let late = first.iter().skip(first.spans.len() - behind).map(|packet| (LINES[1], packet));
    capture.splice(1..1, first.iter().take(1).map(|packet| (LINES[1], packet)));
    let mut late = late;
    for packet in second.iter() {
        capture.push((LINES[0], packet));
        capture.extend(late.next());
    }
    capture.extend(second.iter().skip(behind).map(|packet| (LINES[1], packet)));
    let replay = play(pcap(capture));
    let summary = replay.summary();
    assert_eq!((summary.channels, summary.gaps, summary.errors), (1, 0, 0));
    assert_eq!((summary.messages, summary.late_packets), (2 * MESSAGES, behind as u64));
    assert_books(&replay.channels()[0].final_books(ImageDetail::Orders), &second.truth.books);
}

#[test]
fn one_packet_with_a_damaged_session_does_not_cost_the_books() {
    let day = packets(open(6));
    let damaged: Vec<Vec<u8>> = day
        .iter()
        .enumerate()
        .map(|(at, packet)| {
            let mut packet = packet.to_vec();
            if at == 500 {
                packet[4] ^= 0x20;
            }
            packet
        })
        .collect();
    let replay = play(pcap(damaged.iter().map(|packet| (LINES[0], packet.as_slice()))));
    let summary = replay.summary();
    assert_eq!((summary.messages, summary.missing, summary.gaps), (MESSAGES - 7, 7, 1));
    assert_eq!(summary.errors, 1);
    assert_eq!(replay.channels()[0].session(), "SIMULATED1");
}

#[test]
fn late_join_is_building_and_no_gap() {
    let day = packets(open(7));
    let replay = play(pcap(day.iter().skip(1_000).map(|packet| (LINES[0], packet))));
    let summary = replay.summary();
    assert_eq!((summary.gaps, summary.messages), (0, MESSAGES - 7_000));
    assert!(summary.unknown_orders > 0);
    let late = [(BookState::Building, Reason::JoinedLate), (BookState::Stale, Reason::UnknownOrder)];
    assert!(states(&replay, 0).iter().all(|state| late.contains(state)));

    // So shortly before the end most instruments have had no message about an order from before.
    let replay = play(pcap(day.iter().skip(day.spans.len() - 3).map(|packet| (LINES[0], packet))));
    assert!(states(&replay, 0).contains(&late[0]));
}

#[test]
fn flows_of_two_feeds_are_two_channels() {
    let one = packets(open(8));
    let two = packets(DayConfig { session: "ANOTHER".into(), ..open(9) });
    let mut capture = Vec::new();
    for (one, two) in one.iter().zip(two.iter()) {
        capture.extend([(LINES[0], one), (LINES[1], two)]);
    }
    let mut sink = Recorder::default();
    let replay = play_with(pcap(capture), ReplayConfig::default(), &mut sink);
    assert_eq!(replay.summary().channels, 2);
    assert_books(&replay.channels()[0].final_books(ImageDetail::Orders), &one.truth.books);
    assert_books(&replay.channels()[1].final_books(ImageDetail::Orders), &two.truth.books);
    for channel in [0, 1] {
        let mut sequences: Vec<_> =
            sink.events.iter().filter(|(at, ..)| *at == channel).map(|(.., cold)| cold.sequence).collect();
        sequences.dedup();
        assert!(sequences.is_sorted() && sequences.len() as u64 == MESSAGES);
    }
}

#[test]
fn packets_of_others_make_no_channel() {
    let day = packets(open(10));
    let query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01";
    let mut capture = Vec::new();
    for packet in day.iter() {
        capture.extend([(ELSEWHERE, &query[..]), (LINES[0], packet)]);
    }
    let replay = play(pcap(capture));
    let summary = replay.summary();
    assert_eq!((summary.channels, summary.errors), (1, 0));
    assert_eq!(summary.foreign_packets, day.spans.len() as u64);
    assert_books(&replay.channels()[0].final_books(ImageDetail::Orders), &day.truth.books);
}

#[test]
fn too_many_channels_are_an_error_that_says_so() {
    let days: Vec<_> =
        ["ONE", "TWO", "THREE"].map(|session| packets(DayConfig { session: session.into(), ..open(11) })).into();
    let destinations = ["233.252.0.1:1", "233.252.0.1:2", "233.252.0.1:3"];
    let first = days.iter().zip(destinations).map(|(day, to)| (to, day.iter().next().unwrap()));
    let config = ReplayConfig { channel_limit: 2, ..ReplayConfig::default() };
    let mut sink = Recorder::default();
    let replay = play_with(pcap(first), config, &mut sink);
    assert!(sink.error.as_deref().unwrap().starts_with("more than 2 channels: "));
    let summary = replay.summary();
    assert_eq!((summary.channels, summary.messages, summary.errors), (2, 14, 1));
}

#[test]
fn unsequenced_packets_go_by_flow_and_are_all_taken() {
    let day = packets(open(12));
    let stripped: Vec<Vec<u8>> = day
        .iter()
        .map(|packet| {
            let mut packet = packet.to_vec();
            packet[10..18].fill(0);
            packet
        })
        .collect();
    let replay = play(pcap(stripped.iter().map(|packet| (LINES[0], packet.as_slice()))));
    assert_eq!(replay.summary().messages, MESSAGES);
    assert_books(&replay.channels()[0].final_books(ImageDetail::Orders), &day.truth.books);
}
