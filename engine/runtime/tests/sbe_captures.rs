//! Recorded sessions of SBE feeds against what independent readers made of them.

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::shared;

use wirebook_abi::{CheckedTable, DecoderTable, EventKind, Framing, Side};
use wirebook_book::GivenLevel;
use wirebook_io::{MergedSource, PacketSource, capture::CaptureSource};
use wirebook_runtime::{Applied, Replay, ReplayConfig, ReplaySink, Summary};

/// What was traded of each instrument, and events by kind.
#[derive(Default)]
struct Tally {
    traded: BTreeMap<u32, u64>,
    kinds: BTreeMap<EventKind, u64>,
}

impl ReplaySink for Tally {
    const WANTS_RECEIVE_TIME: bool = false;

    fn take(&mut self, _channel: usize, applied: Applied<'_>) {
        for event in applied.events {
            *self.kinds.entry(event.kind).or_default() += 1;
            if event.kind == EventKind::TRADE {
                *self.traded.entry(event.instrument).or_default() += event.quantity;
            }
        }
    }
}

fn play(bytes: Vec<u8>, table: &'static DecoderTable, framing: Framing) -> (Replay, Tally) {
    let table = CheckedTable::new(table).unwrap();
    let source = CaptureSource::from_memory(bytes).expect("a capture");
    let mut replay = Replay::new(Box::new(source), table, framing, ReplayConfig::default()).unwrap();
    let mut tally = Tally::default();
    replay.run(&mut tally).unwrap();
    (replay, tally)
}

/// Counts of message types that are not 0.
fn counts(summary: &Summary) -> BTreeMap<&str, u64> {
    summary.message_types.iter().copied().collect()
}

#[test]
fn cme_lines_are_arbitrated_to_one_channel() {
    let Some(bytes) = shared("captures/sbe/cme-mdp3-v8_2016-09-27_lines-a-b.pcapng") else { return };
    let (replay, _) = play(bytes, &wirebook_sbe::CME, Framing::CME_PACKET);
    let [channel] = replay.channels() else { panic!("{} channels", replay.channels().len()) };
    assert_eq!(channel.flows().len(), 2);
    let summary = replay.summary();
    // 10,598 messages are on the two lines together, each of them twice.
    assert_eq!((summary.messages, summary.duplicates, summary.errors, summary.gaps), (5_299, 5_299, 0, 0));
    assert_eq!(channel.pipeline().sequencer().next_sequence(), 17_352_815);
    let expected = [("12", 6), ("30", 99), ("32", 4_898), ("35", 179), ("37", 57), ("42", 60)];
    assert_eq!(counts(&summary), BTreeMap::from(expected));
}

