//! Recorded sessions against what an independent reader counted in them.

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use wirebook_abi::{DecoderTable, EventKind, FrameKind, Status};

use common::{Feed, description};

/// UDP payloads of a pcap file of Ethernet frames; nothing, and a word of it, where the file is not there.
fn payloads(name: &str) -> Option<Vec<Vec<u8>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures/pitch").join(name);
    let Ok(bytes) = fs::read(&path) else {
        assert!(std::env::var_os("CI").is_none(), "{} is not there", path.display());
        eprintln!("SKIPPED: {} is not there; third-party captures are not in the repository", path.display());
        return None;
    };
    let word = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap()) as usize;
    let (mut at, mut payloads) = (24, Vec::new());
    while at < bytes.len() {
        let packet = &bytes[at + 16..][..word(at + 8)];
        let ip = &packet[if packet[12..14] == [0x81, 0] { 18 } else { 14 }..];
        let udp = &ip[usize::from(ip[0] & 15) * 4..];
        let size = usize::from(u16::from_be_bytes([udp[4], udp[5]]));
        payloads.push(udp[8..size].to_vec());
        at += 16 + packet.len();
    }
    Some(payloads)
}

/// What a capture's packets decode to, one decoder a unit.
#[derive(Default)]
struct Counts {
    types: BTreeMap<String, u64>,
    heartbeats: u64,
    /// Next sequence of each unit, and sequences missing before a packet.
    sequences: BTreeMap<u8, (u64, u64)>,
    feeds: BTreeMap<u8, Feed>,
}

/// Decodes every packet; none of the captures has a message twice.
fn count(table: &'static DecoderTable, payloads: &[Vec<u8>]) -> Counts {
    let mut counts = Counts::default();
    for payload in payloads {
        let unit = payload[3];
        let feed = counts.feeds.entry(unit).or_insert_with(|| Feed::with_room(table, 256, 256));
        let (outcome, decoded) = feed.packet(payload);
        assert_eq!((outcome.status, decoded.status), (Status::OK, Status::OK));
        let frame = feed.frame;
        assert_eq!(frame.session[..2], [b'0' + unit, 0]);
        counts.heartbeats += u64::from(frame.kind == FrameKind::HEARTBEAT);
        if frame.first_sequence != 0 {
            let (next, missing) = counts.sequences.entry(unit).or_insert((frame.first_sequence, 0));
            *missing += frame.first_sequence.saturating_sub(*next);
            *next = frame.first_sequence + u64::from(frame.message_count);
        }
    }
    for feed in counts.feeds.values() {
        assert!(feed.faults.is_empty(), "{:?}", feed.faults);
        for (message, count) in description(table).messages.as_slice().iter().zip(feed.batch.type_counts()) {
            if *count != 0 {
                *counts.types.entry(message.type_text.as_str().to_lowercase()).or_default() += count;
            }
        }
    }
    counts
}

#[test]
fn the_futures_of_2019_05_01_have_their_counted_messages() {
    let Some(payloads) = payloads("cfe-futures-depth-1.1.6_2019-05-01.pcap") else { return };
    assert_eq!(payloads.len(), 12_015);
    let counts = count(&wirebook_pitch::CFE_1_1_6, &payloads);
    let types: Vec<_> = counts.types.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(types, [("0x20", 12), ("0x22", 14_672), ("0x28", 18), ("0x29", 173), ("0x31", 457), ("0xbb", 226)]);
    assert_eq!(counts.types.values().sum::<u64>(), 15_558);
    assert_eq!(counts.sequences.len(), 2);
    assert!(counts.sequences.values().all(|(_, missing)| *missing == 0));
    // Every instrument is named ahead of its first event, and no two by one name.
    for feed in counts.feeds.values() {
        let mut named = BTreeMap::new();
        for (event, _, record) in &feed.events {
            if let (EventKind::DEFINITION, Some(record)) = (event.kind, record) {
                named.insert(event.instrument, record.text().to_owned());
            }
            assert!(event.instrument == u32::MAX || named.contains_key(&event.instrument));
        }
        let names: BTreeSet<_> = named.values().collect();
        assert!(names.len() == named.len() && !names.is_empty());
    }
}

#[test]
fn the_test_exchange_of_2014_has_its_counted_messages() {
    let Some(payloads) = payloads("bats-multicast-pitch_realtime.pcap") else { return };
    assert_eq!(payloads.len(), 739);
    for table in [&wirebook_pitch::EQUITIES_2, &wirebook_pitch::EQUITIES_2_41_29, &wirebook_pitch::EQUITIES_2_41_64] {
        let counts = count(table, &payloads);
        let types: Vec<_> = counts.types.keys().map(String::as_str).collect();
        assert_eq!(types, ["0x20", "0x21", "0x22", "0x23", "0x26", "0x27", "0x28", "0x29", "0x2a", "0x2b"]);
        assert_eq!((counts.types.values().sum::<u64>(), counts.heartbeats), (40, 720));
        // The first two messages of the unit are in no packet of the capture.
        assert_eq!(counts.sequences.values().map(|(_, missing)| *missing).collect::<Vec<_>>(), [2]);
        let events = &counts.feeds[&1].events;
        let (_, first, _) = events[1];
        assert_eq!((events[1].0.kind, first.sequence), (EventKind::ADD, 4));
        // 76,051 seconds and 544,822,000 nanoseconds behind midnight in New York.
        assert_eq!(first.ts_event_ns, 76_051_544_822_000);
    }
}
