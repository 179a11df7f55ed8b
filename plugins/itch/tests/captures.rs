//! Recorded sessions against what an independent reader counted in them.

mod common;

use std::{fs, path::Path};

use wirebook_abi::{EventKind, Framing, Status};

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