#[test]
fn the_long_cme_sample_ends_in_its_final_books() {
    let folder = "samples/cme/mdp3-1.6-sequence/globex-part1";
    let (Some(bytes), Some(expected)) = (shared(&format!("{folder}.pcap")), shared(&format!("{folder}.expected.json")))
    else {
        return;
    };
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let result = &expected["result"];
    let (replay, tally) = play(bytes, &wirebook_sbe::CME, Framing::CME_PACKET);
    let [channel] = replay.channels() else { panic!("{} channels", replay.channels().len()) };
    let summary = replay.summary();
    assert_eq!((summary.errors, summary.gaps), (0, 0));
    assert_eq!(channel.pipeline().sequencer().next_sequence() - 1, result["last_packet_sequence_number"]);
    let messages: u64 = result["messages"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(summary.messages, messages);
    assert_eq!(tally.kinds[&EventKind::TRADE], result["trade_entries"].as_u64().unwrap());
    let traded = result["traded_quantity"].as_object().unwrap();
    let traded = traded.iter().map(|(key, sum)| (key.parse().unwrap(), sum.as_u64().unwrap()));
    assert_eq!(tally.traded, traded.collect::<BTreeMap<u32, u64>>());

    // The sample's prices have seven decimals, those of events nine.
    let level = |level: GivenLevel<'_>| (level.price() / 100, level.quantity(), level.order_count());
    let listed = |levels: &Value| -> Vec<(i64, u64, u32)> {
        let levels = levels.as_array().map_or(&[][..], |levels| levels);
        let number = |level: &Value, key: &str| level[key].as_i64().unwrap_or(0);
        levels
            .iter()
            .map(|level| {
                (number(level, "price_mantissa"), number(level, "quantity") as u64, number(level, "orders") as u32)
            })
            .collect()
    };
    let books = channel.pipeline().books();
    let wanted = result["books"].as_object().unwrap();
    for (key, wanted) in wanted {
        let book = books.level_book(key.parse().unwrap()).unwrap_or_else(|| panic!("{key} has no book"));
        assert_eq!(book.levels(Side::BID).map(level).collect::<Vec<_>>(), listed(&wanted["bid"]), "{key} bid");
        assert_eq!(book.levels(Side::ASK).map(level).collect::<Vec<_>>(), listed(&wanted["offer"]), "{key} offer");
        assert_eq!(
            book.implied(Side::BID).map(level).collect::<Vec<_>>(),
            listed(&wanted["implied_bid"]),
            "{key} implied"
        );
        assert_eq!(
            book.implied(Side::ASK).map(level).collect::<Vec<_>>(),
            listed(&wanted["implied_offer"]),
            "{key} implied"
        );
    }
    assert!(wanted.len() > 50);
}

#[test]
fn b3_loops_and_increments_have_the_counts_of_their_manifest() {
    let instruments = shared("captures/sbe/b3-umdf-v8_2024-07-22_instrument.pcap.gz");
    let snapshot = shared("captures/sbe/b3-umdf-v8_2024-07-22_snapshot.pcap.gz");
    let incremental = shared("captures/sbe/b3-umdf-v8_2024-07-22_incremental.pcap.gz");
    let (Some(instruments), Some(snapshot), Some(incremental)) = (instruments, snapshot, incremental) else { return };

    let (replay, tally) = play(instruments, &wirebook_sbe::B3_1, Framing::B3_PACKET);
    assert_eq!(counts(&replay.summary()), BTreeMap::from([("12", 2_515)]));
    assert_eq!(tally.kinds[&EventKind::DEFINITION], 2_515);
    assert_eq!(replay.summary().instruments, 2_515);

    let (replay, tally) = play(snapshot, &wirebook_sbe::B3_1, Framing::B3_PACKET);
    assert_eq!(counts(&replay.summary())["30"], 2_515);
    assert_eq!(tally.kinds[&EventKind::CLEAR], 2_515);

    let (replay, _) = play(incremental, &wirebook_sbe::B3_1, Framing::B3_PACKET);
    let summary = replay.summary();
    assert_eq!((summary.errors, summary.gaps), (0, 0));
    let expected = [
        ("10", 66),
        ("16", 17),
        ("19", 9),
        ("22", 152),
        ("24", 2),
        ("3", 4),
        ("5", 3),
        ("50", 3_088),
        ("51", 1_979),
        ("52", 23),
        ("53", 377),
        ("55", 267),
        ("56", 268),
    ];
    assert_eq!(counts(&summary), BTreeMap::from(expected));
    let sequencer = replay.channels()[0].pipeline().sequencer();
    assert_eq!((sequencer.next_sequence(), sequencer.counters().heartbeats), (57_527, 4_629));
}

/// The captures together, in the order of their receive times.
fn play_together(captures: Vec<Vec<u8>>) -> (Replay, Tally) {
    let table = CheckedTable::new(&wirebook_sbe::B3_1).unwrap();
    let sources = captures.into_iter().map(|bytes| -> Box<dyn PacketSource + Send> {
        Box::new(CaptureSource::from_memory(bytes).expect("a capture"))
    });
    let source = Box::new(MergedSource::new(sources));
    let mut replay = Replay::new(source, table, Framing::B3_PACKET, ReplayConfig::default()).unwrap();
    let mut tally = Tally::default();
    replay.run(&mut tally).unwrap();
    (replay, tally)
}

/// Instruments of a channel by the state of their books.
fn states(replay: &Replay) -> BTreeMap<&'static str, usize> {
    let books = replay.channels()[0].pipeline().books();
    books.instruments().iter().fold(BTreeMap::new(), |mut states, key| {
        *states.entry(books.validity(*key).unwrap().state.name()).or_default() += 1;
        states
    })
}

#[test]
fn b3_feeds_are_joined_into_books_from_a_late_start() {
    let names = ["instrument", "snapshot", "incremental"];
    let captures: Vec<_> =
        names.iter().filter_map(|name| shared(&format!("captures/sbe/b3-umdf-v8_2024-07-22_{name}.pcap.gz"))).collect();
    let Ok([instruments, snapshot, incremental]) = <[_; 3]>::try_from(captures) else { return };
    let (replay, tally) = play_together(vec![incremental, instruments, snapshot]);
    let [channel] = replay.channels() else { panic!("{} channels", replay.channels().len()) };
    assert_eq!((channel.flows().len(), channel.loop_flows().len()), (1, 2));
    let summary = replay.summary();
    assert_eq!((summary.errors, summary.gaps), (0, 0));
    assert_eq!(tally.kinds[&EventKind::DEFINITION], 2_515);
    let counters = channel.pipeline().join_counters();
    assert_eq!((counters.joined, counters.incomplete, counters.too_old), (2_515, 0, 0));
    // Every delete names the order that stands at its position.
    assert_eq!((summary.books.unknown_levels, summary.books.contradicted_levels), (0, 0));
    let states = states(&replay);
    println!("{states:?} {counters:?}");
    assert_eq!(states.values().sum::<usize>(), 2_515);
    assert_eq!(states.get("building").or(states.get("stale")), None);
}
