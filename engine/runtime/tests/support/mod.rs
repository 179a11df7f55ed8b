//! Simulated days as captures, and what their replay must come to.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    fs,
    net::SocketAddrV4,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use wirebook_abi::{CheckedTable, Event, EventCold, Framing};
use wirebook_io::capture::{CaptureSource, PcapWriter};
use wirebook_runtime::{Applied, BooksImage, LevelImage, Replay, ReplayConfig, ReplaySink, Summary};
use wirebook_simulator::{
    DayConfig, DayTruth, FinalBooks, FinalLevel, Format, Packets, Packing, WriteOptions, packets_in_memory, write_day,
};

pub const MESSAGES: u64 = 20_000;

/// Line A, line B, and a flow that has nothing to do with them.
pub const LINES: [&str; 2] = ["233.252.0.1:26400", "233.252.0.129:26400"];
pub const ELSEWHERE: &str = "198.51.100.7:53";

/// Where a file beneath the shared folder is; says so where it is missing, which is an error where `CI` is set.
pub fn shared_path(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name);
    if !path.is_file() {
        assert!(std::env::var_os("CI").is_none(), "{} is not there", path.display());
        eprintln!("SKIPPED: {} is not there", path.display());
        return None;
    }
    Some(path)
}

/// What is in a file beneath the shared folder.
pub fn shared(name: &str) -> Option<Vec<u8>> {
    shared_path(name).map(|path| fs::read(path).unwrap())
}

pub fn table() -> CheckedTable {
    CheckedTable::new(&wirebook_itch::NASDAQ).unwrap()
}

pub fn day(seed: u64) -> DayConfig {
    DayConfig { seed, symbols: 40, messages: MESSAGES, ..DayConfig::default() }
}

pub fn packets(config: DayConfig) -> Packets {
    packets_in_memory(config, table(), Framing::MOLDUDP64, Packing::Fixed(7)).unwrap()
}

/// A day written as the simulator's own file.
pub fn file(config: DayConfig, format: Format) -> (Vec<u8>, DayTruth) {
    let mut bytes = Vec::new();
    let options = WriteOptions::new(format);
    let truth = write_day(config, table(), &options, &mut bytes, |_| ControlFlow::Continue(())).unwrap();
    (bytes, truth)
}

/// A capture of packets, each with where it is sent to.
pub fn pcap<'a>(packets: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let sender: SocketAddrV4 = "192.0.2.1:26400".parse().unwrap();
    let mut writer = PcapWriter::new(Vec::new()).unwrap();
    for (at, (destination, payload)) in packets.into_iter().enumerate() {
        let ts_recv_ns = 1_752_724_800_000_000_000 + at as u64;
        writer.write_udp(ts_recv_ns, sender, destination.parse().unwrap(), payload).unwrap();
    }
    writer.finish().unwrap()
}

/// Plays a capture of datagrams to its end, however it ends.
pub fn play(capture: Vec<u8>) -> Replay {
    play_with(capture, ReplayConfig::default(), &mut Recorder::default())
}

pub fn play_with(capture: Vec<u8>, config: ReplayConfig, sink: &mut Recorder) -> Replay {
    let source = CaptureSource::from_memory(capture).unwrap();
    let framing = source.framing().unwrap_or(Framing::MOLDUDP64);
    let mut replay = Replay::new(Box::new(source), table(), framing, config).unwrap();
    sink.error = replay.run(sink).err().map(|error| error.to_string());
    assert!(replay.is_finished());
    replay
}

/// Keeps what it gets.
#[derive(Debug, Default)]
pub struct Recorder {
    pub events: Vec<(usize, Event, EventCold)>,
    pub ts_recv_ns: Vec<u64>,
    pub error: Option<String>,
}

impl ReplaySink for Recorder {
    const WANTS_RECEIVE_TIME: bool = true;

    fn take(&mut self, channel: usize, applied: Applied<'_>) {
        assert_eq!(applied.events.len(), applied.ts_recv_ns.len());
        self.ts_recv_ns.extend_from_slice(applied.ts_recv_ns);
        let events = applied.events.iter().zip(applied.cold);
        self.events.extend(events.map(|(event, cold)| (channel, *event, *cold)));
    }
}

pub fn assert_side(symbol: &str, levels: &[LevelImage], truth: &[FinalLevel]) {
    assert_eq!(levels.len(), truth.len(), "{symbol}: levels");
    for (level, truth) in levels.iter().zip(truth) {
        assert_eq!(
            (level.price, level.quantity, level.order_count),
            (truth.price, truth.quantity, truth.count),
            "{symbol}"
        );
        assert_eq!(level.orders, truth.orders, "{symbol}: queue at {}", level.price);
    }
}

/// Every level and every queue is the simulator's.
pub fn assert_books(image: &BooksImage, truth: &FinalBooks) {
    assert!(truth.order_count() > 100, "the day ends with orders to compare");
    assert_eq!(image.order_count(), truth.order_count());
    for book in &truth.instruments {
        let ours = image.book(book.instrument).unwrap();
        assert_eq!(ours.symbol.as_deref(), Some(&*book.symbol));
        assert_side(&book.symbol, &ours.bids, &book.bids);
        assert_side(&book.symbol, &ours.asks, &book.asks);
    }
}

pub fn count(summary: &Summary, type_text: &str) -> u64 {
    summary.message_types.iter().find(|(text, _)| *text == type_text).map_or(0, |(_, count)| *count)
}
