//! What a live channel says of itself.

use wirebook_book::{BookState, Reason};
use wirebook_channel::{Cause, ChannelState};
use wirebook_recovery::desk;
use wirebook_runtime::{
    NoSink,
    live::{ChannelConfig, ChannelReport, LiveChannel, RecoveryConfig},
};

use crate::{
    chaos::{Setting, Trial, config, packet, session_of},
    venue::{Manner, day, heartbeat, table},
};

fn standing(channel: &LiveChannel) -> (ChannelState, Cause) {
    (channel.standing().state, channel.standing().cause)
}

fn states(channel: &LiveChannel) -> Vec<(BookState, Reason)> {
    let books = channel.pipeline().books();
    let mut states: Vec<_> = books
        .instruments()
        .iter()
        .map(|key| books.validity(*key).unwrap())
        .map(|validity| (validity.state, validity.reason))
        .collect();
    states.sort();
    states.dedup();
    states
}

#[test]
fn a_channel_goes_from_joining_through_gap_and_recovering_to_live() {
    let day = day(1, "SIMULATED1");
    let packets: Vec<&[u8]> = day.iter().collect();
    let mut trial = Trial::new(&day, &Setting { messages: Manner::Hangs, ..Setting::default() });
    assert_eq!(standing(&trial.channel), (ChannelState::Joining, Cause::NoPacket));
    for packet in &packets[..100] {
        trial.line(0, packet);
    }
    assert_eq!(standing(&trial.channel), (ChannelState::Live, Cause::None));
    trial.services.published = 510;
    trial.line(0, packets[101]);
    assert_eq!(standing(&trial.channel), (ChannelState::Gap, Cause::Missing));
    assert!(states(&trial.channel).iter().all(|(state, _)| *state != BookState::Recovering), "it may still come");
    trial.now_ns += 200_000;
    trial.end_burst();
    assert_eq!(standing(&trial.channel), (ChannelState::Recovering, Cause::Missing));
    assert_eq!(states(&trial.channel), [(BookState::Recovering, Reason::Recovering)]);
    // The other line is late, but in time for what hangs.
    trial.now_ns += 100_000;
    trial.line(1, packets[100]);
    assert_eq!(standing(&trial.channel), (ChannelState::Live, Cause::None));
    assert!(!states(&trial.channel).contains(&(BookState::Recovering, Reason::Recovering)));
    assert_eq!(trial.channel.arbiter().counters().lost, 0);
}

#[test]
fn silence_makes_books_stale_until_a_packet_comes() {
    let day = day(2, "SIMULATED1");
    let packets: Vec<&[u8]> = day.iter().collect();
    let config = ChannelConfig { silence_ns: 1_000_000, ..config(64, RecoveryConfig::default()) };
    let mut channel = LiveChannel::new(table(), &config, None, 0).unwrap();
    channel.tick(5_000_000, &mut NoSink);
    assert_eq!(standing(&channel), (ChannelState::Joining, Cause::NoPacket), "nothing was heard yet");
    let now_ns = 6_000_000;
    for bytes in &packets[..200] {
        channel.packet(0, &packet(bytes, 0), now_ns, &mut NoSink);
    }
    channel.flush(&mut NoSink);
    channel.tick(now_ns + 999_999, &mut NoSink);
    assert_eq!(standing(&channel), (ChannelState::Live, Cause::None));
    channel.tick(now_ns + 1_000_000, &mut NoSink);
    assert_eq!(standing(&channel), (ChannelState::Live, Cause::Silent));
    assert_eq!(states(&channel), [(BookState::Stale, Reason::Silent)]);
    channel.tick(now_ns + 2_000_000, &mut NoSink);
    assert_eq!(channel.counters().silences, 1);
    channel.packet(0, &packet(packets[200], 0), now_ns + 3_000_000, &mut NoSink);
    channel.flush(&mut NoSink);
    assert_eq!(standing(&channel), (ChannelState::Live, Cause::None));
    assert!(!states(&channel).contains(&(BookState::Stale, Reason::Silent)));
}

#[test]
fn what_only_a_heartbeat_tells_of_is_lost_when_nobody_has_it() {
    let day = day(4, "SIMULATED1");
    let packets: Vec<&[u8]> = day.iter().collect();
    let mut channel = LiveChannel::new(table(), &config(64, RecoveryConfig::default()), None, 0).unwrap();
    for bytes in &packets[..300] {
        channel.packet(0, &packet(bytes, 0), 7, &mut NoSink);
    }
    channel.packet(0, &packet(&heartbeat(session_of(&day), 1_511), 0), 8, &mut NoSink);
    channel.flush(&mut NoSink);
    channel.tick(9, &mut NoSink);
    assert!(!states(&channel).contains(&(BookState::Stale, Reason::Gap)), "it may still come");
    channel.tick(300_000, &mut NoSink);
    assert_eq!(standing(&channel), (ChannelState::Live, Cause::Lost));
    assert_eq!(states(&channel), [(BookState::Stale, Reason::Gap)]);
    assert_eq!((channel.arbiter().counters().lost, channel.pipeline().missing()), (10, 10));
}

#[test]
fn a_report_says_what_the_channel_says() {
    let day = day(3, "SIMULATED1");
    let mut channel = LiveChannel::new(table(), &config(64, RecoveryConfig::default()), None, 0).unwrap();
    let report = ChannelReport::new(2);
    for bytes in day.iter() {
        for line in [0, 1] {
            channel.packet(line, &packet(bytes, 0), 7, &mut NoSink);
        }
    }
    channel.flush(&mut NoSink);
    channel.tick(9, &mut NoSink);
    report.note(&channel, 11);
    let status = report.status();
    assert_eq!((status.standing, status.now_ns), (channel.standing(), 11));
    assert_eq!((status.figures.messages, status.figures.taken), (4_000, 4_000));
    assert_eq!((status.lines[0].wins, status.lines[1].duplicates), (800, 800));
    assert_eq!(status.figures.instruments, 12);
    let figures = status.figures;
    assert_eq!(figures.books_valid + figures.books_halted + figures.books_crossed, 12);
}

#[test]
fn what_is_not_of_the_protocol_is_counted_and_left_alone() {
    let (client, _server) = desk(4);
    let mut channel = LiveChannel::new(table(), &config(64, Setting::default().recovery), Some(client), 0).unwrap();
    for bytes in [&b""[..], b"nonsense", &[0xff; 200]] {
        channel.packet(0, &packet(bytes, 0), 5, &mut NoSink);
        channel.tick(10_000_000, &mut NoSink);
    }
    assert!(channel.counters().foreign_packets > 0);
    assert_eq!(channel.pipeline().books().instruments().len(), 0);
}
