//! Recorded sessions against what an independent reader counted in them.

mod common;

use std::{fs, path::Path};

use wirebook_abi::{EventKind, Framing, Status, Tag};

use common::Feed;

#[test]
fn the_2019_12_30_open_has_its_counted_messages() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/captures/itch/nasdaq-totalview-5.0_2019-12-30_open.itch");
    let Ok(bytes) = fs::read(&path) else {
        eprintln!("SKIPPED: {} is not there; third-party captures are not in the repository", path.display());
        return;
    };
    let mut feed = Feed::new(&wirebook_itch::NASDAQ, Framing::LENGTH16);
    let (outcome, taken) = feed.stream(&bytes);
    assert_eq!((outcome.status, taken), (Status::OK, bytes.len()));
    assert!(feed.faults.is_empty());

    let description = feed.decoder.table().description();
    let mut counts: Vec<(&str, u64)> = description
        .messages
        .as_slice()
        .iter()
        .zip(feed.batch.type_counts())
        .map(|(message, count)| (message.type_text.as_str(), *count))
        .filter(|(_, count)| *count != 0)
        .collect();
    counts.sort_unstable();
    let expected = [
        ("A", 367),
        ("C", 1),
        ("D", 167),
        ("E", 28),
        ("F", 193),
        ("I", 4),
        ("P", 4),
        ("Q", 4),
        ("S", 1),
        ("U", 225),
        ("X", 6),
    ];
    assert_eq!(counts, expected);

    let mut instruments: Vec<u32> = feed.events.iter().map(|(event, ..)| event.instrument).collect();
    instruments.sort_unstable();
    instruments.dedup();
    // The count takes in the market itself, which the system event's key 0 stands for.
    assert_eq!(instruments.len(), 322);
    let definitions = feed.events.iter().filter(|(event, ..)| event.kind == EventKind::DEFINITION);
    let named: Vec<_> = definitions.map(|(event, _, record)| (event.instrument, record.unwrap())).collect();
    assert!(named.iter().all(|(_, record)| !record.text().is_empty()));
    let (_, first, _) = feed.events.first().unwrap();
    assert_eq!((first.sequence, first.ts_event_ns), (1, 34_200_000_000_230));
    assert_eq!(feed.events.last().unwrap().1.sequence, 1000);
}

#[test]
fn the_borsa_istanbul_packets_have_their_counted_messages_and_an_end_that_is_cut() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures/itch/bist-moldudp64_2014-09-17.bin");
    let Ok(bytes) = fs::read(&path) else {
        eprintln!("SKIPPED: {} is not there; third-party captures are not in the repository", path.display());
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"));
        return;
    };
    let mut feed = Feed::new(&wirebook_itch::GENIUM_BIST, Framing::MOLDUDP64);
    // Where packets end stands in none of them: sizes are those that their blocks add up to.
    let packets = [&bytes[..894], &bytes[894..1881], &bytes[1881..]];
    let decoded = packets.map(|packet| feed.packet(packet).1);
    assert_eq!(decoded.map(|each| each.status), [Status::OK, Status::OK, Status::TRUNCATED]);
    assert_eq!(decoded.map(|each| each.messages), [15, 13, 12]);
    assert!(feed.faults.is_empty(), "{:?}", feed.faults);
    // The nineteenth price step is the message that is cut.
    assert_eq!(packets[2][decoded[2].offset as usize + 2], b'L');
    let description = feed.decoder.table().description();
    let counts = description.messages.as_slice().iter().zip(feed.batch.type_counts());
    let mut counts: Vec<(&str, u64)> =
        counts.map(|(message, count)| (message.type_text.as_str(), *count)).filter(|(_, count)| *count != 0).collect();
    counts.sort_unstable();
    assert_eq!(counts, [("L", 18), ("R", 19), ("S", 1), ("T", 2)]);
    let first = feed.events.iter().find(|(event, ..)| event.kind == EventKind::DEFINITION).unwrap();
    assert_eq!((first.0.instrument, first.2.unwrap().text()), (0x0021_b04e, "ACSEL"));
    let steps = feed.events.iter().find(|(event, ..)| event.kind == EventKind::STATISTIC).unwrap().2.unwrap();
    // Three decimals: 0.05 up to 32.350.
    assert_eq!(steps.get(Tag::PRICE_INCREMENT), Some(50_000_000));
    assert_eq!(steps.get(Tag::PRICE_TO), Some(32_350_000_000));
}
