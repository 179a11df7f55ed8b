//! Simulated days in PITCH, over several units, come to the simulator's own books.

mod support;

use std::{collections::BTreeMap, ops::ControlFlow};

use support::{Recorder, assert_side, count, day};
use wirebook_abi::{CheckedTable, Framing};
use wirebook_io::capture::CaptureSource;
use wirebook_runtime::{ImageDetail, Replay, ReplayConfig};
use wirebook_simulator::{DayConfig, DayTruth, Format, MessageKind, WriteError, WriteOptions, write_day};

fn table() -> CheckedTable {
    CheckedTable::new(&wirebook_pitch::EQUITIES_2_41_64).unwrap()
}

fn written(config: DayConfig, channels: Option<u32>) -> Result<(Vec<u8>, DayTruth), WriteError> {
    let options = WriteOptions { channels, heartbeat_seconds: 600, ..WriteOptions::new(Format::Pcap) };
    let mut bytes = Vec::new();
    let truth = write_day(config, table(), &options, &mut bytes, |_| ControlFlow::Continue(()))?;
    Ok((bytes, truth))
}

fn played(bytes: Vec<u8>) -> Replay {
    let source = CaptureSource::from_memory(bytes).unwrap();
    let mut replay = Replay::new(Box::new(source), table(), Framing::SEQUENCED_UNIT, ReplayConfig::default()).unwrap();
    replay.run(&mut Recorder::default()).unwrap();
    replay
}

/// Holds every book against the truth, whichever unit it is in.
fn assert_units(replay: &Replay, truth: &DayTruth) {
    let units: Vec<_> = replay.channels().iter().map(|channel| channel.final_books(ImageDetail::Orders)).collect();
    let books: BTreeMap<&str, _> =
        units.iter().flat_map(|unit| &unit.books).filter_map(|book| Some((book.symbol.as_deref()?, book))).collect();
    assert!(truth.books.order_count() > 100, "the day ends with orders to compare");
    assert_eq!(units.iter().map(|unit| unit.order_count()).sum::<u64>(), truth.books.order_count());
    for book in &truth.books.instruments {
        let ours = books[book.symbol.as_str()];
        assert_side(&book.symbol, &ours.bids, &book.bids);
        assert_side(&book.symbol, &ours.asks, &book.asks);
    }
}

#[test]
fn a_day_over_several_units_comes_to_its_books() {
    for channels in [None, Some(1), Some(7)] {
        let (bytes, truth) = written(day(3), channels).unwrap();
        let replay = played(bytes);
        let summary = replay.summary();
        assert_eq!((summary.errors, summary.gaps, summary.missing, summary.unknown_orders), (0, 0, 0, 0));
        assert_eq!(summary.statuses, []);
        assert_eq!(summary.channels as u32, channels.unwrap_or(4));
        assert_units(&replay, &truth);

        let of = |kind| truth.counts.of(kind);
        let sent = |types: &[&str]| types.iter().map(|text| count(&summary, text)).sum::<u64>();
        assert_eq!(sent(&["0x21", "0x22", "0x2F"]), of(MessageKind::Add) + of(MessageKind::AddAttributed));
        assert_eq!(sent(&["0x27", "0x28"]), of(MessageKind::Replace));
        assert_eq!(sent(&["0x23"]), of(MessageKind::Execute));
        assert_eq!(sent(&["0x24"]), of(MessageKind::ExecutePriced));
        assert_eq!(sent(&["0x25", "0x26"]), of(MessageKind::Reduce));
        assert_eq!(sent(&["0x2A", "0x2B"]), of(MessageKind::Trade));
        assert_eq!(sent(&["0x95"]), of(MessageKind::Imbalance));
        assert_eq!(sent(&["0x96"]), of(MessageKind::Cross));
        assert_eq!(sent(&["0x97"]), u64::from(channels.unwrap_or(4)));
        assert_eq!(sent(&["0x2D"]), u64::from(channels.unwrap_or(4)));
        assert!(sent(&["0x20"]) > 100, "time messages go ahead of each second");
    }
}

#[test]
fn a_number_of_units_that_cannot_be_is_refused() {
    let error = written(day(3), Some(256)).unwrap_err().to_string();
    assert_eq!(error, "channels: 256 is not 1 to 255, which sequenced_unit has");
}
